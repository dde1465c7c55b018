//! Bytes that a name may not hold, written as a marker and two lower-case hexadecimal digits.

/// Writes every byte of `text` for which `keep` is false as `marker` and two hexadecimal digits. `keep` gets
/// the byte before, the byte, and the byte after. It must be false for the marker and for all non-ASCII.
pub(super) fn escape(text: &str, marker: char, keep: impl Fn(Option<u8>, u8, Option<u8>) -> bool) -> String {
    let bytes = text.as_bytes();
    let mut escaped = String::with_capacity(text.len());
    let mut before = None;
    for (index, &byte) in bytes.iter().enumerate() {
        if keep(before, byte, bytes.get(index + 1).copied()) {
            escaped.push(char::from(byte));
        } else {
            escaped.push(marker);
            escaped.push_str(&data_encoding::HEXLOWER.encode(&[byte]));
        }
        before = Some(byte);
    }
    escaped
}

/// Undoes [`escape`]. `None` when a marker is not followed by two lower-case hexadecimal digits, or when the
/// bytes are not UTF-8. Accepts more than [`escape`] writes: the caller compares.
pub(super) fn unescape(escaped: &str, marker: char) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.split(marker);
    bytes.extend_from_slice(rest.next()?.as_bytes());
    for part in rest {
        let (digits, plain) = part.split_at_checked(2)?;
        bytes.extend(data_encoding::HEXLOWER.decode(digits.as_bytes()).ok()?);
        bytes.extend_from_slice(plain.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
