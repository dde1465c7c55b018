//! The groups of fields of a report: one about the message, then one for each recipient (RFC 3464, section 2.1).

use crate::convert::to_matrix::headers::one_line;
use crate::convert::to_matrix::mime::{Field, read_fields};

/// How many groups of fields are read, each about one recipient.
const MAX_GROUPS: usize = 100;

/// The groups of fields, which blank lines separate.
pub(in crate::convert::to_matrix) fn groups(mut rest: &[u8]) -> Vec<Vec<Field>> {
    let mut groups = Vec::new();
    while !rest.is_empty() && groups.len() < MAX_GROUPS {
        let (fields, after) = read_fields(rest);
        if after.len() == rest.len() {
            break;
        }
        groups.push(fields);
        rest = after;
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The value of a field without its type (`rfc822;`, `smtp;`).
pub(in crate::convert::to_matrix) fn value(group: &[Field], name: &str) -> Option<String> {
    let field = group.iter().find(|field| field.name == name)?;
    let value = match field.value.split_once(';') {
        Some((kind, value)) if !kind.contains(' ') => value,
        _ => &field.value,
    };
    let value = one_line(value);
    (!value.is_empty()).then_some(value)
}
