//! Contact blocks without a delimiter: the same lines below one mail after the other, with how to reach their writer.
//!
//! Only what stood in an earlier mail of the same person is taken for one, so that nothing goes which was not shown before.

use super::delimiter::reaches;
use super::{has_text, take_out};
use crate::convert::to_matrix::lines::{Line, Role};

/// The longest block, in lines with text, and the longest of its lines, in characters.
const MAX_LINES: usize = 20;
const MAX_CHARS: usize = 100;
/// How many earlier mails are compared, the newest, and how much of each, in bytes.
const MAX_MAILS: usize = 20;
const MAX_BYTES: usize = 64 * 1024;

/// What is known of the writer of a mail, from this mail and earlier ones.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Writer<'a> {
    /// The name in `From`.
    pub(in super::super) name: &'a str,
    /// The texts of earlier mails in the thread, newest first, with what was left out of them.
    pub(in super::super) earlier: &'a [String],
}

/// Takes out the contact block at the end of what is new.
pub(super) fn mark_repeated(lines: &[Line], roles: &mut [Role], limit: usize, writer: Writer<'_>) {
    let last: Vec<usize> = last_lines(lines, roles, limit);
    let text = |index: &usize| lines.get(*index).map_or("", |line| line.text.trim());
    let ours: Vec<String> = last.iter().map(|index| normal(text(index))).collect();
    let mails = writer.earlier.iter().take(MAX_MAILS);
    let mut repeated: Vec<usize> = mails.map(|mail| repeated(&ours, mail)).collect();
    repeated.sort_unstable_by(|one, other| other.cmp(one));
    // From the last line upwards, to the first that may be a sentence.
    let card = |mails: usize| {
        let known = mails.checked_sub(1).and_then(|at| repeated.get(at));
        let card = last.iter().take(known.copied().unwrap_or(0));
        let length = card.take_while(|index| !is_sentence(text(index))).count();
        last.get(..length).unwrap_or_default()
    };
    let name = normal(writer.name);
    let named = card(1)
        .iter()
        .rposition(|index| names(&normal(text(index)), &name));
    // Somebody else's address may be sent twice: without the writer's name, once more must it have been there.
    let Some(top) = named.or_else(|| top_of_card(lines, card(2))) else {
        return;
    };
    let block = last.get(..=top).unwrap_or_default();
    let (Some(first), Some(end)) = (block.last(), block.first()) else {
        return;
    };
    // "Here is the address again:"
    let is_introduced = last
        .get(top + 1)
        .is_some_and(|above| text(above).ends_with([':', '：']));
    let is_contact = block.len() >= 2 && block.iter().any(|index| reaches(text(index)));
    if is_contact && !is_introduced && has_text(lines, roles, 0..*first) {
        take_out(roles, *first..end + 1);
    }
}

/// The last new lines with words, from the end upwards, to the next quotation.
fn last_lines(lines: &[Line], roles: &[Role], limit: usize) -> Vec<usize> {
    let new = (0..limit.min(lines.len())).rev();
    new.skip_while(|index| roles.get(*index) != Some(&Role::New))
        .take_while(|index| roles.get(*index) != Some(&Role::Quote))
        .filter(|index| roles.get(*index) == Some(&Role::New))
        .filter_map(|index| Some((index, lines.get(index)?)))
        .take_while(|(_, line)| line.depth == 0)
        .filter(|(_, line)| line.text.chars().any(char::is_alphanumeric))
        .map(|(index, _)| index)
        .take(MAX_LINES)
        .collect()
}

/// How many of our lines, given from the last one upwards, an earlier mail has one after the other.
fn repeated(ours: &[String], mail: &str) -> usize {
    let mail = mail
        .get(..mail.floor_char_boundary(MAX_BYTES))
        .unwrap_or_default();
    let theirs: Vec<String> = mail.lines().map(normal).filter(|line| !line.is_empty()).collect();
    (1..=theirs.len())
        .map(|end| {
            let above = theirs.iter().take(end).rev();
            ours.iter()
                .zip(above)
                .take_while(|(our, their)| our == their)
                .count()
        })
        .max()
        .unwrap_or(0)
}

/// The words of a line in lower case.
fn normal(line: &str) -> String {
    let words = line
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether a line is the writer's name, with a title perhaps: it begins with a part of it, or consists of little else.
fn names(line: &str, name: &str) -> bool {
    let is_part = |word: &str| word.chars().count() > 2 && name.split(' ').any(|part| part == word);
    let words = line.split(' ').count();
    let parts = line.split(' ').filter(|word| is_part(word)).count();
    words <= 8 && (line.split(' ').next().is_some_and(is_part) || parts * 2 > words)
}

/// Where a block begins in which the writer's name does not stand: its paragraphs say how to reach somebody, or are lines that
/// could stand on a card.
fn top_of_card(lines: &[Line], block: &[usize]) -> Option<usize> {
    let text = |index: &usize| lines.get(*index).map_or("", |line| line.text.trim());
    let above_gap = |position: usize| {
        let (Some(below), Some(above)) = (
            position.checked_sub(1).and_then(|below| block.get(below)),
            block.get(position),
        ) else {
            return false;
        };
        above + 1 < *below
    };
    let reached = block.iter().rposition(|index| reaches(text(index)))?;
    let above = (reached + 1..block.len())
        .take_while(|position| {
            let line = block.get(*position).map_or("", text);
            // One word could be an answer.
            !above_gap(*position) && line.split_whitespace().count() >= 2
        })
        .count();
    Some(reached + above)
}

/// Whether a line may be what somebody says: it ends like a sentence, or most of its words are in lower case. Of scripts
/// without that distinction, only lines with an address or a number are certain.
pub(super) fn is_sentence(line: &str) -> bool {
    let ends = line.ends_with([
        '?', '!', ':', ',', ';', '…', '？', '！', '。', '：', '，', '؟', '।',
    ]);
    if ends || line.chars().count() > MAX_CHARS {
        return true;
    }
    if reaches(line) {
        return false;
    }
    let starts = |is: fn(char) -> bool| {
        line.split_whitespace()
            .filter(|word| word.starts_with(is))
            .count()
    };
    let (lower, upper) = (starts(char::is_lowercase), starts(char::is_uppercase));
    let numbers = line.chars().filter(char::is_ascii_digit).count();
    if lower + upper == 0 {
        return numbers < 3;
    }
    lower >= 2 && lower * 2 >= upper + lower || line.split_whitespace().count() > 14
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of a mail whose writer sent `earlier` before.
    fn shown(mail: &str, earlier: &[&str]) -> String {
        let lines: Vec<Line> = mail
            .lines()
            .map(|text| Line {
                text: text.to_owned(),
                source: text.to_owned(),
                ..Line::default()
            })
            .collect();
        let mut roles = vec![Role::New; lines.len()];
        let earlier: Vec<String> = earlier.iter().map(|mail| (*mail).to_owned()).collect();
        let writer = Writer {
            name: "Alice Smith",
            earlier: &earlier,
        };
        mark_repeated(&lines, &mut roles, lines.len(), writer);
        crate::convert::to_matrix::lines::join(&lines, &roles, |role| role == Role::New)
    }

    const CARD: &str = "Alice Smith\nHead of Sales and Marketing\nAcme Ltd.\n1 High Street, Oxford\nTel. +44 1865 123456\nwww.acme.example";

    #[test]
    fn a_block_that_was_there_before_goes() {
        let first = format!("Hello Bob,\n\nsee the plan.\n\nBest regards\n\n{CARD}");
        for (mail, expected) in [
            (format!("Fine with me.\n\n{CARD}"), "Fine with me."),
            (
                format!("Fine with me.\n\nBest regards\n\n{CARD}"),
                "Fine with me.\n\nBest regards",
            ),
            (format!("Fine with me.\n{CARD}"), "Fine with me."),
            // As Outlook lays it out.
            (
                format!("Fine with me.\n\n{}", CARD.replace('\n', "\n\n")),
                "Fine with me.",
            ),
            (
                format!(
                    "Fine with me.\n\n{}",
                    CARD.replace("Ltd.", "Ltd").replace("www", "WWW")
                ),
                "Fine with me.",
            ),
        ] {
            assert_eq!(shown(&mail, &[&first]), expected);
            assert_eq!(shown(&mail, &["something else", &first]), expected);
        }
        // Without the writer's name, when it was there twice.
        let japanese = "山田太郎\n電話 03-1234-5678\nhttps://acme.example";
        let (mail, earlier) = (
            format!("了解です。\n\n{japanese}"),
            format!("こんにちは。\n\n{japanese}"),
        );
        assert_eq!(shown(&mail, &[&earlier]), mail);
        assert_eq!(shown(&mail, &[&earlier, &earlier]), "了解です。\n\n山田太郎");
    }

    #[test]
    fn what_may_be_said_stays() {
        let first = format!("Yes\n\n{CARD}");
        for (mail, earlier) in [
            // Nothing came before, or something else.
            (format!("Fine.\n\n{CARD}"), "Hello"),
            (
                format!("Fine.\n\n{CARD}"),
                "Alice Smith\nHead of Sales and Marketing\nAcme Ltd.",
            ),
            // It is all there is.
            (CARD.to_owned(), first.as_str()),
            // The lines were changed: that is the news.
            (
                "My new number:\n\nAlice Smith\nTel. +44 1865 999999".to_owned(),
                "Alice Smith\nTel. +44 1865 123456",
            ),
            // Repeated, but without anything to reach somebody by.
            (
                "Fine.\n\nKind regards\nAlice Smith".to_owned(),
                "No.\n\nKind regards\nAlice Smith",
            ),
            // An address that was asked for again.
            (format!("Write to me here, please:\n\n{CARD}"), first.as_str()),
            (
                "The address once more\n\nAcme Ltd.\n1 High Street\nTel. +44 1865 123456".to_owned(),
                "Here it is\n\nAcme Ltd.\n1 High Street\nTel. +44 1865 123456",
            ),
            (
                "Once more:\nhttps://example.org/plan".to_owned(),
                "Here:\nhttps://example.org/plan",
            ),
            (
                "Write to them!\nShould we call +44 1865 123456?".to_owned(),
                "Oh.\nShould we call +44 1865 123456?",
            ),
            (
                "Fine.\n\n> Alice Smith\n> Tel. +44 1865 123456".to_owned(),
                "Alice Smith\nTel. +44 1865 123456",
            ),
        ] {
            let quoted = mail.contains('>');
            assert!(
                quoted || shown(&mail, &[earlier]) == mail,
                "{}",
                shown(&mail, &[earlier])
            );
        }
        // The same answer twice, in the same place.
        for answer in [
            "Yes",
            "See you tomorrow",
            "We agree.",
            "Yes, please",
            "So be it then",
            "好的",
        ] {
            let mail = format!("Hi Bob,\n\n{answer}\n{CARD}");
            assert_eq!(shown(&mail, &[&mail]), format!("Hi Bob,\n\n{answer}"));
            let nameless = "Yes\nTel. +44 1865 123456\nwww.acme.example";
            assert_eq!(
                shown(&format!("Hi Bob,\n\n{nameless}"), &[nameless, nameless]),
                "Hi Bob,\n\nYes"
            );
        }
    }
}
