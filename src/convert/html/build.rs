//! From markup to the tree, in linear time and bounded depth whatever the markup is.

use std::cell::{Cell, RefCell};

use html5ever::LocalName;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::elements::{is_block, is_formatting, is_unread, is_void, raw_kind};
use super::tree::{Content, NodeId, Tree};

/// How deep elements are nested in the tree; deeper ones lose their markup, not their text. The specification
/// permits 100 in a message; Outlook needs about 60.
const MAX_DEPTH: usize = 100;
/// How far an open element is looked for; further out, the markup is damaged beyond caring.
const REACH: usize = 150;
/// How many blanks and quotes one tag has: the tokenizer compares each attribute with all before it, so that 100,000 of
/// them cost it half a minute. The styles of Word have some two hundred.
const MAX_BLANKS: usize = 1_000;
/// How much markup is read, in bytes; the largest newsletters have a third of that.
const MAX_MARKUP: usize = 1024 * 1024;

impl Tree {
    /// Parses markup and appends it to the root. Never fails.
    pub(in crate::convert) fn append(&mut self, markup: &str) {
        let end = markup.floor_char_boundary(MAX_MARKUP);
        let sink = Sink {
            builder: RefCell::new(Builder {
                tree: std::mem::take(self),
                open: Vec::new(),
            }),
            is_between: Cell::new(true),
        };
        let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
        let input = BufferQueue::default();
        let (mut is_tag, mut blanks) = (false, 0);
        for piece in pieces(markup.get(..end).unwrap_or_default()) {
            if tokenizer.sink.is_between.take() {
                is_tag = piece.starts_with('<') && !piece.starts_with("<!") && !piece.starts_with("<?");
                blanks = 0;
            }
            if is_tag {
                blanks += piece
                    .bytes()
                    .filter(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'/' | b'"' | b'\''))
                    .count();
                if blanks > MAX_BLANKS {
                    tokenizer.sink.builder.borrow_mut().tree.cut();
                }
            }
            if tokenizer.sink.builder.borrow().tree.is_cut() {
                break;
            }
            input.push_back(StrTendril::from(piece));
            while !input.is_empty() {
                let _ = tokenizer.feed(&input);
            }
        }
        tokenizer.end();
        *self = tokenizer.sink.builder.into_inner().tree;
        if end < markup.len() {
            self.cut();
        }
    }
}

/// Markup in pieces: a tag begins and ends with one, and where it is long, with one of several.
fn pieces(markup: &str) -> impl Iterator<Item = &str> {
    let mut rest = markup;
    std::iter::from_fn(move || {
        let inside = rest.as_bytes().get(1..).unwrap_or_default();
        let end = match rest.as_bytes().first() {
            Some(b'>') => 1,
            _ => memchr::memchr2(b'<', b'>', inside).map_or(rest.len(), |at| match inside.get(at) {
                Some(b'>') => at + 2,
                _ => at + 1,
            }),
        };
        let (piece, next) = rest
            .split_at_checked(end)
            .filter(|(piece, _)| !piece.is_empty())?;
        rest = next;
        Some(piece)
    })
}

struct Sink {
    builder: RefCell<Builder>,
    /// No tag or comment is open: there was a token since.
    is_between: Cell<bool>,
}

struct Builder {
    tree: Tree,
    /// The open elements from the outside in, without the root.
    open: Vec<Open>,
}

/// An open element.
struct Open {
    name: LocalName,
    /// Where its content goes: its own node, that of an outer element when it is too deep, nowhere when it is unread.
    place: Option<NodeId>,
    depth: usize,
    /// Its end was seen, while a block in it stays open.
    is_closed: bool,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        self.is_between.set(true);
        let mut builder = self.builder.borrow_mut();
        match token {
            Token::CharacterTokens(text) => builder.text(text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let raw = raw_kind(&tag.name);
                builder.start(tag);
                return raw.map_or(TokenSinkResult::Continue, TokenSinkResult::RawData);
            }
            Token::TagToken(tag) => builder.end_tag(tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Builder {
    /// Where content goes, and how deep that is.
    fn place(&self) -> (Option<NodeId>, usize) {
        self.open
            .last()
            .map_or((Some(Tree::ROOT), 0), |open| (open.place, open.depth))
    }

    fn text(&mut self, text: StrTendril) {
        if let (Some(place), _) = self.place() {
            self.tree.push_text(place, text);
        }
    }

    fn start(&mut self, tag: Tag) {
        let name = tag.name;
        if matches!(&*name, "html" | "head" | "body") {
            return;
        }
        self.close_implied(&name);
        let (parent, depth) = self.place();
        let is_empty = is_void(&name) || (tag.self_closing && is_foreign(&name));
        let mut place = parent.filter(|_| !is_unread(&name));
        if let Some(parent) = place
            && (is_empty || depth < MAX_DEPTH)
        {
            place = self.tree.push(parent, Content::Tag(name.clone(), tag.attrs));
        }
        if !is_empty {
            self.open.push(Open {
                name,
                place,
                depth: depth + 1,
                is_closed: false,
            });
        }
    }

    fn end_tag(&mut self, tag: Tag) {
        match &*tag.name {
            "br" => {
                if let (Some(place), _) = self.place() {
                    self.tree.push(place, Content::Tag(tag.name, Vec::new()));
                }
            }
            // An end tag does not reach out of its cell, or its list (HTML, section 13.2.4.2, "in scope").
            "table" => self.end("table", &[]),
            name @ ("td" | "th" | "tr" | "tbody" | "thead" | "tfoot" | "caption") => {
                self.end(name, &["table"]);
            }
            "li" => self.end("li", &["ul", "ol", "td", "th", "table"]),
            name => self.end(name, &["td", "th", "table"]),
        }
    }

    /// Closes what a start tag ends without saying so (HTML, section 13.1.2.4, "Optional tags").
    fn close_implied(&mut self, name: &str) {
        let (ends, within): (&[&str], &[&str]) = match name {
            "a" => (&["a"], &["td", "th", "table"]),
            "li" => (&["li"], &["ul", "ol"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl"]),
            "tr" => (&["tr"], &["table"]),
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "thead" | "tbody" | "tfoot" => (&["thead", "tbody", "tfoot"], &["table"]),
            _ if is_block(name) => (
                &["p"],
                &["blockquote", "li", "table", "td", "th", "div", "details"],
            ),
            _ => return,
        };
        if let Some(open) = ends.iter().find_map(|end| self.find(end, within)) {
            self.close(open);
        }
    }

    /// The open element of that name, not looking beyond `barriers`.
    fn find(&self, name: &str, barriers: &[&str]) -> Option<usize> {
        for (index, open) in self.open.iter().enumerate().rev().take(REACH) {
            if !open.is_closed && &*open.name == name {
                return Some(index);
            }
            if barriers.contains(&&*open.name) {
                return None;
            }
        }
        None
    }

    fn end(&mut self, name: &str, barriers: &[&str]) {
        if let Some(index) = self.find(name, barriers) {
            self.close(index);
        }
    }

    /// Closes the open element at `index` and what is in it.
    fn close(&mut self, index: usize) {
        let mut inner = self.open.iter().skip(index);
        let is_mark = inner.next().is_some_and(|open| is_formatting(&open.name));
        if is_mark && inner.any(|open| !is_formatting(&open.name)) {
            // `<b><div>text</b>`: the block goes on, or its own end tag would close a block further out.
            if let Some(open) = self.open.get_mut(index) {
                open.is_closed = true;
            }
        } else {
            self.open.truncate(index);
            while self.open.last().is_some_and(|open| open.is_closed) {
                self.open.pop();
            }
        }
    }
}

/// Elements of other languages, which may be closed where they begin: `<o:p/>`.
fn is_foreign(name: &str) -> bool {
    name.contains(':') || matches!(name, "svg" | "math" | "path" | "xml")
}
