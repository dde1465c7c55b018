//! Recognises what Penpal itself sent in the thread: a quotation is known by its content, however it is marked.
//!
//! The words alone are compared, so that marks, reflowing, re-encoding and the way through HTML leave nothing to see.
//! A mail's lines are laid along the texts from wherever their first words occur, which takes time in proportion to
//! the mail.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::convert::to_matrix::html::link_target;
use crate::convert::to_matrix::lines::{Line, Zone};

/// How many of the texts sent are compared, the newest.
const MAX_TEXTS: usize = 50;
/// How much of them is compared, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// How many words a line needs to be known by itself; shorter ones are known between known lines.
const SURE_WORDS: usize = 5;
/// At how many places a line is looked for whose first words occur often.
const MAX_PLACES: usize = 32;

/// Marks the lines that repeat what was sent, reflowed or cut short as it may be.
///
/// A long line is known wherever it stands; a short one only where it goes on from a known line, or leads to one, as
/// it did when it was sent: "Tuesday" may be the answer to "Monday or Tuesday?".
pub(in super::super) fn mark(lines: &mut [Line], sent: &[String]) {
    let known = Known::new(sent);
    if known.places.is_empty() {
        return;
    }
    let texts: Vec<Text> = lines.iter().map(|line| known.read(&line.text)).collect();
    let mut index = 0;
    while index < texts.len() {
        let Some((start, end)) = texts.get(index).and_then(|text| known.place(text)) else {
            index += 1;
            continue;
        };
        let first = known.leads_to(&texts, index, start);
        let last = known.goes_on(&texts, index + 1, end);
        for line in lines.get_mut(first..last).unwrap_or_default() {
            line.zone = line.zone.max(Zone::Quote);
        }
        index = last;
    }
}

/// A line as it is compared.
enum Text {
    /// Nothing to compare: empty, or a line without words that was sent, too.
    Blank,
    /// A line without words that was not sent: a smiley may be an answer.
    Wordless,
    /// Its words.
    Words(Vec<String>),
}

/// The words of what was sent, in order.
struct Known {
    words: Vec<String>,
    /// Where each pair of words begins, at most so many places.
    places: BTreeMap<(String, String), Vec<usize>>,
    /// Lines without words: smileys, rules.
    wordless: BTreeSet<String>,
}

impl Known {
    fn new(sent: &[String]) -> Self {
        let mut known = Self {
            words: Vec::new(),
            places: BTreeMap::new(),
            wordless: BTreeSet::new(),
        };
        let mut bytes = 0;
        for text in sent.iter().take(MAX_TEXTS) {
            bytes += text.len();
            if bytes > MAX_BYTES {
                break;
            }
            known.words.extend(words(&with_plain_links(text)));
            // Texts must not run into each other: no word is empty.
            known.words.push(String::new());
            let wordless = text.lines().filter(|line| words(line).next().is_none());
            known.wordless.extend(wordless.map(|line| line.trim().to_owned()));
        }
        for (at, word) in known
            .words
            .iter()
            .enumerate()
            .filter(|(_, word)| !word.is_empty())
        {
            if let Some(second) = known.words.get(at + 1) {
                let places = known.places.entry((word.clone(), second.clone())).or_default();
                if places.len() < MAX_PLACES {
                    places.push(at);
                }
            }
        }
        known
    }

    fn read(&self, text: &str) -> Text {
        let words: Vec<String> = words(&with_plain_links(text)).collect();
        let text = text.trim();
        if !words.is_empty() {
            Text::Words(words)
        } else if text.is_empty() || self.wordless.contains(text) {
            Text::Blank
        } else {
            Text::Wordless
        }
    }

    /// Where a long line stands in what was sent, as a range of words.
    fn place(&self, text: &Text) -> Option<(usize, usize)> {
        let Text::Words(line) = text else { return None };
        let [first, second, ..] = line.as_slice() else {
            return None;
        };
        if line.len() < SURE_WORDS {
            return None;
        }
        let places = self.places.get(&(first.clone(), second.clone()))?;
        let start = places.iter().find(|at| self.stands_at(line, **at))?;
        Some((*start, start + line.len()))
    }

    fn stands_at(&self, line: &[String], at: usize) -> bool {
        self.words.get(at..).is_some_and(|rest| rest.starts_with(line))
    }

    /// The first of the lines above `index` that lead to what begins at the word `start`.
    fn leads_to(&self, texts: &[Text], index: usize, mut start: usize) -> usize {
        let mut first = index;
        for (at, text) in texts.iter().enumerate().take(index).rev() {
            match text {
                Text::Blank => {}
                Text::Words(line) if start >= line.len() && self.stands_at(line, start - line.len()) => {
                    start -= line.len();
                    first = at;
                }
                _ => break,
            }
        }
        first
    }

    /// The end of the lines from `index` on that go on from the word `end`.
    fn goes_on(&self, texts: &[Text], index: usize, mut end: usize) -> usize {
        let mut last = index;
        for (at, text) in texts.iter().enumerate().skip(index) {
            match text {
                Text::Blank => {}
                Text::Words(line) if self.stands_at(line, end) => {
                    end += line.len();
                    last = at + 1;
                }
                _ => break,
            }
        }
        last
    }
}

/// The text with the links that gateways put wrappers around (Outlook's "safe links") leading where they led when it was sent.
fn with_plain_links(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '(' | ')' | '[' | ']' | '"');
    let plain = text.split_inclusive(ends).map(|piece| {
        let link = piece.trim_end_matches(ends);
        let target = Some(link)
            .filter(|link| link.contains("://"))
            .and_then(link_target);
        let rest = piece.strip_prefix(link).unwrap_or_default();
        target.map_or(Cow::Borrowed(piece), |target| Cow::Owned(target + rest))
    });
    Cow::Owned(plain.collect())
}

/// The words in lower case, without what is invisible in them.
fn words(text: &str) -> impl Iterator<Item = String> {
    let is_invisible = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    text.split(move |c: char| !c.is_alphanumeric() && !is_invisible(c))
        .map(move |word| {
            let shown = word.chars().filter(|c| !is_invisible(*c));
            shown.flat_map(char::to_lowercase).collect::<String>()
        })
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(mail: &str, sent: &[&str]) -> Vec<bool> {
        let mut lines: Vec<Line> = mail
            .lines()
            .map(|line| Line {
                text: line.to_owned(),
                ..Line::default()
            })
            .collect();
        let sent: Vec<String> = sent.iter().map(|text| (*text).to_owned()).collect();
        mark(&mut lines, &sent);
        lines.iter().map(|line| line.zone == Zone::Quote).collect()
    }

    #[test]
    fn short_answers_between_known_lines_stay_new() {
        let sent =
            "Shall we meet for lunch on Tuesday?\nAt the usual place near the station?\nOr by the river\n👍";
        for (mail, expected) in [
            (
                "Shall we meet for lunch on Tuesday?\nyes\nAt the usual place near the station?",
                vec![true, false, true],
            ),
            (
                "Shall we meet for lunch on Tuesday?\n👎\nAt the usual place near the station?",
                vec![true, false, true],
            ),
            (
                "At the usual place near the station?\nOr by the river\n👍",
                vec![true, true, false],
            ),
            // The same words as were sent, but few and alone.
            ("Or by the river", vec![false]),
            (
                "Tuesday\n\nShall we meet for lunch on Tuesday?",
                vec![false, false, true],
            ),
        ] {
            assert_eq!(marked(mail, &[sent]), expected, "{mail}");
        }
    }

    #[test]
    fn links_are_compared_by_where_they_lead() {
        let sent = "The plan is at https://example.org/plan?a=b, the map is <https://example.org/map>.";
        let wrapped = |link: &str| {
            format!(
                "https://eur03.safelinks.protection.outlook.com/?url={link}&data=05%7C02%7Cbob&sdata=x%3D&reserved=0"
            )
        };
        let plan = wrapped("https%3A%2F%2Fexample.org%2Fplan%3Fa%3Db");
        let map = wrapped("https%3A%2F%2Fexample.org%2Fmap");
        let other = wrapped("https%3A%2F%2Fexample.org%2Fanswer");
        for (mail, expected) in [
            (format!("The plan is at {plan}, the map is <{map}>."), true),
            (format!("The plan is at {plan}, the map is\n<{map}>."), true),
            (format!("The plan is at {other}, the map is <{map}>."), false),
        ] {
            assert!(
                marked(&mail, &[sent]).iter().all(|marked| *marked == expected),
                "{mail}"
            );
        }
    }

    #[test]
    fn a_hostile_mail_takes_no_longer_than_another() {
        let sent = "word word ".repeat(10_000);
        let mail = "word word word word other\n".repeat(5_000);
        let start = std::time::Instant::now();
        assert!(marked(&mail, &[&sent]).iter().all(|marked| !marked));
        assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    }
}
