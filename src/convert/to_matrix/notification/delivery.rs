//! What became of a mail, as a mail server tells: by the book (RFC 3464, RFC 6533), or in a letter of its own.

use super::{groups, reason, value, words};
use crate::convert::html::Tree;
use crate::convert::to_matrix::mime::{self, Field, Part};
use crate::convert::to_matrix::read_mail;
use crate::model::EmailAddress;

/// How much of a letter is read, in bytes: what a server has to say stands at its top.
const MAX_TEXT: usize = 64 * 1024;
/// The longest text of a server that is kept, in characters.
const MAX_WORDS: usize = 400;

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// It arrived, or went on to where no reports come from, as far as the reporting server can tell.
    Delivered,
    /// It did not arrive yet; the server goes on trying.
    Delayed,
    /// It did not arrive, and will not.
    Failed,
}

/// A delivery report. Everything in here is hostile input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryReport {
    /// What became of the mail; the worst, where it tells of several recipients.
    pub delivery: Delivery,
    /// Why, in words that a person understands; `None` where there is nothing to go by.
    pub reason: Option<&'static str>,
    /// The server's own words in one line, bounded; how its letter begins where nothing better is found.
    pub words: Option<String>,
    /// The recipients that this became of, as far as fields say: the address we wrote to, or one to which it was forwarded.
    pub recipients: Vec<EmailAddress>,
}

/// Reads a delivery report. Never fails: what does not follow the book is read as well as may be, and what can't be read
/// tells of a failure.
pub fn delivery_report(raw: &[u8]) -> DeliveryReport {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    let groups = mail
        .walk()
        .into_iter()
        .find(|part| {
            matches!(
                part.media_type.as_str(),
                "message/delivery-status" | "message/global-delivery-status"
            )
        })
        .map(|part| groups(&part.bytes()))
        .unwrap_or_default();
    let told: Vec<(Delivery, &Vec<Field>)> = groups
        .iter()
        .filter_map(|group| Some((by_fields(group)?, group)))
        .collect();
    let text = letter(&mail);
    let worst = told.iter().max_by_key(|(delivery, _)| *delivery);
    let delivery = worst.map_or_else(|| guessed(&mail, &text), |(delivery, _)| *delivery);
    let said = worst
        .and_then(|(_, group)| value(group, "diagnostic-code"))
        .filter(|text| !reason::is_status(text))
        .or_else(|| words::of_letter(&text))
        .map(|text| words::tidy(&text).chars().take(MAX_WORDS).collect::<String>());
    let status = worst
        .and_then(|(_, group)| value(group, "status"))
        .and_then(|status| reason::status_in(&status));
    let recipients = told
        .iter()
        .filter(|(one, _)| *one == delivery)
        .filter_map(|(_, group)| {
            let address = value(group, "final-recipient").or_else(|| value(group, "original-recipient"))?;
            EmailAddress::parse(address.trim_matches(['<', '>'])).ok()
        })
        .collect();
    DeliveryReport {
        delivery,
        reason: reason::reason(status.as_deref(), said.as_deref().unwrap_or_default()),
        words: said.filter(|words| !words.is_empty()),
        recipients,
    }
}

/// What the fields about one recipient say; `None` when they are not about a recipient.
fn by_fields(group: &[Field]) -> Option<Delivery> {
    let status = value(group, "status").and_then(|status| reason::status_in(&status));
    let action = value(group, "action").unwrap_or_default().to_ascii_lowercase();
    // `failed (user unknown)`: comments are allowed.
    match action.split([' ', '(', ';']).next().unwrap_or_default() {
        "failed" | "failure" => Some(Delivery::Failed),
        "delayed" => Some(Delivery::Delayed),
        "delivered" | "relayed" | "expanded" => Some(Delivery::Delivered),
        // Servers that leave the action out say it by the status alone. 4.4.7 is a delay that has come to its end.
        _ => match status?.split_once('.')? {
            ("2", _) => Some(Delivery::Delivered),
            ("4", detail) if detail != "4.7" => Some(Delivery::Delayed),
            _ => Some(Delivery::Failed),
        },
    }
}

/// What a letter without fields says: most tell of a failure.
fn guessed(mail: &Part<'_>, text: &str) -> Delivery {
    let subject = mail.field("subject").unwrap_or_default().to_lowercase();
    let text = text.to_lowercase();
    // Sendmail: "Warning: could not send message for past 4 hours".
    if subject.contains("delay")
        || subject.starts_with("warning")
        || DELAYED.iter().any(|words| text.contains(words))
    {
        Delivery::Delayed
    } else {
        Delivery::Failed
    }
}

/// How servers say that they go on trying, in lower case.
const DELAYED: &[&str] = &[
    "has not yet been delivered",
    "not been delivered yet",
    "still trying",
    "will be retried",
    "will keep trying",
    "will continue to try",
    "attempts will continue",
    "could not be sent for",
    "do not need to resend",
    "don't need to resend",
    "delivery has been delayed",
];

/// The text that is there to be read, without what was returned. Some servers write nothing but HTML.
fn letter(mail: &Part<'_>) -> String {
    let parts = mail.walk();
    let written = |media_type: &str| {
        parts
            .iter()
            .find(|part| part.media_type == media_type && part.disposition != "attachment")
    };
    match (written("text/plain"), written("text/html")) {
        (Some(plain), _) => plain.text_head(MAX_TEXT),
        (None, Some(html)) => {
            let tree = Tree::parse(&html.text_head(MAX_TEXT));
            tree.text(Tree::ROOT)
        }
        (None, None) => String::new(),
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
