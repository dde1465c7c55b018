//! Matrix's subset of HTML (client-server API, `m.room.message` msgtypes), built from what is allowed.

use super::layout::is_invisible;
use super::style;
use super::tree::{Kind, NodeId, Tree};

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
/// Schemes that links may have.
const SCHEMES: &[&str] = &["https:", "http:", "ftp:", "mailto:", "magnet:"];

/// Renders the nodes for which `kept` holds; `image` gives what an `<img>` becomes.
pub(crate) fn matrix_html(tree: &Tree, kept: &dyn Fn(NodeId) -> bool) -> String {
    let mut out = String::new();
    for child in &tree.node(Tree::ROOT).children {
        write_node(tree, *child, kept, &mut out);
    }
    tidy(&out)
}

fn write_node(tree: &Tree, id: NodeId, kept: &dyn Fn(NodeId) -> bool, out: &mut String) {
    let node = tree.node(id);
    let name = match &node.kind {
        Kind::Text(text) => {
            if kept(id) {
                escape(text, out);
            }
            return;
        }
        Kind::Element(name, _) => name.as_str(),
    };
    if is_invisible(node) {
        return;
    }
    if matches!(name, "br" | "hr") {
        if kept(id) {
            out.push('<');
            out.push_str(name);
            out.push('>');
        }
        return;
    }
    if name == "img" {
        let alt = node.attribute("alt").trim();
        if kept(id) && !alt.is_empty() && alt.chars().count() <= 3 && !alt.is_ascii() {
            escape(alt, out);
        }
        return;
    }
    let mut inner = String::new();
    for child in &node.children {
        write_node(tree, *child, kept, &mut inner);
    }
    if inner.trim().is_empty() {
        out.push_str(if inner.is_empty() { "" } else { " " });
        return;
    }
    let block = matches!(
        name,
        "div" | "tr" | "table" | "section" | "article" | "header" | "footer" | "center" | "dt" | "dd"
    );
    if block {
        // Blocks without meaning become line ends.
        line_end(out);
        out.push_str(&inner);
        line_end(out);
        return;
    }
    let mut tags: Vec<String> = Vec::new();
    match name {
        "a" => {
            let href = node.attribute("href").trim();
            let lower = href.to_ascii_lowercase();
            if SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
                let mut tag = String::from("a href=\"");
                escape(href, &mut tag);
                tag.push('"');
                tags.push(tag);
            }
        }
        "strike" => tags.push("del".to_owned()),
        "tt" | "kbd" | "samp" => tags.push("code".to_owned()),
        "ins" => tags.push("u".to_owned()),
        "ol" => {
            let start = node
                .attribute("start")
                .parse::<i32>()
                .ok()
                .filter(|start| *start != 1);
            tags.push(start.map_or_else(|| "ol".to_owned(), |start| format!("ol start=\"{start}\"")));
        }
        _ if KEPT.contains(&name) => tags.push(name.to_owned()),
        _ => {}
    }
    if !matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "b" | "strong") && style::is_bold(node) {
        tags.push("strong".to_owned());
    }
    if !matches!(name, "i" | "em") && style::is_italic(node) {
        tags.push("em".to_owned());
    }
    if !matches!(name, "s" | "del" | "strike") && style::is_struck(node) {
        tags.push("del".to_owned());
    }
    for tag in &tags {
        out.push('<');
        out.push_str(tag);
        out.push('>');
    }
    out.push_str(&inner);
    for tag in tags.iter().rev() {
        out.push_str("</");
        out.push_str(tag.split(' ').next().unwrap_or(tag));
        out.push('>');
    }
    if matches!(name, "td" | "th") {
        out.push(' ');
    }
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
