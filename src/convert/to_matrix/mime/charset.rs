//! Bytes to text, in every charset that mail programs send, also when the label is wrong.

use encoding_rs::{EUC_KR, Encoding, GBK, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::code_pages;

/// Decodes `bytes` by their label. Without a label, or with one that says nothing, UTF-8 is tried, then
/// Windows-1252. Never fails.
pub(crate) fn decode(bytes: &[u8], label: Option<&str>) -> String {
    let label = label
        .unwrap_or_default()
        .trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let label = match label.to_ascii_lowercase().as_str() {
        // Variants, and Microsoft's names, that the WHATWG's table of labels lacks.
        "ks_c_5601" | "cp949" | "ms949" | "x-windows-949" | "x-euc-kr" | "uhc" => "euc-kr".to_owned(),
        "cp950" | "ms950" => "big5".to_owned(),
        // Tajik is Russian with letters where the Russian one has lines to draw boxes with.
        "koi8-t" => "koi8-r".to_owned(),
        "cp936" | "x-gb18030" => "gb18030".to_owned(),
        "cp932" | "ms932" => "shift_jis".to_owned(),
        "cp-850" | "ibm850" => "cp850".to_owned(),
        "unicode-1-1-utf-7" | "x-unicode-2-0-utf-7" => "utf-7".to_owned(),
        other => match other.strip_prefix("win-") {
            Some(page) => format!("windows-{page}"),
            None => other.to_owned(),
        },
    };
    if matches!(
        label.as_str(),
        "" | "us-ascii"
            | "ascii"
            | "ansi_x3.4-1968"
            | "utf-8"
            | "utf8"
            | "unknown-8bit"
            | "x-unknown"
            | "x-user-defined"
            | "default_charset"
    ) {
        return unlabelled(bytes, label.starts_with("utf"));
    }
    // The WHATWG has given these up, or reads them otherwise, but not their writers.
    match label.as_str() {
        "iso-2022-kr" | "csiso2022kr" => {
            return EUC_KR.decode(&unshifted(bytes, b"\x0e", b"\x0f")).0.into_owned();
        }
        "utf-16" | "ucs-2" | "iso-10646-ucs-2" | "unicode" => return two_bytes(bytes),
        "hz-gb-2312" | "hz" => return GBK.decode(&unshifted(bytes, b"~{", b"~}")).0.into_owned(),
        _ => {}
    }
    // The hyphen matters: without it UTF-7 would be found under other names.
    if let Some(encoding) =
        Encoding::for_label(label.as_bytes()).filter(|found| *found != encoding_rs::REPLACEMENT)
    {
        let joined = (encoding == ISO_2022_JP).then(|| without_idle_escapes(bytes));
        let (text, _, errors) = encoding.decode(joined.as_deref().unwrap_or(bytes));
        if errors && let Ok(text) = std::str::from_utf8(bytes) {
            return text.to_owned();
        }
        return text.into_owned();
    }
    if let Some(text) = code_pages::decode(bytes, &label) {
        return text;
    }
    match mail_parser::decoders::charsets::map::charset_decoder(label.as_bytes()) {
        Some(decoder) => decoder(bytes),
        None => unlabelled(bytes, false),
    }
}

/// UTF-16 whose label does not say in which order its bytes are: by the mark, else by where the zeros of blanks and Latin letters
/// stand, else the more significant first (RFC 2781, section 4.3).
fn two_bytes(bytes: &[u8]) -> String {
    let zeros = |at: usize| {
        let pairs = bytes.as_chunks::<2>().0;
        pairs.iter().filter(|pair| pair.get(at) == Some(&0)).count()
    };
    let order = if zeros(1) > zeros(0) { UTF_16LE } else { UTF_16BE };
    // The mark outweighs it.
    order.decode(bytes).0.into_owned()
}

/// The text of bytes about which nothing is known, or which claim to be UTF-8 or ASCII.
fn unlabelled(bytes: &[u8], claims_utf8: bool) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        if bytes.contains(&0x1b)
            && bytes
                .windows(3)
                .any(|window| matches!(window, [0x1b, b'$', b'B' | b'@']))
        {
            return ISO_2022_JP.decode(bytes).0.into_owned();
        }
        return text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
    }
    let (utf8, actual, _) = UTF_8.decode(bytes);
    if actual != UTF_8 {
        return utf8.into_owned();
    }
    // A text in UTF-8 with a damaged character or two is still UTF-8.
    let bad = utf8.chars().filter(|c| *c == '\u{fffd}').count();
    let good = utf8.chars().filter(|c| !c.is_ascii() && *c != '\u{fffd}').count();
    if good > bad || (claims_utf8 && good >= bad) {
        return utf8.into_owned();
    }
    WINDOWS_1252.decode(bytes).0.into_owned()
}

/// Two bytes in seven bits each, between marks that shift (RFC 1557, RFC 1843), in eight bits.
fn unshifted(bytes: &[u8], into: &[u8], out_of: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut rest, mut shifted) = (bytes, false);
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\x1b$)C") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix(if shifted { out_of } else { into }) {
            (rest, shifted) = (after, !shifted);
        } else {
            // A line that ends shifted was damaged.
            shifted &= *first != b'\n';
            let high = shifted && first.is_ascii_graphic();
            out.push(if high { first | 0x80 } else { *first });
            rest = after;
        }
    }
    out
}

/// Joined encoded words switch back to ASCII and at once to Japanese again, which a strict decoder takes for an attack.
fn without_idle_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        let idle = matches!(rest, [0x1b, b'(' | b'$', _, 0x1b, ..]);
        if idle {
            rest = rest.get(3..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}
