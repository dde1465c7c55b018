//! Corrections that say what changed, where that is short.

use std::ops::Range;

use similar::{ChangeTag, TextDiff};

/// A change with more places than this is easier to read as the whole new text.
const PLACES: usize = 2;
/// Longest words shown of one place, in characters.
const LONGEST: usize = 60;
/// Texts above this size are not compared: nobody corrects a letter of that length word by word.
const COMPARED: usize = 10_000;

/// What changed, one line for each place, with a few words around it: `“leaves at nine from” → “leaves at ten from”`. `None` when the
/// whole text says it better.
pub(super) fn change(old: &str, new: &str) -> Option<String> {
    // A text that is not much longer than the description of the change is its own best description.
    if old.len().max(new.len()) > COMPARED || new.chars().count() < 2 * LONGEST {
        return None;
    }
    let diff = TextDiff::from_words(old, new);
    let changes: Vec<Word<'_>> = diff
        .iter_all_changes()
        .map(|change| (change.tag(), change.value()))
        .collect();
    let places = places(&changes);
    if places.is_empty() || places.len() > PLACES {
        return None;
    }
    let lines = places.iter().map(|place| describe(&changes, place.clone()));
    Some(lines.collect::<Option<Vec<_>>>()?.join("\n"))
}

/// A word or the blanks between two, and on which side it stands.
type Word<'a> = (ChangeTag, &'a str);

/// The runs of changed words. Blanks between two changed words belong to the same place.
fn places(changes: &[Word<'_>]) -> Vec<Range<usize>> {
    let mut places: Vec<Range<usize>> = Vec::new();
    for (index, (tag, _)) in changes.iter().enumerate() {
        if *tag == ChangeTag::Equal {
            continue;
        }
        match places.last_mut() {
            Some(last) if is_blank(changes.get(last.end..index).unwrap_or_default()) => last.end = index + 1,
            _ => places.push(index..index + 1),
        }
    }
    places
}

fn is_blank(words: &[Word<'_>]) -> bool {
    words.iter().all(|(_, word)| word.chars().all(|c| c == ' '))
}

/// A place before and after, or `None` when nobody would find it by that.
fn describe(changes: &[Word<'_>], place: Range<usize>) -> Option<String> {
    let within = changes.get(place.clone())?;
    let side = |other: ChangeTag| -> String {
        let own = within.iter().filter(|(tag, _)| *tag != other);
        own.map(|(_, word)| *word).collect()
    };
    let (removed, added) = (side(ChangeTag::Insert), side(ChangeTag::Delete));
    let is_short = |text: &str| text.chars().count() <= LONGEST && !text.contains('\n');
    if !is_short(&removed) || !is_short(&added) {
        return None;
    }
    let before: Vec<&str> = around(changes.get(..place.start)?.iter().rev(), 2);
    let before: String = before.into_iter().rev().collect();
    let after: String = around(changes.get(place.end..)?.iter(), 1).concat();
    if before.is_empty() && after.is_empty() {
        return None;
    }
    let (removed, added) = (
        format!("{before}{removed}{after}"),
        format!("{before}{added}{after}"),
    );
    let (removed, added) = without_same_end(removed.trim(), added.trim());
    Some(format!("“{removed}” → “{added}”"))
}

/// The nearest words that stay as they are, and the blanks between them: as many as say where a place is.
fn around<'a>(words: impl Iterator<Item = &'a Word<'a>>, most: usize) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut count = 0;
    for (tag, word) in words {
        let is_word = !word.trim().is_empty();
        if *tag != ChangeTag::Equal
            || word.contains('\n')
            || (is_word && count == most)
            || word.chars().count() > LONGEST
        {
            break;
        }
        count += usize::from(is_word);
        found.push(*word);
    }
    found
}

/// Leaves out the punctuation with which both end: it is not what changed.
fn without_same_end<'a>(removed: &'a str, added: &'a str) -> (&'a str, &'a str) {
    for end in [',', '.', ';', ':', '!', '?'] {
        if let (Some(removed), Some(added)) = (removed.strip_suffix(end), added.strip_suffix(end)) {
            return (removed, added);
        }
    }
    (removed, added)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &str = "Dear Alice, the train leaves at nine from platform four, so please be there at half past eight, \
                          and bring the tickets that I sent you last week. Yours, Bob";

    #[test]
    fn small_changes_are_named() {
        for (from, to, expected) in [
            (
                "nine",
                "ten",
                Some("“leaves at nine from” → “leaves at ten from”"),
            ),
            (
                "half past eight",
                "a quarter to nine",
                Some("“there at half past eight, and” → “there at a quarter to nine, and”"),
            ),
            ("please ", "", Some("“four, so please be” → “four, so be”")),
            (
                "Yours, Bob",
                "Yours, Bob and Carol",
                Some("“Yours, Bob” → “Yours, Bob and Carol”"),
            ),
            ("Alice", "Alice\nand Carol", None),
            ("Dear", "Dear", None),
        ] {
            assert_eq!(
                change(LETTER, &LETTER.replace(from, to)).as_deref(),
                expected,
                "{from}"
            );
        }
        assert_eq!(change("see you at nine", "see you at ten"), None);
        assert_eq!(change(LETTER, &LETTER.to_uppercase()), None);
    }
}
