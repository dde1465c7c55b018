//! The text of a message that Outlook keeps as RTF alone: what was HTML is HTML again, all else is plain text.

mod characters;
mod compressed;
mod reader;

pub(super) use compressed::expand;
pub(super) use reader::{Rtf, read};
