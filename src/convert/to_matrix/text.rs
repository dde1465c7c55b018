//! The new text of a mail, as plain text and as Matrix's HTML, and what was left out of it.

use std::collections::BTreeSet;

use ruma::html::{HtmlSanitizerMode, RemoveReplyFallback, sanitize_html};

use super::body::Segment;
use super::html;
use super::length::MAX_FORMATTED;
use super::lines::{Line, Role, join};
use super::pictures::Pictures;
use super::plain::rejoin;
use super::quote::{self, Hints};
use super::quoted;
use crate::convert::html::{NodeId, Tree};

/// What is shown of a mail's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// The plain text; empty when there is none.
    pub(super) body: String,
    /// The HTML, when it says more than the plain text.
    pub(super) formatted: Option<String>,
    /// What was left out.
    pub(super) quoted: Option<String>,
    /// What refers to pictures that stand in what was left out, and only there, or that say nothing: logos of signatures.
    pub(super) idle_images: BTreeSet<String>,
    /// Only the beginning of the HTML was read.
    pub(super) is_cut: bool,
}

/// How much plain text is read for quotations, in bytes; a longer one goes on as it is. A person reads some kilobytes.
const MAX_READ: usize = 128 * 1024;

/// How many lines are looked at for quotations and signatures; a digest of a busy list has some thousand.
const MAX_LINES: usize = 6_000;

/// What becomes of each line. Those behind what is looked at go on as the last one did.
fn classify(lines: &[Line], hints: Hints<'_>) -> Vec<Role> {
    let mut roles = quote::classify(lines.get(..MAX_LINES).unwrap_or(lines), hints);
    let last = roles.last().copied().unwrap_or(Role::New);
    roles.resize(lines.len(), last);
    roles
}

/// Composes the text from its segments.
pub(super) fn compose(
    segments: &[Segment],
    hints: Hints<'_>,
    sent: &[String],
    pictures: Pictures<'_>,
) -> Text {
    let plain: Vec<&str> = segments
        .iter()
        .filter_map(|segment| segment.plain.as_deref())
        .collect();
    let plain = plain.join("\n\n");
    if segments.iter().all(|segment| segment.html.is_none()) {
        return from_plain(&plain, hints, sent);
    }
    let tree = grow(segments);
    let mut html_lines = html::layout(&tree);
    quote::check_zones(&mut html_lines);
    quote::mark_sent(&mut html_lines, sent);
    let mut rich = from_tree(&tree, &html_lines, hints, pictures);
    rich.is_cut = tree.is_cut() || html_lines.len() == html::MAX_LINES;
    let has_plain = segments.iter().all(|segment| segment.plain.is_some());
    let words_of_html = || html_lines.iter().map(|line| count(&line.text)).sum();
    let html_words: usize = if has_plain { words_of_html() } else { 0 };
    if !has_plain || count(&plain) * 3 < html_words {
        leave_out(&mut rich, &plain);
        return rich;
    }
    let simple = from_plain(&plain, hints, sent);
    let (plain_new, html_new) = (count(&simple.body), count(&rich.body));
    if html_words == 0 || html_new == 0 || html_new * 3 < plain_new && rich.quoted.is_none() {
        return simple;
    }
    // The structure of HTML tells quotations more surely than plain text does.
    if html_new * 3 < plain_new * 2 && rich.quoted.is_some() {
        leave_out(&mut rich, &plain);
        return rich;
    }
    // Programs make the plain form out of the HTML, with more or less care. What the two show must be the same message,
    // though, or the quotation would come in by the back door.
    if html_new * 2 > plain_new * 3 + 20 || !stands_in(&rich.body, &plain, 80) {
        return Text {
            idle_images: rich.idle_images,
            is_cut: rich.is_cut,
            ..simple
        };
    }
    // Some have sentences in the plain form alone.
    let shown = [rich.body.as_str(), rich.quoted.as_deref().unwrap_or_default()].concat();
    if !stands_in(&simple.body, &shown, 97) {
        return Text {
            formatted: rich.formatted,
            idle_images: rich.idle_images,
            is_cut: rich.is_cut,
            ..simple
        };
    }
    leave_out(&mut rich, &plain);
    rich
}

/// How many words of one form are looked for in the other.
const COMPARED: usize = 300;

/// Whether so many per cent of the words of one form stand in the other, however they are laid out: Samsung's program runs its lines
/// together. Addresses are written differently in the two.
fn stands_in(text: &str, other: &str, percent: usize) -> bool {
    let letters = |text: &str| -> String {
        let kept = text.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let head = other
        .get(..other.floor_char_boundary(MAX_READ))
        .unwrap_or_default();
    let all = letters(head);
    // Outlook names pictures in brackets, Naver's program leaves references of HTML in the plain form.
    let is_picture = |line: &str| line.starts_with('[') && line.ends_with(']');
    let is_reference = |word: &str| word.starts_with('&') && word.ends_with(';');
    let is_address = |word: &str| word.contains("://") || word.contains('@');
    let words: Vec<String> = text
        .lines()
        .filter(|line| !is_picture(line.trim()))
        .flat_map(str::split_whitespace)
        .filter(|word| !is_address(word) && !is_reference(word))
        .map(letters)
        .filter(|word| !word.is_empty())
        .take(COMPARED)
        .collect();
    let found = words.iter().filter(|word| all.contains(word.as_str())).count();
    found * 100 >= words.len() * percent
}

/// The plain form that HTML was preferred to is left out, and can be asked for, where it says something else.
fn leave_out(rich: &mut Text, plain: &str) {
    if plain.trim().is_empty() {
        return;
    }
    let known: BTreeSet<&str> = rich
        .body
        .split_whitespace()
        .chain(rich.quoted.iter().flat_map(|quoted| quoted.split_whitespace()))
        .collect();
    let missing = plain
        .split_whitespace()
        .filter(|word| !known.contains(word))
        .count();
    if missing * 5 > count(plain) {
        let quoted = rich.quoted.get_or_insert_default();
        if !quoted.is_empty() {
            quoted.push_str("\n\n");
        }
        quoted.push_str(plain.trim());
    }
}

fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// One tree of all segments; plain ones between HTML become HTML.
fn grow(segments: &[Segment]) -> Tree {
    let mut tree = Tree::default();
    for segment in segments {
        match (&segment.html, &segment.plain) {
            (Some(html), _) => tree.append(html),
            (None, Some(plain)) => tree.append(&html::plain_to_html(plain)),
            (None, None) => {}
        }
        tree.append("<div></div>");
    }
    tree
}

fn from_plain(text: &str, hints: Hints<'_>, sent: &[String]) -> Text {
    let limit = text.floor_char_boundary(MAX_READ);
    let head = text.get(..limit).unwrap_or_default();
    let end = if limit < text.len() {
        head.rfind('\n').unwrap_or(limit)
    } else {
        limit
    };
    let (head, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut lines = quote::plain_lines(head);
    quote::mark_sent(&mut lines, sent);
    let roles = classify(&lines, hints);
    let mut body = join(&lines, &roles, |role| role == Role::New);
    let mut quoted = left_out(&lines, &roles);
    if !rest.is_empty() {
        // A quotation that is longer than what is read goes on being one.
        let in_quote = roles.last().is_some_and(|role| *role != Role::New);
        if in_quote {
            quoted.get_or_insert_default()
        } else {
            &mut body
        }
        .push_str(rest.trim_end());
    }
    let body = rejoin(&body);
    let formatted = quoted::markup(&body)
        .filter(|markup| markup.len() <= MAX_FORMATTED)
        .map(|markup| sanitize_html(&markup, HtmlSanitizerMode::Strict, RemoveReplyFallback::Yes));
    Text {
        body,
        formatted,
        quoted,
        idle_images: BTreeSet::new(),
        is_cut: false,
    }
}

fn from_tree(tree: &Tree, lines: &[Line], hints: Hints<'_>, pictures: Pictures<'_>) -> Text {
    let roles = classify(lines, hints);
    let body = join(lines, &roles, |role| role == Role::New);
    let kept: BTreeSet<NodeId> = lines
        .iter()
        .zip(&roles)
        .filter(|(_, role)| **role == Role::New)
        .flat_map(|(line, _)| line.nodes.iter().copied())
        .collect();
    let mut idle_images = idle_images(tree, lines, &kept);
    idle_images.extend(html::icons(tree.nodes(), pictures));
    let places = pictures.places(&idle_images);
    let markup = html::matrix_html(tree, &|id| kept.contains(&id), &places);
    let formatted = (!body.is_empty() && says_more(&markup) && markup.len() <= MAX_FORMATTED)
        .then(|| sanitize_html(&markup, HtmlSanitizerMode::Strict, RemoveReplyFallback::Yes));
    Text {
        body,
        formatted,
        quoted: left_out(lines, &roles),
        idle_images,
        is_cut: false,
    }
}

/// The pictures that only lines which are left out refer to by `cid:` (RFC 2392).
fn idle_images(tree: &Tree, lines: &[Line], kept: &BTreeSet<NodeId>) -> BTreeSet<String> {
    let images = |shown: bool| {
        lines
            .iter()
            .flat_map(|line| line.nodes.iter())
            .filter(move |id| kept.contains(id) == shown)
            .filter_map(|id| html::source(tree.node(*id).element().filter(|image| image.name() == "img")?))
            .filter(|source| source.starts_with("cid:"))
    };
    let shown: BTreeSet<String> = images(true).collect();
    images(false).filter(|image| !shown.contains(image)).collect()
}

/// True when there is more in the markup than paragraphs.
fn says_more(markup: &str) -> bool {
    markup.split('<').skip(1).any(|tag| {
        !["br>", "p>", "/p>", "hr>"]
            .iter()
            .any(|plain| tag.starts_with(plain))
    })
}

fn left_out(lines: &[Line], roles: &[Role]) -> Option<String> {
    let text = join(lines, roles, |role| role != Role::New);
    (!text.is_empty()).then_some(text)
}
