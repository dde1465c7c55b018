//! Header fields (RFC 5322, section 2.2; RFC 6532), also damaged ones.

use super::charset;

/// How many fields of one header are read; relays add some thirty, a list of recipients is one field.
const MAX_FIELDS: usize = 1_000;
/// How much of one field is read, in bytes: a `To` with 10,000 addresses is some 300 KB.
const MAX_VALUE: usize = 512 * 1024;

/// One header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The name in lower case.
    pub(crate) name: String,
    /// The value, unfolded, without control characters; encoded words are still encoded.
    pub(crate) value: String,
}

/// Splits header from body. A line that can't be of a header begins the body, as with mails whose
/// empty line got lost.
pub(crate) fn read_fields(raw: &[u8]) -> (Vec<Field>, &[u8]) {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    let mut rest = skip_mbox_line(raw);
    loop {
        let (line, after) = match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => rest.split_at(end + 1),
            None => (rest, &[][..]),
        };
        if line.is_empty() {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            rest = after;
            break;
        }
        if text.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
            match fields.last_mut() {
                Some((_, value)) if value.len() < MAX_VALUE => value.extend_from_slice(text),
                Some(_) => {}
                None if text.trim_ascii().is_empty() => {
                    rest = after;
                    break;
                }
                None => break,
            }
        } else if let Some((name, value)) = split_field(text) {
            if fields.len() < MAX_FIELDS {
                fields.push((name, value.get(..MAX_VALUE).unwrap_or(value).to_vec()));
            }
        } else {
            break;
        }
        rest = after;
    }
    let fields = fields
        .into_iter()
        .map(|(name, value)| Field {
            name,
            value: clean(&value),
        })
        .collect();
    (fields, rest)
}

/// `From alice Mon Jan …`: the separator of an mbox file that was delivered as part of the mail.
fn skip_mbox_line(raw: &[u8]) -> &[u8] {
    if raw.starts_with(b"From ") || raw.starts_with(b">From ") {
        let end = raw
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(raw.len(), |end| end + 1);
        return raw.get(end..).unwrap_or_default();
    }
    raw
}

fn split_field(line: &[u8]) -> Option<(String, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let name = name.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
    Some((name, value.get(1..).unwrap_or_default()))
}

fn clean(value: &[u8]) -> String {
    let text = charset::decode(value, None);
    let text: String = text.chars().filter(|c| *c == '\t' || !c.is_control()).collect();
    text.trim().to_owned()
}
