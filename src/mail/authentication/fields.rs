//! The header as signatures and people both must read it.
//!
//! A signature proves something about bytes; what counts is that the fields and the body that it covers are those that are shown.
//! Where two programs could read a header differently, nothing is proved: somebody could have taken a signed mail and put a
//! second subject, or a line that looks like the end of the header, where the verifier does not look and the reader does.

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderValue};

use crate::model::EmailAddress;

/// More fields than this are not looked at.
const MAX_FIELDS: usize = 1_000;
/// The longest field that is looked at, in bytes.
const MAX_FIELD: usize = 256 * 1024;

/// Fields that stand once in a mail: RFC 5322, section 3.6, and RFC 2045, section 3.
const ONCE: &[&str] = &[
    "date",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
];

/// One header field.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// The name, in lower case.
    pub(super) name: String,
    /// The rest, with its folding and its last line end.
    pub(super) value: &'a [u8],
}

/// The fields of a header that is written as RFC 5322, section 2.2, has it, and that every program reads alike; `None` for others.
pub(super) fn read(raw: &[u8]) -> Option<Vec<Field<'_>>> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let header = raw.get(..end + 2)?;
    let mut fields = Vec::new();
    let mut rest = header;
    while !rest.is_empty() {
        let length = field_length(rest)?;
        let (field, after) = rest.split_at_checked(length)?;
        let colon = field.iter().position(|byte| *byte == b':')?;
        let (name, value) = field.split_at_checked(colon)?;
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        fields.push(Field {
            name: String::from_utf8(name.to_ascii_lowercase()).ok()?,
            value: value.get(1..)?,
        });
        if fields.len() > MAX_FIELDS || length > MAX_FIELD {
            return None;
        }
        rest = after;
    }
    let unique = |name: &&str| fields.iter().filter(|field| field.name == **name).count() <= 1;
    ONCE.iter().all(unique).then_some(fields)
}

/// How long the first field is, its folded lines included.
fn field_length(header: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        let line = header.get(length..)?;
        let end = line.iter().position(|byte| *byte == b'\n')?;
        let text = line.get(..end)?.strip_suffix(b"\r")?;
        let folded = text.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        if text.contains(&b'\r')
            || text.contains(&0)
            || text.trim_ascii().is_empty()
            || folded != (length > 0)
        {
            return None;
        }
        length += end + 1;
        match header.get(length) {
            Some(b' ' | b'\t') => {}
            _ => return Some(length),
        }
    }
}

/// The one author: `From` holds one mailbox, and no group (RFC 5322, section 3.6.2).
pub(super) fn author(fields: &[Field<'_>]) -> Option<EmailAddress> {
    let value = fields.iter().find(|field| field.name == "from")?.value;
    if !is_one_mailbox(value) {
        return None;
    }
    let HeaderValue::Address(Address::List(list)) = MessageStream::new(value).parse_address() else {
        return None;
    };
    match list.as_slice() {
        [mailbox] => EmailAddress::parse(mailbox.address.as_deref()?).ok(),
        _ => None,
    }
}

/// No comma, and no colon or semicolon of a group, outside quoted strings and comments; one address in brackets at the most.
fn is_one_mailbox(value: &[u8]) -> bool {
    let (mut quoted, mut comments, mut escaped, mut brackets) = (false, 0_usize, false, 0_usize);
    for byte in value {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted || comments > 0 => escaped = true,
            b'"' if comments == 0 => quoted = !quoted,
            b'(' if !quoted => comments += 1,
            b')' if !quoted && comments > 0 => comments -= 1,
            b'<' if !quoted && comments == 0 => brackets += 1,
            b',' | b':' | b';' if !quoted && comments == 0 => return false,
            _ => {}
        }
    }
    !quoted && comments == 0 && brackets <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author_of(from: &str) -> Option<String> {
        let raw = format!("{from}\r\nSubject: x\r\n\r\nbody");
        author(&read(raw.as_bytes())?).map(|address| address.to_string())
    }

    #[test]
    fn one_author() {
        for from in [
            "From: alice@example.org",
            "From: Alice <Alice@Example.org>",
            "From: \"Liddell, Alice: the one\" <alice@example.org>",
            "From: =?utf-8?q?Ali=C3=A7e?= <alice@example.org> (really: me)",
            "from:\r\n Alice\r\n\t<alice@example.org>",
        ] {
            assert_eq!(author_of(from).as_deref(), Some("alice@example.org"), "{from}");
        }
        for from in [
            "From: alice@example.org, mallory@evil.example",
            "From: alice@example.org\r\nFrom: mallory@evil.example",
            "From: alice@example.org\r\nfrom: mallory@evil.example",
            "From: friends: alice@example.org;",
            "From: undisclosed:;",
            "From: <>",
            "From:",
            "From: Alice",
            "From: <alice@example.org> <mallory@evil.example>",
            "From: alice@example.org mallory@evil.example",
            "From: \"Alice <alice@example.org>",
            "From: =?utf-8?q?alice=40example.org?=",
            "From : alice@example.org",
            "X: y",
        ] {
            assert_eq!(author_of(from), None, "{from}");
        }
    }

    #[test]
    fn what_two_programs_would_read_differently() {
        for raw in [
            "From: alice@example.org\r\nno field\r\nSubject: x\r\n\r\n",
            "From: alice@example.org\nSubject: x\r\n\r\n",
            "From: alice@example.org\r\nSubject: x\ry\r\n\r\n",
            "From: alice@example.org\r\nSubject: x\0y\r\n\r\n",
            "From: alice@example.org\r\n \r\nSubject: x\r\n\r\n",
            " From: alice@example.org\r\n\r\n",
            "From alice Mon Jan 1\r\nFrom: alice@example.org\r\n\r\n",
            "From: alice@example.org\r\nSubject: x\r\nsubject: y\r\n\r\n",
            "From: alice@example.org\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\n",
            "From: alice@example.org\r\n",
            "",
        ] {
            assert_eq!(read(raw.as_bytes()), None, "{raw:?}");
        }
        assert!(read(b"From: alice@example.org\r\nReceived: a\r\nReceived: b\r\n\r\n").is_some());
    }
}
