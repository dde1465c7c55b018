//! Signatures below a delimiter (RFC 3676, section 4.3), and contact blocks below a rule.

use super::{has_text, is_new, take_out};
use crate::convert::to_matrix::lines::{Line, Role, Zone};

/// The longest signature, in lines with text.
const MAX_SIGNATURE: usize = 30;
/// The longest contact block below a rule, in lines with text, and the longest of its lines, in characters.
const MAX_CONTACT: usize = 10;
const MAX_CONTACT_LINE: usize = 90;

/// What may stand above a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    /// A signature of so many lines with text: the custom is four, but companies like it long. The delimiters that
    /// writers use for other ends as well are believed less.
    Mark(usize),
    /// A rule, which writers draw elsewhere, too: what is below must be how to reach somebody.
    Rule,
}

/// Takes out each delimiter and everything below it, to the next quotation or to the end.
pub(super) fn mark_below(lines: &[Line], roles: &mut [Role], limit: usize) {
    let mut index = 0;
    while index < limit {
        let delimiter = lines
            .get(index)
            .filter(|line| line.depth == 0 && roles.get(index) == Some(&Role::New))
            .and_then(|line| read(&line.source));
        let Some(delimiter) = delimiter.filter(|_| has_text(lines, roles, 0..index)) else {
            index += 1;
            continue;
        };
        let (end, block) = below(lines, roles, index, limit);
        let is_signature = match delimiter {
            Delimiter::Mark(longest) => block.len() <= longest,
            Delimiter::Rule => block.split_first().is_some_and(|(_, below)| is_contact(below)),
        };
        if is_signature {
            take_out(roles, index..end);
            index = end.max(index + 1);
        } else {
            index += 1;
        }
    }
    take_out_last_rules(lines, roles, limit);
}

/// What stands below the delimiter, itself included, to the next quotation: its end, and its lines with text.
/// No more is read than the longest signature has.
fn below<'a>(lines: &'a [Line], roles: &[Role], start: usize, limit: usize) -> (usize, Vec<&'a str>) {
    let mut block = Vec::new();
    let mut marked = None;
    let mut end = start;
    for (index, line) in lines.iter().enumerate().take(limit).skip(start) {
        if roles.get(index) == Some(&Role::Quote) || block.len() > MAX_SIGNATURE {
            break;
        }
        end = index + 1;
        if line.zone == Zone::Signature {
            marked = Some((end, block.len() + 1));
        }
        if !line.is_blank() {
            block.push(line.text.trim());
        }
    }
    // Where HTML says which lines are the signature, what follows them was written.
    if let Some((last, length)) = marked {
        block.truncate(length);
        return (last, block);
    }
    (end, block)
}

/// Nothing stands below a rule at the end.
fn take_out_last_rules(lines: &[Line], roles: &mut [Role], limit: usize) {
    let Some(last) = (0..limit).rev().find(|at| is_new(lines, roles, *at)) else {
        return;
    };
    let is_bare = lines.get(last).is_some_and(|line| {
        line.depth == 0 && matches!(line.text.trim(), "--" | "---" | "—" | "ᐧ" | "\u{200b}")
    });
    if is_bare && has_text(lines, roles, 0..last) {
        take_out(roles, last..last + 1);
    }
}

fn read(source: &str) -> Option<Delimiter> {
    let text = source.trim_end();
    match text {
        _ if source == "-- " => Some(Delimiter::Mark(MAX_SIGNATURE)),
        "--" | "- --" => Some(Delimiter::Mark(15)),
        "—" | "__" => Some(Delimiter::Mark(8)),
        // The rule above a list's footer.
        _ if text.len() >= 20 && text.chars().all(|c| c == '_') => Some(Delimiter::Mark(8)),
        _ => {
            let text = text.trim_start();
            let is_rule = text.chars().count() >= 3
                && text
                    .chars()
                    .all(|c| matches!(c, '-' | '_' | '=' | '*' | '~' | '—' | '–' | '─'));
            is_rule.then_some(Delimiter::Rule)
        }
    }
}

/// A name and how to reach it: few short lines, one of which is an address, a link or a telephone number.
fn is_contact(below: &[&str]) -> bool {
    let short = |line: &&str| line.chars().count() <= MAX_CONTACT_LINE && !line.ends_with(['?', '!', ':']);
    below.len() <= MAX_CONTACT && below.iter().all(short) && below.iter().any(|line| reaches(line))
}

/// Whether a line says how to reach somebody.
pub(super) fn reaches(line: &str) -> bool {
    let digits = line.chars().filter(char::is_ascii_digit).count();
    let others = line.chars().filter(|c| c.is_alphabetic()).count();
    let words = line.split_whitespace().count();
    let address = words <= 6 && (line.contains('@') || line.contains("www.") || line.contains("://"));
    address || (digits >= 7 && others <= 12 && !line.contains(['€', '$', '£']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_above_contacts_and_elsewhere() {
        assert!(is_contact(&[
            "Alice Smith",
            "Head of Something",
            "Tel. +49 30 1234567"
        ]));
        assert!(is_contact(&["Alice", "alice@example.org"]));
        assert!(!is_contact(&["The rule above divides my text."]));
        assert!(!is_contact(&["Total: 12345678 €"]));
        assert!(!is_contact(&["Will you write to alice@example.org?"]));
    }
}
