//! The new text of a mail, as plain text and as Matrix's HTML, and what was left out of it.

use std::collections::BTreeSet;

use ruma::html::{HtmlSanitizerMode, RemoveReplyFallback, sanitize_html};

use super::body::Segment;
use super::html::{self, NodeId, Tree};
use super::length::MAX_FORMATTED;
use super::lines::{Line, Role, join};
use super::quote::{self, Hints};

/// What is shown of a mail's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    /// The plain text; empty when there is none.
    pub(super) body: String,
    /// The HTML, when it says more than the plain text.
    pub(super) formatted: Option<String>,
    /// What was left out.
    pub(super) quoted: Option<String>,
}

/// Composes the text from its segments.
pub(super) fn compose(segments: &[Segment], hints: &Hints<'_>) -> Text {
    if segments.iter().any(uses_html) {
        let mut tree = Tree::new();
        for segment in segments {
            match (&segment.html, &segment.plain) {
                (Some(html), _) if uses_html(segment) => tree.append(html),
                (_, Some(plain)) => tree.append(&html::plain_to_html(plain)),
                _ => {}
            }
            tree.append("<div></div>");
        }
        return from_tree(&tree, hints);
    }
    let plain: Vec<&str> = segments
        .iter()
        .filter_map(|segment| segment.plain.as_deref())
        .collect();
    let lines = quote::plain_lines(&plain.join("\n\n"));
    let roles = quote::classify(&lines, hints);
    Text {
        body: join(&lines, &roles, |role| role == Role::New),
        formatted: None,
        quoted: left_out(&lines, &roles),
    }
}

/// HTML is used where it has the content: some programs leave it empty, or put the text into the plain part only.
fn uses_html(segment: &Segment) -> bool {
    let (Some(html), plain) = (&segment.html, segment.plain.as_deref().unwrap_or_default()) else {
        return false;
    };
    let mut tree = Tree::new();
    tree.append(html);
    let words: usize = html::layout(&tree)
        .iter()
        .map(|line| line.text.split_whitespace().count())
        .sum();
    let plain_words = plain.split_whitespace().count();
    words > 0 && words * 2 >= plain_words || plain_words == 0
}

fn from_tree(tree: &Tree, hints: &Hints<'_>) -> Text {
    let lines = html::layout(tree);
    let roles = quote::classify(&lines, hints);
    let body = join(&lines, &roles, |role| role == Role::New);
    let kept: BTreeSet<NodeId> = lines
        .iter()
        .zip(&roles)
        .filter(|(_, role)| **role == Role::New)
        .flat_map(|(line, _)| line.nodes.iter().copied())
        .collect();
    let markup = html::matrix_html(tree, &|id| kept.contains(&id));
    let formatted = (!body.is_empty() && says_more(&markup) && markup.len() <= MAX_FORMATTED)
        .then(|| sanitize_html(&markup, HtmlSanitizerMode::Strict, RemoveReplyFallback::Yes));
    Text {
        body,
        formatted,
        quoted: left_out(&lines, &roles),
    }
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
