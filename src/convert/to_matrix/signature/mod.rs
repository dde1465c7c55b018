//! Signatures and footers: what stands below every mail of a person and says nothing.

mod banner;
mod contact;
mod delimiter;
mod device;
mod disclaimer;

pub(super) use contact::Writer;

use super::lines::{Line, Role, Zone};

/// Marks the signatures among the new lines before `limit`.
pub(super) fn mark(lines: &[Line], roles: &mut [Role], limit: usize, writer: Writer<'_>) {
    for (index, line) in lines.iter().enumerate() {
        if line.zone == Zone::Signature
            && let Some(role) = roles.get_mut(index).filter(|role| **role == Role::New)
        {
            *role = Role::Signature;
        }
    }
    banner::mark_above(lines, roles, limit);
    delimiter::mark_below(lines, roles, limit);
    device::mark_last(lines, roles, limit);
    disclaimer::mark_last(lines, roles, limit);
    // The line of the device stands above the disclaimer.
    device::mark_last(lines, roles, limit);
    contact::mark_repeated(lines, roles, limit, writer);
}

/// Whether the line says something, and is still taken for new.
fn is_new(lines: &[Line], roles: &[Role], index: usize) -> bool {
    roles.get(index) == Some(&Role::New) && lines.get(index).is_some_and(|line| !line.is_blank())
}

/// Whether something new stands in the range.
fn has_text(lines: &[Line], roles: &[Role], mut range: std::ops::Range<usize>) -> bool {
    range.any(|index| is_new(lines, roles, index))
}

/// Takes the lines of the range out.
fn take_out(roles: &mut [Role], range: std::ops::Range<usize>) {
    roles.get_mut(range).unwrap_or_default().fill(Role::Signature);
}
