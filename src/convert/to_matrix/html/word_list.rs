//! Lists as Word writes them: paragraphs with a symbol or a number and many blanks, where a list is meant.

use super::render::{Renderer, Within};
use super::style;
use crate::convert::html::{Element, Node, NodeId, Tree};

/// How deep the items of Word's lists are taken to stand in each other.
const MAX_LEVEL: usize = 9;

/// An item: how deep it stands, and its number where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    level: usize,
    number: Option<i32>,
}

/// How many of the nodes, from the first on, are one list, with the blanks in between.
pub(super) fn length(tree: &Tree, nodes: &[NodeId]) -> usize {
    let mut length = 0;
    for (index, id) in nodes.iter().enumerate() {
        match tree.node(*id) {
            Node::Text(text) if length > 0 && text.trim().is_empty() => {}
            Node::Element(element) if read(tree, *id, element).is_some() => length = index + 1,
            _ => break,
        }
    }
    length
}

/// Reads an item. Numbers such as `a)` or `1.2.` have no form in Matrix's lists: such paragraphs keep their mark.
fn read(tree: &Tree, id: NodeId, element: Element<'_>) -> Option<Item> {
    if !style::is_list_item(element) {
        return None;
    }
    let mark = mark(tree, id)?;
    let number = mark.trim_end().trim_end_matches(['.', ')']);
    let number = match mark.as_str() {
        "- " => None,
        _ => Some(number.parse().ok()?),
    };
    let level = style::property(element, "mso-list")
        .and_then(|list| {
            let level = list.split(' ').find_map(|word| word.strip_prefix("level"))?;
            level.parse().ok()
        })
        .unwrap_or(1);
    Some(Item {
        level: usize::clamp(level, 1, MAX_LEVEL),
        number,
    })
}

fn mark(tree: &Tree, id: NodeId) -> Option<String> {
    tree.below(id).ids().iter().find_map(|child| {
        let element = tree.node(*child).element()?;
        style::list_mark(element, || tree.text(*child)).or_else(|| mark(tree, *child))
    })
}

impl Renderer<'_> {
    /// Writes such a list.
    pub(super) fn word_list(&self, nodes: &[NodeId], within: Within, out: &mut String) {
        let mut inside = within;
        inside.item = true;
        // The lists that are open, each with an open item: their levels, and whether they are numbered.
        let mut open: Vec<Item> = Vec::new();
        for id in nodes {
            let node = self.tree.node(*id);
            let Some(item) = node.element().and_then(|element| read(self.tree, *id, element)) else {
                continue;
            };
            let mut text = String::new();
            self.write(*id, inside, &mut text);
            let text = text.trim();
            let text = text
                .strip_prefix("<p>")
                .and_then(|rest| rest.strip_suffix("</p>"))
                .unwrap_or(text);
            if text.trim().is_empty() {
                continue;
            }
            while open.last().is_some_and(|last| last.level > item.level) {
                close(open.pop(), out);
            }
            let same_kind = |last: &Item| last.number.is_some() == item.number.is_some();
            if open
                .last()
                .is_some_and(|last| last.level == item.level && !same_kind(last))
            {
                close(open.pop(), out);
            }
            if open.last().is_some_and(|last| last.level == item.level) {
                out.push_str("</li>");
            } else {
                match item.number {
                    None => out.push_str("<ul>"),
                    Some(1) => out.push_str("<ol>"),
                    Some(number) => out.push_str(&format!("<ol start=\"{number}\">")),
                }
                open.push(item);
            }
            out.push_str("<li>");
            out.push_str(text.trim());
        }
        while let Some(last) = open.pop() {
            close(Some(last), out);
        }
    }
}

fn close(list: Option<Item>, out: &mut String) {
    if let Some(list) = list {
        out.push_str(if list.number.is_some() {
            "</li></ol>"
        } else {
            "</li></ul>"
        });
    }
}
