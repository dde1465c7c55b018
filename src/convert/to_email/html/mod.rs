//! `formatted_body`: read once into a bounded tree, from which the HTML part and the plain part are written.
//!
//! Nothing of the original markup is copied: the writers know the tags and attributes that the specification
//! permits (client-server API, "m.room.message msgtypes") and escape everything else, so what they
//! don't know cannot get through.

mod direction;
mod inline;
mod links;
mod markup;
mod plain;
mod survey;
mod table;

pub(super) use direction::quote_style;
pub(super) use markup::{document, escape, from_text, write};
pub(super) use plain::{plain, quoted};
pub(super) use survey::{is_formatted, parse, pictures};
