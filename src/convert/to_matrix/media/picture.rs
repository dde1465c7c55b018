//! Width and height of a picture, as a viewer shows it, where the head of the file tells them.

use super::boxes;
use super::bytes::{be16, be32, le16, le32};
use super::tiff::{HEIGHT, ORIENTATION, Tiff, WIDTH};
use crate::convert::media_type::sniff;

/// Width and height in pixels.
pub(in super::super) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let found = match sniff(bytes)? {
        "image/png" => (be32(bytes, 16)?, be32(bytes, 20)?),
        "image/gif" => (le16(bytes, 6)?.into(), le16(bytes, 8)?.into()),
        "image/jpeg" => jpeg(bytes)?,
        "image/webp" => webp(bytes)?,
        "image/bmp" => (le32(bytes, 18)?, bmp_height(le32(bytes, 22)?)),
        "image/tiff" => {
            let tiff = Tiff::new(bytes)?;
            turned(tiff.value(ORIENTATION), (tiff.value(WIDTH)?, tiff.value(HEIGHT)?))
        }
        "image/heic" | "image/avif" => boxes::picture_size(bytes)?,
        "video/mp4" | "video/quicktime" | "video/3gpp" => boxes::video_size(bytes)?,
        _ => return None,
    };
    // What is larger is a lie, or no client could show it.
    let plausible = |side: u32| (1..=100_000).contains(&side);
    (plausible(found.0) && plausible(found.1)).then_some(found)
}

/// A negative height says that the rows go downwards.
fn bmp_height(height: u32) -> u32 {
    height.cast_signed().unsigned_abs()
}

/// Telephones save pictures as the sensor lies, and say how to turn them (Exif 2.32, section 4.6.4): from 5 on by 90 degrees.
fn turned(orientation: Option<u32>, (width, height): (u32, u32)) -> (u32, u32) {
    match orientation {
        Some(5..=8) => (height, width),
        _ => (width, height),
    }
}

/// Walks the segments to the frame header (ITU-T T.81, annex B).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut orientation = None;
    let mut at = 2;
    // A picture has some ten segments before the frame.
    for _ in 0..200 {
        let marker = *bytes.get(at + 1)?;
        if bytes.get(at) != Some(&0xff) {
            return None;
        }
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let size = (be16(bytes, at + 7)?.into(), be16(bytes, at + 5)?.into());
            return Some(turned(orientation, size));
        }
        let length = usize::from(be16(bytes, at + 2)?);
        if marker == 0xe1 {
            let exif = bytes.get(at + 4..at + 2 + length).unwrap_or_default();
            let exif = exif.strip_prefix(b"Exif\0\0").and_then(Tiff::new);
            orientation = orientation.or_else(|| exif?.value(ORIENTATION));
        }
        at += 2 + length;
    }
    None
}

/// The three forms of WebP (RFC 9649).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match bytes.get(12..16)? {
        b"VP8X" => {
            // The bytes before the width are reserved; those of the height end the chunk.
            let three = |at: usize| Some(u32::from(le16(bytes, at)?) | u32::from(*bytes.get(at + 2)?) << 16);
            Some((three(24)? + 1, three(27)? + 1))
        }
        b"VP8 " => Some((
            u32::from(le16(bytes, 26)? & 0x3fff),
            u32::from(le16(bytes, 28)? & 0x3fff),
        )),
        b"VP8L" => {
            let bits = le32(bytes, 21)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A TIFF header whose first directory holds the tags, each a 16-bit number.
    fn tiff(tags: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
        bytes.extend(u16::try_from(tags.len()).unwrap().to_be_bytes());
        for (tag, value) in tags {
            bytes.extend(tag.to_be_bytes());
            bytes.extend([0, 3, 0, 0, 0, 1]);
            bytes.extend(value.to_be_bytes());
            bytes.extend([0, 0]);
        }
        bytes
    }

    fn boxed(kind: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend(kind.as_bytes());
        bytes.extend(content);
        bytes
    }

    #[test]
    fn pictures_tell_their_size() {
        let mut exif = b"Exif\0\0".to_vec();
        exif.extend(tiff(&[(ORIENTATION, 6)]));
        let mut turned = b"\xff\xd8\xff\xe1\0".to_vec();
        turned.push(u8::try_from(exif.len() + 2).unwrap());
        turned.extend(exif);
        turned.extend(b"\xff\xc0\0\x11\x08\x01\x40\0\xf0");
        let ispe = boxed("ispe", b"\0\0\0\0\0\0\x01\x40\0\0\0\xf0");
        let thumbnail = boxed("ispe", b"\0\0\0\0\0\0\0\x10\0\0\0\x10");
        let ipco = boxed("ipco", &[thumbnail, ispe].concat());
        let meta = boxed("meta", &[&b"\0\0\0\0"[..], &boxed("iprp", &ipco)].concat());
        let heic = [boxed("ftyp", b"heic\0\0\0\0"), meta].concat();
        for picture in [
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xf0".to_vec(),
            b"GIF89a\x40\x01\xf0\x00".to_vec(),
            b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\xf0\x01\x40".to_vec(),
            b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0".to_vec(),
            b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x40\x01\0\0\x10\xff\xff\xff".to_vec(),
            tiff(&[(WIDTH, 320), (HEIGHT, 240)]),
            turned,
            heic,
        ] {
            assert_eq!(dimensions(&picture), Some((320, 240)), "{picture:?}");
            for end in 0..picture.len() {
                let cut = dimensions(&picture[..end]);
                assert!(
                    cut.is_none() || cut == Some((320, 240)) || cut == Some((16, 16)),
                    "{end}"
                );
            }
        }
        assert_eq!(
            dimensions(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\0\x01\x40\0\0\0\xf0"),
            None
        );
    }
}
