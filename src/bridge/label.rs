//! Whose words a mail holds, and how the chat says so when they are not plainly those of the thread's person.

use serde_json::{Value, json};

use crate::convert::to_matrix::{Auto, Converted, EmailHeaders};
use crate::model::{EmailAddress, Mailbox, Verdict};
use crate::store::Portal;

/// Who wrote a mail, seen from the thread that it came into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authorship {
    /// The thread's person: what they wrote is shown as theirs.
    Person,
    /// A program in the person's name.
    Machine,
    /// It bears the person's address, and nobody says that it is from there.
    Unverified,
    /// It is from the person's address, under a name that is another address.
    Misnamed,
    /// Somebody else, who had the reply address.
    Other { verified: bool },
}

impl Authorship {
    pub(super) fn of(headers: &EmailHeaders, verdict: &Verdict, portal: &Portal) -> Self {
        match headers.author() {
            Some(author) if author.address != portal.address => Self::Other {
                verified: verdict.vouches_for(&author.address),
            },
            Some(author) if !verdict.vouches_for(&author.address) => Self::Unverified,
            Some(author) if names_another(author) => Self::Misnamed,
            Some(_) if headers.auto != Auto::None => Self::Machine,
            Some(_) => Self::Person,
            // Bounces speak for a mail server; whether they are genuine shows in what they answer.
            None => Self::Other { verified: true },
        }
    }

    fn label(self, headers: &EmailHeaders) -> Option<String> {
        let author = headers
            .author()
            .map_or("A mail server", |from| from.address.as_str());
        match self {
            Self::Person | Self::Machine => None,
            Self::Unverified => Some(format!(
                "This bears the address {author}, but the sender could not be verified:"
            )),
            Self::Misnamed => Some(format!("{author} wrote, under a name that is another address:")),
            Self::Other { verified: true } => Some(format!("{author} wrote:")),
            Self::Other { verified: false } => Some(format!("{author} (could not be verified) wrote:")),
        }
    }

    /// Says who wrote what is not the person's own, and never lets it, or a machine's words, look like that.
    pub(super) fn put_on(self, converted: &mut Converted, headers: &EmailHeaders) {
        if self == Self::Person {
            return;
        }
        for (event_type, content) in &mut converted.events {
            if self != Self::Machine && event_type == "m.reaction" {
                *content = reaction_as_text(content);
                "m.room.message".clone_into(event_type);
            }
            if matches!(kind(event_type, content), Some("m.text" | "m.emote"))
                && let Some(content) = content.as_object_mut()
            {
                content.insert("msgtype".into(), json!("m.notice"));
            }
        }
        let Some(label) = self.label(headers) else { return };
        match converted.events.first_mut() {
            Some((event_type, content)) if kind(event_type, content) == Some("m.notice") => {
                if let Some(Value::String(body)) = content.get_mut("body") {
                    *body = format!("{label}\n\n{body}");
                }
                if let Some(Value::String(html)) = content.get_mut("formatted_body") {
                    // The label holds an address that was parsed, so no markup.
                    *html = format!("<p><em>{label}</em></p>{html}");
                }
            }
            // A picture, say, whose caption would not be seen everywhere.
            _ => converted.events.insert(
                0,
                (
                    "m.room.message".to_owned(),
                    json!({"msgtype": "m.notice", "body": label, "m.mentions": {}}),
                ),
            ),
        }
    }
}

fn kind<'a>(event_type: &str, content: &'a Value) -> Option<&'a str> {
    let message = event_type == "m.room.message";
    content.get("msgtype").filter(|_| message).and_then(Value::as_str)
}

/// A display name with more of these signs is not looked through: no person's has them.
const MOST_SIGNS: usize = 20;

/// Whether a display name holds an address that is not the author's: mail programs that show the name alone would show the
/// wrong one.
fn names_another(author: &Mailbox) -> bool {
    let name = author.name.as_deref().unwrap_or_default();
    // Look-alikes of the sign as well: a full-width one reads the same.
    let name = name.replace(['\u{ff20}', '\u{fe6b}'], "@").to_lowercase();
    let parts: Vec<&str> = name.split('@').collect();
    parts.len() > MOST_SIGNS
        || parts.windows(2).any(|sides| match sides {
            [before, after] => {
                names(before, after).is_some_and(|named| !is_author(before, &named, &author.address))
            }
            _ => false,
        })
}

/// The address that a reader sees around an `@`, whatever decorates it.
fn names(before: &str, after: &str) -> Option<EmailAddress> {
    let local = before.rsplit(|c| !in_local_part(c)).next()?;
    let domain = after.split(|c| !in_domain(c)).next()?;
    let address = format!("{}@{}", local.trim_matches('.'), domain.trim_matches(['.', '-']));
    EmailAddress::parse(&address).ok()
}

/// Whether it is the author's own, whose local part may hold what otherwise only decorates: `o'brien@example.org`.
fn is_author(before: &str, named: &EmailAddress, author: &EmailAddress) -> bool {
    let rest = before.strip_suffix(author.local());
    named.domain() == author.domain() && rest.is_some_and(|rest| !rest.ends_with(in_local_part))
}

/// Whether a character next to an `@` belongs to the local part: quotation marks, slashes or stars are allowed there too, but stand
/// around an address far more often than in it.
fn in_local_part(c: char) -> bool {
    in_domain(c) || matches!(c, '_' | '+' | '=' | '~')
}

/// The same for the domain: dots have look-alikes, and what nobody sees changes nothing (UTS #46, section 4).
fn in_domain(c: char) -> bool {
    let dot = matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}');
    let unseen = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{300}'..='\u{36f}');
    c.is_alphanumeric() || c == '-' || dot || unseen
}

/// A reaction of somebody else: a label needs a text to stand on.
fn reaction_as_text(reaction: &Value) -> Value {
    let relation = reaction.get("m.relates_to");
    let text = |field| relation.and_then(|relation| relation.get(field)?.as_str());
    json!({
        "msgtype": "m.notice",
        "body": text("key").unwrap_or_default(),
        "m.mentions": {},
        "m.relates_to": {"m.in_reply_to": {"event_id": text("event_id")}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_misleading(name: &str, address: &str) -> bool {
        names_another(&Mailbox {
            name: Some(name.to_owned()),
            address: address.parse().unwrap(),
        })
    }

    #[test]
    fn names_that_are_other_addresses() {
        for (name, misleading) in [
            ("Alice Liddell", false),
            ("alice@example.org", false),
            ("Alice (ALICE@Example.org)", false),
            ("Alice @ Example Ltd", false),
            ("@alice", false),
            ("boss@example.org", true),
            ("Boss <boss@example.org>", true),
            ("Boss 'boss@bücher.example'", true),
            ("boss\u{ff20}example.org", true),
            ("*boss@example.org*", true),
            ("\u{2605}boss@example.org\u{2605}", true),
            ("boss@example.org!", true),
            ("Boss|boss@example.org|urgent", true),
            ("Boss/boss@example.org/Ltd", true),
            ("boss@example.org\u{2013}Boss", true),
            ("boss@exam\u{200b}ple\u{3002}org", true),
            ("alice@example.org boss@example.org", true),
            ("*alice@example.org*", false),
            ("alice@example.org - Alice", false),
            ("notalice@example.org", true),
            ("@@@", false),
        ] {
            assert_eq!(is_misleading(name, "alice@example.org"), misleading, "{name}");
        }
        assert!(is_misleading(&"@ ".repeat(1000), "alice@example.org"));
        assert!(!is_misleading(
            "O'Brien (o'brien@example.org)",
            "o'brien@example.org"
        ));
    }
}
