//! Inputs of several parts.

/// The parts of an input, between lines of `%%`; those that are not there are empty.
pub fn split<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = [&b""[..]; N];
    let mut rest = data;
    let last = N.saturating_sub(1);
    for part in parts.iter_mut().take(last) {
        let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) else {
            break;
        };
        *part = &rest[..at];
        rest = &rest[at + MARK.len()..];
    }
    parts[last] = rest;
    parts
}

const MARK: &[u8] = b"\n%%\n";

/// The letters and digits of a text: what must not get lost, however it is laid out.
pub fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphanumeric()).count()
}
