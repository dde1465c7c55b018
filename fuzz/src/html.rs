//! HTML, from mails and from chats.

use penpal::convert::to_email::from_json;
use penpal::convert::to_matrix::{ThreadContext, convert};
use serde_json::json;

use super::{event, letter};

/// HTML of a mail becomes an event.
pub fn check_in(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    let mail = format!(
        "From: Alice <alice@example.org>\nSubject: Re: Garden\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{html}"
    );
    let converted = convert(mail.as_bytes(), &ThreadContext::default());
    event::check(&converted, mail.len());
    // What it became goes out again as any message does.
    for (_, content) in converted.events.iter().take(3) {
        check_message(content, mail.len());
    }
}

/// HTML of an event becomes a mail, which is read as mails are.
pub fn check_out(data: &[u8]) {
    let html = String::from_utf8_lossy(data);
    let content = json!({"msgtype": "m.text", "body": "plain", "format": "org.matrix.custom.html", "formatted_body": html});
    if let Some(mail) = check_message(&content, html.len()) {
        let back = convert(&mail, &ThreadContext::default());
        event::check(&back, mail.len());
    }
}

fn check_message(content: &serde_json::Value, input: usize) -> Option<Vec<u8>> {
    let event = json!({
        "type": "m.room.message", "event_id": "$one:hs.example", "sender": "@bob:hs.example", "room_id": "!room:hs.example",
        "origin_server_ts": 1_700_000_000_000_u64, "content": content,
    });
    let no_files = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let email = from_json(&event, &json!({"first": false}), &no_files).ok()?;
    letter::check(&email, input);
    Some(email.bytes)
}
