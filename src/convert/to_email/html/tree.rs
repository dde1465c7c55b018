//! Reading HTML into a tree whose depth and size are bounded.
//!
//! The tokenizer is html5ever's. Its tree builder is not used: what it must do for web pages (reopening of
//! formatting elements, foster parents) turns 64 KB of unclosed tags into millions of nodes.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Elements nested deeper than the specification permits are flattened into their parents.
const DEPTH: usize = 100;
/// No event is larger than 65,536 bytes; anything above that did not come from a homeserver.
const SIZE: usize = 128 * 1024;

/// A piece of text or an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Node {
    /// Text, entities decoded.
    Text(String),
    /// An element.
    Element(Element),
}

/// An element: any tag, permitted or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Element {
    /// The tag's name in lower case.
    pub(in super::super) name: String,
    /// Its attributes, as given.
    pub(in super::super) attributes: Vec<(String, String)>,
    /// What is in it.
    pub(in super::super) children: Vec<Node>,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads HTML; `None` when it is too large to be looked at.
pub(in super::super) fn parse(html: &str) -> Option<Vec<Node>> {
    if html.len() > SIZE {
        return None;
    }
    let tokenizer = Tokenizer::new(Builder::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    Some(tokenizer.sink.stack.into_inner().finish())
}

/// Whether a tree holds anything that plain text would not show: then, and only then, a mail has an HTML part.
pub(in super::super) fn is_formatted(nodes: &[Node]) -> bool {
    nodes.iter().any(|node| match node {
        Node::Text(_) => false,
        Node::Element(element) => match element.name.as_str() {
            "br" => false,
            "p" | "div" | "html" | "body" | "span" if element.attributes.is_empty() => {
                is_formatted(&element.children)
            }
            "a" if element
                .attribute("href")
                .is_none_or(super::inline::is_matrix_link) =>
            {
                is_formatted(&element.children)
            }
            _ => true,
        },
    })
}

/// The addresses of all pictures in a tree, in order.
pub(in super::super) fn pictures(nodes: &[Node]) -> Vec<&str> {
    let mut found = Vec::new();
    for node in nodes {
        if let Node::Element(element) = node {
            found.extend(element.attribute("src").filter(|_| element.name == "img"));
            found.extend(pictures(&element.children));
        }
    }
    found
}

/// Puts a text before everything else, in the same paragraph: `* Bob ` before an emote.
pub(in super::super) fn prefix_text(nodes: &mut Vec<Node>, text: &str) {
    if let Some(Node::Element(first)) = nodes.first_mut()
        && first.name == "p"
    {
        first.children.insert(0, Node::Text(text.to_owned()));
    } else {
        nodes.insert(0, Node::Text(text.to_owned()));
    }
}

/// The elements that are open, the outermost first; the root has no name.
struct Stack(Vec<Element>);

#[derive(Default)]
struct Builder {
    stack: RefCell<Stack>,
}

impl Default for Stack {
    fn default() -> Self {
        Self(vec![Element::default()])
    }
}

impl TokenSink for Builder {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut stack = self.stack.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let raw = raw_kind(&tag.name);
                stack.start(tag);
                return raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData);
            }
            Token::TagToken(tag) => stack.end(&tag.name),
            Token::CharacterTokens(text) => stack.text(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Stack {
    fn start(&mut self, tag: Tag) {
        let name = tag.name.to_string();
        self.close_implied(&name);
        let attributes = tag
            .attrs
            .into_iter()
            .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
            .collect();
        let element = Element {
            name,
            attributes,
            children: Vec::new(),
        };
        if matches!(element.name.as_str(), "br" | "hr" | "img") {
            self.push(Node::Element(element));
        } else if self.0.len() <= DEPTH || raw_kind(&element.name).is_some() {
            // Raw elements hold no others, so they exceed the depth by one at most; flattened, a script would be text.
            self.0.push(element);
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(open) = self.0.iter().rposition(|element| element.name == name) {
            self.close_to(open);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(Element { children, .. }) = self.0.last_mut() {
            if let Some(Node::Text(last)) = children.last_mut() {
                last.push_str(text);
            } else {
                children.push(Node::Text(text.to_owned()));
            }
        }
    }

    /// Closes what a start tag ends without saying so (HTML, section 13.1.2.4, "Optional tags").
    fn close_implied(&mut self, name: &str) {
        let (ends, within): (&[&str], &[&str]) = match name {
            "li" => (&["li"], &["ul", "ol"]),
            "tr" => (&["tr"], &["table"]),
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "thead" | "tbody" => (&["thead", "tbody"], &["table"]),
            _ if is_block(name) => (&["p"], &["blockquote", "li", "td", "th", "div", "details"]),
            _ => return,
        };
        let is = |names: &[&str], element: &Element| names.contains(&element.name.as_str());
        let found = self
            .0
            .iter()
            .rposition(|element| is(ends, element) || is(within, element));
        if let Some(open) = found
            && self.0.get(open).is_some_and(|element| is(ends, element))
        {
            self.close_to(open);
        }
    }

    /// Closes the element at `index` and everything in it; the root stays.
    fn close_to(&mut self, index: usize) {
        while self.0.len() > index.max(1) {
            if let Some(element) = self.0.pop() {
                self.push(Node::Element(element));
            }
        }
    }

    fn push(&mut self, node: Node) {
        let dropped = matches!(&node, Node::Element(element) if is_dropped(&element.name));
        if let Some(parent) = self.0.last_mut()
            && !dropped
        {
            parent.children.push(node);
        }
    }

    fn finish(mut self) -> Vec<Node> {
        self.close_to(1);
        self.0.pop().map(|root| root.children).unwrap_or_default()
    }
}

/// Elements that begin a line of their own.
pub(super) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "html"
            | "li"
            | "main"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "ul"
    )
}

/// Elements whose content is not text for a reader, or repeats what was answered.
fn is_dropped(name: &str) -> bool {
    raw_kind(name).is_some()
        || matches!(
            name,
            "head" | "mx-reply" | "object" | "template" | "select" | "svg" | "math" | "audio" | "video"
        )
}

fn raw_kind(name: &str) -> Option<RawKind> {
    match name {
        "title" | "textarea" => Some(RawKind::Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => Some(RawKind::Rawtext),
        "script" => Some(RawKind::ScriptData),
        _ => None,
    }
}
