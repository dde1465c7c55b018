//! The word of our own mail server.
//!
//! Anybody can write an `Authentication-Results` field. What counts bears the configured authserv-id and stands where only our own
//! servers write: on top, before the field in which the first of them says from whom it got the mail (RFC 8601, section 5).

use super::fields::{self, Field};
use super::results::{Finding, Results, judge};
use crate::model::{IncomingMail, Verdict};

/// Our own mail server.
#[derive(Debug)]
pub(super) struct Trusted {
    authserv_id: String,
    own_hops: usize,
}

impl Trusted {
    pub(super) fn new(authserv_id: &str, own_hops: usize) -> Self {
        Self {
            authserv_id: authserv_id.to_ascii_lowercase(),
            own_hops,
        }
    }

    pub(super) fn verdict(&self, mail: &IncomingMail) -> Verdict {
        let Some(fields) = fields::read(mail.bytes.head()) else {
            return Verdict::Unauthenticated("the header is malformed".into());
        };
        let Some(author) = fields::author(&fields) else {
            return Verdict::Unauthenticated("there is no one author".into());
        };
        let results = self.own_results(&fields);
        if results.is_empty() {
            return Verdict::Unauthenticated("no Authentication-Results by our mail server".into());
        }
        match judge(results.iter().flat_map(|results| &results.results), &author) {
            Finding::Passed => Verdict::Authenticated(author),
            Finding::Forbidden => Verdict::Forged {
                reason: "dmarc=fail, by our mail server".into(),
                refusable: false,
            },
            Finding::Failed => Verdict::Unauthenticated("dmarc=fail, by our mail server".into()),
            // The mail server had its chance to put the mail off.
            Finding::Undecided => Verdict::Unauthenticated("dmarc=temperror, by our mail server".into()),
            Finding::Nothing => Verdict::Unauthenticated("nothing aligned passed, by our mail server".into()),
        }
    }

    /// The results of our own server.
    ///
    /// Postfix's milters write theirs above its `Received` or right below it, where the message as the stranger sent it begins. All
    /// those above are ours. Below, the topmost one is, if any: so only that one counts, and only when there is none above; but what
    /// another one there says against the mail is heard too.
    fn own_results(&self, fields: &[Field<'_>]) -> Vec<Results> {
        let (mut above, mut below) = (Vec::new(), Vec::new());
        let mut hops = 0;
        for field in fields {
            match field.name.as_str() {
                "received" => hops += 1,
                "authentication-results" => {
                    let value = String::from_utf8_lossy(field.value);
                    let Some(results) =
                        Results::parse(&value).filter(|results| results.authserv_id == self.authserv_id)
                    else {
                        continue;
                    };
                    if hops == 0 {
                        above.push(results);
                    } else {
                        below.push(results);
                    }
                }
                _ => {}
            }
            if hops > self.own_hops {
                break;
            }
        }
        if above.is_empty() {
            for doubtful in below.iter_mut().skip(1) {
                doubtful
                    .results
                    .retain(|result| result.method == "dmarc" && result.result != "pass");
            }
            return below;
        }
        above
    }
}
