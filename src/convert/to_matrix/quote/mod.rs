//! Tells new text from quotations. When a rule is unsure, the text stays.

mod announce;
mod attribution;
mod block;
mod dates;
mod heading;
mod marks;
mod notes;
mod regions;
mod sent;
mod settle;
mod words;
mod zones;

use announce::{Announcement, announcements, next_text};
use heading::Heading;
pub(super) use heading::is_forward_subject;
pub(super) use marks::plain_lines;
pub(super) use sent::mark as mark_sent;
pub(super) use zones::check as check_zones;

use super::lines::{Line, Role, Zone};
use super::signature::{self, Writer};

/// What is known about the mail besides its lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints<'a> {
    /// The subject says that the mail is a forwarded one: what it quotes is content.
    pub(super) forwarded: bool,
    /// There is more to the mail than its text, so that it may say nothing.
    pub(super) has_files: bool,
    /// A chat program wrote it (`Chat-Version`): a quotation at the top is what it answers.
    pub(super) chat: bool,
    /// Who wrote it.
    pub(super) writer: Writer<'a>,
}

/// How many attributions above each other are looked below of, where nothing new stands above them.
const MAX_NESTED: usize = 2;

/// Gives each line its role.
pub(super) fn classify(lines: &[Line], hints: Hints<'_>) -> Vec<Role> {
    classify_below(lines, hints, MAX_NESTED)
}

fn classify_below(lines: &[Line], hints: Hints<'_>, nested: usize) -> Vec<Role> {
    let mut roles = vec![Role::New; lines.len()];
    let announced = announcements(lines);
    let content = forwarded_from(lines, &announced, hints);
    let regions = regions::find(lines, &announced, content);
    for region in &regions {
        fill(&mut roles, region.start..region.end, Role::Quote);
    }
    signature::mark(lines, &mut roles, content, hints.writer);
    settle::settle_middle(lines, &mut roles, &regions, hints);
    if settle::says(lines, &roles) || (!hints.has_files && signature::show_sentences(lines, &mut roles)) {
        return roles;
    }
    if nested > 0
        && let Some(start) = settle::unmarked_below(lines, &regions)
        && let (Some(below), Some(slots)) = (lines.get(start..), roles.get_mut(start..))
    {
        slots.copy_from_slice(&classify_below(below, hints, nested - 1));
    } else if !hints.has_files {
        settle::show_quotations(lines, &mut roles, &regions);
    }
    roles
}

fn fill(roles: &mut [Role], range: std::ops::Range<usize>, role: Role) {
    for slot in roles.get_mut(range).unwrap_or_default() {
        *slot = role;
    }
}

/// Where a forwarded message begins: from there on all is content. The number of lines where there is none.
fn forwarded_from(lines: &[Line], announced: &[Option<Announcement>], hints: Hints<'_>) -> usize {
    let mut quoted = false;
    for (index, line) in lines.iter().enumerate() {
        if line.is_blank() {
            continue;
        }
        if heading::read(&line.text) == Some(Heading::Forwarded) {
            return index;
        }
        let starts = announced.get(index).is_some_and(Option::is_some);
        if hints.forwarded && (starts || line.depth > 0 || line.zone == Zone::Quote) {
            return index;
        }
        // A forwarded message inside a quotation is quoted.
        let starts = starts && !(line.depth > 0 && !quoted && index == 0);
        quoted |= line.depth > 0 || line.zone == Zone::Quote;
        if starts || quoted {
            let next = next_text(lines, index + 1);
            let heads_forward = next.is_some_and(|next| {
                lines.get(next).and_then(|line| heading::read(&line.text)) == Some(Heading::Forwarded)
            });
            if !heads_forward {
                return lines.len();
            }
        }
    }
    lines.len()
}

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;
