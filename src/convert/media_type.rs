//! Media types, the extensions that stand for them, and what the first bytes of a file show.

/// Names of types and the extension that goes with each. The first extension of a type is the one given to nameless files,
/// the first type of an extension the one that a name stands for.
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
    ("application/pgp-encrypted", ".asc"),
    ("application/pgp-signature", ".asc"),
    ("application/pgp-keys", ".asc"),
    ("application/pkcs7-signature", ".p7s"),
    ("application/pkcs7-mime", ".p7m"),
    ("message/rfc822", ".eml"),
    ("message/global", ".eml"),
    ("text/plain", ".txt"),
    ("message/delivery-status", ".txt"),
    ("message/disposition-notification", ".txt"),
    ("text/rfc822-headers", ".txt"),
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
            b"avif" | b"avis" => "image/avif",
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
    // Two letters are not enough: the reserved bytes and the size of a known head must follow.
    if at(0, b"BM") && at(6, &[0; 4]) && matches!(bytes.get(14), Some(12 | 40 | 108 | 124)) {
        return Some("image/bmp");
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
        (b"\xff\xfb", "audio/mpeg"),
        (b"\xff\xf3", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"#!AMR", "audio/amr"),
        (b"\x1a\x45\xdf\xa3", "video/webm"),
        (b"\x1f\x8b", "application/gzip"),
    ]
    .into_iter()
    .find(|(magic, _)| bytes.starts_with(magic))
    .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_content_and_by_name() {
        assert_eq!(sniff(b"%PDF-1.7"), Some("application/pdf"));
        assert_eq!(sniff(b"\0\0\0\x18ftypheic"), Some("image/heic"));
        assert_eq!(sniff(b"hello"), None);
        assert_eq!(sniff(b"BMW is a maker of cars"), None);
        assert_eq!(type_of_name("Report.PDF"), Some("application/pdf"));
        assert_eq!(type_of_name("notes.txt"), Some("text/plain"));
        assert_eq!(type_of_name("README"), None);
    }
}
