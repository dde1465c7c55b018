//! An email becomes Matrix events.
//!
//! The way of a mail: [`mime`] reads the tree of parts, [`body`] sorts them into text and files, [`text`] lays the
//! text out in [`lines`], tells new text from [`quote`] and [`signature`], and writes it as plain text and as
//! Matrix's subset of [`html`]; [`files`] makes uploads and their events.

mod auto;
mod body;
mod changes;
mod content;
mod events;
mod facts;
mod files;
mod gist;
mod headers;
mod html;
mod length;
mod lines;
mod media;
mod mime;
mod names;
mod notification;
mod pictures;
mod plain;
mod quote;
mod quoted;
mod report;
mod returned;
mod signature;
mod special;
mod text;
mod unreadable;
mod wish;

use std::borrow::Cow;

use serde_json::Value;

pub use self::changes::{name_missing, put_subject};
pub use self::content::Content;
use self::events::Sender;
use self::files::File;
pub use self::gist::gist;
pub use self::length::cut as beginning;
use self::mime::Part;
pub use self::mime::{Brought, Cutter, Decoder, LargeMail, LeftFile, Skeleton, Survey, Wanted};
pub use self::notification::{Delivery, DeliveryReport, delivery_report, displayed};
use self::pictures::Pictures;
pub use self::report::report;
use self::signature::Writer;
pub use self::unreadable::unreadable;
pub use self::wish::{Wish, wish};
use crate::model::{Mailbox, Timestamp};

/// How many files of a mail are shown, each in an event of its own. Within a text, a container or a signed mail there can be a file in
/// every twenty bytes.
const MAX_FILES: usize = 1_000;

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

impl Auto {
    /// Whether a person's words are in it: it is a reason to open a room for, and shows that what it answers was read.
    pub fn is_personal(self) -> bool {
        matches!(self, Self::None | Self::Calendar | Self::List)
    }
}

/// By what a mail is known to be a machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Its structure, its sender, or a field made for that. Also where nothing is to be known, because a person wrote it.
    Declared,
    /// Its subject alone, which people write as well.
    Subject,
    /// The null reverse-path alone.
    NullSender,
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
    /// By what that is known.
    pub sign: Sign,
    /// The IDs of the email that a bounce or a read notification is about, without angle brackets; empty for all other mail.
    pub reported: Vec<String>,
}

impl EmailHeaders {
    /// The one author; `None` where there are none or several, of whom nobody knows which it was.
    pub fn author(&self) -> Option<&Mailbox> {
        match self.from.as_slice() {
            [author] => Some(author),
            _ => None,
        }
    }
}

/// Bytes to be uploaded before the events that show them are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Upload {
    /// A safe file name: no path, no control or bidirectional characters.
    pub name: String,
    /// The media type.
    pub content_type: String,
    /// The decoded bytes.
    pub content: Content,
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
    /// The texts of the mails that came before, newest first, with what was left out of them: what their writer repeats.
    pub received: Vec<String>,
    /// The event that the mail answers, shown as a Matrix reply.
    pub answers: Option<ruma::OwnedEventId>,
}

/// The URI that stands for upload `index` in an event's content until it has a real one.
pub fn placeholder(index: usize) -> String {
    format!("mxc://upload.invalid/{index}")
}

/// Reads the headers alone: cheap, for deciding where a mail belongs. Never fails: what can't be read is empty.
pub fn headers(raw: &[u8]) -> EmailHeaders {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    headers::read(&mail, auto::classify(&mail, auto::has_null_path(&mail)))
}

/// The same for a mail that is just coming in: its `MAIL FROM` counts, and not what may stand in a field of that name.
pub fn arriving_headers(raw: &[u8], reverse_path: &str) -> EmailHeaders {
    let bytes = read_mail(raw);
    let mail = mime::parse(&bytes);
    headers::read(&mail, auto::classify(&mail, reverse_path.is_empty()))
}

/// Converts a whole mail. Never fails: what is no mail is shown as text. What a defect keeps from being converted is for the caller to
/// show, as [`unreadable`].
pub fn convert(raw: &[u8], context: &ThreadContext) -> Converted {
    let bytes = read_mail(raw);
    convert_parts(&mime::parse(&bytes), raw, context)
}

/// What must be read of a mail before [`convert_large`]: the parts that were cut.
pub fn wanted(mail: &LargeMail) -> Vec<Wanted> {
    mail.wanted(body::is_read)
}

/// Converts a mail that may be too large for memory, with what was brought of it.
pub fn convert_large(mail: &LargeMail, context: &ThreadContext) -> Converted {
    match read_mail(mail.bytes()) {
        Cow::Borrowed(raw) => convert_parts(&mail.parse(), raw, context),
        // It has one line, and is not large.
        Cow::Owned(bytes) => convert_parts(&mime::parse(&bytes), mail.bytes(), context),
    }
}

/// `raw` is what of the mail is at hand, as it came.
fn convert_parts(mail: &Part<'_>, raw: &[u8], context: &ThreadContext) -> Converted {
    if let Some(event) = special::reaction(mail, context) {
        return Converted {
            events: vec![event],
            ..Converted::default()
        };
    }
    let body = body::collect(mail);
    let subject = headers::subject(mail);
    let writer = headers::addresses(mail, &["from"]);
    let writer = writer.into_iter().find_map(|from| from.name).unwrap_or_default();
    let hints = quote::Hints {
        forwarded: quote::is_forward_subject(&subject),
        has_files: !body.files.is_empty(),
        chat: mail.field("chat-version").is_some(),
        writer: Writer {
            name: &writer,
            earlier: &context.received,
        },
    };
    let mut text = text::compose(&body.segments, hints, &context.sent, Pictures(&body.files));
    let mut files = body.files;
    files.retain(|file| !file.is_any_of(&text.idle_images));
    if text.is_cut {
        // Only the beginning was read: the whole goes along.
        files.extend(
            body.segments
                .iter()
                .filter_map(|segment| segment.html.as_deref())
                .map(File::from_html),
        );
    }
    if files.len() > MAX_FILES {
        // All of them are in the mail.
        files.truncate(MAX_FILES - 1);
        files.push(File::whole_mail(raw));
    }
    let is_sealed = body.encrypted && text.body.is_empty();
    if is_sealed {
        special::ENCRYPTED.clone_into(&mut text.body);
    } else if text.body.is_empty() && files.is_empty() {
        text.body = subject;
    }
    if mail.field("chat-voice-message").is_some() {
        for file in &mut files {
            file.is_voice = true;
        }
    }
    let (auto, _) = auto::classify(mail, auto::has_null_path(mail));
    let sender = match auto {
        _ if is_sealed => Sender::Machine,
        Auto::None | Auto::Calendar => Sender::Person,
        Auto::List => Sender::List,
        _ => Sender::Machine,
    };
    events::assemble(text, files, sender, context)
}

/// Old Macintosh programs end lines with CR alone; everything else passes as it is.
fn read_mail(raw: &[u8]) -> Cow<'_, [u8]> {
    if raw.contains(&b'\r') && !raw.contains(&b'\n') {
        return Cow::Owned(
            raw.iter()
                .map(|byte| if *byte == b'\r' { b'\n' } else { *byte })
                .collect(),
        );
    }
    Cow::Borrowed(raw)
}

/// Puts the real URIs in place of the placeholders in an event's content, also inside `formatted_body`.
///
/// Only where [`convert`] puts them: a mail that says `mxc://upload.invalid/0` in its text stays as it is. A placeholder
/// without a URI is left alone.
pub fn place_uploads(content: &mut Value, uris: &[ruma::OwnedMxcUri]) {
    match content {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if matches!(key.as_str(), "url" | "thumbnail_url") => {
                        let found = uris
                            .iter()
                            .enumerate()
                            .find(|(index, _)| *text == placeholder(*index));
                        if let Some((_, uri)) = found {
                            *text = uri.to_string();
                        }
                    }
                    Value::String(text) if key == "formatted_body" => {
                        for (index, uri) in uris.iter().enumerate() {
                            let quoted = format!("src=\"{}\"", placeholder(index));
                            if text.contains(&quoted) {
                                let uri = uri.as_str().replace('&', "&amp;").replace('"', "&quot;");
                                *text = text.replace(&quoted, &format!("src=\"{uri}\""));
                            }
                        }
                    }
                    _ => place_uploads(value, uris),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| place_uploads(value, uris)),
        _ => {}
    }
}

#[cfg(test)]
mod documentation;
#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod tests;
