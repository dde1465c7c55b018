//! Tells new text from quotations. When a rule is unsure, the text stays.

mod announce;
mod attribution;
mod block;
mod sent;
mod words;

use announce::{Announcement, announcements, next_text};
use attribution::Certainty;
use block::Heading;
pub(super) use block::is_forward_subject;
pub(super) use sent::mark as mark_sent;

use super::lines::{Line, Role, Zone};
use super::signature;

/// How many lines of a quotation that is answered in the middle of a mail are shown.
const MAX_KEPT_QUOTE: usize = 40;

/// What is known about the mail besides its lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    /// The subject says that the mail is a forwarded one: what it quotes is content.
    pub(super) forwarded: bool,
    /// There is more to the mail than its text, so that it may say nothing.
    pub(super) has_files: bool,
    /// A chat program wrote it (`Chat-Version`): a quotation at the top is what it answers.
    pub(super) chat: bool,
}

/// Reads plain text: the depth of quotation is the number of `>` marks.
pub(super) fn plain_lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = text
        .lines()
        .map(|source| {
            let (depth, rest) = quote_marks(source);
            Line {
                text: rest.to_owned(),
                depth,
                source: source.to_owned(),
                ..Line::default()
            }
        })
        .collect();
    read_other_marks(&mut lines);
    lines
}

/// Marks of quotation other than `>`: `|` (`Inbox` by Google) and initials (`AB> `), where two lines or more have them.
fn read_other_marks(lines: &mut [Line]) {
    let mut start = 0;
    while start < lines.len() {
        let run = lines
            .iter()
            .skip(start)
            .take_while(|line| line.depth == 0 && other_mark(&line.text).is_some())
            .count();
        if run >= 2 {
            for line in lines.iter_mut().skip(start).take(run) {
                line.text = other_mark(&line.text).unwrap_or_default().to_owned();
                line.depth = 1;
            }
        }
        start += run.max(1);
    }
}

/// What follows such a mark. A second `|` makes it a table.
fn other_mark(line: &str) -> Option<&str> {
    if let Some(rest) = line.strip_prefix('|') {
        return (!rest.contains('|') && (rest.is_empty() || rest.starts_with(' '))).then_some(rest);
    }
    let (initials, rest) = line.split_once('>')?;
    let initials = initials.trim_start();
    ((1..=3).contains(&initials.len()) && initials.bytes().all(|byte| byte.is_ascii_uppercase()))
        .then_some(rest)
}

/// Counts the marks of quotation and gives what follows them.
fn quote_marks(line: &str) -> (usize, &str) {
    let mut depth = 0;
    let mut rest = line;
    loop {
        let inner = rest
            .strip_prefix(' ')
            .filter(|inner| depth > 0 && inner.starts_with('>'))
            .unwrap_or(rest);
        let Some(after) = inner.strip_prefix('>') else {
            break;
        };
        depth += 1;
        rest = after;
    }
    // `|` serves some programs, but tables begin with it too.
    if depth == 0 {
        return (0, line);
    }
    (depth, rest.strip_prefix(' ').unwrap_or(rest))
}

/// A stretch of quotation.
#[derive(Clone, Copy, Debug)]
struct Region {
    /// Where its attribution begins.
    start: usize,
    /// Where the quoted text begins.
    text: usize,
    /// Its end, exclusive.
    end: usize,
    /// An attribution, a heading or the structure says that it is a quotation.
    announced: bool,
}

/// How many attributions above each other are looked below of, where nothing new stands above them.
const MAX_NESTED: usize = 2;

/// Gives each line its role.
pub(super) fn classify(lines: &[Line], hints: Hints) -> Vec<Role> {
    classify_below(lines, hints, MAX_NESTED)
}

fn classify_below(lines: &[Line], hints: Hints, nested: usize) -> Vec<Role> {
    let mut roles = vec![Role::New; lines.len()];
    let announced = announcements(lines);
    let content = forwarded_from(lines, &announced, hints);
    let regions = find_regions(lines, &announced, content);
    for region in &regions {
        fill(&mut roles, region.start..region.end, Role::Quote);
    }
    signature::mark(lines, &mut roles, content);
    settle_middle(lines, &mut roles, &regions, hints);
    never_empty(lines, &mut roles, &regions, hints, nested);
    roles
}

fn fill(roles: &mut [Role], range: std::ops::Range<usize>, role: Role) {
    for slot in roles.get_mut(range).unwrap_or_default() {
        *slot = role;
    }
}

/// Where a forwarded message begins: from there on all is content. The number of lines where there is none.
fn forwarded_from(lines: &[Line], announced: &[Option<Announcement>], hints: Hints) -> usize {
    let mut quoted = false;
    for (index, line) in lines.iter().enumerate() {
        if line.is_blank() {
            continue;
        }
        if block::heading(&line.text) == Some(Heading::Forwarded) {
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
                lines.get(next).and_then(|line| block::heading(&line.text)) == Some(Heading::Forwarded)
            });
            if !heads_forward {
                return lines.len();
            }
        }
    }
    lines.len()
}

fn find_regions(lines: &[Line], announced: &[Option<Announcement>], limit: usize) -> Vec<Region> {
    let mut regions = Vec::new();
    let mut index = 0;
    while index < limit {
        let Some(region) = region_at(lines, announced, index, limit) else {
            index += 1;
            continue;
        };
        index = region.end.max(index + 1);
        regions.push(region);
    }
    regions
}

/// The quotation that begins at `index`, with its attribution.
fn region_at(
    lines: &[Line],
    announced: &[Option<Announcement>],
    index: usize,
    limit: usize,
) -> Option<Region> {
    let line = lines.get(index)?;
    if line.is_blank() && line.depth == 0 {
        return None;
    }
    if line.depth > 0 || line.zone == Zone::Quote || line.zone == Zone::Attribution {
        let end = quote_end(lines, index, limit);
        // Attributions are left out even where what they introduce is shown.
        let text = (index..end)
            .find(|at| {
                lines
                    .get(*at)
                    .is_some_and(|line| line.zone != Zone::Attribution && !line.is_blank())
            })
            .unwrap_or(index);
        return Some(Region {
            start: index,
            text: if line.zone == Zone::Attribution {
                text
            } else {
                index
            },
            end,
            announced: announced.get(index).is_some_and(Option::is_some) || line.zone != Zone::Body,
        });
    }
    let Announcement { text, certainty } = (*announced.get(index)?)?;
    let quote = next_text(lines, text).filter(|next| {
        *next < limit
            && lines
                .get(*next)
                .is_some_and(|line| line.depth > 0 || line.zone >= Zone::Attribution)
    });
    match quote {
        Some(quote) if quote <= text + 2 => Some(Region {
            start: index,
            // A quoted line may be empty, or be nothing but marks.
            text: (text..quote)
                .find(|at| lines.get(*at).is_some_and(|line| line.depth > 0))
                .unwrap_or(quote),
            end: quote_end(lines, quote, limit),
            announced: true,
        }),
        _ if certainty == Certainty::Alone => Some(Region {
            start: index,
            text,
            end: limit,
            announced: true,
        }),
        _ => None,
    }
}

/// Where the quoted lines that begin at `start` end. Blank lines belong to them when more quoted lines follow; so does
/// a line that a mail program wrapped without repeating the mark.
fn quote_end(lines: &[Line], start: usize, limit: usize) -> usize {
    let mut end = start;
    for (index, line) in lines.iter().enumerate().take(limit).skip(start) {
        if line.is_blank() && line.depth == 0 {
            continue;
        }
        if line.depth == 0 && line.zone != Zone::Quote && line.zone != Zone::Attribution {
            break;
        }
        end = index + 1;
    }
    end
}

/// Quotations with new text after them: kept when they are answered in place, dropped when the answer stands
/// below a single whole quotation.
fn settle_middle(lines: &[Line], roles: &mut [Role], regions: &[Region], hints: Hints) {
    let new_in = |roles: &[Role], range: std::ops::Range<usize>| {
        range.into_iter().any(|index| {
            roles.get(index) == Some(&Role::New) && lines.get(index).is_some_and(|line| !line.is_blank())
        })
    };
    let middle: Vec<&Region> = regions
        .iter()
        .filter(|region| new_in(roles, region.end..lines.len()))
        .collect();
    if let [only] = middle.as_slice()
        && (!new_in(roles, 0..only.start) || only_greets(lines, only.start))
        && (only.announced || hints.chat)
    {
        return;
    }
    for region in middle {
        let shown = region.end.saturating_sub(region.text).min(MAX_KEPT_QUOTE);
        fill(roles, region.end - shown..region.end, Role::New);
    }
}

/// "Hi," or "Hallo Bob!" above the quotation: the answer stands below.
fn only_greets(lines: &[Line], before: usize) -> bool {
    let text: Vec<&str> = lines
        .iter()
        .take(before)
        .map(|line| line.text.trim())
        .filter(|text| !text.is_empty())
        .collect();
    matches!(text.as_slice(), [one] if one.split_whitespace().count() <= 3 && one.ends_with([',', '!', '，', '、']))
}

/// A mail that says nothing of its own shows what it quotes, unless it came to bring files.
fn never_empty(lines: &[Line], roles: &mut [Role], regions: &[Region], hints: Hints, nested: usize) {
    let says = |roles: &[Role]| {
        lines
            .iter()
            .zip(roles)
            .any(|(line, role)| *role == Role::New && !line.is_blank())
    };
    if says(roles) {
        return;
    }
    // `On … wrote:` and new text below it, without any mark: what stands below is read for itself.
    if let [only] = regions
        && only.text > only.start
        && nested > 0
        && let (Some(below), Some(slots)) = (lines.get(only.text..), roles.get_mut(only.text..))
        && below
            .iter()
            .any(|line| !line.is_blank() && line.depth == 0 && line.zone == Zone::Body)
    {
        slots.copy_from_slice(&classify_below(below, hints, nested - 1));
        return;
    }
    if hints.has_files {
        return;
    }
    for region in regions {
        fill(roles, region.text..region.end, Role::New);
    }
    if !says(roles) {
        roles.fill(Role::New);
    }
}

#[cfg(test)]
mod tests;
