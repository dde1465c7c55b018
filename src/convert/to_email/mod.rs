//! Matrix events become one email.

mod attachment;
mod body;
mod content;
mod file;
mod html;
mod intro;
mod letter;
mod line;
mod piece;
mod quote;
#[cfg(test)]
mod tests;

use ruma::OwnedMxcUri;
use serde_json::{Map, Value};

use self::piece::Piece;
use crate::model::{EmailAddress, Mailbox, Timestamp};

/// One event of the burst that becomes an email, edits already folded in.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// The event type, such as `m.room.message` or `m.sticker`.
    pub event_type: String,
    /// The content; for an edit that comes too late this is the edit's own content.
    pub content: Map<String, Value>,
    /// The sender's Matrix ID.
    pub sender: String,
    /// The sender's display name in the room at that moment, disambiguated.
    pub sender_name: String,
    /// When it was sent.
    pub timestamp: Timestamp,
    /// What it answers, reacts to or corrects, where the bridge knows it.
    pub about: Option<Quoted>,
    /// The bytes of its media, where it has any and they could be had.
    pub media: Option<MediaBytes>,
}

/// An earlier message that a message refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Quoted {
    /// Who wrote it.
    pub sender_name: String,
    /// Its plain text.
    pub text: String,
    /// When it was written.
    pub timestamp: Timestamp,
}

/// Media as downloaded from the homeserver.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaBytes {
    /// The bytes, with the homeserver's `Content-Type`.
    Here {
        /// `Content-Type`; hostile input.
        content_type: Option<String>,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// It could not be had; the mail says so in these words.
    Missing {
        /// For a person: "is larger than 20 MB", "is not available any more".
        reason: String,
    },
}

/// Everything that an email is made of. Rendering it is a pure function of this value.
#[derive(Clone, Debug, PartialEq)]
pub struct EmailDraft {
    /// `From`: the sender's name and stable address.
    pub from: Mailbox,
    /// `Reply-To`: the address with the reply token, under the same name.
    pub reply_to: Option<EmailAddress>,
    /// `To`: the email user.
    pub to: Mailbox,
    /// The subject of the thread, without `Re:`; hostile input.
    pub subject: String,
    /// `Message-ID`, without angle brackets.
    pub message_id: String,
    /// `In-Reply-To`, without angle brackets.
    pub in_reply_to: Option<String>,
    /// `References`, oldest first, already capped; empty in the first mail of a thread.
    pub references: Vec<String>,
    /// `Date`.
    pub date: Timestamp,
    /// What the first mail of a thread says besides: `None` in all later ones.
    pub intro: Option<Intro>,
    /// The messages, in order; never empty.
    pub messages: Vec<ChatMessage>,
}

/// The explanation in the first mail of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intro {
    /// The Matrix ID of the sender: who writes, from where.
    pub matrix_id: String,
    /// The room's topic, where it has one; hostile input.
    pub topic: Option<String>,
}

/// A finished email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedEmail {
    /// The message with CRLF line ends, the same bytes for the same draft.
    pub bytes: Vec<u8>,
    /// For each message of the draft its plain text, to recognise it when it comes back as a quotation
    /// and to quote it ourselves.
    pub texts: Vec<String>,
}

/// Why events make no email.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEmail {
    /// The event has no usable text and no media.
    #[error("the event has nothing in it that a mail could show")]
    Nothing,
}

/// Whether an event would show anything in an email: asked before it is queued.
pub fn is_mailable(event_type: &str, content: &Map<String, Value>) -> bool {
    let message = ChatMessage {
        event_type: event_type.to_owned(),
        content: content.clone(),
        sender: String::new(),
        sender_name: String::new(),
        timestamp: Timestamp(0),
        about: None,
        media: None,
    };
    event_type != "m.room.encrypted" && !piece::piece(&message, &mut html::NoImages).is_empty()
}

/// The media that an event's content refers to, to be downloaded before rendering.
///
/// For an edit that is the media of its new content. Encrypted media (`file`) is not named: its bytes are of no
/// use as they are.
pub fn media_uri(content: &Map<String, Value>) -> Option<OwnedMxcUri> {
    let content = content::object(content, "m.new_content").unwrap_or(content);
    let uri = OwnedMxcUri::from(content::text(content, "url")?);
    uri.is_valid().then_some(uri)
}

/// Renders the email. Messages that show nothing are left out.
pub fn render(draft: &EmailDraft) -> Result<RenderedEmail, NoEmail> {
    let pieces: Vec<Piece> = draft
        .messages
        .iter()
        .map(|message| piece::piece(message, &mut html::NoImages))
        .collect();
    let texts = pieces.iter().map(|piece| piece.text.clone()).collect();
    if pieces.iter().all(Piece::is_empty) {
        return Err(NoEmail::Nothing);
    }
    Ok(RenderedEmail {
        bytes: letter::letter(draft, pieces),
        texts,
    })
}
