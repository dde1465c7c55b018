//! The tree: nodes in one list, elements and texts as views of them.

use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName};

/// Which node; an index into the tree.
pub(in crate::convert) type NodeId = usize;

/// The tree of a text's markup. Node 0 is the root, an element without a name.
#[derive(Debug)]
pub(in crate::convert) struct Tree {
    nodes: Vec<Entry>,
    is_cut: bool,
}

#[derive(Debug)]
struct Entry {
    content: Content,
    children: Vec<NodeId>,
}

#[derive(Debug)]
pub(super) enum Content {
    Text(StrTendril),
    Tag(LocalName, Vec<Attribute>),
}

/// How many nodes are kept; a mail of a million words has fewer lines than that.
const MAX_NODES: usize = 100_000;

impl Default for Tree {
    fn default() -> Self {
        let root = Entry {
            content: Content::Tag(LocalName::from(""), Vec::new()),
            children: Vec::new(),
        };
        Self {
            nodes: vec![root],
            is_cut: false,
        }
    }
}

impl Tree {
    /// The root's ID.
    pub(in crate::convert) const ROOT: NodeId = 0;

    /// A tree of some markup. Never fails.
    pub(in crate::convert) fn parse(markup: &str) -> Self {
        let mut tree = Self::default();
        tree.append(markup);
        tree
    }

    /// What the tree holds, without the root.
    pub(in crate::convert) fn nodes(&self) -> Nodes<'_> {
        self.below(Self::ROOT)
    }

    /// The node with the ID; an empty text when there is none.
    pub(in crate::convert) fn node(&self, id: NodeId) -> Node<'_> {
        match self.nodes.get(id).map(|entry| &entry.content) {
            Some(Content::Text(text)) => Node::Text(text),
            Some(Content::Tag(name, attributes)) => Node::Element(Element {
                tree: self,
                id,
                name,
                attributes,
            }),
            None => Node::Text(""),
        }
    }

    /// The nodes right below a node.
    pub(in crate::convert) fn below(&self, id: NodeId) -> Nodes<'_> {
        let ids = self.nodes.get(id).map(|entry| entry.children.as_slice());
        Nodes {
            tree: self,
            ids: ids.unwrap_or_default(),
        }
    }

    /// Whether there was more than the tree may hold, so that its end is missing.
    pub(in crate::convert) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the node is, or has below it, an element of that name.
    pub(in crate::convert) fn holds(&self, id: NodeId, name: &str) -> bool {
        self.node(id).name() == name || self.below(id).ids.iter().any(|child| self.holds(*child, name))
    }

    /// The text of a node and all below it, as it stands in the markup.
    pub(in crate::convert) fn text(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.collect_text(id, &mut out);
        out
    }

    fn collect_text(&self, id: NodeId, out: &mut String) {
        if let Node::Text(text) = self.node(id) {
            out.push_str(text);
        }
        for child in self.below(id).ids {
            self.collect_text(*child, out);
        }
    }

    /// Puts a text before everything else, in the same paragraph.
    pub(in crate::convert) fn prepend_text(&mut self, text: &str) {
        let first = self.nodes().ids.first().copied();
        let parent = first
            .filter(|first| self.node(*first).name() == "p")
            .unwrap_or(Self::ROOT);
        let Some(id) = self.push(parent, Content::Text(StrTendril::from(text))) else {
            return;
        };
        if let Some(parent) = self.nodes.get_mut(parent) {
            parent.children.retain(|child| *child != id);
            parent.children.insert(0, id);
        }
    }

    /// Adds a node as the last one below `parent`; `None` when the tree is full.
    pub(super) fn push(&mut self, parent: NodeId, content: Content) -> Option<NodeId> {
        if self.nodes.len() >= MAX_NODES {
            self.is_cut = true;
            return None;
        }
        let id = self.nodes.len();
        self.nodes.push(Entry {
            content,
            children: Vec::new(),
        });
        self.nodes.get_mut(parent)?.children.push(id);
        Some(id)
    }

    /// Adds a text at the end of `parent`.
    pub(super) fn push_text(&mut self, parent: NodeId, text: StrTendril) {
        let last = self.below(parent).ids.last().copied();
        let last = last.and_then(|id| self.nodes.get_mut(id));
        if let Some(Content::Text(before)) = last.map(|entry| &mut entry.content) {
            before.push_tendril(&text);
        } else {
            self.push(parent, Content::Text(text));
        }
    }

    /// Notes that markup was left out.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
    }
}

/// A piece of text or an element.
#[derive(Clone, Copy, Debug)]
pub(in crate::convert) enum Node<'t> {
    /// Text, references resolved.
    Text(&'t str),
    /// An element.
    Element(Element<'t>),
}

impl<'t> Node<'t> {
    /// The element's name; empty for text.
    pub(in crate::convert) fn name(self) -> &'t str {
        self.element().map_or("", Element::name)
    }

    /// The element, if it is one.
    pub(in crate::convert) fn element(self) -> Option<Element<'t>> {
        match self {
            Self::Text(_) => None,
            Self::Element(element) => Some(element),
        }
    }
}

/// An element: any tag, permitted or not.
#[derive(Clone, Copy, Debug)]
pub(in crate::convert) struct Element<'t> {
    tree: &'t Tree,
    id: NodeId,
    name: &'t str,
    attributes: &'t [Attribute],
}

impl<'t> Element<'t> {
    /// The tag's name in lower case.
    pub(in crate::convert) fn name(self) -> &'t str {
        self.name
    }

    /// The value of an attribute, as given.
    pub(in crate::convert) fn attribute(self, name: &str) -> Option<&'t str> {
        let found = self
            .attributes
            .iter()
            .find(|attribute| &*attribute.name.local == name);
        found.map(|attribute| &*attribute.value)
    }

    /// The names and values of its attributes, as given.
    pub(in crate::convert) fn attributes(self) -> impl ExactSizeIterator<Item = (&'t str, &'t str)> {
        let pair = |attribute: &'t Attribute| (&*attribute.name.local, &*attribute.value);
        self.attributes.iter().map(pair)
    }

    /// What is in it.
    pub(in crate::convert) fn children(self) -> Nodes<'t> {
        self.tree.below(self.id)
    }
}

/// Nodes that stand next to each other.
#[derive(Clone, Copy, Debug)]
pub(in crate::convert) struct Nodes<'t> {
    tree: &'t Tree,
    ids: &'t [NodeId],
}

impl<'t> Nodes<'t> {
    /// The nodes in order.
    pub(in crate::convert) fn iter(self) -> impl DoubleEndedIterator<Item = Node<'t>> {
        self.ids.iter().map(move |id| self.tree.node(*id))
    }

    /// Their IDs in order.
    pub(in crate::convert) fn ids(self) -> &'t [NodeId] {
        self.ids
    }

    /// Each node alone.
    pub(in crate::convert) fn singly(self) -> impl Iterator<Item = Self> {
        self.ids.chunks(1).map(move |ids| Self { ids, ..self })
    }

    /// The runs of nodes in which each fits to the next.
    pub(in crate::convert) fn chunk_by(
        self,
        fits: impl Fn(Node<'t>, Node<'t>) -> bool,
    ) -> impl Iterator<Item = Self> {
        self.ids
            .chunk_by(move |one, next| fits(self.tree.node(*one), self.tree.node(*next)))
            .map(move |ids| Self { ids, ..self })
    }
}
