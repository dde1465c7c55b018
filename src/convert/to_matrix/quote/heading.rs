//! Headings and rules above a quoted or forwarded message, and subjects of forwarded ones.

use std::borrow::Cow;

use super::words::{FORWARD_PREFIXES, FORWARDED, ORIGINAL};

/// Longer lines are not a bare heading, in bytes.
const LONGEST_BARE: usize = 200;

/// What a line announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// "---------- Forwarded message ---------".
    Forwarded,
    /// "-----Original Message-----".
    Original,
}

/// Reads a heading. Rules, stars and colons around it are decoration, but one of them must be there.
pub(super) fn read(text: &str) -> Option<Heading> {
    // QQ leaves the entities of its HTML in the plain text.
    let text = if text.contains('&') {
        Cow::Owned(text.replace("&nbsp;", " "))
    } else {
        Cow::Borrowed(text)
    };
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
    // QQ's English heading is one word, which as an item of a list would be somebody's text.
    let between_rules = |word: &str| {
        let line = text.trim();
        words == word && line.starts_with("---") && line.ends_with("---")
    };
    (ruled && ORIGINAL.iter().any(|phrase| words.starts_with(phrase)) || between_rules("original"))
        .then_some(Heading::Original)
}

/// True for the heading of an answered message without any rule, as `BlackBerry` wrote it: it says nothing by itself.
pub(super) fn is_bare(text: &str) -> bool {
    let text = text.trim();
    text.len() <= LONGEST_BARE && ORIGINAL.contains(&text.to_lowercase().as_str())
}

/// True for a line of dashes or underscores, as before a header block.
pub(super) fn is_rule(text: &str) -> bool {
    let text = text.trim();
    text.chars()
        .all(|c| matches!(c, '-' | '_' | '=' | '*' | '—' | '–' | '─' | ' '))
        && text.chars().count() >= 3
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
