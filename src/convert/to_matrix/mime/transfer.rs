//! Transfer encodings (RFC 2045, section 6), with the damage that they suffer on the way.

use super::params::hex;

/// Decodes base64, ignoring everything outside the alphabet, as RFC 2045, section 6.8, asks. Padding in the
/// middle, as concatenated pieces have it, ends a quantum and not the data.
pub(crate) fn decode_base64(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() / 4 * 3 + 3);
    let mut base64 = Base64::default();
    base64.push(data, &mut out);
    base64.finish(&mut out);
    out
}

/// Base64 that comes in pieces.
#[derive(Debug, Default)]
struct Base64 {
    bits: u32,
    count: u8,
}

impl Base64 {
    fn push(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let mut rest = data;
        loop {
            // Nearly all of it is whole groups within a line.
            while self.count == 0
                && let Some(([first, second, third, fourth], after)) = rest.split_first_chunk::<4>()
                && let [first, second, third, fourth] =
                    [value(*first), value(*second), value(*third), value(*fourth)]
                && (first | second | third | fourth) < INVALID
            {
                out.extend_from_slice(&[
                    first << 2 | second >> 4,
                    second << 4 | third >> 2,
                    third << 6 | fourth,
                ]);
                rest = after;
            }
            let Some((byte, after)) = rest.split_first() else {
                break;
            };
            rest = after;
            if *byte == b'=' {
                self.finish(out);
            }
            let value = value(*byte);
            if value == INVALID {
                continue;
            }
            self.bits = self.bits << 6 | u32::from(value);
            self.count += 1;
            if self.count == 4 {
                let [_, first, second, third] = self.bits.to_be_bytes();
                out.extend_from_slice(&[first, second, third]);
                (self.bits, self.count) = (0, 0);
            }
        }
    }

    /// Ends a quantum.
    fn finish(&mut self, out: &mut Vec<u8>) {
        match self.count {
            2 => out.extend((self.bits >> 4).to_be_bytes().get(3..).unwrap_or_default()),
            3 => out.extend((self.bits >> 2).to_be_bytes().get(2..).unwrap_or_default()),
            _ => {}
        }
        (self.bits, self.count) = (0, 0);
    }
}

/// Decodes the base64 of a text. Lists put their footers below it in plain words, and some programs declare base64 and write
/// none: from the first line on that is plainly something else the bytes stay as they are, unless base64 goes on below.
pub(crate) fn decode_base64_text(data: &[u8]) -> Vec<u8> {
    let lines = data.split_inclusive(|byte| *byte == b'\n');
    let end: usize = lines.take_while(|line| !is_plain(line)).map(<[u8]>::len).sum();
    let (encoded, rest) = data.split_at_checked(end).unwrap_or((data, b""));
    let goes_on = |line: &[u8]| {
        let line = line.trim_ascii();
        line.len() >= LONG && line.iter().all(|byte| value(*byte) != INVALID || *byte == b'=')
    };
    if rest.split(|byte| *byte == b'\n').any(goes_on) {
        return decode_base64(data);
    }
    let mut out = decode_base64(encoded);
    if !out.is_empty() && !rest.is_empty() {
        out.push(b'\n');
    }
    out.extend_from_slice(rest);
    out
}

/// A line of this length without a blank was written by a program.
const LONG: usize = 60;

/// Words with blanks between them, or too much that is not in the alphabet to be damage.
fn is_plain(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let others = line
        .iter()
        .filter(|byte| value(**byte) == INVALID && **byte != b'=')
        .count();
    line.contains(&b' ') || others * 5 > line.len()
}

/// No character of base64; larger than the values of all.
const INVALID: u8 = 0x40;
/// The value of each byte as a character of base64.
const VALUES: [u8; 256] = {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [INVALID; 256];
    let mut rest = alphabet.as_slice();
    let mut value = 0;
    while let Some((character, after)) = rest.split_first() {
        if let Some((_, from)) = values.split_at_mut_checked(*character as usize)
            && let Some(place) = from.first_mut()
        {
            *place = value;
        }
        value += 1;
        rest = after;
    }
    values
};

fn value(character: u8) -> u8 {
    VALUES.get(usize::from(character)).copied().unwrap_or(INVALID)
}

/// Decodes quoted-printable. An equals sign that begins no code stays as it is.
pub(crate) fn decode_quoted_printable(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        decode_quoted_line(line, &mut out);
    }
    out
}

fn decode_quoted_line(line: &[u8], out: &mut Vec<u8>) {
    let text = line.trim_ascii_end();
    let end = line.strip_suffix(b"\n").map_or(
        &b""[..],
        |line| {
            if line.ends_with(b"\r") { b"\r\n" } else { b"\n" }
        },
    );
    let (text, soft) = match text.strip_suffix(b"=") {
        Some(text) => (text, true),
        None => (text, false),
    };
    decode_quoted(text, out);
    if !soft {
        out.extend_from_slice(end);
    }
}

fn decode_quoted(text: &[u8], out: &mut Vec<u8>) {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        if *byte == b'='
            && let (Some(high), Some(low)) = (
                ahead.next().and_then(|b| hex(*b)),
                ahead.next().and_then(|b| hex(*b)),
            )
        {
            out.push(high << 4 | low);
            bytes = ahead;
        } else {
            out.push(*byte);
        }
    }
}

/// Undoes the transfer encoding of a body that comes in pieces. What is encoded in a way that is only known as a whole stays as it is.
#[derive(Debug, Default)]
pub struct Decoder(Encoding);

#[derive(Debug, Default)]
enum Encoding {
    /// 7bit, 8bit, binary.
    #[default]
    None,
    Base64(Base64),
    /// The line that has not ended.
    Quoted(Vec<u8>),
}

/// A line of quoted-printable that is longer is decoded in parts. The rule is 76 (RFC 2045, section 6.7).
const LONGEST_LINE: usize = 64 * 1024;

impl Decoder {
    /// For a `Content-Transfer-Encoding`, in lower case.
    pub(in super::super) fn of(encoding: &str) -> Self {
        Self(match encoding {
            "base64" => Encoding::Base64(Base64::default()),
            "quoted-printable" => Encoding::Quoted(Vec::new()),
            _ => Encoding::None,
        })
    }

    /// Takes the next piece, and appends what is decoded by it.
    pub fn push(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            Encoding::None => out.extend_from_slice(piece),
            Encoding::Base64(base64) => base64.push(piece, out),
            Encoding::Quoted(begun) => {
                for line in piece.split_inclusive(|byte| *byte == b'\n') {
                    begun.extend_from_slice(line);
                    if line.ends_with(b"\n") {
                        decode_quoted_line(begun, out);
                        begun.clear();
                    } else if begun.len() > LONGEST_LINE {
                        // A code may have begun at the end.
                        let rest = begun.split_off(begun.len() - 2);
                        let code = rest.iter().position(|byte| *byte == b'=').unwrap_or(rest.len());
                        let (text, rest) = rest.split_at(code);
                        begun.extend_from_slice(text);
                        decode_quoted(begun, out);
                        *begun = rest.to_vec();
                    }
                }
            }
        }
    }

    /// Appends what is left.
    pub fn finish(self, out: &mut Vec<u8>) {
        match self.0 {
            Encoding::None => {}
            Encoding::Base64(mut base64) => base64.finish(out),
            Encoding::Quoted(begun) => decode_quoted_line(&begun, out),
        }
    }
}

/// A file that stood in a text, uuencoded or in yEnc.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TextFile {
    /// The name in the `begin` line; hostile.
    pub(crate) name: String,
    /// The decoded bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Whether a transfer encoding is that of old Unix programs.
pub(super) fn is_uuencode(encoding: &str) -> bool {
    matches!(encoding, "x-uuencode" | "uuencode" | "x-uue")
}

/// Decodes the first `begin 644 name` … `end` block.
pub(super) fn decode_uuencode(data: &[u8]) -> Option<TextFile> {
    let text = String::from_utf8_lossy(data);
    take_uuencoded(text.into_owned()).1.into_iter().next()
}

/// Takes the uuencoded files out of a text, as old programs put them there.
pub(crate) fn take_uuencoded(text: String) -> (String, Vec<TextFile>) {
    if !text.contains("begin ") {
        return (text, Vec::new());
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut files = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        // A sentence may begin with `begin 100 …`: the next line must be one of 45 bytes, or the last.
        let name = begin_line(line).filter(|_| lines.peek().is_some_and(|next| is_uu_line(next)));
        let Some(name) = name else {
            kept.push(line);
            continue;
        };
        let mut bytes = Vec::new();
        for line in lines.by_ref().take_while(|line| line.trim_end() != "end") {
            decode_uu_line(line.as_bytes(), &mut bytes);
        }
        files.push(TextFile { name, bytes });
    }
    (kept.join("\n"), files)
}

/// The first character of a line says how many bytes it holds; the rest is in groups of four.
fn is_uu_line(line: &str) -> bool {
    let line = line.trim_end();
    let Some((first, rest)) = line.as_bytes().split_first() else {
        return false;
    };
    let groups = usize::from(first.wrapping_sub(b' ') & 0x3f).div_ceil(3) * 4;
    (b' '..=b'`').contains(first) && rest.len() <= groups + 2 && rest.len() + 4 >= groups
}

/// The file name of `begin 644 name`.
fn begin_line(line: &str) -> Option<String> {
    let (mode, name) = line.strip_prefix("begin ")?.split_once(' ')?;
    let octal = (3..=4).contains(&mode.len()) && mode.bytes().all(|byte| (b'0'..b'8').contains(&byte));
    (octal && !name.trim().is_empty()).then(|| name.trim().to_owned())
}

fn decode_uu_line(line: &[u8], out: &mut Vec<u8>) {
    let value = |byte: &u8| byte.wrapping_sub(b' ') & 0x3f;
    let Some((length, data)) = line.split_first() else {
        return;
    };
    let length = usize::from(value(length));
    let mut decoded: Vec<u8> = Vec::with_capacity(48);
    for group in data.chunks(4) {
        let bits = (0..4).fold(0_u32, |bits, index| {
            bits << 6 | u32::from(group.get(index).map_or(0, value))
        });
        decoded.extend(bits.to_be_bytes().get(1..).unwrap_or_default());
    }
    decoded.truncate(length);
    out.extend(decoded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_base64_in_a_text_stays() {
        let long = "SGVsbG8sIHRoaXMgaXMgYSB0ZXh0IHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gYmUgd3JhcHBl";
        for (data, expected) in [
            ("SGVsbG8=\r\n", "Hello"),
            ("SGVs\r\nbG8=\r\n\r\n", "Hello"),
            // A list's footer.
            (
                "SGVsbG8=\n_____\nThe garden list\n",
                "Hello\n_____\nThe garden list\n",
            ),
            // Declared and not done.
            ("Hello, this is text.\n", "Hello, this is text.\n"),
            // Damage.
            ("SGVs*bG8=\n", "Hello"),
            (
                &format!("{long} {long}\n{long}\n"),
                "Hello, this is a text that is long enough to be wrappe"
                    .repeat(3)
                    .as_str(),
            ),
        ] {
            assert_eq!(
                String::from_utf8(decode_base64_text(data.as_bytes())).unwrap(),
                expected,
                "{data}"
            );
        }
    }
}
