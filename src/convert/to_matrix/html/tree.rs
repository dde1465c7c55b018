//! A tree of HTML that is linear in time and bounded in depth whatever the markup is.
//!
//! The tokenizer is html5ever's. Its tree construction is not used: 40,000 nested elements cost it seconds,
//! and all that is wanted here is which text stands in which element.

use std::cell::RefCell;
use std::collections::BTreeMap;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// How deep elements are nested; deeper ones lose their markup, not their text. Outlook needs about 60.
const MAX_DEPTH: usize = 150;
/// How many nodes are kept; a mail of a million words has fewer lines than that.
const MAX_NODES: usize = 100_000;
/// How much markup is read, in bytes; the largest newsletters have a third of that.
pub(crate) const MAX_MARKUP: usize = 1024 * 1024;

/// Which node; an index into the tree.
pub(crate) type NodeId = usize;

/// What a node is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An element with its name in lower case and its attributes.
    Element(String, BTreeMap<String, String>),
    /// Text, references resolved.
    Text(String),
}

/// A node of the tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) children: Vec<NodeId>,
}

impl Node {
    /// The element's name; empty for text.
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::Element(name, _) => name,
            Kind::Text(_) => "",
        }
    }

    /// An attribute's value; empty when there is none.
    pub(crate) fn attribute(&self, name: &str) -> &str {
        match &self.kind {
            Kind::Element(_, attributes) => attributes.get(name).map_or("", String::as_str),
            Kind::Text(_) => "",
        }
    }
}

/// The tree. Node 0 is the root, an element without a name.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// The root's ID.
    pub(crate) const ROOT: NodeId = 0;

    /// An empty tree.
    pub(crate) fn new() -> Self {
        let root = Node {
            kind: Kind::Element(String::new(), BTreeMap::new()),
            children: Vec::new(),
        };
        Self { nodes: vec![root] }
    }

    /// Parses markup and appends it to the root. Never fails.
    pub(crate) fn append(&mut self, markup: &str) {
        let end = markup.floor_char_boundary(MAX_MARKUP);
        let markup = markup.get(..end).unwrap_or_default();
        let sink = Sink(RefCell::new(Builder {
            tree: std::mem::replace(self, Self::new()),
            open: vec![(Self::ROOT, true)],
        }));
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(markup));
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        tokenizer.end();
        *self = tokenizer.sink.0.into_inner().tree;
    }

    /// The node with the ID; the root when there is none.
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id).unwrap_or_else(|| self.node(Self::ROOT))
    }

    /// Whether the node is, or has below it, an element of that name.
    pub(crate) fn holds(&self, id: NodeId, name: &str) -> bool {
        let node = self.node(id);
        node.name() == name || node.children.iter().any(|child| self.holds(*child, name))
    }

    /// The text of a node and all below it, as it stands in the markup.
    pub(crate) fn text(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.collect_text(id, &mut out);
        out
    }

    fn collect_text(&self, id: NodeId, out: &mut String) {
        let node = self.node(id);
        if let Kind::Text(text) = &node.kind {
            out.push_str(text);
        }
        for child in &node.children {
            self.collect_text(*child, out);
        }
    }

    fn push(&mut self, parent: NodeId, kind: Kind) -> Option<NodeId> {
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        let id = self.nodes.len();
        self.nodes.push(Node {
            kind,
            children: Vec::new(),
        });
        self.nodes.get_mut(parent)?.children.push(id);
        Some(id)
    }
}

struct Sink(RefCell<Builder>);

struct Builder {
    tree: Tree,
    /// The open elements from the outside in; false for one that was closed while a block in it stays open.
    open: Vec<(NodeId, bool)>,
}

const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];
/// Elements that close an open paragraph (HTML, section 13.1.2.4).
const CLOSES_P: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "details",
    "div",
    "dl",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "main",
    "nav",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "ul",
];
const FORMATTING: &[&str] = &[
    "a", "b", "big", "code", "del", "em", "font", "i", "ins", "s", "small", "span", "strike", "strong",
    "sub", "sup", "tt", "u",
];

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut builder = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => builder.text(&text),
            Token::TagToken(tag) => return builder.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Builder {
    fn current(&self) -> NodeId {
        self.open.last().map_or(Tree::ROOT, |(id, _)| *id)
    }

    fn text(&mut self, text: &str) {
        let parent = self.current();
        let last = self.tree.node(parent).children.last().copied();
        if let Some(Node {
            kind: Kind::Text(before),
            ..
        }) = last.and_then(|id| self.tree.nodes.get_mut(id))
        {
            before.push_str(text);
        } else {
            self.tree.push(parent, Kind::Text(text.to_owned()));
        }
    }

    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        match tag.kind {
            TagKind::StartTag => {
                self.start(name, tag);
                match name {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                        TokenSinkResult::RawData(RawKind::Rawtext)
                    }
                    "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => TokenSinkResult::Continue,
                }
            }
            TagKind::EndTag => {
                match name {
                    "p" if !self.is_open("p", &["table", "td", "th"]) => {}
                    "br" => {
                        let parent = self.current();
                        self.tree
                            .push(parent, Kind::Element("br".to_owned(), BTreeMap::new()));
                    }
                    _ => self.end(name),
                }
                TokenSinkResult::Continue
            }
        }
    }

    fn start(&mut self, name: &str, tag: &Tag) {
        if matches!(name, "html" | "head" | "body") {
            return;
        }
        if CLOSES_P.contains(&name) && self.is_open("p", &["table", "td", "th", "blockquote", "li", "div"]) {
            self.end("p");
        }
        match name {
            "li" if self.is_open("li", &["ul", "ol"]) => self.end("li"),
            "td" | "th" => {
                for cell in ["td", "th"] {
                    if self.is_open(cell, &["tr", "table"]) {
                        self.end(cell);
                    }
                }
            }
            "tr" if self.is_open("tr", &["table"]) => self.end("tr"),
            "dt" | "dd" => {
                for item in ["dt", "dd"] {
                    if self.is_open(item, &["dl"]) {
                        self.end(item);
                    }
                }
            }
            _ => {}
        }
        let attributes = tag
            .attrs
            .iter()
            .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
            .collect();
        let parent = self.current();
        let id = self.tree.push(parent, Kind::Element(name.to_owned(), attributes));
        if let Some(id) = id.filter(|_| !VOID.contains(&name) && self.open.len() < MAX_DEPTH) {
            self.open.push((id, true));
        }
    }

    /// Whether an element of that name is open, not looking beyond `barriers`.
    fn is_open(&self, name: &str, barriers: &[&str]) -> bool {
        for (id, open) in self.open.iter().rev() {
            let element = self.tree.node(*id).name();
            if *open && element == name {
                return true;
            }
            if barriers.contains(&element) {
                return false;
            }
        }
        false
    }

    fn end(&mut self, name: &str) {
        let found = self
            .open
            .iter()
            .rposition(|(id, open)| *open && self.tree.node(*id).name() == name);
        let Some(index) = found.filter(|index| *index > 0) else {
            return;
        };
        let holds_block = self
            .open
            .iter()
            .skip(index + 1)
            .any(|(id, _)| !FORMATTING.contains(&self.tree.node(*id).name()));
        if FORMATTING.contains(&name) && holds_block {
            // `<b><div>text</b>`: the block goes on, or its own end tag would close a block further out.
            if let Some((_, open)) = self.open.get_mut(index) {
                *open = false;
            }
        } else {
            self.open.truncate(index);
        }
    }
}
