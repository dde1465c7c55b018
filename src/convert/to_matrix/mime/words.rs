//! Encoded words (RFC 2047) in header fields.

use super::{charset, decode_base64, params::hex};

/// Decodes all encoded words of `text`. Words that follow each other in one charset are joined as bytes
/// first, because many programs split them in mid-character.
pub(crate) fn decode_words(text: &str) -> String {
    let mut out = String::new();
    let mut pending: Option<(String, Vec<u8>)> = None;
    let mut rest = text;
    while let Some(word) = find_word(rest) {
        if !word.before.trim().is_empty() || pending.is_none() {
            flush(&mut pending, &mut out);
            out.push_str(word.before);
        }
        match &mut pending {
            Some((charset, bytes)) if *charset == word.charset => bytes.extend(word.bytes),
            _ => {
                flush(&mut pending, &mut out);
                pending = Some((word.charset, word.bytes));
            }
        }
        rest = word.after;
    }
    flush(&mut pending, &mut out);
    out.push_str(rest);
    out
}

fn flush(pending: &mut Option<(String, Vec<u8>)>, out: &mut String) {
    if let Some((label, bytes)) = pending.take() {
        let decoded = charset::decode(&bytes, Some(&label));
        out.extend(decoded.chars().filter(|c| !c.is_control() || *c == '\t'));
    }
}

struct Word<'a> {
    before: &'a str,
    charset: String,
    bytes: Vec<u8>,
    after: &'a str,
}

/// The first `=?charset?B?…?=` of `text`.
fn find_word(text: &str) -> Option<Word<'_>> {
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find("=?")?;
        from = start + 2;
        let before = text.get(..start)?;
        let inside = text.get(from..)?;
        let mut pieces = inside.splitn(3, '?');
        let (Some(label), Some(encoding), Some(data)) = (pieces.next(), pieces.next(), pieces.next()) else {
            return None;
        };
        let Some((data, after)) = data.split_once('?') else {
            continue;
        };
        let Some(after) = after.strip_prefix('=') else {
            continue;
        };
        if label.is_empty() || label.contains(char::is_whitespace) {
            continue;
        }
        let bytes = match encoding {
            "B" | "b" => decode_base64(data.as_bytes()),
            "Q" | "q" => decode_q(data, label.to_ascii_lowercase().starts_with("utf")),
            _ => continue,
        };
        // RFC 2231, section 5: a language may follow the charset.
        let charset = label.split('*').next().unwrap_or(label).to_ascii_lowercase();
        return Some(Word {
            before,
            charset,
            bytes,
            after,
        });
    }
}

fn decode_q(data: &str, utf8: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    // Raw 8-bit characters in an encoded word were bytes of its charset, read as Windows-1252 with the field.
    let raw: Vec<u8> = if utf8 {
        data.as_bytes().to_vec()
    } else {
        encoding_rs::WINDOWS_1252.encode(data).0.into_owned()
    };
    let mut bytes = raw.iter().copied();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        match byte {
            b'_' => out.push(b' '),
            b'=' => {
                if let (Some(high), Some(low)) = (ahead.next().and_then(hex), ahead.next().and_then(hex)) {
                    out.push(high << 4 | low);
                    bytes = ahead;
                } else {
                    out.push(byte);
                }
            }
            _ => out.push(byte),
        }
    }
    out
}
