//! Writing the plain part from a tree, for reading: as a careful person would have typed it.

use std::fmt::Write as _;

use super::inline::{image_text, language, safe_link};
use super::table;
use crate::convert::html::elements::is_block;
use crate::convert::html::{Element, Node, Nodes};

/// A paragraph or line of the text.
pub(super) struct Block {
    pub(super) text: String,
    /// Whether a blank line stands before and after it.
    loose: bool,
}

/// Writes a tree as plain text with LF line ends.
pub(in super::super) fn plain(nodes: Nodes<'_>) -> String {
    join(flow(nodes))
}

/// One line of text out of a tree.
pub(super) fn one_line(nodes: Nodes<'_>) -> String {
    plain(nodes).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn join(blocks: Vec<Block>) -> String {
    let mut out = String::new();
    let mut before = None;
    for block in blocks {
        if let Some(loose) = before {
            out.push_str(if loose || block.loose { "\n\n" } else { "\n" });
        }
        before = Some(block.loose);
        out.push_str(&block.text);
    }
    out
}

fn flow(nodes: Nodes<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut line = String::new();
    flow_into(nodes, &mut line, &mut blocks);
    flush(&mut line, &mut blocks);
    blocks
}

fn flow_into(nodes: Nodes<'_>, line: &mut String, blocks: &mut Vec<Block>) {
    for node in nodes.iter() {
        match node {
            Node::Element(element) if is_block(element.name()) || is_display(element) => {
                flush(line, blocks);
                block(element, blocks);
            }
            // Marks and links do not reach over paragraphs.
            Node::Element(element) if holds_block(element) => flow_into(element.children(), line, blocks),
            node => inline(node, line),
        }
    }
}

/// A span that stands for itself although it holds blocks.
fn is_display(element: Element<'_>) -> bool {
    let stands_for_itself = ["data-mx-spoiler", "data-mx-maths"]
        .iter()
        .any(|name| element.attribute(name).is_some());
    stands_for_itself && holds_block(element)
}

fn flush(line: &mut String, blocks: &mut Vec<Block>) {
    let text = line.trim();
    if !text.is_empty() {
        blocks.push(Block {
            text: text.to_owned(),
            loose: false,
        });
    }
    line.clear();
}

fn block(element: Element<'_>, blocks: &mut Vec<Block>) {
    let children = element.children();
    let loose = |text: String| Block { text, loose: true };
    match element.name() {
        "hr" => blocks.push(loose("* * *".to_owned())),
        "p" | "details" => blocks.extend(some(join(flow(children))).map(loose)),
        "h1" | "h2" => blocks.extend(some(one_line(children)).map(|title| {
            let rule = if element.name() == "h1" { "=" } else { "-" };
            let width = title.chars().count().min(72);
            loose(format!("{title}\n{}", rule.repeat(width)))
        })),
        "h3" | "h4" | "h5" | "h6" => blocks.extend(some(one_line(children)).map(loose)),
        "blockquote" => blocks.extend(some(join(flow(children))).map(|text| loose(quoted(&text)))),
        "pre" => blocks.extend(some(code_block(element)).map(loose)),
        "ul" | "ol" => blocks.extend(some(list(element)).map(loose)),
        "table" => blocks.extend(some(table::write(element)).map(loose)),
        "div" | "span" if maths(element).is_some() => {
            blocks.extend(maths(element).map(|tex| loose(format!("$${tex}$$"))));
        }
        "div" | "span" if element.attribute("data-mx-spoiler").is_some() => {
            blocks.extend(spoiler(element).map(loose));
        }
        _ => blocks.extend(flow(children)),
    }
}

/// A text with `> ` before each line, and `>` alone before an empty one (RFC 3676, section 4.5).
pub(in super::super) fn quoted(text: &str) -> String {
    let line = |line: &str| {
        if line.is_empty() || line.starts_with('>') {
            format!(">{line}")
        } else {
            format!("> {line}")
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn list(element: Element<'_>) -> String {
    let start = element
        .attribute("start")
        .and_then(|start| start.parse::<i32>().ok());
    let mut number = i64::from(start.unwrap_or(1));
    let is_item = |node: Node<'_>| matches!(node, Node::Element(element) if element.name() == "li");
    let is_list =
        |node: Node<'_>| matches!(node, Node::Element(element) if matches!(element.name(), "ul" | "ol"));
    let mut items: Vec<String> = Vec::new();
    let mut indent = String::new();
    // What stands in a list without being an item is taken for one, a list in a list for the end of the item before.
    let runs = element
        .children()
        .chunk_by(|one, next| !is_item(one) && !is_item(next));
    for nodes in runs {
        let item = nodes.iter().next().and_then(Node::element);
        let text = match item.filter(|item| item.name() == "li") {
            Some(item) => join(tight(flow(item.children()))),
            None => join(tight(flow(nodes))),
        };
        if text.is_empty() {
            continue;
        }
        if let Some(last) = items
            .last_mut()
            .filter(|_| nodes.iter().next().is_some_and(is_list))
        {
            let _ = write!(last, "\n{indent}{}", text.replace('\n', &format!("\n{indent}")));
            continue;
        }
        let bullet = if element.name() == "ol" {
            format!("{number}. ")
        } else {
            "- ".to_owned()
        };
        number += 1;
        indent = " ".repeat(bullet.len());
        items.push(format!("{bullet}{}", text.replace('\n', &format!("\n{indent}"))));
    }
    items.join("\n")
}

/// In a list, Element and others put each item's text into a paragraph: that is no reason for blank lines.
fn tight(blocks: Vec<Block>) -> Vec<Block> {
    let tight = |block: Block| Block {
        loose: false,
        ..block
    };
    blocks.into_iter().map(tight).collect()
}

fn code_block(element: Element<'_>) -> String {
    let code = verbatim(element.children());
    let code = code.trim_matches('\n');
    if code.trim().is_empty() {
        return String::new();
    }
    let named = element.children().iter().find_map(|child| match child {
        Node::Element(child) if child.name() == "code" => child.attribute("class").and_then(language),
        _ => None,
    });
    format!("```{}\n{}\n```", named.unwrap_or_default(), code.trim_end())
}

fn verbatim(nodes: Nodes<'_>) -> String {
    let mut out = String::new();
    for node in nodes.iter() {
        match node {
            Node::Text(text) => out.push_str(text),
            Node::Element(element) if element.name() == "br" => out.push('\n'),
            Node::Element(element) => out.push_str(&verbatim(element.children())),
        }
    }
    out
}

/// Whether an inline element has a block somewhere in it, as in `<b><p>…</p></b>`.
fn holds_block(element: Element<'_>) -> bool {
    element.children().iter().any(|child| match child {
        Node::Element(child) => is_block(child.name()) || holds_block(child),
        Node::Text(_) => false,
    })
}

fn inline(node: Node<'_>, line: &mut String) {
    let element = match node {
        Node::Text(text) => return push_collapsed(text, line),
        Node::Element(element) => element,
    };
    if let Some(tex) = maths(element) {
        let _ = write!(line, "${tex}$");
        return;
    }
    if element.attribute("data-mx-spoiler").is_some() {
        return line.push_str(&spoiler(element).unwrap_or_default());
    }
    match element.name() {
        "br" => {
            line.truncate(line.trim_end_matches(' ').len());
            line.push('\n');
        }
        "b" | "strong" => marked("*", element, line),
        "i" | "em" => marked("_", element, line),
        "del" | "s" | "strike" => marked("~~", element, line),
        "code" | "tt" => marked("`", element, line),
        "sup" => {
            line.push('^');
            inlines(element.children(), line);
        }
        "img" => push_collapsed(&image_text(element), line),
        "a" => link(element, line),
        _ => inlines(element.children(), line),
    }
}

fn inlines(nodes: Nodes<'_>, line: &mut String) {
    for node in nodes.iter() {
        inline(node, line);
    }
}

/// Puts marks around an element's text, but never around blanks, and never around nothing.
fn marked(mark: &str, element: Element<'_>, line: &mut String) {
    let inner = inner(element);
    let text = inner.trim();
    if text.is_empty() {
        return push_collapsed(&inner, line);
    }
    surround(&inner, &format!("{mark}{text}{mark}"), line);
}

/// The text of an inline element, with the blanks at its ends.
fn inner(element: Element<'_>) -> String {
    // Blanks are collapsed into what stands before them, so something must.
    let mut inner = String::from("|");
    inlines(element.children(), &mut inner);
    inner.split_off(1)
}

/// Puts a text in place of `inner`, between the blanks at its ends.
fn surround(inner: &str, text: &str, line: &mut String) {
    if inner.starts_with(char::is_whitespace) {
        push_collapsed(" ", line);
    }
    line.push_str(text);
    if inner.ends_with(char::is_whitespace) {
        line.push(' ');
    }
}

/// A link after its text, in angle brackets (RFC 3986, appendix C); alone where the text is the link.
fn link(element: Element<'_>, line: &mut String) {
    let Some(href) = element.attribute("href").and_then(safe_link) else {
        return inlines(element.children(), line);
    };
    let inner = inner(element);
    let text = inner.trim();
    let bare = href.strip_prefix("mailto:").unwrap_or(href);
    let is_same = text == href || text.trim_end_matches('/') == bare.trim_end_matches('/');
    let shown = match text {
        "" => bare.to_owned(),
        text if is_same => text.to_owned(),
        text => format!("{text} <{bare}>"),
    };
    surround(&inner, &shown, line);
}

fn maths(element: Element<'_>) -> Option<String> {
    let tex = element
        .attribute("data-mx-maths")?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    some(tex)
}

/// What stands for a spoiler: plain text can't hide anything.
fn spoiler(element: Element<'_>) -> Option<String> {
    let reason = element
        .attribute("data-mx-spoiler")?
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    Some(if reason.is_empty() {
        "[spoiler]".to_owned()
    } else {
        format!("[spoiler: {reason}]")
    })
}

fn push_collapsed(text: &str, line: &mut String) {
    for c in text.chars() {
        // A no-break space is not collapsed (CSS Text, section 4.1.1); somebody put it there.
        if c.is_whitespace() && c != '\u{a0}' {
            if !line.is_empty() && !line.ends_with([' ', '\n']) {
                line.push(' ');
            }
        } else if !c.is_control() {
            line.push(c);
        }
    }
}

fn some(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}
