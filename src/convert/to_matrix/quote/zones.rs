//! Checks what the structure of HTML says against the words: people write where mail programs put attributions.

use super::attribution::{self, is_whole};
use super::dates::Dates;
use super::words::says_wrote;
use crate::convert::to_matrix::lines::{Line, Zone};

/// Over how many lines an attribution is laid out at most where its words are not known.
const MAX_LINES: usize = 3;

/// Takes the zone of attributions from lines that are none: Gmail's and Nylas's containers hold what was written
/// directly above the quotation, too.
pub(in super::super) fn check(lines: &mut [Line]) {
    let mut start = 0;
    while start < lines.len() {
        let run = lines
            .iter()
            .skip(start)
            .take_while(|line| line.zone == Zone::Attribution)
            .count();
        let end = start + run;
        let slice = lines.get_mut(start..end).unwrap_or_default();
        let own = written_above(slice);
        for line in slice.iter_mut().take(own) {
            line.zone = Zone::Body;
        }
        start = end.max(start + 1);
    }
}

/// How many lines of the run were written above the attribution.
fn written_above(run: &[Line]) -> usize {
    let joined = |lines: &[Line]| {
        let text: Vec<&str> = lines
            .iter()
            .map(|line| line.text.trim())
            .filter(|text| !text.is_empty())
            .collect();
        (text.len(), text.join(" "))
    };
    let whole = (0..run.len()).rev().take(2 * MAX_LINES).find(|start| {
        let (_, text) = joined(run.get(*start..).unwrap_or_default());
        is_whole(&text)
    });
    if let Some(start) = whole {
        return start;
    }
    let (count, text) = joined(run);
    if count > MAX_LINES || text.len() > attribution::MAX_BYTES {
        return run.len();
    }
    let lower = text.to_lowercase();
    let dated = Dates::of(&lower).has_date();
    let reads_like_one = text.is_empty() || lower.ends_with([':', '：']) || says_wrote(&lower) || {
        let address = attribution::has_address(&lower);
        (dated && address) || (count == 1 && (dated || address))
    };
    if reads_like_one { 0 } else { run.len() }
}
