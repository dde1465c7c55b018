//! Transfer encodings (RFC 2045, section 6): every body ends up as short lines of ASCII.

use data_encoding::BASE64_MIME;

/// Encoded lines have at most this many characters (RFC 2045, sections 6.7 and 6.8).
const LINE: usize = 76;
/// What one line of base64 holds.
const BYTES_IN_LINE: usize = LINE / 4 * 3;
/// Lines up to this length need no encoding (RFC 5322, section 2.1.1).
const READABLE: usize = 78;

/// A text, encoded as its content asks for: the name of the encoding, and the lines, ended by CRLF.
///
/// `text` has LF line ends. Quoted-printable stays readable in a raw message and is chosen where ASCII prevails; base64 is shorter elsewhere.
pub(super) fn text(text: &str) -> (&'static str, String) {
    if text.split('\n').all(survives) {
        return ("7bit", crlf(text));
    }
    let escaped = text.bytes().filter(|&byte| !is_literal(byte)).count();
    if escaped * 3 <= text.len() {
        ("quoted-printable", quoted_printable(text))
    } else {
        ("base64", BASE64_MIME.encode(crlf(text).as_bytes()))
    }
}

/// Appends bytes in base64, in lines of 76 characters that end with CRLF.
pub(super) fn base64(bytes: &[u8], out: &mut String) {
    BASE64_MIME.encode_append(bytes, out);
}

/// Base64 as [`RenderedEmail`](crate::convert::to_email::RenderedEmail) has it, of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct Base64Lines {
    /// What does not fill a line yet.
    rest: Vec<u8>,
}

impl Base64Lines {
    /// How many characters `size` bytes become, with their line ends.
    pub fn length(size: u64) -> u64 {
        let lines = size.div_ceil(u64::try_from(BYTES_IN_LINE).unwrap_or(u64::MAX));
        size.div_ceil(3)
            .saturating_mul(4)
            .saturating_add(lines.saturating_mul(2))
    }

    /// The lines that these bytes fill.
    pub fn write(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let begun = self
            .rest
            .split_off(self.rest.len() / BYTES_IN_LINE * BYTES_IN_LINE);
        let filled = std::mem::replace(&mut self.rest, begun);
        BASE64_MIME.encode(&filled)
    }

    /// The last line.
    pub fn finish(self) -> String {
        BASE64_MIME.encode(&self.rest)
    }
}

/// The text with CRLF line ends, also at its end.
fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 20 + 2);
    for line in lines(text) {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out
}

/// The lines of a text; an end of line at its very end does not begin another one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}

/// Whether a line reaches its reader unchanged as it is: mail servers wrap long lines, strip trailing blanks,
/// put `>` before `From `, and stumble over single dots.
fn survives(line: &str) -> bool {
    line.len() <= READABLE
        && line.bytes().all(is_literal)
        && (!line.ends_with([' ', '\t']) || line == "-- ")
        && !needs_care(line)
}

/// Whether something on the way would take the start of a line for something else: an mbox, SMTP, or our own boundary.
fn needs_care(line: &str) -> bool {
    line.starts_with("From ") || line.starts_with('.') || line.starts_with("--=_")
}

/// A byte that may stand for itself, `=` apart.
fn is_literal(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) || byte == b'\t' || byte == b'\n'
}

fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for line in lines(text) {
        quoted_line(line, &mut out);
        out.push_str("\r\n");
    }
    out
}

fn quoted_line(line: &str, out: &mut String) {
    let last = line.len().saturating_sub(1);
    let mut column = 0;
    for (index, byte) in line.bytes().enumerate() {
        let plain = byte != b'=' && is_literal(byte) && !(index == last && matches!(byte, b' ' | b'\t'));
        let width = if plain { 1 } else { 3 };
        // A soft line break takes one more column, but for the last character of a line.
        let room = if index == last { LINE } else { LINE - 1 };
        // A character is not split over two lines, so that the raw message can be searched.
        let continues = byte & 0xC0 == 0x80;
        let needed = if continues {
            width
        } else {
            width * utf8_length(byte)
        };
        if column + needed > room && !continues {
            out.push_str("=\r\n");
            column = 0;
        }
        // Also where a line was broken.
        let literal = plain && !(column == 0 && line.get(index..).is_some_and(needs_care));
        let width = if literal { 1 } else { 3 };
        if literal {
            out.push(char::from(byte));
        } else {
            out.push('=');
            out.push_str(&data_encoding::HEXUPPER.encode(&[byte]));
        }
        column += width;
    }
}

/// The length of the character whose first byte this is.
fn utf8_length(first: u8) -> usize {
    match first {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn broken_lines_begin_with_nothing_that_is_taken_for_something_else() {
        let from = format!("{}From me", "x".repeat(75));
        for given in [".".repeat(300), from] {
            let (_, encoded) = text(&given);
            assert!(encoded.split("\r\n").all(|line| !needs_care(line)), "{encoded}");
        }
    }

    #[test]
    fn the_encoding_follows_the_content() {
        for (given, encoding, encoded) in [
            ("hi\n\n-- \nBob\n", "7bit", "hi\r\n\r\n-- \r\nBob\r\n"),
            ("", "7bit", "\r\n"),
            (
                "From me\nto you to read at your ease",
                "quoted-printable",
                "=46rom me\r\nto you to read at your ease\r\n",
            ),
            (".\nx", "quoted-printable", "=2E\r\nx\r\n"),
            ("trailing \nblank", "quoted-printable", "trailing=20\r\nblank\r\n"),
            (
                "a caf\u{e9} in the old town",
                "quoted-printable",
                "a caf=C3=A9 in the old town\r\n",
            ),
            ("日本", "base64", "5pel5pysDQo=\r\n"),
        ] {
            assert_eq!(text(given), (encoding, encoded.to_owned()), "{given:?}");
        }
        assert_eq!(
            text("a=b is maths, not a code\u{a0}").1,
            "a=3Db is maths, not a code=C2=A0\r\n"
        );
    }

    proptest! {
        #[test]
        fn base64_does_not_depend_on_the_pieces_in_which_the_bytes_come(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..6),
        ) {
            let mut whole = String::new();
            base64(&pieces.concat(), &mut whole);
            let mut lines = Base64Lines::default();
            let mut written: String = pieces.iter().map(|piece| lines.write(piece)).collect();
            written.push_str(&lines.finish());
            prop_assert_eq!(&written, &whole);
            let size = u64::try_from(pieces.concat().len()).unwrap();
            prop_assert_eq!(Base64Lines::length(size), u64::try_from(whole.len()).unwrap());
        }

        #[test]
        fn lines_are_short_and_ascii(given in "(\\PC{0,90}\n?){0,12}") {
            let (_, encoded) = text(&given);
            prop_assert!(encoded.is_ascii());
            prop_assert!(encoded.split("\r\n").all(|line| line.len() <= READABLE), "{encoded}");
            prop_assert!(!encoded.replace("\r\n", "").contains(['\r', '\n']));
        }
    }
}
