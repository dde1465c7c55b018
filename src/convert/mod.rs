//! The pure core: bytes and JSON in, values out. Time, identifiers and boundaries are arguments.
//!
//! Imports: `model`.

pub mod address;
#[cfg(test)]
mod documentation;
pub mod download;
pub mod envelope;
mod html;
pub mod loop_mark;
mod media_type;
pub mod relation;
pub mod seal;
pub mod stop_link;
pub mod subject;
pub mod thread;
pub mod to_email;
pub mod to_matrix;
pub mod trace;
