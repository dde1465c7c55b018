//! Header blocks and headings before a quoted or forwarded message.

use super::words::{FORWARD_PREFIXES, FORWARDED, LABELS, Label, ORIGINAL};
use crate::convert::to_matrix::lines::Line;

/// How many lines a header block has at most; `To` may be folded over many.
const MAX_LINES: usize = 40;

/// What a line announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// "---------- Forwarded message ---------".
    Forwarded,
    /// "-----Original Message-----".
    Original,
}

/// Reads a heading. Rules, stars and colons around it are decoration, but one of them must be there.
pub(super) fn heading(text: &str) -> Option<Heading> {
    let text = text.trim();
    let is_rule = |c: char| {
        matches!(
            c,
            '-' | '_'
                | '='
                | '*'
                | '—'
                | '–'
                | '~'
                | '#'
                | '>'
                | '<'
                | '‐'
                | '─'
                | '|'
                | ' '
                | '\u{a0}'
                | '\u{feff}'
        )
    };
    let bare = text.trim_matches(is_rule);
    let ruled = text
        .trim_matches(|c: char| c == '>' || c.is_whitespace())
        .starts_with(['-', '_', '=', '*', '—', '–', '─', '#', '<'])
        && bare.len() < text.len();
    // Yahoo runs heading and header block together; Thunderbird adds the English heading to some translations.
    if !(ruled || bare.trim_end().ends_with([':', '：'])) || bare.chars().count() > 400 {
        return None;
    }
    let mut words = bare.to_lowercase();
    if ruled && let Some(end) = words.find("---") {
        words.truncate(end);
    } else if ruled && let Some(end) = words.find(" --") {
        words.truncate(end);
    }
    let ended = words.trim_end().ends_with([':', '：']);
    let words =
        words.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | '.' | '-' | '*' | '_'));
    if words.is_empty() || words.chars().count() > 80 || !(ruled || ended) {
        return None;
    }
    if FORWARDED.contains(&words) || (ruled && FORWARDED.iter().any(|phrase| words.starts_with(phrase))) {
        return Some(Heading::Forwarded);
    }
    (ruled
        && ORIGINAL
            .iter()
            .any(|phrase| words == *phrase || words.starts_with(phrase)))
    .then_some(Heading::Original)
}

/// True for a line of dashes or underscores, as before a header block.
pub(super) fn is_rule(text: &str) -> bool {
    let text = text.trim();
    text.chars().count() >= 3
        && text
            .chars()
            .all(|c| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─' | ' '))
}

/// The label of a line such as `From: Alice` or `*Von:* Alice`.
pub(super) fn label(text: &str) -> Option<Label> {
    let text = text
        .trim()
        .trim_start_matches(['*', '_', '>', '|', ' ', '\u{feff}']);
    let end = text.find([':', '：'])?;
    let name = text
        .get(..end)?
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_'))
        .to_lowercase();
    if name.is_empty() || name.chars().count() > 24 {
        return None;
    }
    LABELS
        .iter()
        .find(|(_, names)| names.contains(&name.as_str()))
        .map(|(label, _)| *label)
}

/// The end of the header block that begins at `start`, exclusive. `headed`: a heading or a rule stands above it,
/// so that less is enough.
pub(super) fn header_block(lines: &[Line], start: usize, headed: bool) -> Option<usize> {
    let first = lines.get(start)?;
    let first_label = label(&first.text)?;
    if !headed && first_label != Label::From && first_label != Label::Date && first_label != Label::Subject {
        return None;
    }
    let mut seen = vec![first_label];
    let mut end = start + 1;
    let mut folded = 0;
    let mut blanks = 0;
    for (index, line) in lines.iter().enumerate().skip(start + 1).take(MAX_LINES) {
        if line.is_blank() {
            blanks += 1;
            if blanks > 2 {
                break;
            }
            continue;
        }
        if let Some(found) = label(&line.text) {
            seen.push(found);
            end = index + 1;
            (folded, blanks) = (0, 0);
        } else if blanks == 0 && folded < 3 {
            folded += 1;
        } else {
            break;
        }
    }
    let has = |label: Label| seen.contains(&label);
    let others = [Label::Date, Label::To, Label::Copy, Label::Subject]
        .into_iter()
        .filter(|label| has(*label))
        .count();
    let enough = if headed {
        has(Label::From) && others >= 1
    } else {
        has(Label::From) && others >= 2
    };
    enough.then_some(end)
}

/// True when the subject says that this is a forwarded mail.
pub(in super::super) fn is_forward_subject(subject: &str) -> bool {
    let lower = subject.trim().to_lowercase();
    // `[EXTERNAL] Fwd: …`
    let rest = match lower.strip_prefix('[').and_then(|inside| inside.split_once(']')) {
        Some((_, rest)) => rest,
        None => &lower,
    };
    rest.split_once([':', '：'])
        .is_some_and(|(prefix, _)| FORWARD_PREFIXES.contains(&prefix.trim()))
}
