//! HTML, read into one tree that both directions write from.
//!
//! The tokenizer is html5ever's. Its tree construction is not used: what it must do for web pages (reopening of
//! formatting elements, foster parents) turns 64 KB of unclosed tags into millions of nodes, and 40,000 nested
//! elements cost it seconds. What a mail or an event needs is which text stands in which element.

mod build;
pub(super) mod elements;
mod tree;

pub(super) use tree::{Element, Node, NodeId, Nodes, Tree};

#[cfg(test)]
mod tests;
