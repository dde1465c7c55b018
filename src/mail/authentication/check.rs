//! SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617) by ourselves.
//!
//! The work is bounded: signatures that could not count are thrown away before a key is looked up, each lookup has its time-out, and
//! so has the whole. Answers are kept for as long as they may be (the resolver's cache).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::common::crypto::Algorithm;
use mail_auth::dmarc::Policy;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcResult, MessageAuthenticator, SpfOutput, SpfResult,
};
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::fields::{self, Field};
use super::results::{Finding, Results, judge};
use super::{GateError, body_hash};
use crate::mail::dns;
use crate::model::{EmailAddress, IncomingMail, Verdict};

/// Signatures of one mail that are verified. Real mail has two or three.
const MAX_SIGNATURES: usize = 8;
/// Longer chains of forwarders are not followed.
const MAX_SEALS: usize = 10;

/// What verifies mail.
pub(super) struct Checker {
    authenticator: MessageAuthenticator,
    timeout: Duration,
    sealers: Vec<String>,
}

impl Checker {
    pub(super) fn new(
        nameservers: &[SocketAddr],
        timeout: Duration,
        sealers: Vec<String>,
    ) -> Result<Self, GateError> {
        let authenticator = dns::resolver(nameservers).map_err(GateError)?;
        Ok(Self {
            authenticator,
            timeout,
            sealers,
        })
    }

    /// Off the workers' threads: hashing a large mail takes a while.
    pub(super) async fn verdict(self: &Arc<Self>, mail: &IncomingMail) -> Verdict {
        let (checker, mail, runtime) = (Arc::clone(self), mail.clone(), Handle::current());
        let found = tokio::task::spawn_blocking(move || {
            runtime.block_on(timeout(checker.timeout, checker.check(&mail)))
        });
        match found.await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(_)) => Verdict::Undecided("the DNS took too long".into()),
            Err(error) => {
                tracing::error!(%error, "the verification of a mail ended by a defect");
                Verdict::Unauthenticated("it can't be verified".into())
            }
        }
    }

    async fn check(&self, mail: &IncomingMail) -> Verdict {
        let Some(fields) = fields::read(mail.bytes.head()) else {
            return Verdict::Unauthenticated("the header is malformed".into());
        };
        let message = match body_hash::parse(&mail.bytes) {
            Ok(message) => message,
            Err(error) => {
                tracing::error!(%error, "a mail can't be read from its file");
                return Verdict::Undecided("it can't be read".into());
            }
        };
        let (Some(author), Some(mut message)) = (fields::author(&fields), message) else {
            return Verdict::Unauthenticated("there is no one author".into());
        };
        // What is verified must be what was read.
        if !matches!(message.from.as_slice(), [from] if EmailAddress::parse(from).as_ref() == Ok(&author)) {
            return Verdict::Unauthenticated("there is no one author".into());
        }
        message
            .dkim_headers
            .retain(|header| may_count(&header.header, &author, &fields));
        message.dkim_headers.truncate(MAX_SIGNATURES);
        let dkim = self.authenticator.verify_dkim(&message).await;
        let (domain, spf) = self.spf(mail).await;
        let dmarc = self
            .authenticator
            .verify_dmarc(DmarcParameters::new(&message, &dkim, &domain, &spf))
            .await;
        let reason = || {
            let dkim = dkim.iter().map(|output| output.result().to_string());
            let dkim = dkim.collect::<Vec<_>>().join(", ");
            format!(
                "dmarc={}, policy={}, spf={}, dkim=[{dkim}]",
                dmarc.result(),
                dmarc.policy(),
                spf.result()
            )
            .into()
        };
        let verdict = match dmarc.result() {
            DmarcResult::Pass => return Verdict::Authenticated(author),
            DmarcResult::None => without_policy(&author, &dkim, &domain, &spf),
            DmarcResult::TempError(_) => Finding::Undecided,
            // Without the client's address SPF says nothing, and a mail that relies on it alone is not to blame.
            DmarcResult::Fail(_) if mail.peer.on_the_internet().is_none() => Finding::Failed,
            DmarcResult::Fail(_) => match dmarc.policy() {
                Policy::Quarantine | Policy::Reject => Finding::Forbidden,
                Policy::None | Policy::Unspecified => Finding::Failed,
            },
            DmarcResult::PermError(_) => Finding::Failed,
        };
        if verdict == Finding::Passed || self.is_vouched_for(&message, &author).await {
            return Verdict::Authenticated(author);
        }
        match verdict {
            Finding::Undecided => Verdict::Undecided(reason()),
            Finding::Forbidden => Verdict::Forged {
                reason: reason(),
                refusable: true,
            },
            _ => Verdict::Unauthenticated(reason()),
        }
    }

    /// SPF, of the reverse-path, or of the client's name where there is none (RFC 7208, section 2.4); and the domain that it is about.
    async fn spf(&self, mail: &IncomingMail) -> (String, SpfOutput) {
        let hello = mail.peer.hello.trim_matches(['[', ']']).to_ascii_lowercase();
        let domain = match mail.sender.rsplit_once('@') {
            Some((_, domain)) => domain.to_ascii_lowercase(),
            None => hello.clone(),
        };
        let Some(address) = mail.peer.on_the_internet() else {
            return (domain.clone(), SpfOutput::new(domain));
        };
        let by = mail.peer.by.as_str();
        let parameters = if mail.sender.is_empty() {
            SpfParameters::verify_ehlo(address, &hello, by)
        } else {
            SpfParameters::verify_mail_from(address, &hello, by, &mail.sender)
        };
        let spf = self.authenticator.verify_spf(parameters).await;
        (domain, spf)
    }

    /// Whether a forwarder that the admin trusts found the mail in order before it changed it.
    async fn is_vouched_for(&self, message: &AuthenticatedMessage<'_>, author: &EmailAddress) -> bool {
        if self.sealers.is_empty() || message.as_headers.is_empty() || message.as_headers.len() > MAX_SEALS {
            return false;
        }
        let arc = self.authenticator.verify_arc(message).await;
        if *arc.result() != DkimResult::Pass {
            return false;
        }
        let Some(last) = arc.sets().last() else {
            return false;
        };
        let domain = last.seal.header.d.to_ascii_lowercase();
        if !self.sealers.contains(&domain) || !last.signature.header.d.eq_ignore_ascii_case(&domain) {
            return false;
        }
        let results = String::from_utf8_lossy(last.results.value);
        let results = results
            .split_once(';')
            .and_then(|(_, results)| Results::parse(results));
        results.is_some_and(|results| judge(results.results.iter(), author) == Finding::Passed)
    }
}

/// Whether a signature could speak for the author, and covers what a reader takes for the author's.
///
/// SHA-1 and short keys are refused by RFC 8301, which cryptography sees to for keys. A signature that leaves the subject open could be
/// put under another one.
fn may_count(signature: &mail_auth::dkim::Signature, author: &EmailAddress, fields: &[Field<'_>]) -> bool {
    let covers = |name: &str| {
        signature.h.iter().any(|signed| signed.eq_ignore_ascii_case(name))
            || !fields.iter().any(|field| field.name == name)
    };
    signature.a != Algorithm::RsaSha1
        && related(&signature.d.to_ascii_lowercase(), author.domain())
        && covers("from")
        && covers("subject")
}

/// Whether two domains could have the same owner: they end with the same two labels.
fn related(one: &str, other: &str) -> bool {
    let end = |domain: &str| domain.rsplit('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    end(one) == end(other)
}

/// A domain that says nothing by DMARC: the very domain counts, and no other one above or below it.
fn without_policy(author: &EmailAddress, dkim: &[DkimOutput<'_>], domain: &str, spf: &SpfOutput) -> Finding {
    let own = |domain: &str| domain.eq_ignore_ascii_case(author.domain());
    let signed = |wanted: fn(&DkimResult) -> bool| {
        dkim.iter().any(|output| {
            wanted(output.result()) && output.signature().is_some_and(|signature| own(&signature.d))
        })
    };
    if signed(|result| *result == DkimResult::Pass) || (spf.result() == SpfResult::Pass && own(domain)) {
        Finding::Passed
    } else if signed(|result| matches!(result, DkimResult::TempError(_)))
        || (spf.result() == SpfResult::TempError && own(domain))
    {
        Finding::Undecided
    } else {
        Finding::Nothing
    }
}
