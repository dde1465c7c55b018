//! Attachments: names without paths or tricks, types that fit the bytes.

use crate::convert::media_type;

use super::FIRST_BYTES;
use super::line::{is_invisible, is_joiner, line};

/// Longest file name, in characters: file systems allow 255 bytes, mail programs show far less.
const LONGEST: usize = 100;
/// Longest extension that is kept when a name is cut.
const LONGEST_EXTENSION: usize = 10;

/// Makes a file name safe: the last component of whatever path it was, without control, formatting and
/// reserved characters; with an extension that fits `content_type` when it had none.
pub(super) fn name(given: &str, fallback: &str, content_type: &str) -> String {
    let last = given
        .rsplit(['/', '\\'])
        .find(|part| !part.trim().is_empty())
        .unwrap_or_default();
    let mut visible = String::new();
    for c in last.chars() {
        // Between letters that join a joiner is spelling, elsewhere it hides.
        let joins = is_joiner(c) && visible.chars().next_back().is_some_and(|c| !c.is_ascii());
        if joins || !is_invisible(c) {
            visible.push(c);
        }
    }
    let safe: String = line(&visible, usize::MAX)
        .chars()
        .map(|c| if r#"<>:"|?*"#.contains(c) { '_' } else { c })
        .collect();
    let safe = safe.trim_matches(['.', ' ']);
    let safe = if safe.is_empty() { fallback } else { safe };
    let (stem, extension) = match safe.rsplit_once('.') {
        Some((stem, extension)) if is_extension(extension) => (stem, extension),
        _ => (safe, media_type::extension(content_type).trim_start_matches('.')),
    };
    let stem = line(stem, LONGEST - LONGEST_EXTENSION - 1);
    if extension.is_empty() {
        stem
    } else {
        format!("{stem}.{extension}")
    }
}

fn is_extension(text: &str) -> bool {
    (1..=LONGEST_EXTENSION).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The media type to declare, by the first bytes: what the sender says, unless that is no media type, names a structure of mails, or
/// is a kind of picture or sound that the bytes are not.
pub(super) fn content_type(declared: Option<&str>, bytes: &[u8]) -> String {
    const UNKNOWN: &str = "application/octet-stream";
    let bytes = bytes.get(..FIRST_BYTES).unwrap_or(bytes);
    let found = media_type::sniff(bytes);
    let declared = declared
        .and_then(|declared| declared.split(';').next())
        .map(|declared| declared.trim().to_ascii_lowercase())
        .filter(|declared| is_media_type(declared));
    let Some(declared) = declared else {
        return found.unwrap_or(UNKNOWN).to_owned();
    };
    let family = declared.split('/').next().unwrap_or_default();
    match family {
        // A program is a program, whatever it is said to be.
        _ if is_program(bytes) => UNKNOWN.to_owned(),
        // Base64 is forbidden within them (RFC 2046, section 5.2.1), and a receiver would take them apart.
        "message" | "multipart" => UNKNOWN.to_owned(),
        "image" | "audio" | "video" => match found {
            Some(found) if family_fits(family, found) => declared,
            Some(found) => found.to_owned(),
            None if looks_like_markup(bytes) && declared != "image/svg+xml" => UNKNOWN.to_owned(),
            None => declared,
        },
        _ => declared,
    }
}

/// Whether the bytes are of the declared family: the same container holds sound and pictures.
fn family_fits(family: &str, found: &str) -> bool {
    found.starts_with(family)
        || (family == "audio" && matches!(found, "video/mp4" | "video/webm"))
        || (family == "video" && found == "audio/ogg")
}

/// A type and a subtype of the characters that RFC 6838, section 4.2, permits.
fn is_media_type(text: &str) -> bool {
    let is_name = |name: &str| {
        (1..=100).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.split_once('/')
        .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype))
}

/// Programs for Windows, Linux and macOS.
fn is_program(bytes: &[u8]) -> bool {
    let starts: [&[u8]; 6] = [
        b"MZ",
        b"\x7fELF",
        b"\xfe\xed\xfa\xce",
        b"\xfe\xed\xfa\xcf",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
    ];
    starts.iter().any(|start| bytes.starts_with(start))
}

fn looks_like_markup(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// A size for people, in the units of file managers: `34 KB`.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..999_500 => format!("{} KB", (bytes + 500) / 1000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe() {
        for (given, expected) in [
            ("cat.png", "cat.png"),
            ("/etc/passwd", "passwd.png"),
            ("..\\..\\evil.exe", "evil.exe"),
            ("../..", "picture.png"),
            ("", "picture.png"),
            ("annexe\u{202e}gpj.exe", "annexegpj.exe"),
            ("a\r\nContent-Type: x", "a Content-Type_ x.png"),
            ("b\0.p\u{7}ng", "b .p ng.png"),
            (".hidden", "hidden.png"),
            ("👩\u{200d}👧.png", "👩\u{200d}👧.png"),
            ("a.e\u{200d}xe", "a.exe"),
            ("日本語 の写真.jpg", "日本語 の写真.jpg"),
            ("version 1.2 final", "version 1.2 final.png"),
        ] {
            assert_eq!(name(given, "picture", "image/png"), expected, "{given:?}");
        }
        let long = name(&format!("{}.png", "ä".repeat(5000)), "picture", "image/png");
        assert!(
            long.chars().count() <= LONGEST && long.ends_with("….png"),
            "{long}"
        );
    }

    #[test]
    fn types_fit_the_bytes() {
        let png = b"\x89PNG\r\n\x1a\n0000";
        for (declared, bytes, expected) in [
            (Some("image/png"), &png[..], "image/png"),
            (Some("image/jpeg"), png, "image/jpeg"),
            (Some("IMAGE/PNG; charset=x"), png, "image/png"),
            (Some("image/png"), b"<html><script>", "application/octet-stream"),
            (Some("image/png"), b"MZ\x90\0", "application/octet-stream"),
            (Some("application/pdf"), b"MZ\x90\0", "application/octet-stream"),
            (Some("image/png\r\nBcc: x"), png, "image/png"),
            (None, png, "image/png"),
            (None, b"hello", "application/octet-stream"),
            (Some("text/plain"), b"hello", "text/plain"),
            (Some("message/rfc822"), b"From: x", "application/octet-stream"),
            (Some("multipart/mixed"), b"", "application/octet-stream"),
            (Some("audio/mp4"), b"\0\0\0\x20ftypisom", "audio/mp4"),
        ] {
            assert_eq!(content_type(declared, bytes), expected, "{declared:?}");
        }
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(
            [size(12), size(34_001), size(2_560_000)],
            ["12 bytes", "34 KB", "2.5 MB"]
        );
    }
}
