//! S/MIME in one piece (RFC 8551, section 3.5; RFC 5652): the content of what is only signed can be read without any key.

/// What a `smime.p7m` is.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) enum Cms {
    /// Signed; this is what was signed, a MIME part.
    Signed(Vec<u8>),
    /// Only the recipient's key opens it.
    Encrypted,
    /// Certificates alone, or something else.
    Other,
}

/// How deep values are nested; a signed message needs seven.
const MAX_DEPTH: usize = 16;
const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
/// The explicit tag around a content.
const EXPLICIT: u8 = 0xa0;
/// 1.2.840.113549.1.7.2, 1.2.840.113549.1.7.3, and 1.2.840.113549.1.9.16.1.23 (authenticated, RFC 5083).
const SIGNED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
const ENVELOPED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03";
const AUTH_ENVELOPED_DATA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17";

/// Looks into a CMS message.
pub(in super::super) fn open(bytes: &[u8]) -> Cms {
    let message = read(bytes, 0).filter(|value| value.tag == SEQUENCE);
    let Some(kind) = message.and_then(|message| read(message.content, 1)) else {
        return Cms::Other;
    };
    match kind.content {
        ENVELOPED_DATA | AUTH_ENVELOPED_DATA => Cms::Encrypted,
        SIGNED_DATA => signed(kind.rest).map_or(Cms::Other, Cms::Signed),
        _ => Cms::Other,
    }
}

/// `SignedData`: version, digest algorithms, then the content with its type.
fn signed(bytes: &[u8]) -> Option<Vec<u8>> {
    let data = read(read(bytes, 1).filter(|value| value.tag == EXPLICIT)?.content, 2)?;
    let version = read(data.content, 3)?;
    let digests = read(version.rest, 3)?;
    let inner = read(digests.rest, 3).filter(|value| value.tag == SEQUENCE)?;
    let kind = read(inner.content, 4).filter(|value| value.tag == OBJECT)?;
    let content = read(kind.rest, 4).filter(|value| value.tag == EXPLICIT)?;
    let mut out = Vec::new();
    octets(read(content.content, 5)?, 6, &mut out)?;
    Some(out)
}

/// A string of octets, in one piece or in many.
fn octets(value: Value<'_>, depth: usize, out: &mut Vec<u8>) -> Option<()> {
    match value.tag {
        0x04 => out.extend_from_slice(value.content),
        0x24 => {
            let mut rest = value.content;
            while !rest.is_empty() {
                let piece = read(rest, depth)?;
                octets(piece, depth + 1, out)?;
                rest = piece.rest;
            }
        }
        _ => return None,
    }
    Some(())
}

/// One value of BER (X.690, section 8.1).
#[derive(Clone, Copy)]
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

fn read(bytes: &[u8], depth: usize) -> Option<Value<'_>> {
    let (tag, rest) = bytes.split_first().filter(|_| depth < MAX_DEPTH)?;
    let (first, rest) = rest.split_first()?;
    let (content, rest) = match first {
        // Programs that write while they read don't know the length; two zeros end it.
        0x80 => {
            let mut inner = rest;
            while !inner.starts_with(&[0, 0]) {
                inner = read(inner, depth + 1)?.rest;
            }
            let content = rest.get(..rest.len() - inner.len())?;
            (content, inner.get(2..)?)
        }
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x0f))?;
            let length = length
                .iter()
                .fold(0_usize, |length, byte| length << 8 | usize::from(*byte));
            rest.split_at_checked(length)?
        }
        0x85.. => return None,
        short => rest.split_at_checked(usize::from(*short))?,
    };
    Some(Value {
        tag: *tag,
        content,
        rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], content].concat()
    }

    fn endless(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    #[test]
    fn what_is_signed_comes_out() {
        let text = b"Content-Type: text/plain\r\n\r\nHello";
        let id = value(OBJECT, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01");
        let pieces = [value(4, &text[..10]), value(4, &text[10..])].concat();
        for content in [value(4, text), endless(0x24, &pieces)] {
            for wrap in [value, endless] {
                let inner = wrap(SEQUENCE, &[id.clone(), wrap(EXPLICIT, &content)].concat());
                let data = wrap(
                    SEQUENCE,
                    &[value(2, &[1]), value(0x31, &[]), inner, value(0x31, b"")].concat(),
                );
                let message = wrap(
                    SEQUENCE,
                    &[value(OBJECT, SIGNED_DATA), wrap(EXPLICIT, &data)].concat(),
                );
                assert_eq!(open(&message), Cms::Signed(text.to_vec()));
                for end in 0..message.len() {
                    open(&message[..end]);
                }
            }
        }
        let message = value(SEQUENCE, &value(OBJECT, ENVELOPED_DATA));
        assert_eq!(open(&message), Cms::Encrypted);
        for bytes in [&b""[..], b"-----BEGIN", &[0x30, 0x80].repeat(10_000)] {
            assert_eq!(open(bytes), Cms::Other);
        }
    }
}
