//! The line that introduces a quotation: "On Monday at 10:30, Alice wrote:", in all languages.

use super::dates::Dates;
use super::words::{ON, WROTE, ends_with_wrote, says_wrote};

/// The longest attribution, in characters: a date, a long name, an address, and that address again as a link.
const MAX_CHARS: usize = 400;
/// The same in bytes, before the characters are counted.
pub(super) const MAX_BYTES: usize = 4 * MAX_CHARS;

/// How sure it is that a text introduces a quotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// It does when a quotation follows.
    WithQuote,
    /// It does whatever follows.
    Alone,
}

/// Judges a text, several lines of the mail joined by blanks.
pub(super) fn judge(text: &str) -> Option<Certainty> {
    let plain = without_bidi(text);
    let text = plain
        .trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, '\u{feff}' | '>' | '*' | '_' | '-' | '~' | '/' | '|')
        })
        .trim();
    if text.is_empty() || text.chars().count() > MAX_CHARS || !may_end(text) {
        return None;
    }
    let lower = text.to_lowercase();
    let ends = ends_like_one(&lower);
    let dates = Dates::of(&lower);
    let date = dates.has_date();
    let address = has_address(&lower);
    if !(ends || (date && address)) {
        return None;
    }
    let wrote = says_wrote(&lower);
    let bracketed = lower.contains('<') && address;
    let placed = (lower.contains(['<', '(', '[']) && address) || ends_with_address(&lower);
    let begins = starts_with_on(&lower) || lower.starts_with(char::is_numeric);
    let full = dates.has_full_date();
    // "On Monday he said:" is a sentence: without an address there must be a whole date, and more.
    let alone = ends
        && if wrote {
            (address && date) || (bracketed && !is_prose(&lower)) || (full && (begins || dates.has_time()))
        } else {
            // In a language that the table lacks, an address beside a date and a time says enough, where it stands as
            // programs write it: the lines of a log name addresses, too.
            date && placed && (begins || starts_with_date(&lower) || (bracketed && full && dates.has_time()))
        };
    if alone {
        return Some(Certainty::Alone);
    }
    let weak = (date && address && lower.ends_with('>')) || (ends && (date || address || wrote));
    weak.then_some(Certainty::WithQuote)
}

/// True for a text that introduces a quotation whatever follows, with its date.
pub(super) fn is_whole(text: &str) -> bool {
    judge(text) == Some(Certainty::Alone) && Dates::of(&text.to_lowercase()).has_full_date()
}

/// Directional marks stand in the attributions of right-to-left languages.
pub(super) fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn without_bidi(text: &str) -> String {
    text.chars().filter(|c| !is_direction(*c)).collect()
}

/// Whether an attribution may end with this line. Cheap: it is asked of every line of a mail.
pub(super) fn may_end(line: &str) -> bool {
    let end = line.trim_end_matches(|c: char| {
        matches!(c, '*' | '_' | '-' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') || c.is_whitespace()
    });
    match end.chars().next_back() {
        Some(':' | '：' | '>') => return true,
        // Most lines end with a full stop or the like.
        Some(')') => {}
        Some(last) if last.is_alphabetic() || !last.is_ascii() => {}
        _ => return false,
    }
    let tail = end
        .char_indices()
        .rev()
        .nth(15)
        .map_or(end, |(at, _)| end.get(at..).unwrap_or(end));
    ends_with_wrote(&tail.to_lowercase())
}

fn ends_like_one(lower: &str) -> bool {
    let end = lower.trim_end_matches(|c: char| matches!(c, '*' | '_' | '-') || c.is_whitespace());
    end.ends_with([':', '：']) || ends_with_wrote(end)
}

/// A full stop inside, followed by a capital, is lost in lower case: a blank after it and many words must do.
fn is_prose(lower: &str) -> bool {
    lower.matches(". ").count() > 2
}

/// Words that end with a full stop at the end of a line of an attribution: titles, and what stands behind a time.
const ABBREVIATIONS: &[&str] = &[
    "co", "corp", "dr", "esq", "hr", "hrs", "inc", "jr", "kl", "ltd", "mr", "mrs", "ms", "prof", "sr", "st",
    "uhr",
];

/// Whether a text ends like a sentence: with a full stop behind a word that is no abbreviation.
pub(super) fn ends_sentence(text: &str) -> bool {
    let Some(words) = text.strip_suffix(['.', '!', '?', '…']) else {
        return false;
    };
    let mut words = words.rsplit(char::is_whitespace);
    let last = words.next().unwrap_or_default().to_lowercase();
    // Behind a number it may be a month, or what a clock shows.
    let counts = words.next().is_some_and(|word| word.contains(char::is_numeric));
    let length = last.chars().count();
    last.chars().all(char::is_alphabetic)
        && (length > 3 || (length > 1 && !counts && !ABBREVIATIONS.contains(&last.as_str())))
}

pub(super) fn starts_with_on(lower: &str) -> bool {
    ON.iter().any(|word| {
        lower.strip_prefix(word).is_some_and(|rest| {
            rest.starts_with([' ', ',', '\u{a0}', '.'])
                || word.ends_with('-')
                || rest.starts_with(|c: char| c.is_numeric())
        })
    })
}

/// Whether a line may be the first of an attribution that goes on.
pub(super) fn may_begin(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    lower.len() > 3
        && (starts_with_on(&lower)
            || Dates::of(&lower).has_date()
            || has_address(&lower)
            || says_wrote(&lower))
}

/// Whether a line is nothing but "wrote:".
pub(super) fn is_wrote_alone(line: &str) -> bool {
    let lower = line.trim().to_lowercase();
    lower
        .strip_suffix([':', '：'])
        .is_some_and(|word| WROTE.contains(&word.trim_end()))
}

/// Whether a line is nothing but an address, once more as a link perhaps.
pub(super) fn is_address_alone(line: &str) -> bool {
    let mut words = line.split_whitespace().peekable();
    words.peek().is_some() && words.all(|word| word.len() <= 300 && has_address(word))
}

/// Whether a line may be a person's name: few words, none of them in lower case.
pub(super) fn is_name(line: &str) -> bool {
    let words = line.split_whitespace().count();
    (1..=5).contains(&words)
        && !line.ends_with(['.', ',', '!', '?', ':', ';'])
        && line.split_whitespace().all(|word| {
            let first = word.trim_start_matches(['"', '\'', '(']).chars().next();
            first.is_some_and(|first| first.is_alphabetic() && !first.is_lowercase())
        })
}

fn starts_with_date(lower: &str) -> bool {
    let head: String = lower.chars().take(26).collect();
    lower.starts_with(|c: char| c.is_numeric()) || Dates::of(&head).has_date()
}

/// `3 Jun 2025, 17:05 by karl@example.org:`.
fn ends_with_address(lower: &str) -> bool {
    let end = lower
        .trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | ',' | '*' | '_' | '-'));
    end.rsplit(char::is_whitespace).next().is_some_and(has_address)
}

/// An address, in brackets or not.
pub(super) fn has_address(lower: &str) -> bool {
    lower.split_whitespace().any(|word| {
        word.find('@').is_some_and(|at| {
            at > 0
                && word
                    .get(at + 1..)
                    .is_some_and(|domain| domain.contains('.') || domain.len() > 2)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_of_many_languages_stand_alone() {
        for line in [
            "On Tue, 14 May 2024 at 09:30, Alice Smith <alice@example.org> wrote:",
            "Am 14.05.2024 um 09:30 schrieb Alice Smith:",
            "Le mar. 14 mai 2024 à 09:30, Alice <alice@example.org> a écrit :",
            "El mar, 14 may 2024 a las 9:30, Alice (<alice@example.org>) escribió:",
            "Op di 14 mei 2024 om 09:30 schreef Alice <alice@example.org>:",
            "Il giorno mar 14 mag 2024 alle ore 09:30 Alice <alice@example.org> ha scritto:",
            "W dniu 14.05.2024 o 09:30, Alice pisze:",
            "14 мая 2024 г., в 09:30, Alice <alice@example.org> написал(а):",
            "在 2024年5月14日，上午9:30，Alice <alice@example.org> 写道：",
            "2024年5月14日(火) 9:30 Alice <alice@example.org>:",
            "2024년 5월 14일 (화) 오전 9:30, Alice <alice@example.org>님이 작성:",
            "בתאריך יום ג׳, 14 במאי 2024 ב-9:30 מאת Alice <alice@example.org>:",
            "14 May 2024, 09:30 by alice@example.org:",
        ] {
            assert_eq!(judge(line), Some(Certainty::Alone), "{line}");
        }
    }

    #[test]
    fn sentences_that_end_in_a_colon_need_a_quotation_below() {
        for line in [
            "On Monday at 10:30 he said:",
            "As Bob wrote in 2019, part 3:",
            "See what bob@example.org wrote:",
            "Ask Bob (bob@example.org) before 14.05.2024:",
            "Quoting Alice:",
            "2025-06-03 17:05:12 ERROR alice@example.org failed:",
        ] {
            assert_ne!(judge(line), Some(Certainty::Alone), "{line}");
        }
    }

    #[test]
    fn names_addresses_and_verbs_stand_on_lines_of_their_own() {
        for (line, name, address, wrote) in [
            ("Alice Smith", true, false, false),
            ("\"Smith, Alice\"", true, false, false),
            ("アリス", true, false, false),
            ("Best regards", false, false, false),
            ("Thanks!", false, false, false),
            ("<alice@example.org>", false, true, false),
            ("alice@example.org (mailto:alice@example.org)", false, true, false),
            ("Write to alice@example.org", false, false, false),
            ("wrote:", false, false, true),
            ("a écrit :", false, false, true),
            ("she wrote:", false, false, false),
            ("", false, false, false),
        ] {
            assert_eq!(
                (is_name(line), is_address_alone(line), is_wrote_alone(line)),
                (name, address, wrote),
                "{line}"
            );
        }
    }

    #[test]
    fn sentences_are_no_attributions() {
        for line in [
            "See you on Monday at 10:30.",
            "She wrote to me in 2019 and never again",
            "Please write to bob@example.org",
            "Send it to bob@example.org soon, please.",
            "",
            "Thanks!",
        ] {
            assert_eq!(judge(line), None, "{line}");
        }
    }
}
