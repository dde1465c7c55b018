//! Which email a bounce returns.

use super::headers::ids;
use super::mime::{Part, read_fields};

/// How many IDs are read, and how far into a text: what is returned stands at its end, but is short.
const MAX_IDS: usize = 20;
const MAX_TEXT: usize = 256 * 1024;

/// The Message-IDs of the email that a bounce returns: as a part (RFC 3462, RFC 6522), whole or its header alone, or, by servers that
/// know no MIME (qmail, Exim), below their words in the text.
pub(super) fn message_ids(mail: &Part<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for part in mail.walk() {
        match part.media_type.as_str() {
            "message/rfc822" | "message/global" | "text/rfc822-headers" | "message/global-headers" => {
                let (fields, _) = read_fields(&part.bytes());
                let named = fields.iter().filter(|field| field.name == "message-id");
                found.extend(named.flat_map(|field| ids(&field.value, false)));
            }
            "text/plain" => {
                let text = part.text_head(MAX_TEXT);
                let lines = text
                    .lines()
                    .map(|line| line.trim_start_matches(['>', ' ', '\t', '|']));
                let named = lines.filter_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("message-id").then_some(value)
                });
                found.extend(named.flat_map(|value| ids(value, false)));
            }
            _ => {}
        }
        if found.len() >= MAX_IDS {
            break;
        }
    }
    found.truncate(MAX_IDS);
    found
}

#[cfg(test)]
mod tests {
    use crate::convert::to_matrix::headers;

    fn reported(content_type: &str, body: &str) -> Vec<String> {
        let mail = format!(
            "From: MAILER-DAEMON@example.org\nSubject: Undelivered Mail Returned to Sender\nMessage-ID: <own@example.org>\n\
             Content-Type: {content_type}\n\n{body}"
        );
        headers(mail.as_bytes()).reported
    }

    #[test]
    fn returned_mails_are_known_in_every_form() {
        let report = |kind: &str, returned: &str| {
            format!(
                "--b\nContent-Type: text/plain\n\nIt could not be delivered.\n--b\n\
                 Content-Type: message/delivery-status\n\nAction: failed\n--b\nContent-Type: {kind}\n\n{returned}\n--b--\n"
            )
        };
        let header = "From: bob@h.example\nMessage-Id:\n <a@h.example>\n\nMessage-ID: <not@this.one>";
        let multipart = "multipart/report; report-type=delivery-status; boundary=b";
        for kind in ["message/rfc822", "text/rfc822-headers", "message/global-headers"] {
            assert_eq!(
                reported(multipart, &report(kind, header)),
                ["a@h.example"],
                "{kind}"
            );
        }
        let encoded = "\nTWVzc2FnZS1JRDogPGFAaC5leGFtcGxlPg==";
        let kind = "message/rfc822\nContent-Transfer-Encoding: base64\n";
        assert_eq!(reported(multipart, &report(kind, encoded)), ["a@h.example"]);
        for text in [
            "--- Below this line is a copy of the message.\n\nReturn-Path: <x@y>\nMessage-ID: <a@h.example>\n\nHello",
            "> Message-Id: <a@h.example>",
        ] {
            let text = format!("It could not be delivered.\n{text}");
            assert_eq!(reported("text/plain", &text), ["a@h.example"], "{text}");
        }
    }

    #[test]
    fn nothing_else_returns_a_mail() {
        assert!(reported("text/plain", "It could not be delivered.").is_empty());
        let forwarded = "From: alice@example.org\nSubject: look\nContent-Type: message/rfc822\n\nMessage-ID: <a@h.example>\n\nx";
        assert!(headers(forwarded.as_bytes()).reported.is_empty());
        let many = "Message-ID: <a@h.example>\n".repeat(1000);
        assert_eq!(
            reported("text/plain", &format!("It could not be delivered.\n{many}")).len(),
            20
        );
    }
}
