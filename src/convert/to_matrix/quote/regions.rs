//! The stretches of a mail that are quotations.

use super::announce::{Announcement, next_text};
use super::attribution::Certainty;
use super::heading;
use crate::convert::to_matrix::lines::{Line, Zone};

/// A stretch of quotation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// Where its attribution begins.
    pub(super) start: usize,
    /// Where the quoted text begins.
    pub(super) text: usize,
    /// Its end, exclusive.
    pub(super) end: usize,
    /// The structure says that it is a quotation.
    pub(super) structural: bool,
    /// An attribution or a heading introduces it.
    pub(super) attributed: bool,
}

/// Finds the quotations before `limit`.
pub(super) fn find(lines: &[Line], announced: &[Option<Announcement>], limit: usize) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    let mut index = 0;
    while index < limit {
        let Some(mut region) = at(lines, announced, index, limit) else {
            index += 1;
            continue;
        };
        index = region.end.max(index + 1);
        if region.attributed {
            let before = regions.last().map_or(0, |region| region.end);
            region.start = with_rule(lines, region.start, before);
            if regions.last().is_some_and(|last| is_own(lines, last, &region)) {
                regions.pop();
            }
        }
        regions.push(region);
    }
    regions
}

/// The quotation that begins at `index`, with its attribution.
fn at(lines: &[Line], announced: &[Option<Announcement>], index: usize, limit: usize) -> Option<Region> {
    let line = lines.get(index)?;
    if line.is_blank() && line.depth == 0 {
        return None;
    }
    let announcement = announced.get(index).copied().flatten();
    if line.zone == Zone::Own && (announcement.is_none() || goes_on(lines, index)) {
        return None;
    }
    if line.depth == 0
        && let Some(region) = announcement.and_then(|found| announced_at(lines, found, index, limit))
    {
        return Some(region);
    }
    if !is_quoted(line) {
        return None;
    }
    // Attributions are left out even where what they introduce is shown.
    let end = quote_end(lines, index, limit);
    let introduced = line.zone == Zone::Attribution;
    let text = (index..end)
        .filter(|_| introduced)
        .find(|at| {
            lines
                .get(*at)
                .is_some_and(|line| line.zone != Zone::Attribution && !line.is_blank())
        })
        .unwrap_or(index);
    Some(Region {
        start: index,
        text,
        end,
        structural: line.zone != Zone::Body,
        attributed: introduced || announcement.is_some(),
    })
}

/// The quotation that is announced at `index`: the marked lines below it, or everything.
fn announced_at(lines: &[Line], found: Announcement, index: usize, limit: usize) -> Option<Region> {
    let Announcement { text, certainty } = found;
    let quote = (text..=text + 2)
        .find(|at| lines.get(*at).is_some_and(|line| !line.is_blank()))
        .filter(|next| *next < limit && lines.get(*next).is_some_and(is_quoted));
    let (text, end) = match quote {
        Some(quote) => {
            // A quoted line may be empty, or be nothing but marks.
            let marked = |at: &usize| lines.get(*at).is_some_and(|line| line.depth > 0);
            (
                (text..quote).find(marked).unwrap_or(quote),
                quote_end(lines, quote, limit),
            )
        }
        None if certainty == Certainty::Alone => (text, limit),
        None => return None,
    };
    Some(Region {
        start: index,
        text,
        end,
        structural: lines.get(index).is_some_and(|line| line.zone != Zone::Body),
        attributed: true,
    })
}

/// Whether the writer's own quotation began above `index`.
fn goes_on(lines: &[Line], index: usize) -> bool {
    let above = lines.iter().take(index).rev().find(|line| !line.is_blank());
    above.is_some_and(|line| line.zone == Zone::Own)
}

fn is_quoted(line: &Line) -> bool {
    line.depth > 0 || line.zone == Zone::Quote || line.zone == Zone::Attribution
}

/// Where the quoted lines that begin at `start` end. Blank lines belong to them when more quoted lines follow.
fn quote_end(lines: &[Line], start: usize, limit: usize) -> usize {
    let mut end = start;
    for (index, line) in lines.iter().enumerate().take(limit).skip(start) {
        if line.is_blank() && line.depth == 0 {
            continue;
        }
        if !is_quoted(line) {
            break;
        }
        end = index + 1;
    }
    end
}

/// A rule that stands above an attribution belongs to it.
fn with_rule(lines: &[Line], start: usize, before: usize) -> usize {
    let above = (before..start)
        .rev()
        .take(3)
        .find(|at| lines.get(*at).is_some_and(|line| !line.is_blank()));
    above
        .filter(|at| {
            lines
                .get(*at)
                .is_some_and(|line| line.depth == 0 && heading::is_rule(&line.text))
        })
        .unwrap_or(start)
}

/// Whether the marked lines of `region` are the writer's own: somebody else's words, brought in above the quotation
/// of what is answered.
fn is_own(lines: &[Line], region: &Region, next: &Region) -> bool {
    !region.attributed
        && !region.structural
        && region.end <= next.start
        && next_text(lines, region.end).is_some_and(|text| text >= next.start)
}
