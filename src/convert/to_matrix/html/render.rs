//! Matrix's subset of HTML (client-server API, `m.room.message` msgtypes), built from what is allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::breaks::{line_end, tidy, trim_block};
use super::emphasis::Emphasis;
use super::picture::{emoji, side, source};
use super::{colour, links, style, table, word_list};
use crate::convert::html::elements::is_block;
use crate::convert::html::{Element, Node, NodeId, Tree};

/// Elements that are kept as they are.
const KEPT: &[&str] = &[
    "b",
    "blockquote",
    "br",
    "caption",
    "code",
    "del",
    "details",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "sub",
    "summary",
    "sup",
    "u",
    "ul",
];

/// Blocks that mean no more than a line.
const LINES: &[&str] = &[
    "article", "center", "dd", "div", "dt", "footer", "header", "section", "table", "tr",
];

/// Renders the leaves for which `kept` holds. `places` are the URIs of the pictures, by what refers to them; those from
/// elsewhere are left out.
pub(crate) fn matrix_html(
    tree: &Tree,
    kept: &dyn Fn(NodeId) -> bool,
    places: &BTreeMap<String, String>,
) -> String {
    let mut out = String::new();
    let renderer = Renderer {
        tree,
        kept,
        places,
        colours: colour::shown(tree, kept),
    };
    renderer.children(tree.nodes().ids(), Within::default(), &mut out);
    tidy(&out)
}

/// What holds for everything inside an element.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds or not, whatever the others say"
)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Within {
    /// A table of data, whose rows and cells are kept.
    data: bool,
    /// `pre`: the text stands as it is.
    code: bool,
    /// Line ends count, and are written as such.
    lines: bool,
    /// A link, which has its own colour.
    link: bool,
    /// A link that leads somewhere, in which there can be no other.
    target: bool,
    /// An item of a list, whose mark the markup says.
    pub(super) item: bool,
    /// What the styles of blocks around it say.
    emphasis: Emphasis,
}

pub(super) struct Renderer<'a> {
    pub(super) tree: &'a Tree,
    kept: &'a dyn Fn(NodeId) -> bool,
    places: &'a BTreeMap<String, String>,
    /// The colours that say something.
    colours: BTreeSet<String>,
}

impl Renderer<'_> {
    pub(super) fn children(&self, ids: &[NodeId], within: Within, out: &mut String) {
        let mut rest = ids;
        while let Some((first, after)) = rest.split_first() {
            let items = if within.item {
                0
            } else {
                word_list::length(self.tree, rest)
            };
            if items > 0 {
                let (list, after) = rest.split_at_checked(items).unwrap_or((rest, &[]));
                self.word_list(list, within, out);
                rest = after;
            } else {
                self.write(*first, within, out);
                rest = after;
            }
        }
    }

    pub(super) fn write(&self, id: NodeId, within: Within, out: &mut String) {
        let element = match self.tree.node(id) {
            Node::Text(text) => {
                if (self.kept)(id) {
                    write_text(text, within, out);
                }
                return;
            }
            Node::Element(element) => element,
        };
        if style::is_hidden(element) {
            return;
        }
        if let Some(mark) = style::list_mark(element, || self.tree.text(id)) {
            if (self.kept)(id) && !within.item {
                escape(&mark, out);
            }
            return;
        }
        let name = element.name();
        match name {
            "br" | "hr" => {
                if (self.kept)(id) {
                    out.push_str(if name == "br" { "<br>" } else { "<hr>" });
                }
                return;
            }
            "img" => {
                if (self.kept)(id) {
                    self.image(element, out);
                }
                return;
            }
            _ => {}
        }
        let mut inside = within;
        inside.data |= name == "table" && table::is_data(self.tree, id);
        inside.link |= name == "a";
        // Cells may hold links inside a link that was never closed, which HTML can't say.
        let href = element
            .attribute("href")
            .filter(|_| name == "a" && !within.target);
        let target = href.and_then(links::target);
        inside.target |= target.is_some();
        let plain_text = style::is_plain_text(element);
        if let Some(keeps) = style::keeps_lines(element) {
            inside.code |= name == "pre" && !plain_text;
            inside.lines = keeps;
        }
        let data = inside.data;
        let is_line = !data && (LINES.contains(&name) || plain_text || style::is_line(element));
        let own = Emphasis::of(element).without(Emphasis::of_name(name));
        if is_block(name) {
            // A block may hold others, which no emphasis can be put around: its texts get it.
            inside.emphasis = inside.emphasis.and(own);
        }
        inside.emphasis = inside.emphasis.without(Emphasis::of_name(name));
        let mut inner = String::new();
        self.children(element.children().ids(), inside, &mut inner);
        if inside.code {
            // Readers drop a line end right behind the tag, one at each reading: a blank line there would not last.
            inner.drain(..inner.len() - inner.trim_start_matches('\n').len());
        } else if matches!(name, "blockquote" | "li" | "p" | "td" | "th") {
            trim_block(&mut inner);
        }
        if data && matches!(name, "td" | "th") {
            inner = table::without_paragraphs(inner);
        }
        if inner.trim().is_empty() {
            let keeps_place = data && matches!(name, "td" | "th");
            if keeps_place {
                wrap("", &tags(element, target, data), out);
            } else if is_line && inner.contains('\u{a0}') {
                // An empty line that somebody made.
                line_end(out);
                out.push_str("<br>");
            } else {
                out.push_str(match inner.as_str() {
                    "" => "",
                    blank if blank.contains('\u{a0}') => "\u{a0}",
                    _ => " ",
                });
            }
        } else if is_line {
            // Blocks without meaning become line ends.
            line_end(out);
            let inner = inner.trim_start_matches(|c: char| c.is_ascii_whitespace());
            match self.colour(element, within) {
                Some(colour) => wrap(inner, &[colour], out),
                None => out.push_str(inner),
            }
            line_end(out);
        } else {
            let mut tags = tags(element, target, data);
            if !is_block(name) {
                tags.extend(own.without(within.emphasis).tags());
            }
            tags.extend(self.colour(element, within));
            wrap(&inner, &tags, out);
            if !data && matches!(name, "td" | "th") {
                out.push(' ');
            }
        }
    }
}

fn write_text(text: &str, within: Within, out: &mut String) {
    let mut shown = String::with_capacity(text.len());
    if within.code {
        escape(text, &mut shown);
    } else if within.lines {
        for (index, line) in text.split('\n').enumerate() {
            shown.push_str(if index > 0 { "<br>" } else { "" });
            escape(line, &mut shown);
        }
    } else {
        let mut in_blank = false;
        for piece in text.split_inclusive(|c: char| c.is_ascii_whitespace()) {
            let word = piece.trim_end_matches(|c: char| c.is_ascii_whitespace());
            if !word.is_empty() {
                escape(word, &mut shown);
                in_blank = false;
            }
            if word.len() < piece.len() && !in_blank {
                shown.push(' ');
                in_blank = true;
            }
        }
    }
    if text.trim().is_empty() {
        out.push_str(&shown);
    } else {
        wrap(&shown, &within.emphasis.tags(), out);
    }
}

fn wrap(inner: &str, tags: &[String], out: &mut String) {
    for tag in tags {
        out.push('<');
        out.push_str(tag);
        out.push('>');
    }
    out.push_str(inner);
    for tag in tags.iter().rev() {
        out.push_str("</");
        out.push_str(tag.split(' ').next().unwrap_or(tag));
        out.push('>');
    }
}

impl Renderer<'_> {
    fn colour(&self, element: Element<'_>, within: Within) -> Option<String> {
        let shown = colour::of(element).filter(|_| !within.link);
        let colour = shown.filter(|colour| self.colours.contains(colour))?;
        Some(format!("span data-mx-color=\"{colour}\""))
    }

    fn image(&self, image: Element<'_>, out: &mut String) {
        if let Some(emoji) = emoji(image) {
            return escape(emoji, out);
        }
        let Some(uri) = source(image).and_then(|source| self.places.get(&source)) else {
            return;
        };
        let mut attribute = |name: &str, value: &str| {
            out.push_str(name);
            escape(value, out);
            out.push('"');
        };
        attribute("<img src=\"", uri);
        if let Some(alt) = image
            .attribute("alt")
            .map(str::trim)
            .filter(|alt| !alt.is_empty())
        {
            attribute(" alt=\"", alt);
        }
        for name in ["width", "height"] {
            if let Some(side) = side(image, name) {
                attribute(&format!(" {name}=\""), &side.to_string());
            }
        }
        out.push('>');
    }
}

/// What an element becomes: its own tag where it is allowed, a link with its `target`, and what its style says.
fn tags(element: Element<'_>, target: Option<String>, in_data: bool) -> Vec<String> {
    let name = element.name();
    let mut tags: Vec<String> = Vec::new();
    match name {
        "a" => {
            if let Some(target) = target {
                let mut tag = String::from("a href=\"");
                escape(&target, &mut tag);
                tag.push('"');
                tags.push(tag);
            }
        }
        "strike" => tags.push("del".to_owned()),
        "tt" | "kbd" | "samp" => tags.push("code".to_owned()),
        "ins" => tags.push("u".to_owned()),
        "ol" => {
            let start = element
                .attribute("start")
                .and_then(|start| start.parse::<i32>().ok())
                .filter(|start| *start != 1);
            tags.push(start.map_or_else(|| "ol".to_owned(), |start| format!("ol start=\"{start}\"")));
        }
        "table" | "thead" | "tbody" | "tr" | "td" | "th" if in_data => tags.push(name.to_owned()),
        _ if KEPT.contains(&name) => tags.push(name.to_owned()),
        _ => {}
    }
    tags
}

/// Plain text as HTML: escaped, with line ends.
pub(crate) fn plain_to_html(text: &str) -> String {
    let mut out = String::new();
    escape(text, &mut out);
    out.replace('\n', "<br>\n")
}

/// Writes a text that is no markup.
pub(crate) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
}
