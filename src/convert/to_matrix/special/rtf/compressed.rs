//! The compression of RTF in Outlook's properties (MS-OXRTFCP).

use crate::convert::to_matrix::special::tnef::Reader;

const COMPRESSED: u32 = 0x7546_5a4c;
const UNCOMPRESSED: u32 = 0x414c_454d;
/// How much RTF is read, in bytes; HTML has the same limit.
const MAX_RTF: usize = 1024 * 1024;
/// The size of the dictionary, a ring.
const DICTIONARY: usize = 4096;
/// What the dictionary begins with (section 2.1.2.1).
const PRESET: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \
\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

/// Gives the RTF in a property, or its beginning where it is damaged or very long; `None` when it is none.
pub(in super::super) fn expand(data: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(data);
    reader.take(4)?;
    let size = usize::try_from(reader.u32()?).ok()?.min(MAX_RTF);
    let form = reader.u32()?;
    // The checksum: what is damaged is read as far as it goes.
    reader.take(4)?;
    match form {
        UNCOMPRESSED => Some(reader.0.get(..size).unwrap_or(reader.0).to_vec()),
        COMPRESSED => Some(inflate(&mut reader, size)),
        _ => None,
    }
}

/// Undoes the compression (section 3.1.2): eight bits say of what follows whether it is a byte or a place and a length in the
/// dictionary.
fn inflate(reader: &mut Reader<'_>, size: usize) -> Vec<u8> {
    let mut ring = Ring::new();
    let mut out = Vec::new();
    while out.len() < size {
        let Some(&[control]) = reader.take(1) else {
            return out;
        };
        for bit in 0..8 {
            if control & (1 << bit) == 0 {
                let Some(&[byte]) = reader.take(1) else {
                    return out;
                };
                ring.put(byte);
                out.push(byte);
                continue;
            }
            let Some(&[high, low]) = reader.take(2) else {
                return out;
            };
            let place = usize::from(u16::from_be_bytes([high, low]) >> 4);
            // A reference to where the next byte goes is the end.
            if place == ring.end {
                return out;
            }
            for offset in 0..usize::from(low & 0x0f) + 2 {
                let byte = ring.byte(place + offset);
                ring.put(byte);
                out.push(byte);
            }
        }
    }
    out
}

struct Ring {
    bytes: Vec<u8>,
    end: usize,
}

impl Ring {
    fn new() -> Self {
        let mut bytes = PRESET.to_vec();
        let end = bytes.len();
        bytes.resize(DICTIONARY, b' ');
        Self { bytes, end }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at % DICTIONARY).copied().unwrap_or(b' ')
    }

    fn put(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.end) {
            *slot = byte;
        }
        self.end = (self.end + 1) % DICTIONARY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preset_has_the_length_of_the_specification() {
        assert_eq!(PRESET.len(), 207);
    }

    /// The two examples of MS-OXRTFCP, section 3.2.
    #[test]
    fn the_examples_of_the_specification() {
        let simple = [
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a,
            0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c,
            0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let expected = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n";
        assert_eq!(expand(&simple).as_deref(), Some(&expected[..]));
        let crossing = [
            0x1a, 0, 0, 0, 0x1c, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41, 0x00, 0x04,
            0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
        ];
        assert_eq!(
            expand(&crossing).as_deref(),
            Some(&b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"[..])
        );
        for bytes in [&simple[..], &crossing[..]] {
            for end in 0..bytes.len() {
                expand(&bytes[..end]);
            }
        }
    }

    #[test]
    fn a_claim_of_gigabytes_is_bounded() {
        let mut data = vec![0xff; 8];
        data.extend(COMPRESSED.to_le_bytes());
        data.extend([0; 4]);
        // Each two bytes stand for seventeen.
        data.extend(
            [0xff, 0, 0x0f]
                .iter()
                .chain(&[0, 0x0f].repeat(7))
                .copied()
                .collect::<Vec<_>>()
                .repeat(100_000),
        );
        assert!(expand(&data).unwrap().len() < MAX_RTF + 200);
    }
}
