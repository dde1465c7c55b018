//! What `penpal convert email` prints.

use serde_json::{Value, json};

use super::headers::addresses;
use super::{ThreadContext, convert, headers, mime, read_mail};

/// Converts a mail on its own and gives the result as one JSON object: `from` (an address or null), `to`, `subject`,
/// `date` (RFC 3339 or null), `message_id`, `in_reply_to`, `references`, `auto`, `events`, `quoted`.
pub fn report(raw: &[u8]) -> Value {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    let found = headers(raw);
    let converted = convert(raw, &ThreadContext::default());
    let listed = |name: &str| {
        addresses(&mail, &[name])
            .into_iter()
            .map(|mailbox| mailbox.address)
    };
    let events: Vec<Value> = converted
        .events
        .iter()
        .map(|(event_type, content)| json!({"type": event_type, "content": content}))
        .collect();
    json!({
        "from": listed("from").next(),
        "to": listed("to").collect::<Vec<_>>(),
        "subject": found.subject,
        "date": found.date.map(|date| mail_parser::DateTime::from_timestamp(date.seconds()).to_rfc3339()),
        "message_id": found.message_id,
        "in_reply_to": found.in_reply_to,
        "references": found.references,
        "auto": found.auto,
        "events": events,
        "quoted": converted.quoted,
    })
}
