//! Writing the HTML part: the specification's subset, with the few inline styles that mail programs keep.

use std::fmt::Write as _;

use super::direction;
use super::inline::{colour, description, image_text, language, readable_on, safe_link};
use super::links::linked;
use crate::convert::html::elements::is_block;
use crate::convert::html::{Element, Node, Nodes};
use crate::convert::to_email::enclosures::Enclosures;

/// How quotations look: the bar that mail programs draw themselves.
pub(super) const QUOTE: &str = "margin:0 0 1ex 0.8ex;border-left:2px solid #999;padding-left:1ex";
const PRE: &str =
    "white-space:pre-wrap;font-family:monospace;border:1px solid #999;border-radius:4px;padding:6px 8px";
const CELL: &str = "border:1px solid #999;padding:2px 6px";
/// Grey on grey: readable once selected. Dark modes turn light into dark and dark into light, each program in its own way, and
/// would show black on black; they leave the middle where it is.
const SPOILER: &str = "background-color:#808080;color:#808080";
/// Without a font of its own Outlook shows a mail in Times; this one leaves the choice to everybody else.
/// Words that are longer than a line, such as addresses, are broken: otherwise a telephone would show the whole mail narrow.
const BODY: &str = "font-family:sans-serif;overflow-wrap:break-word;word-break:break-word";
/// The height of a custom emoticon, in pixels.
const EMOTICON: u32 = 32;
/// The widest picture, in pixels: what a mail program's column holds. Outlook knows no max-width.
const WIDEST: u32 = 600;

/// What the head of a document with pictures has besides. Nothing depends on it, and some programs drop it; yet its length counts:
/// SpamAssassin takes a picture in less than 3200 bytes of HTML for advertising that hides its words from filters
/// (`HTML_IMAGE_ONLY_04` to `_32`, up to 2.8 points), however much was written beside it. What mail programs write is longer.
const PICTURES: &str = include_str!("pictures.html");

/// A whole HTML document around the given body.
pub(in super::super) fn document(body: &str, has_pictures: bool) -> String {
    let pictures = if has_pictures { PICTURES } else { "" };
    format!(
        "<!DOCTYPE html>\n<html>\n<head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">{pictures}</head>\n\
         <body style=\"{BODY}\">\n{body}</body>\n</html>\n"
    )
}

/// A text in HTML: escaped, with its lines and blanks.
pub(in super::super) fn from_text(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        lines.push(format!(
            "{}{}",
            "&nbsp;".repeat(blanks),
            linked(line.trim_start_matches(' '))
        ));
    }
    lines.join("<br>\n")
}

/// Escapes a text for use between tags and in quoted attributes.
pub(in super::super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Writes a tree as HTML that a mail may hold.
pub(in super::super) fn write(nodes: Nodes<'_>, enclosures: &mut Enclosures<'_>) -> String {
    let mut writer = Writer {
        out: String::new(),
        enclosures,
        is_verbatim: false,
        is_literal: false,
        is_hidden: false,
        is_mixed: direction::is_mixed(nodes),
    };
    writer.nodes(nodes);
    writer.out
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each holds or not, whatever the others say"
)]
struct Writer<'a, 'b> {
    out: String,
    enclosures: &'a mut Enclosures<'b>,
    /// Whether line ends are shown as they are.
    is_verbatim: bool,
    /// Whether no links are made of addresses in the text.
    is_literal: bool,
    /// Whether this is a spoiler, in which nothing may have a colour of its own, as links and pictures have.
    is_hidden: bool,
    /// Whether some of the text runs from right to left.
    is_mixed: bool,
}

impl Writer<'_, '_> {
    fn nodes(&mut self, nodes: Nodes<'_>) {
        for node in nodes.iter() {
            match node {
                Node::Text(text) if self.is_literal => self.out.push_str(&escape(text)),
                Node::Text(text) => self.out.push_str(&linked(text)),
                Node::Element(element) => self.element(element),
            }
        }
    }

    fn element(&mut self, element: Element<'_>) {
        match element.name() {
            "br" => {
                self.out.push_str("<br>");
                self.end_line();
            }
            "hr" => {
                self.out.push_str("<hr>");
                self.end_line();
            }
            "img" => self.image(element),
            "a" => match element.attribute("href").and_then(safe_link) {
                Some(href) if !self.is_hidden => self.wrap_literal("a", &[("href", href)], element),
                _ => self.nodes(element.children()),
            },
            "span" | "font" | "div" => self.coloured(element),
            "blockquote" => {
                let style = direction::quote_style_of(element.children());
                self.wrap("blockquote", &[("style", style)], element);
            }
            "pre" => {
                let outside = std::mem::replace(&mut self.is_verbatim, true);
                self.wrap_literal("pre", &[("style", PRE)], element);
                self.is_verbatim = outside;
                self.end_line();
            }
            "code" => {
                let class = element.attribute("class").and_then(language);
                let class = class.map(|language| format!("language-{language}"));
                let attributes: Vec<_> = class.iter().map(|class| ("class", class.as_str())).collect();
                self.wrap_literal("code", &attributes, element);
            }
            "ol" => {
                let start = element
                    .attribute("start")
                    .and_then(|start| start.parse::<i32>().ok());
                let start = start.map(|start| start.to_string());
                let attributes: Vec<_> = start.iter().map(|start| ("start", start.as_str())).collect();
                self.wrap("ol", &attributes, element);
            }
            "table" => self.wrap("table", &[("style", "border-collapse:collapse")], element),
            "td" => self.wrap("td", &[("style", CELL)], element),
            "th" => self.wrap("th", &[("style", CELL)], element),
            // Mail programs show <details> open, closed for ever, or not at all.
            "details" => self.wrap("div", &[], element),
            "summary" => {
                self.out.push_str("<div><b>");
                self.nodes(element.children());
                self.out.push_str("</b></div>");
                self.end_line();
            }
            "strike" => self.wrap("s", &[], element),
            name => match PLAIN_TAGS.iter().find(|tag| **tag == name) {
                Some(tag) => self.wrap(tag, &[], element),
                None if is_block(name) => self.wrap("div", &[], element),
                None => self.nodes(element.children()),
            },
        }
    }

    /// Wraps an element in which addresses stay as they are: links and code.
    fn wrap_literal(&mut self, tag: &str, attributes: &[(&str, &str)], element: Element<'_>) {
        let outside = std::mem::replace(&mut self.is_literal, true);
        self.wrap(tag, attributes, element);
        self.is_literal = outside;
    }

    fn wrap(&mut self, tag: &str, attributes: &[(&str, &str)], element: Element<'_>) {
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in attributes {
            let _ = write!(self.out, " {name}=\"{}\"", escape(value));
        }
        if self.is_mixed && direction::DIRECTED.contains(&tag) {
            self.out.push_str(" dir=\"auto\"");
        }
        self.out.push('>');
        self.nodes(element.children());
        let _ = write!(self.out, "</{tag}>");
        if is_block(tag) || tag == "tr" {
            self.end_line();
        }
    }

    /// Line ends between blocks keep the raw message readable; within `<pre>` they would be shown.
    fn end_line(&mut self) {
        if !self.is_verbatim {
            self.out.push('\n');
        }
    }

    /// Spans, old fonts and blocks: spoilers, maths, colours.
    fn coloured(&mut self, element: Element<'_>) {
        let tag = if element.name() == "div" { "div" } else { "span" };
        if let Some(tex) = element.attribute("data-mx-maths") {
            let _ = write!(self.out, "<{tag}><code>{}</code></{tag}>", escape(tex));
            return;
        }
        if let Some(reason) = element.attribute("data-mx-spoiler") {
            if !reason.trim().is_empty() {
                let _ = write!(self.out, "({}) ", escape(reason));
            }
            self.hidden(tag, element);
            return;
        }
        let given = |attribute| element.attribute(attribute).and_then(colour);
        let background = given("data-mx-bg-color");
        let text = given("data-mx-color").or_else(|| given("color"));
        // In the dark, text without a colour is white, also on yellow.
        let text = text.or_else(|| background.map(readable_on));
        let colours = [("color", text), ("background-color", background)];
        let style: Vec<String> = colours
            .into_iter()
            .filter(|_| !self.is_hidden)
            .filter_map(|(property, value)| Some(format!("{property}:{}", value?)))
            .collect();
        if style.is_empty() && tag == "span" {
            self.nodes(element.children());
        } else if style.is_empty() {
            self.wrap(tag, &[], element);
        } else {
            self.wrap(tag, &[("style", &style.join(";"))], element);
        }
    }

    /// A spoiler.
    fn hidden(&mut self, tag: &str, element: Element<'_>) {
        let outside = std::mem::replace(&mut self.is_hidden, true);
        let style: &[_] = if outside { &[] } else { &[("style", SPOILER)] };
        self.wrap_literal(tag, style, element);
        self.is_hidden = outside;
    }

    /// A picture that the mail holds, or what stands for it; never one that would be loaded from somewhere.
    fn image(&mut self, element: Element<'_>) {
        let place = element
            .attribute("src")
            .filter(|src| src.starts_with("mxc://") && !self.is_hidden)
            .and_then(|src| self.enclosures.picture(src));
        let Some(content_id) = place else {
            self.out.push_str(&escape(&image_text(element)));
            return;
        };
        let _ = write!(
            self.out,
            "<img src=\"cid:{}\" alt=\"{}\"",
            escape(&content_id),
            escape(&description(element))
        );
        let side = |name| {
            let side = element.attribute(name)?.parse::<u32>().ok()?;
            (side > 0).then_some(side)
        };
        if element.attribute("data-mx-emoticon").is_some() {
            // Custom emoticons stand in a line of text, and would otherwise raise it.
            let height = side("height").map_or(EMOTICON, |height| height.min(2 * EMOTICON));
            let _ = write!(self.out, " height=\"{height}\" style=\"vertical-align:middle\">");
            return;
        }
        // One side alone: with both, a picture that is narrowed is distorted.
        let bound = match (side("width"), side("height")) {
            (Some(width), _) => format!(" width=\"{}\"", width.min(WIDEST)),
            (None, Some(height)) => format!(" height=\"{}\"", height.min(WIDEST)),
            (None, None) => String::new(),
        };
        let _ = write!(self.out, "{bound} style=\"max-width:100%\">");
    }
}

/// The permitted tags that need no attribute and no style.
const PLAIN_TAGS: [&str; 25] = [
    "b", "caption", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "i", "li", "p", "s", "strong", "sub",
    "sup", "tbody", "tfoot", "thead", "tr", "tt", "u", "ul", "small",
];
