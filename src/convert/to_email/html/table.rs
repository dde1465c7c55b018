//! Tables in plain text: columns side by side where they fit, else a line for each cell.

use super::plain::one_line;
use crate::convert::html::{Element, Node, Nodes};

/// Tables wider than this would be wrapped by the reader's mail program, and so be illegible.
const WIDTH: usize = 78;

/// Writes a table as lines of text.
pub(super) fn write(table: Element<'_>) -> String {
    let mut rows = Vec::new();
    let mut caption = String::new();
    collect(table, &mut rows, &mut caption);
    let columns = rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    for (_, cells) in &rows {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = cell.chars().count().max(*width);
        }
    }
    let fits = widths.iter().map(|width| width + 3).sum::<usize>() <= WIDTH;
    let mut lines = Vec::new();
    if !caption.is_empty() {
        lines.push(caption);
    }
    for (is_head, cells) in &rows {
        if fits {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}"));
            lines.push(padded.collect::<Vec<_>>().join(" | ").trim_end().to_owned());
        } else {
            lines.push(cells.join(" | "));
        }
        if *is_head && fits {
            let rules = widths.iter().map(|&width| "-".repeat(width));
            lines.push(rules.collect::<Vec<_>>().join("-+-"));
        }
    }
    lines.join("\n")
}

/// Gathers the rows, each with whether it is a head, wherever they stand in the table. What stands outside of cells is
/// taken for a cell, so that it is not lost.
fn collect(element: Element<'_>, rows: &mut Vec<(bool, Vec<String>)>, caption: &mut String) {
    for nodes in element.children().singly() {
        let Some(child) = nodes.iter().next() else {
            continue;
        };
        match child {
            Node::Element(child) if child.name() == "caption" => *caption = one_line(child.children()),
            Node::Element(child) if child.name() == "tr" => {
                let is_head = child.children().iter().all(|cell| match cell {
                    Node::Element(cell) => cell.name() == "th",
                    Node::Text(text) => text.trim().is_empty(),
                });
                let cells: Vec<String> = child.children().singly().filter_map(cell).collect();
                if !cells.is_empty() {
                    rows.push((is_head, cells));
                }
            }
            Node::Element(child) if !matches!(child.name(), "td" | "th") => {
                collect(child, rows, caption);
            }
            _ => rows.extend(cell(nodes).map(|text| (false, vec![text]))),
        }
    }
}

/// The text of a node in a row.
fn cell(node: Nodes<'_>) -> Option<String> {
    match node.iter().next() {
        Some(Node::Element(element)) if matches!(element.name(), "td" | "th") => {
            Some(one_line(element.children()))
        }
        _ => Some(one_line(node)).filter(|text| !text.is_empty()),
    }
}
