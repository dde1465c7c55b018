//! HTML mail: a bounded tree, its lines as a person reads them, and Matrix's subset of HTML.

mod layout;
mod links;
mod render;
mod style;
mod table;
mod tree;
mod zone;

pub(super) use layout::layout;
pub(super) use render::{matrix_html, plain_to_html};
pub(super) use tree::{MAX_MARKUP, NodeId, Tree};

#[cfg(test)]
mod tests;
