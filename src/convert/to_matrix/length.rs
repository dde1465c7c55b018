//! Events stay below the limit of 65,536 bytes (client-server API, "Size limits").

/// How many bytes of text an event shows; escaping may double some, and `formatted_body` repeats it.
pub(super) const MAX_BODY: usize = 16_000;
/// How many bytes `formatted_body` may have; longer ones are left out.
pub(super) const MAX_FORMATTED: usize = 32_000;
/// How many bytes both may have together as JSON, where quotes and backslashes are two bytes each.
pub(super) const MAX_TEXTS: usize = 56_000;

/// How many bytes a text has as JSON, without the quotes around it (RFC 8259, section 7).
pub(super) fn as_json(text: &str) -> usize {
    let short = |byte: &u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    let long = |byte: &u8| byte.is_ascii_control() && !short(byte);
    text.len() + text.bytes().filter(short).count() + 5 * text.bytes().filter(long).count()
}

/// Cuts a text at the end of a line, or of a word, below `limit` bytes. `None` when it fits.
pub fn cut(text: &str, limit: usize) -> Option<String> {
    if text.len() <= limit {
        return None;
    }
    let head = text.get(..text.floor_char_boundary(limit)).unwrap_or_default();
    let near = head.floor_char_boundary(limit.saturating_sub(limit / 8));
    let end = ['\n', ' ']
        .into_iter()
        .find_map(|end| head.rfind(end).filter(|at| *at >= near))
        .unwrap_or(head.len());
    Some(format!("{} …", head.get(..end).unwrap_or(head).trim_end()))
}
