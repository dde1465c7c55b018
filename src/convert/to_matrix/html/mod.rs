//! HTML mail: its lines as a person reads them, and Matrix's subset of HTML.

mod layout;
mod links;
mod render;
mod style;
mod table;
mod zone;

pub(super) use layout::layout;
pub(super) use render::{matrix_html, plain_to_html};

#[cfg(test)]
mod tests;
