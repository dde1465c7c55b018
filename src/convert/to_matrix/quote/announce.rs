//! Where a mail announces that a quoted message follows.

use super::attribution::{self, Certainty, judge};
use super::block::{self, HeaderLine};
use super::dates::Dates;
use super::heading::{self, Heading};
use super::notes;
use crate::convert::to_matrix::lines::{Line, Zone};

/// Over how many lines an attribution is wrapped at most.
const MAX_WRAP: usize = 6;

/// An attribution, a heading, or a header block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    /// The line after it.
    pub(super) text: usize,
    /// How sure it is.
    pub(super) certainty: Certainty,
}

/// A mail's lines with what is asked of them again and again.
struct Page<'a> {
    lines: &'a [Line],
    /// Whether an attribution may end there.
    ends: Vec<bool>,
    headers: Vec<HeaderLine>,
}

/// For each line the announcement that begins there.
pub(super) fn announcements(lines: &[Line]) -> Vec<Option<Announcement>> {
    let page = Page {
        lines,
        ends: lines
            .iter()
            .map(|line| attribution::may_end(&line.text))
            .collect(),
        headers: lines.iter().map(|line| HeaderLine::read(&line.text)).collect(),
    };
    (0..lines.len()).map(|index| page.at(index)).collect()
}

/// The next line with text, from `from` on.
pub(super) fn next_text(lines: &[Line], from: usize) -> Option<usize> {
    (from..lines.len()).find(|index| lines.get(*index).is_some_and(|line| !line.is_blank()))
}

impl Page<'_> {
    /// Whether a quoted message is announced at `index`: gives where its text begins, and how sure it is.
    fn at(&self, index: usize) -> Option<Announcement> {
        let line = self.lines.get(index).filter(|line| !line.is_blank())?;
        let alone = |text: usize| {
            Some(Announcement {
                text,
                certainty: Certainty::Alone,
            })
        };
        if heading::read(&line.text) == Some(Heading::Original) {
            let next = next_text(self.lines, index + 1).unwrap_or(index + 1);
            return alone(block::end(&self.headers, next, true).unwrap_or(index + 1));
        }
        if (heading::is_rule(&line.text) || heading::is_bare(&line.text))
            && let Some(next) = (index + 1..=index + 3).find(|at| {
                let line = self.lines.get(*at);
                line.is_some_and(|line| !line.is_blank())
            })
            && let Some(end) = block::end(&self.headers, next, true)
        {
            return alone(end);
        }
        if let Some(end) = block::end(&self.headers, index, false) {
            return alone(end);
        }
        if let Some(end) = notes::end(self.lines, index) {
            return alone(end);
        }
        self.attribution(index)
    }

    /// An attribution that begins at `index`, wrapped over some lines.
    fn attribution(&self, index: usize) -> Option<Announcement> {
        let window = self.lines.get(index..(index + MAX_WRAP).min(self.lines.len()))?;
        let ends = self.ends.get(index..)?;
        let first = window.first()?;
        let is_name = self.is_name_above_address(index);
        // Most lines of a mail begin no attribution, and most windows end with none.
        if !ends.iter().take(window.len()).any(|ends| *ends)
            || !(is_name || attribution::may_begin(&first.text))
        {
            return None;
        }
        let mut text = String::new();
        for (offset, line) in window.iter().enumerate() {
            // Polymail puts the address on lines of its own.
            let goes_on = |at: usize| {
                window
                    .get(at)
                    .is_some_and(|line| line.text.trim_start().starts_with('<'))
            };
            if line.is_blank() {
                if goes_on(offset + 1) && Dates::of(&first.text.to_lowercase()).has_full_date() {
                    continue;
                }
                return None;
            }
            if line.depth != first.depth && !goes_on(offset) {
                return None;
            }
            // What the structure or a rule sets apart is no part of the line above.
            if line.zone != first.zone || (offset > 0 && heading::is_rule(&line.text)) {
                return None;
            }
            // A sentence ended above, and another one begins.
            if attribution::ends_sentence(&text) && line.text.trim_start().starts_with(char::is_uppercase) {
                return None;
            }
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(line.text.trim());
            if text.len() > attribution::MAX_BYTES {
                return None;
            }
            let Some(certainty) = judge(&text) else { continue };
            let after = index + offset + 1;
            // Nobody breaks a sentence between an address and a single word.
            let is_split = offset > 0
                && attribution::is_wrote_alone(&line.text)
                && window
                    .get(offset - 1)
                    .is_some_and(|line| attribution::is_address_alone(&line.text));
            if certainty == Certainty::WithQuote && !is_split && !self.quote_follows(after) {
                continue;
            }
            let certainty = if is_split { Certainty::Alone } else { certainty };
            // A line of new text may stand directly above: then a later line alone is the whole announcement.
            let earliest = if is_name { 2 } else { 1 };
            if (earliest..=offset).any(|later| window.get(later..=offset).is_some_and(are_whole)) {
                return None;
            }
            return Some(Announcement {
                text: after,
                certainty,
            });
        }
        None
    }

    /// Whether this line is a name of which the address stands in the next one. A line above would be a text that the name
    /// may have signed.
    fn is_name_above_address(&self, index: usize) -> bool {
        let is_set_apart = index
            .checked_sub(1)
            .and_then(|above| self.lines.get(above))
            .is_none_or(Line::is_blank);
        let line = |at: usize| self.lines.get(at).map_or("", |line| line.text.trim());
        let address = line(index + 1).split_inclusive('>').next().unwrap_or_default();
        is_set_apart
            && address.starts_with('<')
            && attribution::is_address_alone(address)
            && attribution::is_name(line(index))
    }

    fn quote_follows(&self, after: usize) -> bool {
        (after..=after + 2)
            .filter_map(|at| self.lines.get(at))
            .find(|line| !line.is_blank())
            .is_some_and(|line| line.depth > 0 || line.zone >= Zone::Attribution)
    }
}

fn are_whole(lines: &[Line]) -> bool {
    let text: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
    attribution::is_whole(&text.join(" "))
}
