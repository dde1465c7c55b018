//! Corrections that say what changed, where that is short.

use similar::{ChangeTag, TextDiff};

/// A change with more places than this is easier to read as the whole new text.
const PLACES: usize = 2;
/// Longest words shown of one place, in characters.
const LONGEST: usize = 60;
/// Texts above this size are not compared: nobody corrects a letter of that length word by word.
const COMPARED: usize = 10_000;

/// What changed, one line for each place: `“teh” → “the”`. `None` when the whole text says it better.
pub(super) fn change(old: &str, new: &str) -> Option<String> {
    // A text that is not much longer than the description of the change is its own best description.
    if old.len().max(new.len()) > COMPARED || new.chars().count() < 2 * LONGEST {
        return None;
    }
    let diff = TextDiff::from_words(old, new);
    let mut places: Vec<(String, String)> = Vec::new();
    let mut in_place = false;
    for change in diff.iter_all_changes() {
        let word = change.value();
        match change.tag() {
            ChangeTag::Equal => {
                // Blanks between two changed words belong to the same place.
                if in_place && word.chars().all(|c| c == ' ') {
                    if let Some((removed, added)) = places.last_mut() {
                        removed.push_str(word);
                        added.push_str(word);
                    }
                } else {
                    in_place = false;
                }
            }
            tag => {
                if !in_place {
                    places.push((String::new(), String::new()));
                    in_place = true;
                }
                let (removed, added) = places.last_mut()?;
                let side = if tag == ChangeTag::Delete { removed } else { added };
                side.push_str(word);
            }
        }
    }
    // Of a word that was only added or only removed, nobody would know where.
    let is_clear =
        |text: &str| !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.contains('\n');
    let clear = places
        .iter()
        .all(|(removed, added)| is_clear(removed) && is_clear(added));
    if places.is_empty() || places.len() > PLACES || !clear {
        return None;
    }
    let lines: Vec<String> = places
        .iter()
        .map(|(removed, added)| {
            let (removed, added) = without_same_end(removed.trim(), added.trim());
            format!("“{removed}” → “{added}”")
        })
        .collect();
    Some(lines.join("\n"))
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
            ("nine", "ten", Some("“nine” → “ten”")),
            (
                "half past eight",
                "a quarter to nine",
                Some("“half past eight” → “a quarter to nine”"),
            ),
            ("please ", "", None),
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
