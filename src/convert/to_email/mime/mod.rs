//! Building MIME messages: the same bytes for the same value.
//!
//! A builder of our own, because every text in our mails is hostile input: the usual ones pass a subject
//! that looks like an encoded word (`=?utf-8?b?…?=`) through as it stands, so that the receiver decodes what nobody
//! encoded, fail on a line feed in a display name, draw boundaries at random, and leave a line that begins
//! with `From ` to be damaged by the next mailbox file.
//!
//! | what | rule |
//! | --- | --- |
//! | header fields | RFC 5322, sections 2.2 and 3.6; folded at 78 columns |
//! | words in header fields that are not ASCII | RFC 2047 |
//! | addresses that are not ASCII before the `@` | RFC 6532, as they stand: they need SMTPUTF8 anyway |
//! | parameters that are not ASCII | RFC 2231, and RFC 2047 in `name` for programs that know nothing else |
//! | bodies | RFC 2045: 7bit, quoted-printable or base64; nothing needs 8BITMIME |
//! | structure | RFC 2046, RFC 2387 |

mod calendar;
mod header;
mod parameter;
mod part;
mod transfer;
mod word;

pub(crate) use calendar::CivilTime;
pub(crate) use header::Headers;
pub use part::EnclosedFile;
pub(crate) use part::{Disposition, FileBody, Multipart, Part, Written};
pub use transfer::Base64Lines;
