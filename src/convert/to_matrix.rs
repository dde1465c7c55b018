//! An email becomes Matrix events.

use serde_json::Value;

use crate::model::{Mailbox, Timestamp};

/// Why a mail was not written by a person, as far as its headers and structure tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auto {
    /// A person wrote it.
    None,
    /// A vacation responder or the like (RFC 3834).
    AutoReply,
    /// A delivery status notification (RFC 3464) or another bounce.
    Bounce,
    /// A mailing list or newsletter.
    List,
    /// A read notification (RFC 8098).
    Mdn,
    /// A calendar's invitation or answer.
    Calendar,
    /// A report by a machine: DMARC, abuse (RFC 5965).
    Report,
    /// Any other mail that says it was generated.
    Generated,
}

/// The headers of a mail, decoded. Everything in here is hostile input.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailHeaders {
    /// All addresses of all `From` fields; one and only one is the rule (RFC 5322, section 3.6.2).
    pub from: Vec<Mailbox>,
    /// `To` and `Cc`.
    pub to: Vec<Mailbox>,
    /// `Subject`, decoded, in one line.
    pub subject: String,
    /// `Date`.
    pub date: Option<Timestamp>,
    /// `Message-ID`, without angle brackets.
    pub message_id: Option<String>,
    /// The IDs of `In-Reply-To`, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// The IDs of `References`, oldest first, bounded.
    pub references: Vec<String>,
    /// Whether a machine wrote it.
    pub auto: Auto,
}

/// Bytes to be uploaded before the events that show them are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// A safe file name: no path, no control or bidirectional characters.
    pub name: String,
    /// The media type.
    pub content_type: String,
    /// The decoded bytes.
    pub bytes: Vec<u8>,
}

/// What becomes of a mail in a room.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// The events in order: type and content. Media is referred to by [`placeholder`] URIs.
    pub events: Vec<(String, Value)>,
    /// What to upload first; the index is that of the placeholder.
    pub uploads: Vec<Upload>,
    /// What was left out of the text: quotation, signature, footer.
    pub quoted: Option<String>,
}

/// What the bridge knows of the thread when a mail comes in.
#[derive(Clone, Debug, Default)]
pub struct ThreadContext {
    /// The plain texts that Penpal sent in this thread, newest first: what a quotation quotes.
    pub sent: Vec<String>,
    /// The event that the mail answers, shown as a Matrix reply.
    pub answers: Option<ruma::OwnedEventId>,
}

/// The URI that stands for upload `index` in an event's content until it has a real one.
pub fn placeholder(index: usize) -> String {
    format!("mxc://upload.invalid/{index}")
}

/// Reads the headers alone: cheap, for deciding where a mail belongs. Never fails: what can't be read is empty.
pub fn headers(_raw: &[u8]) -> EmailHeaders {
    unimplemented!()
}

/// Converts a whole mail. Never fails: what can't be read becomes a notice with the mail attached.
pub fn convert(_raw: &[u8], _context: &ThreadContext) -> Converted {
    unimplemented!()
}

/// Puts the real URIs in place of the placeholders in an event's content, also inside `formatted_body`.
pub fn place_uploads(_content: &mut Value, _uris: &[ruma::OwnedMxcUri]) {
    unimplemented!()
}
