//! Matrix's subset of HTML (client-server API, `m.room.message` msgtypes), built from what is allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::picture::{emoji, side, source};
use super::{colour, links, style, table};
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
    for child in tree.nodes().ids() {
        renderer.write(*child, false, &mut out);
    }
    tidy(&out)
}

struct Renderer<'a> {
    tree: &'a Tree,
    kept: &'a dyn Fn(NodeId) -> bool,
    places: &'a BTreeMap<String, String>,
    /// The colours that say something.
    colours: BTreeSet<String>,
}

impl Renderer<'_> {
    /// `in_data`: inside a table of data, whose rows and cells are kept.
    fn write(&self, id: NodeId, in_data: bool, out: &mut String) {
        let element = match self.tree.node(id) {
            Node::Text(text) => {
                if (self.kept)(id) {
                    escape(text, out);
                }
                return;
            }
            Node::Element(element) => element,
        };
        if style::is_hidden(element) {
            return;
        }
        if let Some(mark) = style::list_mark(element, || self.tree.text(id)) {
            if (self.kept)(id) {
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
        let data = in_data || (name == "table" && table::is_data(self.tree, id));
        let mut inner = String::new();
        for child in element.children().ids() {
            self.write(*child, data, &mut inner);
        }
        if name == "pre" {
            // Readers drop a line end right behind the tag, one at each reading: a blank line there would not last.
            inner.drain(..inner.len() - inner.trim_start_matches('\n').len());
        }
        if inner.trim().is_empty() {
            out.push_str(if inner.is_empty() { "" } else { " " });
        } else if !data && LINES.contains(&name) {
            // Blocks without meaning become line ends.
            line_end(out);
            match self.colour(element) {
                Some(colour) => wrap(&inner, &[colour], out),
                None => out.push_str(&inner),
            }
            line_end(out);
        } else {
            let mut tags = tags(element, data);
            tags.extend(self.colour(element));
            wrap(&inner, &tags, out);
            if !data && matches!(name, "td" | "th") {
                out.push(' ');
            }
        }
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
    fn colour(&self, element: Element<'_>) -> Option<String> {
        let colour = colour::of(element).filter(|colour| self.colours.contains(colour))?;
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

/// What an element becomes: its own tag where it is allowed, and what its style says.
fn tags(element: Element<'_>, in_data: bool) -> Vec<String> {
    let name = element.name();
    let mut tags: Vec<String> = Vec::new();
    match name {
        "a" => {
            if let Some(target) = element.attribute("href").and_then(links::target) {
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
    let heavy = matches!(
        name,
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "b" | "strong" | "th"
    );
    if !heavy && style::is_bold(element) {
        tags.push("strong".to_owned());
    }
    if !matches!(name, "i" | "em") && style::is_italic(element) {
        tags.push("em".to_owned());
    }
    if !matches!(name, "s" | "del" | "strike") && style::is_struck(element) {
        tags.push("del".to_owned());
    }
    tags
}

fn line_end(out: &mut String) {
    out.truncate(out.trim_end().len());
    let at_start = out.is_empty()
        || [
            "<br>",
            "</p>",
            "<p>",
            "<blockquote>",
            "</blockquote>",
            "<li>",
            "</li>",
            "</ul>",
            "</ol>",
            "</pre>",
            "</h1>",
            "</h2>",
            "</h3>",
            "</h4>",
            "</table>",
            "<hr>",
        ]
        .iter()
        .any(|tag| out.ends_with(tag));
    if !at_start {
        out.push_str("<br>");
    }
}

/// Takes leading and trailing line ends away, and more than two in a row.
fn tidy(html: &str) -> String {
    let mut text = html.trim();
    while let Some(rest) = text.strip_prefix("<br>") {
        text = rest.trim_start();
    }
    while let Some(rest) = text.strip_suffix("<br>") {
        text = rest.trim_end();
    }
    let mut text = text.to_owned();
    while text.contains("<br><br><br>") {
        text = text.replace("<br><br><br>", "<br><br>");
    }
    text
}

/// Plain text as HTML: escaped, with line ends.
pub(crate) fn plain_to_html(text: &str) -> String {
    let mut out = String::new();
    escape(text, &mut out);
    out.replace('\n', "<br>\n")
}

fn escape(text: &str, out: &mut String) {
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
