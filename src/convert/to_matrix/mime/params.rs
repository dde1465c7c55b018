//! The parameters of `Content-Type` and `Content-Disposition` (RFC 2045, 2183, 2231), also in the forms
//! that no RFC allows: encoded words in quotes, unquoted spaces, paths with single backslashes.

use std::collections::BTreeMap;

use super::{charset, decode_words};

/// How many parameters of one field are read; a name of 255 characters in pieces of 10 bytes needs 80.
const MAX_PARAMETERS: usize = 200;

/// True for `type/subtype`.
pub(super) fn is_media_type(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, subtype)| {
        !kind.is_empty()
            && !subtype.is_empty()
            && !subtype.contains('/')
            && !text.contains(char::is_whitespace)
    })
}

/// Splits `text/plain; charset=utf-8` into the value in lower case and the decoded parameters.
pub(super) fn parse(value: &str) -> (String, BTreeMap<String, String>) {
    let mut pieces = split_semicolons(value).into_iter();
    let main = without_comments(&pieces.next().unwrap_or_default())
        .trim()
        .to_lowercase();
    let mut plain = BTreeMap::new();
    let mut continued: BTreeMap<String, BTreeMap<u16, (bool, String)>> = BTreeMap::new();
    for piece in pieces.take(MAX_PARAMETERS) {
        let Some((name, value)) = piece.split_once('=') else {
            continue;
        };
        let name = name.trim().to_lowercase();
        let value = unquote(value);
        let Some((base, section)) = name.split_once('*') else {
            plain.entry(name).or_insert_with(|| decode_words(&value));
            continue;
        };
        let (number, encoded) = match section.strip_suffix('*') {
            Some(number) => (number.parse().unwrap_or(0), true),
            None if section.is_empty() => (0, true),
            None => (section.parse().unwrap_or(0), false),
        };
        continued
            .entry(base.to_owned())
            .or_default()
            .entry(number)
            .or_insert((encoded, value));
    }
    for (name, sections) in continued {
        // The extended form wins over the plain one, which is there for old programs (RFC 5987, section 4.2).
        let value = join(&sections);
        if !value.is_empty() {
            plain.insert(name, value);
        }
    }
    (main, plain)
}

/// Joins the sections of RFC 2231; the charset stands in the first.
fn join(sections: &BTreeMap<u16, (bool, String)>) -> String {
    let mut label = None;
    let mut bytes = Vec::new();
    let mut only_plain = true;
    // `name*="=?utf-8?Q?…?="`, seen from several gateways, has no charset in front.
    for (index, (encoded, value)) in sections.values().enumerate() {
        let mut value = value.as_str();
        if index == 0 && *encoded {
            let mut pieces = value.splitn(3, '\'');
            if let (Some(charset), Some(_), Some(rest)) = (pieces.next(), pieces.next(), pieces.next()) {
                label = Some(charset.to_owned());
                value = rest;
            }
        }
        if *encoded {
            only_plain = false;
            bytes.extend(percent_decode(value));
        } else {
            bytes.extend_from_slice(value.as_bytes());
        }
    }
    let text = charset::decode(&bytes, label.as_deref().filter(|label| !label.is_empty()));
    // Some programs continue encoded words over several sections.
    if only_plain || label.is_none() {
        decode_words(&text)
    } else {
        text
    }
}

/// Undoes `%41` (RFC 2231, section 4; RFC 3986, section 2.1).
pub(crate) fn percent_decode(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        if byte == b'%'
            && let (Some(high), Some(low)) = (ahead.next().and_then(hex), ahead.next().and_then(hex))
        {
            out.push(high << 4 | low);
            bytes = ahead;
        } else {
            out.push(byte);
        }
    }
    out
}

/// The value of a hexadecimal digit.
pub(super) fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn split_semicolons(value: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let (mut quoted, mut escaped) = (false, false);
    for c in value.chars() {
        if c == ';' && !quoted {
            pieces.push(String::new());
            continue;
        }
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    let Some(inner) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let mut out = String::new();
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            // `C:\photos\cat.jpg` was never escaped: only what needs it is unescaped.
            '\\' if matches!(chars.peek(), Some('"' | '\\')) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
    out
}

/// Takes comments in parentheses away (RFC 5322, section 3.2.2).
pub(super) fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}
