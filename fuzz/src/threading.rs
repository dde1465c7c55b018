//! The fields that tie mails into threads: read from what came in, and written into what goes out.

use penpal::convert::envelope;
use penpal::convert::subject::base_subject;
use penpal::convert::thread::references_after;
use penpal::convert::to_email::from_json;
use penpal::convert::to_matrix::headers;
use serde_json::json;

use super::letter;

/// The longest ID, in bytes (RFC 5322, section 2.1.1).
const MAX_ID: usize = 998;
/// How many IDs are kept of a field.
const MAX_IDS: usize = 1_000;
/// The longest subject, in characters.
const MAX_SUBJECT: usize = 1_000;

/// A mail, which is answered.
pub fn check(data: &[u8]) {
    let headers = headers(data);
    for ids in [&headers.in_reply_to, &headers.references, &headers.reported] {
        assert!(ids.len() <= MAX_IDS);
    }
    let ids = headers
        .message_id
        .iter()
        .chain(&headers.in_reply_to)
        .chain(&headers.references);
    for id in ids {
        assert!(
            !id.is_empty() && id.len() <= MAX_ID && !id.contains(char::is_control),
            "{id:?}"
        );
    }
    assert!(headers.subject.chars().count() <= MAX_SUBJECT && !headers.subject.contains(char::is_control));
    let base = base_subject(&headers.subject);
    assert!(base.len() <= headers.subject.len(), "a subject grows: {base:?}");
    let fields = envelope::read(data);
    assert!(fields.delivered.len() + fields.named.len() + fields.received.len() <= data.len());
    let Some(parent) = &headers.message_id else {
        return;
    };
    let references = references_after(&headers.references, parent);
    assert_eq!(references.last(), Some(parent));
    assert!(references.len() <= 30);
    let writer = headers.from.first();
    let address = writer.map_or("alice@example.org", |from| from.address.as_str());
    let name = writer.and_then(|from| from.name.as_deref());
    let event = json!({
        "type": "m.room.message", "event_id": "$two:hs.example", "sender": "@bob:hs.example", "room_id": "!room:hs.example",
        "origin_server_ts": 1_700_000_000_000_u64, "content": {"msgtype": "m.text", "body": "Yes."},
    });
    let context = json!({
        "first": false, "domain": "mail.example.org", "subject": headers.subject,
        "from": {"address": "bob@mail.example.org", "name": name},
        "to": [{"address": address, "name": name}],
        "events": {"$one": {"message_id": parent, "references": headers.references, "sender_name": name}},
    });
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let email = from_json(&event, &context, &no_files).expect("an answer can be written");
    letter::check(&email, data.len());
    let back = penpal::convert::to_matrix::headers(&email.bytes);
    // What can't stand in a head of ASCII, or in one line, is left out.
    let is_writable = parent.len() + "<>".len() <= 900
        && parent
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    if is_writable {
        assert_eq!(
            back.in_reply_to,
            std::slice::from_ref(parent),
            "the answer names what it answers"
        );
    }
    assert_eq!(back.to.len(), 1, "the answer goes to one person");
    assert_eq!(back.from.len(), 1, "the answer is from one person");
}
