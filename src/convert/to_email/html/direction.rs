//! Text that is written from right to left: its blocks say so, each for itself.

use crate::convert::html::{Node, Nodes};

use super::markup::QUOTE;

/// The style of a quotation whose text runs from right to left: its line stands on the other side, as Gmail puts it.
const QUOTE_FROM_RIGHT: &str = "margin:0 0.8ex 1ex 0;border-right:2px solid #999;padding-right:1ex";

/// Elements whose direction follows from their own text where the mail holds both.
pub(super) const DIRECTED: [&str; 10] = ["blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "ul"];

/// The style of a quotation of that text.
pub(in super::super) fn quote_style(text: &str) -> &'static str {
    if text.chars().find_map(direction) == Some(true) {
        QUOTE_FROM_RIGHT
    } else {
        QUOTE
    }
}

/// The same for the nodes in it.
pub(super) fn quote_style_of(nodes: Nodes<'_>) -> &'static str {
    if first(nodes) == Some(true) {
        QUOTE_FROM_RIGHT
    } else {
        QUOTE
    }
}

/// Whether some of the text runs from right to left.
pub(super) fn is_mixed(nodes: Nodes<'_>) -> bool {
    nodes.iter().any(|node| match node {
        Node::Text(text) => text.chars().any(|c| direction(c) == Some(true)),
        Node::Element(element) => is_mixed(element.children()),
    })
}

fn first(nodes: Nodes<'_>) -> Option<bool> {
    nodes.iter().find_map(|node| match node {
        Node::Text(text) => text.chars().find_map(direction),
        Node::Element(element) => first(element.children()),
    })
}

/// Whether a letter is written from right to left (Unicode Standard Annex 9, bidirectional classes R and AL); `None` for what
/// has no direction.
fn direction(c: char) -> Option<bool> {
    let from_right = matches!(
        c,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    );
    c.is_alphabetic().then_some(from_right)
}
