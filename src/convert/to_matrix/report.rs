//! What `penpal convert email` prints.

use serde_json::{Value, json};

use super::headers::addresses;
use super::{ThreadContext, convert, headers, mime, read_mail, special};

/// Converts a mail on its own and gives the result as one JSON object: `from` (an address or null), `to`, `subject`,
/// `date` (RFC 3339 or null), `message_id`, `in_reply_to`, `references`, `auto`, `events`, `quoted`. A reaction refers to the event that
/// shows the mail answered, for which `$` and its Message-ID stand here.
pub fn report(raw: &[u8]) -> Value {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    let found = headers(raw);
    let answered = found.in_reply_to.first().filter(|_| special::is_reaction(&mail));
    let context = ThreadContext {
        answers: answered.and_then(|id| format!("${id}").try_into().ok()),
        ..ThreadContext::default()
    };
    let converted = convert(raw, &context);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reactions_name_what_they_are_about() {
        let mail = |part: &str| format!("From: a@example.org\nIn-Reply-To: <one@example.org>\n{part}");
        for part in [
            "Content-Type: text/plain; charset=utf-8\nContent-Disposition: reaction\n\n👍\n",
            "Content-Type: text/vnd.google.email-reaction+json; charset=utf-8\n\n{\"emoji\": \"👍\", \"version\": 1}\n",
        ] {
            let events = report(mail(part).as_bytes())["events"].clone();
            let relation = json!({"rel_type": "m.annotation", "event_id": "$one@example.org", "key": "👍"});
            let content = json!({"m.relates_to": relation, "m.mentions": {}});
            assert_eq!(
                events,
                json!([{"type": "m.reaction", "content": content}]),
                "{part}"
            );
        }
        let control = "Content-Type: text/vnd.google.email-reaction+json; charset=utf-8\n\n{\"emoji\": \"\\u0000\", \"version\": 1}\n";
        assert_eq!(
            report(mail(control).as_bytes())["events"][0]["type"],
            "m.room.message"
        );
        let reply = report(mail("\n👍\n").as_bytes());
        assert_eq!(reply["events"][0]["type"], "m.room.message");
        assert_eq!(reply["events"][0]["content"].get("m.relates_to"), None);
    }
}
