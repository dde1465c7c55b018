//! The header block of Lotus Notes: who and when on lines of their own, then `To`, `cc` and `Subject`, with or without colons.

use super::attribution::{has_address, is_name};
use super::block::label;
use super::dates::Dates;
use super::words::Label;
use crate::convert::to_matrix::lines::Line;

/// How many lines with text the block has at most.
const MAX_LINES: usize = 14;
/// The longest line that is a date and nothing else, in characters.
const MAX_DATE: usize = 40;
/// The longest line with a name and an address, in characters.
const MAX_SENDER: usize = 160;

/// The end of the block that begins at `start`, exclusive.
pub(super) fn end(lines: &[Line], start: usize) -> Option<usize> {
    let is_apart = start
        .checked_sub(1)
        .and_then(|above| lines.get(above))
        .is_none_or(Line::is_blank);
    let first = lines.get(start).filter(|_| is_apart)?;
    let sender = first.text.trim();
    if sender.chars().count() > MAX_SENDER || !(has_address(sender) || is_name(sender)) {
        return None;
    }
    let mut rest = (start + 1..lines.len())
        .filter_map(|at| Some((at, lines.get(at).filter(|line| !line.is_blank())?)))
        .take(MAX_LINES);
    let (below, date) = rest.next()?;
    let dates = Dates::of(&date.text.to_lowercase());
    let is_bare = date.text.trim().chars().count() <= MAX_DATE && label(&date.text).is_none();
    if below > start + 1 || !is_bare || !dates.has_full_date() || !dates.has_time() {
        return None;
    }
    let mut addressed = false;
    while let Some((at, line)) = rest.next() {
        let Some((found, has_value)) = label(&line.text) else {
            continue;
        };
        match found {
            Label::To => addressed = true,
            Label::Subject if addressed => {
                // Without a colon the value may stand on the line below.
                return Some(if has_value { at + 1 } else { rest.next()?.0 + 1 });
            }
            Label::Subject => return None,
            Label::From | Label::Date | Label::Copy | Label::Other => {}
        }
    }
    None
}
