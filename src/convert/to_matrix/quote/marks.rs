//! The marks of quotation in plain text, and what becomes of them on the way.

use std::collections::{BTreeMap, BTreeSet};

use super::attribution::{self, Certainty, is_whole};
use super::dates::Dates;
use super::words::ON;
use crate::convert::to_matrix::lines::Line;

/// Reads plain text: the depth of quotation is the number of `>` marks.
pub(in super::super) fn plain_lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = text
        .lines()
        .map(|source| {
            let (depth, rest) = quote_marks(source);
            if let Some(heading) = groupwise(depth, rest).or_else(|| supercite(depth, source, rest)) {
                return Line {
                    text: heading,
                    source: source.to_owned(),
                    ..Line::default()
                };
            }
            Line {
                text: rest.to_owned(),
                depth,
                source: source.to_owned(),
                ..Line::default()
            }
        })
        .collect();
    close_brackets(&mut lines);
    lines = part_shared_lines(&lines);
    read_other_marks(&mut lines);
    rejoin_wrapped(&mut lines);
    lines
}

/// `>>> Alice <alice@example.org> 14.05.2024 09:30 >>>`, which `GroupWise` writes above an unmarked quotation, in the words of everybody
/// else.
fn groupwise(depth: usize, rest: &str) -> Option<String> {
    let who = rest.trim_end().strip_suffix(">>>").filter(|_| depth == 3)?;
    let dates = Dates::of(&who.to_lowercase());
    (dates.has_full_date() && dates.has_time()).then(|| format!("{} wrote:", who.trim()))
}

/// `>>>>> "Alice" == Alice Smith <alice@example.org> writes:`, which Supercite writes above `Alice> `.
fn supercite(depth: usize, source: &str, rest: &str) -> Option<String> {
    let is_headed = depth == 5 && source.starts_with(">>>>> ") && rest.contains(" == ");
    (is_headed && attribution::judge(rest).is_some()).then(|| rest.to_owned())
}

/// A line such as `>:` closes the address that was wrapped away from it.
fn close_brackets(lines: &mut [Line]) {
    let mut open = 0;
    for line in lines {
        if open > 0 && line.depth > 0 && line.text.chars().count() < 40 && attribution::may_end(&line.text) {
            line.depth = 0;
            line.text.clone_from(&line.source);
        }
        if line.is_blank() || line.depth > 0 {
            open = 0;
        } else {
            let count = |mark: char| line.text.matches(mark).count();
            open = (open + count('<')).saturating_sub(count('>'));
        }
    }
}

fn leaves_open(text: &str, open: char, close: char) -> bool {
    text.rfind(open)
        .is_some_and(|at| text.get(at..).is_some_and(|rest| !rest.contains(close)))
}

/// Puts an attribution that a program wrote behind the last words of the answer on a line of its own.
fn part_shared_lines(lines: &[Line]) -> Vec<Line> {
    let mut parted = Vec::with_capacity(lines.len());
    for index in 0..lines.len() {
        let Some(line) = lines.get(index) else { break };
        match shared_at(lines, index).or_else(|| shared_after(line)) {
            Some(at) => {
                let (head, tail) = line.text.split_at_checked(at).unwrap_or((&line.text, ""));
                for text in [head.trim_end().trim_end_matches("--").trim_end_matches('-'), tail] {
                    parted.push(Line {
                        text: text.to_owned(),
                        source: text.to_owned(),
                        ..line.clone()
                    });
                }
            }
            None => parted.push(line.clone()),
        }
    }
    parted
}

/// Where in the line an attribution begins, when one does behind other words: "On" with a whole date directly after it.
fn shared_at(lines: &[Line], index: usize) -> Option<usize> {
    let line = lines.get(index)?;
    if line.depth > 0 || line.text.len() > 1_000 {
        return None;
    }
    let lower = line.text.to_lowercase();
    if attribution::starts_with_on(lower.trim_start_matches([' ', '-', '*'])) {
        return None;
    }
    let at = line
        .text
        .match_indices([' ', '-'])
        .map(|(at, _)| at + 1)
        .find(|at| {
            let rest = line.text.get(*at..).unwrap_or_default();
            rest.starts_with(char::is_uppercase) && {
                let head: String = rest.chars().take(40).collect();
                begins_attribution(&head.to_lowercase())
            }
        })?;
    let mut text = line.text.get(at..)?.to_owned();
    for next in 1..=4 {
        if is_whole(&text) {
            return Some(at);
        }
        let line = lines
            .get(index + next)
            .filter(|line| line.depth == 0 && !line.is_blank())?;
        text.push(' ');
        text.push_str(line.text.trim());
    }
    None
}

/// Where the quotation begins, when it does on the line of its attribution: Yahoo's Android program puts three blanks in between.
fn shared_after(line: &Line) -> Option<usize> {
    let after = line.text.find(":  ").filter(|_| line.depth == 0)? + 1;
    let head = line.text.get(..after)?;
    is_whole(head).then_some(after)
}

/// "on", and a whole date close behind.
fn begins_attribution(head: &str) -> bool {
    ON.iter()
        .any(|word| head.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
        && Dates::of(head).has_full_date()
}

/// How many words a greeting above an attribution has at most.
const MAX_GREETING: usize = 3;
/// The longest name that Supercite puts before the lines of a quotation, in characters.
const MAX_NAME: usize = 16;

/// Marks of quotation other than `>`: `|` (`Inbox` by Google), initials (`AB> `), where two lines or more have them, and the
/// names of Supercite (`Bob> `) that stood below an attribution: a chat that somebody pasted looks the same.
fn read_other_marks(lines: &mut [Line]) {
    let names = supercited(lines);
    let mut start = 0;
    while start < lines.len() {
        let first = lines.get(start).filter(|line| line.depth == 0);
        let Some((mark, _)) = first.and_then(|line| other_mark(&line.text)) else {
            start += 1;
            continue;
        };
        let mark = mark.to_owned();
        let has_mark =
            |line: &&Line| line.depth == 0 && other_mark(&line.text).is_some_and(|(other, _)| other == mark);
        let run = lines.iter().skip(start).take_while(has_mark).count();
        let is_marked = if is_initials(&mark) {
            run >= 2 || introduced(lines, start)
        } else {
            names.contains(&mark)
        };
        if is_marked {
            for line in lines.iter_mut().skip(start).take(run) {
                line.text = other_mark(&line.text)
                    .map(|(_, rest)| rest.to_owned())
                    .unwrap_or_default();
                line.depth = 1;
                line.source = format!("> {}", line.text.trim_start());
            }
        }
        start += run.max(1);
    }
}

/// The names that stand before quoted lines: one of the places where they do is below an attribution. Where there is but one
/// place, and text above it, what follows the attribution is all quoted.
fn supercited(lines: &[Line]) -> BTreeSet<String> {
    // By name: how many places there are, and whether one of them is introduced, with text above.
    let mut places: BTreeMap<&str, (usize, Option<bool>)> = BTreeMap::new();
    let mut before: Option<&str> = None;
    for (index, line) in lines.iter().enumerate() {
        let mark = other_mark(&line.text).map(|(mark, _)| mark);
        let name = mark.filter(|mark| line.depth == 0 && !is_initials(mark));
        if let Some(name) = name.filter(|name| before != Some(*name)) {
            let place = places.entry(name).or_default();
            place.0 += 1;
            if introduction(lines, index) == Some(Certainty::Alone) {
                let above = lines.iter().take(index).rev().filter(|line| !line.is_blank());
                let words = above.skip(1).map(|line| line.text.split_whitespace().count());
                let above = words.sum::<usize>();
                place.1 = Some(above > MAX_GREETING);
            }
        }
        before = name;
    }
    let quoted = places
        .into_iter()
        .filter(|(_, (count, introduced))| match introduced {
            Some(text_above) => *count > 1 || !text_above,
            None => false,
        });
    quoted.map(|(name, _)| name.to_owned()).collect()
}

/// What programs use without an attribution above.
fn is_initials(mark: &str) -> bool {
    mark == "|" || (mark.len() <= 3 && mark.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Whether an attribution stands directly above.
fn introduced(lines: &[Line], index: usize) -> bool {
    introduction(lines, index).is_some()
}

fn introduction(lines: &[Line], index: usize) -> Option<Certainty> {
    let above = lines
        .iter()
        .take(index)
        .rev()
        .take(2)
        .find(|line| !line.is_blank());
    above.and_then(|line| attribution::judge(&line.text))
}

/// Such a mark, and what follows it. A second `|` makes it a table.
fn other_mark(line: &str) -> Option<(&str, &str)> {
    if let Some(rest) = line.strip_prefix('|') {
        return (!rest.contains('|') && (rest.is_empty() || rest.starts_with(' '))).then_some(("|", rest));
    }
    let (name, rest) = line.split_once('>')?;
    let name = name.trim_start();
    let is_name = name.chars().count() <= MAX_NAME
        && name.starts_with(char::is_uppercase)
        && name.chars().all(char::is_alphanumeric);
    (is_name && (is_initials(name) || rest.is_empty() || rest.starts_with(' '))).then_some((name, rest))
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

/// The least width at which quoting programs wrap, marks included.
const WRAPPED: usize = 60;

/// Quoted lines that a program on the way wrapped, without a mark on the rest. Only where it shows that it was one:
/// the rest closes a link, or stands alone between marks as a link, or rests follow full lines time and again.
fn rejoin_wrapped(lines: &mut [Line]) {
    let rest_of = |lines: &[Line], index: usize, sure: bool| -> bool {
        let (Some(before), Some(line)) = (
            index.checked_sub(1).and_then(|at| lines.get(at)),
            lines.get(index),
        ) else {
            return false;
        };
        let text = line.text.trim();
        if before.depth == 0 || line.depth > 0 || text.is_empty() {
            return false;
        }
        let marked_after = lines.get(index + 1).is_some_and(|line| line.depth > 0);
        let target = text
            .trim_end_matches(['>', ' '])
            .trim_matches(['(', ')', '<', '>']);
        let is_link = text.starts_with(['(', '<']) && target.starts_with("http") && !target.contains(' ');
        let closes = [('(', ')'), ('<', '>')].iter().any(|(open, close)| {
            leaves_open(&before.text, *open, *close)
                && before
                    .text
                    .rsplit(*open)
                    .next()
                    .is_some_and(|link| link.starts_with("http"))
                && text.ends_with(*close)
                && !text.contains(' ')
        });
        let full = before.source.chars().count() >= WRAPPED
            && before
                .text
                .trim_end()
                .ends_with(|c: char| c.is_lowercase() || c == ',')
            && text.starts_with(char::is_lowercase)
            && text.chars().count() * 2 < before.source.chars().count();
        (marked_after && is_link) || closes || (sure && marked_after && full)
    };
    let rests = (0..lines.len())
        .filter(|index| rest_of(lines, *index, true))
        .count();
    let others = (1..lines.len())
        .filter(|index| {
            let depth = |at: usize| lines.get(at).map_or(0, |line| line.depth);
            depth(index - 1) > 0
                && depth(*index) == 0
                && depth(index + 1) > 0
                && lines.get(*index).is_some_and(|line| !line.is_blank())
        })
        .count();
    // Somebody who answers between the lines answers questions, not halves of sentences.
    let sure = rests >= 2 && rests >= others;
    for index in 1..lines.len() {
        if rest_of(lines, index, sure) {
            let depth = lines.get(index - 1).map_or(0, |line| line.depth);
            if let Some(line) = lines.get_mut(index) {
                line.depth = depth;
            }
        }
    }
}
