//! Encoded words (RFC 2047): texts that are not plain ASCII, in header fields.

use data_encoding::BASE64;

/// An encoded word may have 75 characters (RFC 2047, section 2), of which 12 are `=?UTF-8?B?` and `?=`.
const PAYLOAD: usize = 63;
/// Room for the encoded text in the first word, which shares its line with the field's name.
const FIRST_PAYLOAD: usize = 52;

/// Whether a text would be read as something else if it stood in a header as it is.
///
/// What looks like an encoded word must be encoded itself: receivers decode it wherever it stands.
pub(super) fn needs_encoding(text: &str) -> bool {
    text.contains("=?") || text.bytes().any(|byte| !(b' '..=b'~').contains(&byte))
}

/// Encodes a text as encoded words, each complete in itself: no character is split over two words
/// (RFC 2047, section 5), which half of all mail programs would show as two replacement characters.
pub(super) fn encode(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let quoted = is_mostly_literal(text);
    let size = |c: char| if quoted { quoted_size(c) } else { c.len_utf8() };
    let mut chunk = String::new();
    let mut used = 0;
    for c in text.chars() {
        let room = if words.is_empty() { FIRST_PAYLOAD } else { PAYLOAD };
        let room = if quoted { room } else { room / 4 * 3 };
        if used + size(c) > room {
            words.push(word(&chunk, quoted));
            chunk.clear();
            used = 0;
        }
        used += size(c);
        chunk.push(c);
    }
    if !chunk.is_empty() {
        words.push(word(&chunk, quoted));
    }
    words
}

fn word(chunk: &str, quoted: bool) -> String {
    if quoted {
        let mut payload = String::new();
        for c in chunk.chars() {
            match c {
                ' ' => payload.push('_'),
                c if is_literal(c) => payload.push(c),
                c => push_hex(&mut payload, c),
            }
        }
        format!("=?UTF-8?Q?{payload}?=")
    } else {
        format!("=?UTF-8?B?{}?=", BASE64.encode(chunk.as_bytes()))
    }
}

fn push_hex(payload: &mut String, c: char) {
    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
        payload.push('=');
        payload.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
    }
}

/// Texts that stay legible in a raw message are quoted, all others are shorter in base64.
fn is_mostly_literal(text: &str) -> bool {
    let literal = text.chars().filter(|&c| quoted_size(c) == 1).count();
    literal * 2 >= text.chars().count()
}

fn quoted_size(c: char) -> usize {
    if c == ' ' || is_literal(c) {
        1
    } else {
        3 * c.len_utf8()
    }
}

/// What may stand for itself within a phrase, the strictest of the three places (RFC 2047, section 5).
fn is_literal(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '!' | '*' | '+' | '-' | '/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_short_and_split_between_characters() {
        for text in [
            "Grüße",
            "日本語のとても長い件名がここにありますので折り返します",
            "👩‍👩‍👧 family",
            "=?utf-8?q?x?=",
        ] {
            assert!(needs_encoding(text));
            for word in encode(text) {
                assert!(word.len() <= 75 && word.is_ascii(), "{word}");
            }
        }
        assert_eq!(encode("Grüße_1"), ["=?UTF-8?Q?Gr=C3=BC=C3=9Fe=5F1?="]);
        assert_eq!(encode("日本"), ["=?UTF-8?B?5pel5pys?="]);
        assert_eq!(encode(""), Vec::<String>::new());
    }
}
