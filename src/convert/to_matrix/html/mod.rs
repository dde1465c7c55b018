//! HTML mail: its lines as a person reads them, and Matrix's subset of HTML.

mod breaks;
mod colour;
mod emphasis;
mod layout;
mod links;
mod picture;
mod render;
mod style;
mod table;
mod word_list;
mod zone;

pub(super) use layout::{MAX_LINES, layout};
pub(super) use links::target as link_target;
pub(super) use picture::{icons, source};
pub(super) use render::{escape, matrix_html, plain_to_html};

#[cfg(test)]
mod tests;
