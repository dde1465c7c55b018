//! Strings in commands, and names of folders.

use data_encoding::{Encoding, Specification};

/// A string as a quoted string (RFC 3501, section 4.3); `None` when it needs more than ASCII.
pub(super) fn quoted(text: &str) -> Option<String> {
    if !text.chars().all(|c| matches!(c, ' '..='~')) {
        return None;
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{escaped}\""))
}

/// The name of a folder, quoted, in modified UTF-7 (RFC 3501, section 5.1.3).
pub(super) fn folder(name: &str) -> String {
    let (mut encoded, mut foreign) = (String::new(), Vec::new());
    for c in name.chars().filter(|c| !c.is_ascii_control()) {
        if c.is_ascii() {
            flush(&mut encoded, &mut foreign);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0; 2];
            foreign.extend(
                c.encode_utf16(&mut units)
                    .iter()
                    .flat_map(|unit| unit.to_be_bytes()),
            );
        }
    }
    flush(&mut encoded, &mut foreign);
    let escaped = encoded.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

fn flush(encoded: &mut String, foreign: &mut Vec<u8>) {
    if !foreign.is_empty() {
        let base64 = modified_base64().map_or_else(String::new, |base64| base64.encode(foreign));
        encoded.push_str(&format!("&{base64}-"));
        foreign.clear();
    }
}

/// Base64 with a comma for the slash, which parts folders, and without padding.
fn modified_base64() -> Option<Encoding> {
    let mut specification = Specification::new();
    specification
        .symbols
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,");
    specification.encoding().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings() {
        assert_eq!(quoted(r#"pass"w\ord"#).as_deref(), Some(r#""pass\"w\\ord""#));
        assert_eq!(quoted("Füße"), None);
        assert_eq!(quoted("a\r\nA2 LOGOUT"), None);
    }

    #[test]
    fn folders() {
        for (name, expected) in [
            ("INBOX", "\"INBOX\""),
            ("INBOX/Penpal done", "\"INBOX/Penpal done\""),
            ("A&B", "\"A&-B\""),
            // The examples of the RFC.
            ("~peter/mail/台北/日本語", "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""),
            ("Entwürfe", "\"Entw&APw-rfe\""),
            ("😀", "\"&2D3eAA-\""),
            ("a\r\nA2 DELETE b", "\"aA2 DELETE b\""),
        ] {
            assert_eq!(folder(name), expected);
        }
    }
}
