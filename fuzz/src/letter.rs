//! What holds for an email that goes out, whatever its content was.

use std::collections::BTreeSet;

use mail_parser::{MessageParser, PartType};
use penpal::convert::to_email::RenderedEmail;

use super::markup;

/// The fields that Penpal writes into the head of a mail.
const FIELDS: &[&str] = &[
    "Auto-Submitted",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "Disposition-Notification-To",
    "From",
    "In-Reply-To",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "MIME-Version",
    "Message-ID",
    "References",
    "Reply-To",
    "Subject",
    "To",
];
/// The longest line without its end, in bytes (RFC 5322, section 2.1.1).
const MAX_LINE: usize = 998;

/// Checks a mail made of `input` bytes.
pub fn check(email: &RenderedEmail, input: usize) {
    let text = email.bytes.as_slice();
    assert!(text.ends_with(b"\r\n"), "the last line has an end");
    for line in text
        .strip_suffix(b"\r\n")
        .unwrap_or(text)
        .split(|byte| *byte == b'\n')
    {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r'), "a CR without LF");
        assert!(line.len() <= MAX_LINE, "a line of {} bytes", line.len());
    }
    let bare = text
        .windows(2)
        .filter(|pair| pair[1] == b'\n' && pair[0] != b'\r')
        .count();
    assert_eq!(bare, 0, "an LF without CR");
    let end = text
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("a head and a body");
    let head = std::str::from_utf8(&text[..end]).expect("a head in UTF-8");
    // Addresses in other scripts stand in it as they are (RFC 6532).
    let is_text = |c: char| !c.is_control() || matches!(c, '\r' | '\n' | '\t');
    assert!(head.chars().all(is_text), "a control character in the head");
    let mut seen = BTreeSet::new();
    for line in head.split("\r\n").filter(|line| !line.starts_with([' ', '\t'])) {
        let (name, _) = line.split_once(':').expect("a field has a colon");
        assert!(FIELDS.contains(&name), "a field {name:?}");
        assert!(seen.insert(name), "two fields {name}");
    }
    assert!(
        head.split("\r\n").all(|line| !line.trim().is_empty()),
        "a blank line in the head"
    );
    let most = input.saturating_mul(40) + 100_000;
    assert!(text.len() <= most, "{input} bytes became {}", text.len());
    let parsed = MessageParser::default()
        .parse(text)
        .expect("another parser reads it");
    assert!(parsed.subject().is_some() && parsed.message_id().is_some());
    for part in &parsed.parts {
        if let PartType::Html(html) = &part.body {
            markup::check_email(html);
        }
    }
}
