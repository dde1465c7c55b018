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
    mark_zones(lines, roles);
    banner::mark_above(lines, roles, limit);
    delimiter::mark_below(lines, roles, limit);
    device::mark_last(lines, roles, limit);
    disclaimer::mark_last(lines, roles, limit);
    // The line of the device stands above the disclaimer.
    device::mark_last(lines, roles, limit);
    device::mark_apart(lines, roles, limit);
    contact::mark_repeated(lines, roles, limit, writer);
}

/// Marks what HTML says is a signature. On telephones people write into it, below the line of the program: that stays.
fn mark_zones(lines: &[Line], roles: &mut [Role]) {
    let mut below_device = false;
    for (line, role) in lines.iter().zip(roles) {
        if line.zone != Zone::Signature {
            below_device = false;
            continue;
        }
        let is_device = device::is_device_line(&line.text);
        if *role == Role::New && (is_device || !below_device) {
            *role = Role::Signature;
        }
        below_device |= is_device;
    }
}

/// Shows the signature again where nothing else is said and it holds a sentence: Outlook's program for telephones lets people
/// write in nothing else. True when it did.
pub(super) fn show_sentences(lines: &[Line], roles: &mut [Role]) -> bool {
    let written =
        |line: &Line| line.zone == Zone::Signature && !line.is_blank() && !device::is_device_line(&line.text);
    let says =
        |line: &Line| written(line) && line.text.contains(' ') && contact::is_sentence(line.text.trim());
    let found = lines.iter().any(says);
    if found {
        for (line, role) in lines.iter().zip(roles) {
            if line.zone == Zone::Signature && !device::is_device_line(&line.text) {
                *role = Role::New;
            }
        }
    }
    found
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
