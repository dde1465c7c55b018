//! The lines of an HTML mail as a person sees them.

use super::picture::emoji;
use super::zone::{has_class, is_gmail_container, only_indents, starts_quotation, zone_of};
use super::{links, style, table};
use crate::convert::html::elements::{is_block, is_paragraph};
use crate::convert::html::{Element, Node, NodeId, Tree};
use crate::convert::to_matrix::lines::{Line, Zone};

/// How many lines are laid out; nobody reads more.
pub(crate) const MAX_LINES: usize = 50_000;

/// Lays the tree out.
pub(crate) fn layout(tree: &Tree) -> Vec<Line> {
    let mut layout = Layout {
        tree,
        lines: Vec::new(),
        text: String::new(),
        nodes: Vec::new(),
        pending: String::new(),
        gap: None,
        state: State::default(),
        after: None,
    };
    for child in tree.nodes().ids() {
        layout.walk(*child);
    }
    layout.end_line();
    layout.lines
}

#[derive(Clone, Copy, Default)]
struct State {
    depth: usize,
    zone: Zone,
    preformatted: bool,
    list_depth: usize,
    in_data: bool,
    in_gmail: bool,
}

struct Layout<'a> {
    tree: &'a Tree,
    lines: Vec<Line>,
    /// The line in the making.
    text: String,
    nodes: Vec<NodeId>,
    /// What stands before the next text of the line: the mark of a list item.
    pending: String,
    /// The depth of the empty line that is due before the next text.
    gap: Option<usize>,
    state: State,
    /// The zone of everything after a mark such as Outlook's `appendonsend`.
    after: Option<Zone>,
}

impl Layout<'_> {
    fn walk(&mut self, id: NodeId) {
        match self.tree.node(id) {
            Node::Text(text) => self.add_text(id, text),
            Node::Element(element) if style::is_hidden(element) => {}
            Node::Element(element) => self.element(id, element),
        }
    }

    fn element(&mut self, id: NodeId, element: Element<'_>) {
        if let Some(mark) = style::list_mark(element, || self.tree.text(id)) {
            self.add_mark(id, &mark);
            return;
        }
        let name = element.name();
        let before = self.state;
        if let Some(zone) = starts_quotation(element) {
            self.end_line();
            self.after = Some(zone);
        }
        let zone = zone_of(element).unwrap_or_default();
        if zone > self.state.zone || (self.state.zone == Zone::Attribution && zone != Zone::Body) {
            self.end_line();
            self.state.zone = zone;
        }
        match name {
            "br" if self.state.in_data => {
                self.nodes.push(id);
                self.space();
                return;
            }
            "br" => {
                self.nodes.push(id);
                self.break_line();
                return;
            }
            "hr" => {
                self.end_line();
                self.add_mark(id, "---");
                self.end_line();
                return;
            }
            "img" => {
                self.image(id, element);
                return;
            }
            "blockquote" if only_indents(element) => {}
            "blockquote" => {
                self.state.depth += 1;
                if has_class(element, &["gmail_quote"]) && !self.state.in_gmail {
                    self.state.zone = self.state.zone.max(Zone::Own);
                }
            }
            "ul" | "ol" => self.state.list_depth += 1,
            "table" => self.state.in_data |= table::is_data(self.tree, id),
            "td" | "th" if self.state.in_data && !self.text.is_empty() => self.text.push_str("| "),
            _ => {}
        }
        if let Some(keeps) = style::keeps_lines(element) {
            self.state.preformatted = keeps;
        }
        let nested_list = self.state.list_depth > 1 && matches!(name, "ul" | "ol");
        let item = style::is_list_item(element);
        let is_line = style::is_line(element);
        let in_cell = before.in_data && name == "p";
        let paragraph = is_paragraph(name) && !nested_list && !item && !is_line && !in_cell;
        let block = paragraph
            || item
            || (is_line && !in_cell)
            || (is_block(name) && !is_paragraph(name))
            || (matches!(name, "td" | "th") && !self.state.in_data && is_block_cell(element));
        if block {
            // The line before belongs to the state before.
            let inner = std::mem::replace(&mut self.state, before);
            self.end_line();
            self.state = inner;
        }
        if paragraph {
            self.open_gap(before.depth);
        }
        if is_gmail_container(element) {
            self.state.in_gmail = true;
            self.gmail_quote(id);
        } else {
            self.children(element);
        }
        if name == "a" {
            self.link_target(id, element);
        }
        if block {
            self.end_line();
        } else if (in_cell || matches!(name, "td" | "th"))
            && !self.text.is_empty()
            && !self.text.ends_with(' ')
        {
            self.text.push(' ');
        }
        if paragraph {
            self.open_gap(before.depth);
        }
        if self.state.zone != before.zone {
            self.end_line();
        }
        self.state = before;
    }

    /// An empty line is due; between a quotation and the text around it, it is no part of the quotation.
    fn open_gap(&mut self, depth: usize) {
        self.gap = Some(self.gap.map_or(depth, |due| due.min(depth)));
    }

    fn children(&mut self, element: Element<'_>) {
        let is_ordered = element.name() == "ol";
        let start = element.attribute("start").filter(|_| is_ordered);
        let mut number: i64 = start.and_then(|start| start.parse().ok()).unwrap_or(1);
        for child in element.children().ids() {
            if self.tree.node(*child).name() == "li" {
                let indent = "  ".repeat(self.state.list_depth.saturating_sub(1).min(8));
                if is_ordered {
                    self.pending = format!("{indent}{number}. ");
                    number = number.saturating_add(1);
                } else {
                    self.pending = format!("{indent}- ");
                }
            }
            self.walk(*child);
        }
    }

    /// Gmail's container holds the attribution, then the quotation; answers in between stand in it as well.
    fn gmail_quote(&mut self, id: NodeId) {
        let tree = self.tree;
        let children = tree.below(id).ids();
        let first = children
            .iter()
            .position(|child| tree.holds(*child, "blockquote"))
            .unwrap_or(0);
        let outer = self.state.zone;
        for (index, child) in children.iter().enumerate() {
            if index == 0 && first > 0 {
                self.end_line();
                self.state.zone = Zone::Attribution;
            } else if index == first {
                self.end_line();
                self.state.zone = outer;
            }
            self.walk(*child);
        }
        self.state.zone = outer;
    }

    fn add_text(&mut self, id: NodeId, text: &str) {
        if self.state.preformatted {
            for (index, piece) in text.split('\n').enumerate() {
                if index > 0 {
                    self.nodes.push(id);
                    self.break_line();
                }
                if !piece.is_empty() {
                    self.nodes.push(id);
                    self.put(piece);
                }
            }
            return;
        }
        let words = text.trim_ascii();
        let starts_blank = text.starts_with([' ', '\t', '\n', '\r']);
        if words.is_empty() {
            // A blank between two words belongs to their line.
            if !self.text.is_empty() {
                self.nodes.push(id);
            }
            self.space();
            return;
        }
        if starts_blank {
            self.space();
        }
        self.nodes.push(id);
        if has_single_blanks(words) {
            self.put(words);
        } else {
            for (index, word) in words.split_ascii_whitespace().enumerate() {
                if index > 0 {
                    self.text.push(' ');
                }
                self.put(word);
            }
        }
        if text.ends_with([' ', '\t', '\n', '\r']) {
            self.space();
        }
    }

    fn put(&mut self, text: &str) {
        if self.text.is_empty() {
            self.text = std::mem::take(&mut self.pending);
        }
        for (index, piece) in text.split('\u{a0}').enumerate() {
            if index > 0 {
                self.text.push(' ');
            }
            self.text.push_str(piece);
        }
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
    }

    fn add_mark(&mut self, id: NodeId, mark: &str) {
        self.nodes.push(id);
        self.put(mark);
    }

    fn image(&mut self, id: NodeId, element: Element<'_>) {
        self.nodes.push(id);
        if let Some(emoji) = emoji(element) {
            self.put(emoji);
        }
    }

    /// Where a link goes, after its text, unless the text says so.
    fn link_target(&mut self, id: NodeId, element: Element<'_>) {
        let given = element.attribute("href").unwrap_or_default();
        let Some(href) = links::target(given).filter(|href| href.starts_with("http")) else {
            return;
        };
        let text = self.tree.text(id);
        let bare = |url: &str| {
            let url = url
                .trim()
                .trim_start_matches("https://")
                .trim_start_matches("http://")
                .trim_start_matches("www.");
            url.trim_end_matches('/').to_lowercase()
        };
        // A link that was wrapped on the way shows where it led before.
        let as_written = bare(given);
        if text.trim().is_empty() || bare(&text) == bare(&href) || bare(&text) == as_written {
            return;
        }
        let trailing = self.text.ends_with(' ');
        self.text.truncate(self.text.trim_end().len());
        self.put(&format!(" ({href})"));
        if trailing {
            self.text.push(' ');
        }
    }

    /// Ends the line, also when it is empty: a `<br>`.
    fn break_line(&mut self) {
        if self.text.trim().is_empty() && self.pending.is_empty() {
            self.text.clear();
            let nodes = std::mem::take(&mut self.nodes);
            self.push_line(String::new(), nodes);
        } else {
            self.end_line();
        }
    }

    /// Ends the line, if there is one.
    fn end_line(&mut self) {
        if self.text.trim().is_empty() {
            self.text.clear();
            // An image or a blank is no line of its own, but it must belong to one.
            if !self.nodes.is_empty() {
                let nodes = std::mem::take(&mut self.nodes);
                self.push_line(String::new(), nodes);
            }
            return;
        }
        if let Some(depth) = self.gap.take().filter(|_| !self.lines.is_empty()) {
            let inner = std::mem::replace(&mut self.state.depth, depth);
            self.push_line(String::new(), Vec::new());
            self.state.depth = inner;
        }
        let mut text = std::mem::take(&mut self.text);
        text.truncate(text.trim_end().len());
        let nodes = std::mem::take(&mut self.nodes);
        self.push_line(text, nodes);
    }

    fn push_line(&mut self, text: String, nodes: Vec<NodeId>) {
        if self.lines.len() >= MAX_LINES {
            return;
        }
        let zone = self
            .after
            .map_or(self.state.zone, |after| after.max(self.state.zone));
        let marks = self.state.depth.min(20);
        let mut source = String::with_capacity(2 * marks + text.len());
        for _ in 0..marks {
            source.push_str("> ");
        }
        source.push_str(&text);
        self.lines.push(Line {
            source,
            text,
            depth: self.state.depth,
            zone,
            nodes,
        });
    }
}

/// Whether words are apart by one space each, as in most mails. To look at all bytes is faster than to stop at the first that says
/// otherwise: several are compared at once.
fn has_single_blanks(text: &str) -> bool {
    let bytes = text.as_bytes();
    let pairs = bytes.iter().zip(bytes.get(1..).unwrap_or_default());
    let is_other = |one: u8, next: u8| (b'\t'..=b'\r').contains(&one) || (one == b' ' && next == b' ');
    pairs.fold(0, |found, (one, next)| found | u8::from(is_other(*one, *next))) == 0
}

/// A cell that stands on lines of its own: it holds blocks, or it is alone in its row.
fn is_block_cell(cell: Element<'_>) -> bool {
    cell.children().iter().any(|child| is_block(child.name()))
}
