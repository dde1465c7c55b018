//! Matrix events become one email.

mod attachment;
mod body;
mod content;
mod correction;
mod enclosures;
mod file;
mod foot;
mod gallery;
mod html;
mod letter;
mod line;
mod location;
mod media;
mod mime;
mod offline;
mod piece;
mod poll;
mod quote;
mod reaction;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ruma::OwnedMxcUri;
use serde_json::{Map, Value};

use self::enclosures::Enclosures;
use self::media::Bytes;
use self::mime::Written;
pub use self::offline::{FromJsonError, from_json};
use self::piece::Piece;
pub use self::poll::with_vote;
use crate::model::{EmailAddress, Mailbox, Timestamp};
pub use foot::LONGEST_SIGNATURE;
pub use media::{FIRST_BYTES, MediaBytes};
pub use mime::{Base64Lines, EnclosedFile};

/// A time in the words of emails: `22 Nov 2026, 00:03 UTC`.
pub fn time_for_people(time: Timestamp) -> String {
    mime::CivilTime::from(time).for_people()
}

/// Longest display name in a header or a sentence, in characters.
const LONGEST_NAME: usize = 80;
/// How many bytes of files one email encloses when the others can be linked to: many providers refuse mails above 25 MB, of
/// which base64 leaves 18 MB.
pub const ENCLOSED: u64 = 15_000_000;
/// Most files within one message that are downloaded for it.
const MEDIA_WITHIN: usize = 20;

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
    /// Its plain text; empty where that is not known.
    pub text: String,
    /// When it was written.
    pub timestamp: Timestamp,
    /// Its content, where the bridge still has it: the end of a poll counts the votes in it ([`with_vote`]).
    pub content: Option<Map<String, Value>>,
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
    /// Whether the reader's mail program is asked to tell when it was read (RFC 8098).
    pub ask_receipt: bool,
    /// The sender's signature; hostile input.
    pub signature: Option<String>,
    /// How its reader gets no more of these mails.
    pub unsubscribe: Option<Unsubscribe>,
    /// What the first mail of a thread says besides: `None` in all later ones.
    pub intro: Option<Intro>,
    /// The messages, in order; never empty.
    pub messages: Vec<ChatMessage>,
}

/// How a reader gets no more of these mails (RFC 2369, section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// A page for people, where there is one; over HTTPS also for their mail programs (RFC 8058).
    pub url: Option<String>,
    /// A mail that does the same: a `mailto:` URL.
    pub mailto: String,
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
    /// The message with CRLF line ends, the same bytes for the same draft; all of it but `files`.
    pub bytes: Vec<u8>,
    /// The files that are kept elsewhere ([`MediaBytes::Kept`]): at each of these places the base64 of one is still to be
    /// written, by [`Base64Lines`]. In order.
    pub files: Vec<EnclosedFile>,
    /// For each message of the draft its plain text, to recognise it when it comes back as a quotation
    /// and to quote it ourselves.
    pub texts: Vec<String>,
}

impl RenderedEmail {
    /// Puts header fields on top.
    pub fn put_on_top(&mut self, fields: &str) {
        self.bytes.splice(0..0, fields.bytes());
        for file in &mut self.files {
            file.at += fields.len();
        }
    }
}

/// Why events make no email.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEmail {
    /// The event has no usable text and no media.
    #[error("the event has nothing in it that a mail could show")]
    Nothing,
}

/// What rendering needs besides the draft.
#[derive(Clone, Debug)]
pub struct RenderOptions {
    /// The files that messages refer to besides their own, by [`media_within`]; what is missing is shown by its description.
    pub within: BTreeMap<OwnedMxcUri, MediaBytes>,
    /// The bytes of all files that one mail may enclose, before encoding; what is beyond that is only named.
    pub room: u64,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            within: BTreeMap::new(),
            room: u64::MAX,
        }
    }
}

/// Whether an event would show anything in an email: asked before it is queued. State events never do, which is
/// for the caller to know.
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
    let within = BTreeMap::new();
    let mut enclosures = Enclosures::new(&within, 0, "", "");
    !piece::piece(&message, Place::Alone, &mut enclosures).is_empty()
}

/// A file that a mail only links to: what it is called, and what it is said to be. Both are safe for headers.
pub fn linked_file(event_type: &str, content: &Map<String, Value>) -> (String, String) {
    let content = content::object(content, "m.new_content").unwrap_or(content);
    attachment::described(event_type, content)
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

/// The media within an event besides its own file, to be downloaded before rendering: pictures in its formatted text (custom
/// emoticons and others), and the files of a gallery. The first few, each once.
pub fn media_within(content: &Map<String, Value>) -> Vec<OwnedMxcUri> {
    let content = content::object(content, "m.new_content").unwrap_or(content);
    let tree = piece::formatted(content).unwrap_or_default();
    let pictures = html::pictures(tree.nodes()).into_iter();
    let files = gallery::items(content).filter_map(|item| content::text(item, "url"));
    let mut uris = Vec::new();
    for uri in pictures.chain(files).map(OwnedMxcUri::from) {
        if uris.len() < MEDIA_WITHIN && uri.is_valid() && !uris.contains(&uri) {
            uris.push(uri);
        }
    }
    uris
}

/// Where a message stands among those that the mail shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The mail shows nothing else.
    Alone,
    /// Nothing but files follows: what is attached stands after the text anyway.
    AtEnd,
    /// Text follows.
    Between,
}

fn places(messages: &[ChatMessage]) -> Vec<Place> {
    let shown = |message: &ChatMessage| is_mailable(&message.event_type, &message.content);
    let last = if messages.iter().filter(|message| shown(message)).count() > 1 {
        Place::AtEnd
    } else {
        Place::Alone
    };
    let is_text = |message: &ChatMessage| {
        message.event_type != "m.reaction" && !attachment::is_file(&message.event_type, &message.content)
    };
    let mut place = last;
    let mut places = Vec::with_capacity(messages.len());
    for message in messages.iter().rev() {
        places.push(place);
        if last == Place::AtEnd && shown(message) && is_text(message) {
            place = Place::Between;
        }
    }
    places.reverse();
    places
}

/// Renders the email. Messages that show nothing are left out.
pub fn render(draft: &EmailDraft) -> Result<RenderedEmail, NoEmail> {
    render_with(draft, &RenderOptions::default())
}

/// Renders the email with pictures in its texts, and within a size.
pub fn render_with(draft: &EmailDraft, options: &RenderOptions) -> Result<RenderedEmail, NoEmail> {
    let seed = letter::seed(&draft.message_id);
    let enclosures = || Enclosures::new(&options.within, options.room, &seed, draft.from.address.domain());
    let (mut pieces, mut enclosed) = pieces(draft, enclosures());
    if draft.intro.is_none() && !enclosed.in_place.is_empty() && !pieces.iter().any(Piece::has_words) {
        (pieces, enclosed) = self::pieces(draft, enclosures().apart());
    }
    if pieces.iter().all(Piece::is_empty) {
        return Err(NoEmail::Nothing);
    }
    let texts = pieces.iter().map(|piece| piece.text.clone()).collect();
    let Written { text, files } = letter::letter(draft, &pieces, enclosed, &seed);
    Ok(RenderedEmail {
        bytes: text.into_bytes(),
        files,
        texts,
    })
}

/// Renders the messages, and gathers their files.
fn pieces<'a>(draft: &'a EmailDraft, mut enclosures: Enclosures<'a>) -> (Vec<Piece>, Enclosures<'a>) {
    let messages = draft.messages.iter().zip(places(&draft.messages));
    let pieces = messages
        .map(|(message, place)| piece::piece(message, place, &mut enclosures))
        .collect();
    (pieces, enclosures)
}
