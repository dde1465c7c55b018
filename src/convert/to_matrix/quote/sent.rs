//! Recognises what Penpal itself sent in the thread: a quotation is known by its content, however it is marked.

use crate::convert::to_matrix::lines::{Line, Zone};

/// How many of the texts sent are compared, the newest.
const MAX_TEXTS: usize = 50;
/// How much of them is compared, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// How many words a line needs to be known by itself; shorter ones are known between known lines.
const SURE_WORDS: usize = 5;

/// Marks the unmarked lines that repeat what was sent, reflowed or cut short as it may be.
///
/// A line that answers with the same words as one that was sent is only marked beside other lines that are known.
pub(in super::super) fn mark(lines: &mut [Line], sent: &[String]) {
    let known = known_text(sent);
    if known.trim().is_empty() {
        return;
    }
    let words: Vec<String> = lines.iter().map(|line| normal(&line.text)).collect();
    let matches: Vec<bool> = words
        .iter()
        .map(|line| !line.trim().is_empty() && known.contains(line.as_str()))
        .collect();
    let mut start = 0;
    while start < lines.len() {
        let mut end = start;
        while matches.get(end) == Some(&true)
            || (end > start && words.get(end).is_some_and(|line| line.trim().is_empty()))
        {
            end += 1;
        }
        while end > start && matches.get(end - 1) != Some(&true) {
            end -= 1;
        }
        if end == start {
            start += 1;
            continue;
        }
        let run = words.get(start..end).unwrap_or_default();
        if run
            .iter()
            .any(|line| line.split_whitespace().count() >= SURE_WORDS)
        {
            for line in lines.get_mut(start..end).unwrap_or_default() {
                line.zone = line.zone.max(Zone::Quote);
            }
        }
        start = end;
    }
}

fn known_text(sent: &[String]) -> String {
    let mut known = String::new();
    for text in sent.iter().take(MAX_TEXTS) {
        if known.len() >= MAX_BYTES {
            break;
        }
        known.push_str(&normal(text));
        // Texts must not run into each other.
        known.push('\u{0}');
    }
    known
}

/// The words alone, in lower case, each with a blank before and after: marks, reflowing and re-encoding leave them.
fn normal(text: &str) -> String {
    let mut out = String::from(" ");
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        out.push_str(&word.to_lowercase());
        out.push(' ');
    }
    out
}
