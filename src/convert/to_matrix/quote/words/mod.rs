//! What mail programs call things, language by language.

mod headings;
mod labels;
mod wrote;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(super) use headings::{FORWARD_PREFIXES, FORWARDED, ORIGINAL};
pub(super) use labels::{LABELS, Label};
pub(super) use wrote::{ON, WROTE};

/// [`WROTE`] by one of its letters: hostile mails consist of nothing but possible attributions.
type ByLetter = LazyLock<BTreeMap<char, Vec<&'static str>>>;
static WROTE_BY_LETTER: ByLetter = LazyLock::new(|| by(|word| word.chars().next()));
static WROTE_BY_LAST: ByLetter = LazyLock::new(|| by(|word| word.chars().next_back()));

fn by(letter: impl Fn(&str) -> Option<char>) -> BTreeMap<char, Vec<&'static str>> {
    let mut words: BTreeMap<char, Vec<&'static str>> = BTreeMap::new();
    for word in WROTE {
        if let Some(letter) = letter(word) {
            words.entry(letter).or_default().push(word);
        }
    }
    words
}

/// Whether the text, in lower case, ends with a word for "wrote".
pub(super) fn ends_with_wrote(lower: &str) -> bool {
    let last = lower.chars().next_back();
    last.and_then(|last| WROTE_BY_LAST.get(&last))
        .is_some_and(|words| words.iter().any(|word| lower.ends_with(word)))
}

/// True when the text, in lower case, has a word for "wrote": whole words for scripts that have blanks, any place
/// for those that have none.
pub(super) fn says_wrote(lower: &str) -> bool {
    let mut before: Option<char> = None;
    for (at, c) in lower.char_indices() {
        let starts = before.is_none_or(|before| !before.is_alphanumeric()) || has_no_blanks(c);
        before = Some(c);
        let Some(words) = starts.then(|| WROTE_BY_LETTER.get(&c)).flatten() else {
            continue;
        };
        let rest = lower.get(at..).unwrap_or_default();
        let found = words.iter().any(|word| {
            rest.strip_prefix(word).is_some_and(|after| {
                has_no_blanks(c) || after.chars().next().is_none_or(|after| !after.is_alphanumeric())
            })
        });
        if found {
            return true;
        }
    }
    false
}

/// Thai, and everything from the Chinese radicals on.
fn has_no_blanks(c: char) -> bool {
    c > '\u{2e80}' || ('\u{e00}'..='\u{e7f}').contains(&c)
}
