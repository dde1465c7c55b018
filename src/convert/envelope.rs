//! The envelope of a mail that lies in a mailbox, as far as its fields still tell: the last server writes them down (RFC 5321, section
//! 4.4, and what servers have made of that).
//!
//! Anybody can write these fields. That is no more than anybody can choose: whoever sends a mail names its recipients.

use super::to_matrix;

/// Fields in which servers note for whom they deliver: Postfix and Dovecot, Exim, qmail and its heirs, Fastmail, and others.
const DELIVERED: [&str; 6] = [
    "x-original-to",
    "delivered-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-rcpt-to",
];

/// Fields that are looked at.
const MAX_FIELDS: usize = 2_000;

/// The longest field that is looked at, in bytes.
const MAX_FIELD: usize = 4_096;

/// What the fields say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// The reverse-path; empty for the null one, and where nothing says who sent the mail.
    pub sender: String,
    /// For whom servers say that they have delivered it, the last one first.
    pub delivered: Vec<String>,
    /// To whom its author says that it goes: `To` and `Cc`.
    pub named: Vec<String>,
    /// For whom servers have received it (`Received: … for <bob@example.org>`), the last one first: the only trace of a blind copy.
    pub received: Vec<String>,
}

/// Reads the fields of a mail.
pub fn read(mail: &[u8]) -> Fields {
    let (mut path, mut delivered, mut received) = (None, Vec::new(), Vec::new());
    for (name, value) in fields(mail) {
        match name.as_str() {
            "return-path" if path.is_none() => path = Some(address(&value)),
            "received" => received.extend(recipient(&value)),
            other if DELIVERED.contains(&other) => delivered.push(address(&value)),
            _ => {}
        }
    }
    let headers = to_matrix::arriving_headers(mail, path.as_deref().unwrap_or("unknown"));
    let named = headers.to.iter().map(|to| to.address.to_string());
    let named = named.collect();
    // What is no bounce and has no return path was put there by hand, or by a server that keeps it to itself.
    let author = || {
        let from = headers.from.first().filter(|_| headers.auto.is_personal());
        from.map_or_else(String::new, |from| from.address.to_string())
    };
    Fields {
        sender: path.unwrap_or_else(author),
        delivered,
        named,
        received,
    }
}

/// The fields of the header, unfolded, their names in lower case.
fn fields(mail: &[u8]) -> Vec<(String, String)> {
    let lines = mail.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let text = String::from_utf8_lossy(line.get(..MAX_FIELD).unwrap_or(line));
        if text.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut().filter(|(_, value)| value.len() < MAX_FIELD) {
                value.push_str(&text);
            }
        } else if let Some((name, value)) = text.split_once(':') {
            if fields.len() == MAX_FIELDS {
                break;
            }
            fields.push((name.trim_end().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    fields
}

/// An address, without angle brackets and control characters.
fn address(value: &str) -> String {
    let value = value.trim();
    let inner = value.strip_prefix('<').and_then(|inner| inner.strip_suffix('>'));
    let bare = inner.unwrap_or(value);
    bare.chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect()
}

/// The recipient in a `Received` field: what follows the word `for`.
fn recipient(value: &str) -> Option<String> {
    let mut words = value.split_ascii_whitespace();
    words.find(|word| word.eq_ignore_ascii_case("for"))?;
    let found = address(words.next()?.trim_end_matches(';'));
    found.contains('@').then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mail: &str) -> Fields {
        read(mail.replace('\n', "\r\n").as_bytes())
    }

    #[test]
    fn what_servers_note() {
        let fields = of("\
Return-Path: <alice@example.org>
X-Original-To: bob@mail.example.org
Delivered-To: <catchall@provider.example>
Received: from a (a [192.0.2.1])
\tby b with ESMTPS id 1 for <bob@mail.example.org>;
\tSat, 21 Nov 2026 12:00:00 +0000 (UTC)
Received: by c; Sat, 21 Nov 2026 12:00:00 +0000
Return-Path: <mallory@example.net>
envelope-to : carol@mail.example.org
From: Alice <alice@example.org>
To: Bob <bob@mail.example.org>, list@example.net
Cc: carol@mail.example.org

Delivered-To: nobody@mail.example.org
");
        assert_eq!(fields.sender, "alice@example.org");
        assert_eq!(
            fields.delivered,
            [
                "bob@mail.example.org",
                "catchall@provider.example",
                "carol@mail.example.org"
            ]
        );
        assert_eq!(
            fields.named,
            [
                "bob@mail.example.org",
                "list@example.net",
                "carol@mail.example.org"
            ]
        );
        assert_eq!(fields.received, ["bob@mail.example.org"]);
    }

    #[test]
    fn who_sent_it() {
        for (mail, sender) in [
            ("Return-Path: <>\nFrom: a@example.org\n\n", ""),
            ("Return-Path: a@example.org\n\n", "a@example.org"),
            ("From: a@example.org\n\n", "a@example.org"),
            ("From: a@example.org\nAuto-Submitted: auto-replied\n\n", ""),
            ("From: nobody\n\n", ""),
            ("", ""),
            ("no field\n: \n:\n", ""),
        ] {
            assert_eq!(of(mail).sender, sender, "{mail:?}");
        }
    }

    #[test]
    fn much_is_not_too_much() {
        let many = "Delivered-To: a@example.org\n".repeat(100_000);
        assert_eq!(of(&many).delivered.len(), MAX_FIELDS);
        let long = format!("Delivered-To: {}\n", "x\n ".repeat(100_000));
        assert!(
            of(&long)
                .delivered
                .iter()
                .all(|value| value.len() < 2 * MAX_FIELD)
        );
    }
}
