//! The properties inside a `winmail.dat` (MS-OXTNEF, section 2.1.3.4; MS-OXCDATA, section 2.11.1).

use super::tnef::Reader;
use crate::convert::to_matrix::mime::charset;

/// `PidTagBody`: the text of a message.
pub(super) const BODY: u16 = 0x1000;
/// `PidTagHtml`: the text as HTML.
pub(super) const HTML: u16 = 0x1013;
/// `PidTagRtfCompressed`: the text as RTF.
pub(super) const RTF: u16 = 0x1009;
/// `PidTagAttachLongFilename`.
pub(super) const LONG_NAME: u16 = 0x3707;
/// `PidTagAttachContentId`.
pub(super) const CONTENT_ID: u16 = 0x3712;
/// How many properties are read; a message has some hundred.
const MAX_PROPERTIES: u32 = 2_000;
/// The bit of a type that says that there are several values.
const MANY: u16 = 0x1000;

/// `PtypString`, `PtypString8` and `PtypBinary`.
const UNICODE: u16 = 0x001f;
const STRING: u16 = 0x001e;
const BINARY: u16 = 0x0102;

/// The text of a property; `None` when there is none.
pub(super) fn text(data: &[u8], wanted: u16) -> Option<String> {
    let (kind, value) = find(data, wanted, &[UNICODE, STRING, BINARY])?;
    let encoding = (kind == UNICODE).then_some("utf-16le");
    let text = charset::decode(value, encoding);
    let text = text.trim_matches('\0');
    (!text.is_empty()).then(|| text.to_owned())
}

/// The bytes of a property; `None` when there is none.
pub(super) fn bytes(data: &[u8], wanted: u16) -> Option<&[u8]> {
    find(data, wanted, &[BINARY]).map(|(_, value)| value)
}

/// The first value of a property that has one of these types, with its type.
fn find<'a>(data: &'a [u8], wanted: u16, kinds: &[u16]) -> Option<(u16, &'a [u8])> {
    let mut reader = Reader(data);
    let count = reader.u32()?.min(MAX_PROPERTIES);
    for _ in 0..count {
        let (kind, id, value) = property(&mut reader)?;
        if id == wanted && kinds.contains(&kind) {
            return Some((kind, value));
        }
    }
    None
}

/// Type, identifier, and the first value.
fn property<'a>(reader: &mut Reader<'a>) -> Option<(u16, u16, &'a [u8])> {
    let tag = reader.u32()?.to_be_bytes();
    let [high, low, kind_high, kind_low] = tag;
    let (id, kind) = (
        u16::from_be_bytes([high, low]),
        u16::from_be_bytes([kind_high, kind_low]),
    );
    if id >= 0x8000 {
        // A named property: set, then number or name.
        reader.take(16)?;
        if reader.u32()? == 0 {
            reader.take(4)?;
        } else {
            padded(reader)?;
        }
    }
    let base = kind & !MANY;
    let size = match base {
        0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        0x000d | 0x001e | 0x001f | 0x0102 => None,
        _ => return None,
    };
    let has_count = size.is_none() || kind != base;
    let count = if has_count { reader.u32()? } else { 1 };
    let mut first = None;
    for _ in 0..count {
        let value = match size {
            Some(size) => reader.take(size)?,
            None => padded(reader)?,
        };
        first.get_or_insert(value);
    }
    Some((base, id, first.unwrap_or_default()))
}

/// A length and as many bytes, filled up to four.
fn padded<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(reader.u32()?).ok()?;
    let value = reader.take(length)?;
    // The filling of the last value may be missing.
    let filling = length.next_multiple_of(4) - length;
    reader.take(filling.min(reader.0.len()))?;
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_of_all_types_are_passed_over() {
        let mut data = 5_u32.to_le_bytes().to_vec();
        data.extend([0x03, 0, 0x17, 0, 1, 0, 0, 0]);
        // Two values of eight bytes.
        data.extend([0x14, 0x10, 0x18, 0, 2, 0, 0, 0]);
        data.extend([7; 16]);
        // Named by a text.
        data.extend([0x0b, 0, 0x01, 0x80]);
        data.extend([9; 16]);
        data.extend([1, 0, 0, 0, 4, 0, 0, 0, b'a', 0, 0, 0, 1, 0, 0, 0]);
        data.extend([
            0x1f, 0, 0x00, 0x10, 1, 0, 0, 0, 6, 0, 0, 0, 0xe9, 0, 0xe8, 0, 0, 0, 0, 0,
        ]);
        data.extend([0x02, 0x01, 0x13, 0x10, 1, 0, 0, 0, 4, 0, 0, 0]);
        data.extend(b"<p>x");
        assert_eq!(text(&data, BODY).as_deref(), Some("éè"));
        assert_eq!(text(&data, HTML).as_deref(), Some("<p>x"));
        assert_eq!(text(&data, LONG_NAME), None);
        for end in 0..data.len() {
            text(&data[..end], LONG_NAME);
        }
        // A count that would keep a loop busy.
        let endless = [
            &5_u32.to_le_bytes()[..],
            &[0x1e, 0, 7, 0x37, 255, 255, 255, 255],
            &[0; 64],
        ]
        .concat();
        assert_eq!(text(&endless, LONG_NAME), None);
    }
}
