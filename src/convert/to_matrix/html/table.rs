//! Tables of data, as opposed to those that only place things on a page.

use crate::convert::html::{NodeId, Tree};

/// Elements that a cell of data does not hold.
const PLACED: &[&str] = &[
    "table",
    "div",
    "blockquote",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "pre",
    "img",
];
/// How many cells are looked at.
const MAX_CELLS: usize = 2_000;

/// True for a table that is worth keeping as one: two rows and two columns or more, nothing but text in the cells, and a
/// sign that the lines matter (a heading cell, a border).
pub(super) fn is_data(tree: &Tree, id: NodeId) -> bool {
    let mut rows = Vec::new();
    collect(tree, id, "tr", &mut rows);
    let cells = |row: &NodeId| -> Vec<NodeId> {
        let children = tree.below(*row).ids().iter();
        children
            .copied()
            .filter(|cell| matches!(tree.node(*cell).name(), "td" | "th"))
            .collect()
    };
    let rows: Vec<Vec<NodeId>> = rows.iter().map(cells).filter(|row| !row.is_empty()).collect();
    let all: Vec<NodeId> = rows.iter().flatten().copied().collect();
    if rows.len() < 2 || rows.iter().any(|row| row.len() < 2) || all.len() > MAX_CELLS {
        return false;
    }
    let border = tree
        .node(id)
        .element()
        .and_then(|table| table.attribute("border"));
    let marked = border.is_some_and(|border| !border.is_empty() && border != "0")
        || all.iter().any(|cell| tree.node(*cell).name() == "th");
    marked
        && all
            .iter()
            .all(|cell| !PLACED.iter().any(|name| tree.holds(*cell, name)))
}

/// The text of a cell without the paragraphs in which Word puts every one.
pub(super) fn without_paragraphs(cell: String) -> String {
    let inner = cell
        .trim()
        .strip_prefix("<p>")
        .and_then(|rest| rest.strip_suffix("</p>"));
    match inner {
        Some(inner) => inner.replace("</p> <p>", "<br>").replace("</p><p>", "<br>"),
        None => cell,
    }
}

fn collect(tree: &Tree, id: NodeId, name: &str, found: &mut Vec<NodeId>) {
    for child in tree.below(id).ids() {
        let node = tree.node(*child);
        if node.name() == name {
            found.push(*child);
        } else if node.name() != "table" {
            collect(tree, *child, name, found);
        }
    }
}
