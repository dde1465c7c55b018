//! Header blocks before a quoted or forwarded message: `From:`, `Sent:`, `To:`, `Subject:`, in all languages.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::attribution::{has_address, is_direction};
use super::dates::Dates;
use super::words::{LABELS, Label};

/// How many lines a header block has at most; `To` may be folded over many.
const MAX_LINES: usize = 40;
/// The longest name of a field, in characters.
const MAX_NAME: usize = 24;

/// The fields by name.
static FIELDS: LazyLock<BTreeMap<&'static str, Label>> = LazyLock::new(|| {
    let mut fields = BTreeMap::new();
    for (label, names) in LABELS {
        for name in *names {
            // "da" and its like stand in two lists: the first one counts.
            fields.entry(*name).or_insert(*label);
        }
    }
    fields
});

/// What a line would be in a header block.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what was seen in one line, each apart from the others"
)]
pub(super) struct HeaderLine {
    blank: bool,
    label: Option<Label>,
    /// Its value is what programs write, not people: an address, or a date with a time.
    exact: bool,
    /// The date of RFC 5322, with a zone.
    zoned: bool,
    /// `From: … Date: …` in one line.
    double: bool,
}

impl HeaderLine {
    /// Reads a line.
    pub(super) fn read(text: &str) -> Self {
        let mut read = Self {
            blank: text.trim().is_empty(),
            ..Self::default()
        };
        let Some((label, value)) = field(text) else {
            return read;
        };
        read.label = Some(label);
        let lower = value.to_lowercase();
        match label {
            Label::From | Label::To | Label::Copy => read.exact = has_address(&lower),
            Label::Date => {
                let dates = Dates::of(&lower);
                read.exact = dates.has_full_date() && dates.has_time();
                read.zoned = read.exact && has_zone(&lower);
            }
            Label::Subject | Label::Other => {}
        }
        if label == Label::From && read.exact {
            read.double = ["date:", "sent:", "gesendet:", "envoyé"].iter().any(|name| {
                lower
                    .split_once(name)
                    .is_some_and(|(_, date)| Dates::of(date).has_full_date())
            });
        }
        read
    }
}

/// `-0600`, `GMT`.
fn has_zone(lower: &str) -> bool {
    lower.split_whitespace().any(|word| {
        matches!(word, "gmt" | "utc")
            || word
                .strip_prefix(['+', '-'])
                .is_some_and(|zone| zone.len() == 4 && zone.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The label and value of a line such as `From: Alice` or `*Von:* Alice`.
fn field(text: &str) -> Option<(Label, &str)> {
    let text = text.trim().trim_start_matches(|c: char| {
        matches!(c, '*' | '_' | '>' | '|' | ' ' | '\u{feff}') || is_direction(c)
    });
    let mut head = text.char_indices().take(MAX_NAME + 5);
    let (end, colon) = head.find(|(_, c)| matches!(c, ':' | '：'))?;
    let (name, value) = text.split_at_checked(end)?;
    let value = value.get(colon.len_utf8()..)?;
    let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_'));
    let label = FIELDS.get(name.to_lowercase().as_str())?;
    Some((*label, value))
}

/// The label with which a line of Lotus Notes begins, with a colon or as its first word, and whether a value follows.
pub(super) fn label(text: &str) -> Option<(Label, bool)> {
    if let Some((label, value)) = field(text) {
        return Some((
            label,
            !value.trim().is_empty() || text.trim_end().ends_with([':', '：']),
        ));
    }
    let text = text.trim();
    let (name, value) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let label = FIELDS.get(name.to_lowercase().as_str())?;
    Some((*label, !value.trim().is_empty()))
}

/// The end of the header block that begins at `start`, exclusive. `headed`: a heading or a rule stands above it,
/// so that less is enough.
pub(super) fn end(lines: &[HeaderLine], start: usize, headed: bool) -> Option<usize> {
    let first = lines.get(start)?;
    let first_label = first.label?;
    if !headed && !matches!(first_label, Label::From | Label::Date | Label::Subject) {
        return None;
    }
    if headed && first.double {
        return Some(start + 1);
    }
    let mut seen = vec![*first];
    let mut end = start + 1;
    let mut folded = 0;
    let mut blanks = 0;
    for (index, line) in lines.iter().enumerate().skip(start + 1).take(MAX_LINES) {
        if line.blank {
            blanks += 1;
            if blanks > 2 {
                break;
            }
            continue;
        }
        if line.label.is_some() {
            seen.push(*line);
            end = index + 1;
            (folded, blanks) = (0, 0);
        } else if blanks == 0 && folded < 3 {
            folded += 1;
        } else {
            break;
        }
    }
    let has = |label: Label| seen.iter().any(|line| line.label == Some(label));
    let exact = |label: Label| seen.iter().any(|line| line.label == Some(label) && line.exact);
    let others = [Label::Date, Label::To, Label::Copy, Label::Subject]
        .into_iter()
        .filter(|label| has(*label))
        .count();
    let enough = if has(Label::From) {
        others >= 2 || (others == 1 && (headed || (exact(Label::From) && exact(Label::Date))))
    } else {
        // Some programs leave the sender out: then the date must be a machine's.
        exact(Label::To) && seen.iter().any(|line| line.zoned)
    };
    enough.then_some(end)
}
