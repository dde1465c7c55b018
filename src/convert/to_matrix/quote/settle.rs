//! Which quotations are shown after all: those that are answered in their midst, and those that are all there is.

use super::regions::Region;
use super::{Hints, fill};
use crate::convert::to_matrix::lines::{Line, Role, Zone};

/// How many lines of a quotation that is answered in the middle of a mail are shown.
const MAX_KEPT_QUOTE: usize = 40;

/// How many words a name and a closing formula below a quotation have at most.
const MAX_CLOSING: usize = 6;

/// Quotations with new text after them: kept when they are answered in place, dropped when there is but one whole
/// quotation and the answer stands above or below it.
pub(super) fn settle_middle(lines: &[Line], roles: &mut [Role], regions: &[Region], hints: Hints<'_>) {
    let is_new = |index: &usize| {
        roles.get(*index) == Some(&Role::New) && lines.get(*index).is_some_and(|line| !line.is_blank())
    };
    let Some(last) = (0..lines.len()).rev().find(is_new) else {
        return;
    };
    let first = (0..lines.len()).find(is_new).unwrap_or(last);
    let middle: Vec<&Region> = regions.iter().filter(|region| region.end <= last).collect();
    if let [only] = middle.as_slice()
        && (only.attributed || only.structural || hints.chat)
        && (first >= only.start || only_greets(lines, only.start) || only_closes(lines, roles, only))
    {
        return;
    }
    for region in middle {
        let shown = region.end.saturating_sub(region.text).min(MAX_KEPT_QUOTE);
        fill(roles, region.end - shown..region.end, Role::New);
    }
}

/// "Hi,", "Hallo Bob!" or "Здравствуйте, Bob." (The Bat!) above the quotation: the answer stands below.
fn only_greets(lines: &[Line], before: usize) -> bool {
    let mut text = lines
        .iter()
        .take(before)
        .map(|line| line.text.trim())
        .filter(|text| !text.is_empty());
    match (text.next(), text.next()) {
        (Some(one), None) => {
            let ends = one.ends_with([',', '!', '，', '、']) || (one.ends_with('.') && one.contains(','));
            one.split_whitespace().count() <= 3 && ends
        }
        _ => false,
    }
}

/// "Regards, Bob" below the quotation: the answer stands above.
fn only_closes(lines: &[Line], roles: &[Role], region: &Region) -> bool {
    let below = lines.iter().zip(roles).skip(region.end);
    let mut words = 0;
    for (line, _) in below.filter(|(_, role)| **role == Role::New) {
        words += line.text.split_whitespace().count();
        if words > MAX_CLOSING || line.text.trim_end().ends_with(['.', '?', '!', ':']) {
            return false;
        }
    }
    region.attributed
}

/// True when something new is said.
pub(super) fn says(lines: &[Line], roles: &[Role]) -> bool {
    lines
        .iter()
        .zip(roles)
        .any(|(line, role)| *role == Role::New && !line.is_blank())
}

/// Where new text may stand below `On … wrote:` without any mark: nothing else is said, and what stands below is not
/// marked either.
pub(super) fn unmarked_below(lines: &[Line], regions: &[Region]) -> Option<usize> {
    let [only] = regions else { return None };
    let below = lines.get(only.text..)?;
    let unmarked = below
        .iter()
        .any(|line| !line.is_blank() && line.depth == 0 && line.zone == Zone::Body);
    (only.text > only.start && unmarked).then_some(only.text)
}

/// A mail that says nothing of its own shows what it quotes.
pub(super) fn show_quotations(lines: &[Line], roles: &mut [Role], regions: &[Region]) {
    for region in regions {
        fill(roles, region.text..region.end, Role::New);
    }
    if !says(lines, roles) {
        roles.fill(Role::New);
    }
}
