//! What a formatted text holds, before it is written.

use super::inline::is_matrix_link;
use crate::convert::html::{Node, Nodes, Tree};

/// No event is larger than 65,536 bytes; anything above that did not come from a homeserver.
const SIZE: usize = 128 * 1024;

/// Reads HTML; `None` when it is too large to be looked at.
pub(in super::super) fn parse(html: &str) -> Option<Tree> {
    (html.len() <= SIZE).then(|| Tree::parse(html))
}

/// Whether there is anything that plain text would not show: then, and only then, a mail has an HTML part.
pub(in super::super) fn is_formatted(nodes: Nodes<'_>) -> bool {
    nodes.iter().any(|node| match node {
        Node::Text(_) => false,
        Node::Element(element) => match element.name() {
            "br" => false,
            "p" | "div" | "span" if element.attributes().len() == 0 => is_formatted(element.children()),
            "a" if element.attribute("href").is_none_or(is_matrix_link) => is_formatted(element.children()),
            _ => true,
        },
    })
}

/// The addresses of all pictures, in order.
pub(in super::super) fn pictures(nodes: Nodes<'_>) -> Vec<&str> {
    let mut found = Vec::new();
    for element in nodes.iter().filter_map(Node::element) {
        found.extend(element.attribute("src").filter(|_| element.name() == "img"));
        found.extend(pictures(element.children()));
    }
    found
}
