//! What the bytes of a file say about it: its type, and how large a picture is.

/// Names of types and the extension that goes with each; the first extension of a type is the one given to nameless files.
const TYPES: &[(&str, &str)] = &[
    ("image/jpeg", ".jpg"),
    ("image/jpeg", ".jpeg"),
    ("image/png", ".png"),
    ("image/gif", ".gif"),
    ("image/webp", ".webp"),
    ("image/svg+xml", ".svg"),
    ("image/tiff", ".tiff"),
    ("image/tiff", ".tif"),
    ("image/bmp", ".bmp"),
    ("image/heic", ".heic"),
    ("image/avif", ".avif"),
    ("audio/mpeg", ".mp3"),
    ("audio/ogg", ".ogg"),
    ("audio/ogg", ".opus"),
    ("audio/mp4", ".m4a"),
    ("audio/wav", ".wav"),
    ("audio/x-wav", ".wav"),
    ("audio/flac", ".flac"),
    ("audio/amr", ".amr"),
    ("video/mp4", ".mp4"),
    ("video/quicktime", ".mov"),
    ("video/webm", ".webm"),
    ("video/3gpp", ".3gp"),
    ("application/pdf", ".pdf"),
    ("application/zip", ".zip"),
    ("application/gzip", ".gz"),
    ("application/json", ".json"),
    ("application/msword", ".doc"),
    ("application/vnd.ms-excel", ".xls"),
    ("application/vnd.ms-powerpoint", ".ppt"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ".docx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ".xlsx",
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ".pptx",
    ),
    ("application/vnd.oasis.opendocument.text", ".odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", ".ods"),
    ("application/pgp-signature", ".asc"),
    ("application/pgp-keys", ".asc"),
    ("application/pgp-encrypted", ".asc"),
    ("application/pkcs7-signature", ".p7s"),
    ("application/pkcs7-mime", ".p7m"),
    ("message/rfc822", ".eml"),
    ("message/global", ".eml"),
    ("message/delivery-status", ".txt"),
    ("message/disposition-notification", ".txt"),
    ("text/rfc822-headers", ".txt"),
    ("text/plain", ".txt"),
    ("text/html", ".html"),
    ("text/calendar", ".ics"),
    ("text/csv", ".csv"),
    ("text/vcard", ".vcf"),
    ("text/x-vcard", ".vcf"),
    ("text/x-patch", ".patch"),
];

/// The usual extension of a media type, with its dot; empty where there is none.
pub(super) fn extension(media_type: &str) -> &'static str {
    TYPES
        .iter()
        .find(|(name, _)| *name == media_type)
        .map_or("", |(_, extension)| extension)
}

/// The type that a name's extension stands for.
pub(super) fn type_of_name(name: &str) -> Option<&'static str> {
    let dot = name.rfind('.')?;
    let extension = name.get(dot..)?.to_ascii_lowercase();
    TYPES
        .iter()
        .find(|(_, known)| *known == extension)
        .map(|(name, _)| *name)
}

/// The type that the first bytes show; only what is sure.
pub(super) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    if at(4, b"ftyp") {
        return Some(match bytes.get(8..12)? {
            b"heic" | b"heix" | b"mif1" => "image/heic",
            b"avif" => "image/avif",
            b"M4A " | b"M4B " => "audio/mp4",
            b"qt  " => "video/quicktime",
            brand if brand.starts_with(b"3g") => "video/3gpp",
            _ => "video/mp4",
        });
    }
    if at(0, b"RIFF") {
        return match bytes.get(8..12)? {
            b"WEBP" => Some("image/webp"),
            b"WAVE" => Some("audio/wav"),
            _ => None,
        };
    }
    [
        (&b"\x89PNG\r\n\x1a\n"[..], "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"%PDF-", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"#!AMR", "audio/amr"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"\x1f\x8b", "application/gzip"),
    ]
    .into_iter()
    .find(|(magic, _)| bytes.starts_with(magic))
    .map(|(_, name)| name)
}

/// Width and height of a picture in pixels, where the head of the file tells them.
pub(super) fn dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |offset: usize| {
        Some(u32::from_be_bytes(
            bytes.get(offset..offset + 4)?.try_into().ok()?,
        ))
    };
    let little = |offset: usize| {
        Some(u32::from(u16::from_le_bytes(
            bytes.get(offset..offset + 2)?.try_into().ok()?,
        )))
    };
    let found = match sniff(bytes)? {
        "image/png" => (big(16)?, big(20)?),
        "image/gif" => (little(6)?, little(8)?),
        "image/jpeg" => jpeg(bytes)?,
        "image/webp" => webp(bytes)?,
        _ => return None,
    };
    (found.0 > 0 && found.1 > 0).then_some(found)
}

/// Walks the segments to the frame header (ITU-T T.81, annex B).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let short = |offset: usize| {
        Some(u16::from_be_bytes(
            bytes.get(offset..offset + 2)?.try_into().ok()?,
        ))
    };
    let mut at = 2;
    // A picture has some ten segments before the frame.
    for _ in 0..200 {
        let marker = *bytes.get(at + 1)?;
        if bytes.get(at) != Some(&0xff) {
            return None;
        }
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((u32::from(short(at + 7)?), u32::from(short(at + 5)?)));
        }
        at += 2 + usize::from(short(at + 2)?);
    }
    None
}

/// The three forms of WebP (RFC 9649).
fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    let byte = |offset: usize| bytes.get(offset).map(|byte| u32::from(*byte));
    match bytes.get(12..16)? {
        b"VP8X" => {
            let three =
                |offset: usize| Some(byte(offset)? | byte(offset + 1)? << 8 | byte(offset + 2)? << 16);
            Some((three(24)? + 1, three(27)? + 1))
        }
        b"VP8 " => {
            let two = |offset: usize| Some((byte(offset)? | byte(offset + 1)? << 8) & 0x3fff);
            Some((two(26)?, two(28)?))
        }
        b"VP8L" => {
            let bits = byte(21)? | byte(22)? << 8 | byte(23)? << 16 | byte(24)? << 24;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_tell_their_size() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x40\0\0\0\xf0";
        let gif = b"GIF89a\x40\x01\xf0\x00";
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\xf0\x01\x40";
        let webp = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x3f\x01\0\xef\0\0";
        for picture in [&png[..], gif, jpeg, webp] {
            assert_eq!(dimensions(picture), Some((320, 240)), "{picture:?}");
            for end in 0..picture.len() {
                assert_eq!(dimensions(&picture[..end]), None);
            }
        }
    }

    #[test]
    fn types_are_known_by_content_and_by_name() {
        assert_eq!(sniff(b"%PDF-1.7"), Some("application/pdf"));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic"), Some("image/heic"));
        assert_eq!(sniff(b"hello"), None);
        assert_eq!(type_of_name("Report.PDF"), Some("application/pdf"));
        assert_eq!(type_of_name("README"), None);
    }
}
