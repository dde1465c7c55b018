//! Where a mail announces that a quoted message follows.

use super::attribution::{self, Certainty, judge};
use super::block::{self, Heading};
use crate::convert::to_matrix::lines::{Line, Zone};

/// Over how many lines an attribution is wrapped at most.
const MAX_WRAP: usize = 5;

/// An attribution, a heading, or a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    /// The line after it.
    pub(super) text: usize,
    /// How sure it is.
    pub(super) certainty: Certainty,
}

/// For each line the announcement that begins there.
pub(super) fn announcements(lines: &[Line]) -> Vec<Option<Announcement>> {
    let ends: Vec<bool> = lines
        .iter()
        .map(|line| attribution::may_end(&line.text))
        .collect();
    (0..lines.len()).map(|index| at(lines, &ends, index)).collect()
}

/// The next line with text, from `from` on.
pub(super) fn next_text(lines: &[Line], from: usize) -> Option<usize> {
    (from..lines.len()).find(|index| lines.get(*index).is_some_and(|line| !line.is_blank()))
}

/// Whether a quoted message is announced at `index`: gives where its text begins, and how sure it is.
fn at(lines: &[Line], ends: &[bool], index: usize) -> Option<Announcement> {
    let line = lines.get(index).filter(|line| !line.is_blank())?;
    if block::heading(&line.text) == Some(Heading::Original) {
        let next = next_text(lines, index + 1).unwrap_or(index + 1);
        let text = block::header_block(lines, next, true).unwrap_or(index + 1);
        return Some(Announcement {
            text,
            certainty: Certainty::Alone,
        });
    }
    if block::is_rule(&line.text)
        && let Some(next) = next_text(lines, index + 1).filter(|next| *next <= index + 3)
        && let Some(end) = block::header_block(lines, next, true)
    {
        return Some(Announcement {
            text: end,
            certainty: Certainty::Alone,
        });
    }
    if let Some(end) = block::header_block(lines, index, false) {
        return Some(Announcement {
            text: end,
            certainty: Certainty::Alone,
        });
    }
    attribution_at(lines, ends, index)
}

/// An attribution that begins at `index`, wrapped over some lines.
fn attribution_at(lines: &[Line], ends: &[bool], index: usize) -> Option<Announcement> {
    let window = lines.get(index..(index + MAX_WRAP).min(lines.len()))?;
    let first = window.first()?;
    // Most lines of a mail begin no attribution, and most windows end with none.
    let ends = ends.get(index..)?.iter().take(window.len()).any(|ends| *ends);
    if !ends || !attribution::may_begin(&first.text) {
        return None;
    }
    let mut text = String::new();
    for (offset, line) in window.iter().enumerate() {
        if line.is_blank() || (line.depth != first.depth && !line.text.trim_start().starts_with('<')) {
            return None;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line.text.trim());
        let Some(certainty) = judge(&text) else { continue };
        let after = index + offset + 1;
        if certainty == Certainty::WithQuote && !quote_follows(lines, after) {
            continue;
        }
        // A line of new text may stand directly above: then a later line alone is the whole announcement.
        if (1..=offset).any(|later| is_whole(window.get(later..=offset).unwrap_or_default())) {
            return None;
        }
        return Some(Announcement {
            text: after,
            certainty,
        });
    }
    None
}

fn quote_follows(lines: &[Line], after: usize) -> bool {
    next_text(lines, after)
        .filter(|next| *next <= after + 2)
        .and_then(|next| lines.get(next))
        .is_some_and(|line| line.depth > 0 || line.zone >= Zone::Attribution)
}

fn is_whole(lines: &[Line]) -> bool {
    let text: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
    let text = text.join(" ");
    judge(&text) == Some(Certainty::Alone) && attribution::has_date(&text.to_lowercase())
}
