//! Media messages: the file, or the words that stand for it.

use serde_json::Value;

use super::content::{self, Content};
use super::enclosures::{Enclosures, File};
use super::line::line;
use super::mime::{CivilTime, Disposition};
use super::{Bytes, MediaBytes, Place, file, html};
use crate::convert::media_type;
use crate::model::Timestamp;

/// Longest name of a file that is only spoken of, in characters.
const LONGEST_NAME: usize = 100;

/// How a media message is shown, apart from its caption.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// A line for the plain part: what is enclosed, or why it is not.
    pub(super) note: String,
    /// The picture in the HTML part, where it is shown in its place.
    pub(super) html: Option<String>,
    /// Whether the line says more than the attachment itself, so that it also stands below a caption.
    pub(super) is_needed: bool,
}

/// The caption of a media message: with a `filename` that differs, `body` is one (client-server API, "Media captions").
pub(super) fn has_caption(content: &Content) -> bool {
    let (body, filename) = (content::text(content, "body"), content::text(content, "filename"));
    filename.is_some() && body.is_some() && filename != body
}

/// Whether an event is a file, with or without a caption.
pub(super) fn is_file(event_type: &str, content: &Content) -> bool {
    let msgtype = content::text(content, "msgtype");
    event_type == "m.sticker"
        || (event_type == "m.room.message"
            && matches!(msgtype, Some("m.image" | "m.file" | "m.audio" | "m.video")))
}

/// Encloses the file of a media message. A picture before a text is shown where it stood, which takes HTML; all else is attached.
pub(super) fn enclose<'a>(
    content: &Content,
    event_type: &str,
    media: Option<&'a MediaBytes>,
    place: Place,
    enclosures: &mut Enclosures<'a>,
) -> Shown {
    let kind = Kind::of(content, event_type);
    let given = kind.given_name(content);
    let Some(Bytes {
        content_type,
        start,
        body,
    }) = media.and_then(MediaBytes::bytes)
    else {
        return match media {
            Some(MediaBytes::Link { url, until }) => linked(kind, content, event_type, url, *until),
            Some(MediaBytes::Missing { reason }) => missing(kind, given, Some(reason)),
            None if content.get("file").is_some_and(Value::is_object) => {
                missing(kind, given, Some("is encrypted"))
            }
            _ => missing(kind, given, None),
        };
    };
    let named = media_type::type_of_name(given);
    let content_type = file::content_type(declared(content).or(content_type).or(named), start);
    let name = file::name(given, kind.file_name(), &content_type);
    let note = kind.note(&name, content, Some(body.size()));
    let file = File {
        name: name.clone(),
        content_type,
        body,
    };
    let is_picture = matches!(kind, Kind::Sticker | Kind::Picture);
    let rest = if is_picture && place == Place::Between {
        enclosures.place(file).map(Some)
    } else {
        Err(file)
    };
    let disposition = match kind {
        Kind::Sticker => Disposition::Inline,
        _ => Disposition::Attachment,
    };
    match rest.or_else(|file| enclosures.attach(file, disposition).map(|()| None)) {
        Ok(content_id) => Shown {
            html: content_id.map(|content_id| picture(&content_id, content, kind, &note)),
            note,
            is_needed: false,
        },
        Err(_) => missing(kind, &name, Some("would make this mail too large")),
    }
}

/// The name and the type of a file whose bytes are not here.
pub(super) fn described(event_type: &str, content: &Content) -> (String, String) {
    let kind = Kind::of(content, event_type);
    let content_type = file::content_type(declared(content), &[]);
    let name = file::name(kind.given_name(content), kind.file_name(), &content_type);
    (name, content_type)
}

fn declared(content: &Content) -> Option<&str> {
    content::text(content::object(content, "info")?, "mimetype")
}

/// What stands for a file that is too large for the mail: its description, and where it can be had.
fn linked(kind: Kind, content: &Content, event_type: &str, url: &str, until: Timestamp) -> Shown {
    let (name, _) = described(event_type, content);
    let info = content::object(content, "info");
    let size = info.and_then(|info| info.get("size")).and_then(Value::as_u64);
    let note = kind.note(&name, content, size);
    let until = CivilTime::from(until).for_people();
    Shown {
        note: format!("{note}\nToo large for a mail. It can be downloaded until {until}:\n{url}"),
        html: None,
        is_needed: true,
    }
}

fn missing(kind: Kind, given: &str, reason: Option<&str>) -> Shown {
    let name = line(given, LONGEST_NAME);
    let name = if name.is_empty() {
        String::new()
    } else {
        format!(" \"{name}\"")
    };
    let reason = reason
        .map(|reason| format!(": it {}", line(reason, 300)))
        .unwrap_or_default();
    Shown {
        note: format!("[The {}{name} could not be attached{reason}]", kind.noun()),
        html: None,
        is_needed: true,
    }
}

/// A picture in its place, with its note in small print. It is there for those whose program hides pictures, and because filters compare
/// the two forms of a text: to SpamAssassin words that are in the plain part alone are a sign of spam (`MPART_ALT_DIFF_COUNT`).
fn picture(content_id: &str, content: &Content, kind: Kind, note: &str) -> String {
    let alt = content::text(content, "body").map_or_else(|| kind.noun().to_owned(), |body| line(body, 200));
    let longest = if kind == Kind::Sticker { 256 } else { 600 };
    let info = content::object(content, "info");
    let width = info.and_then(|info| info.get("w")).and_then(Value::as_u64);
    // The width alone: with a height too, a picture that is narrowed by max-width is distorted in Outlook.
    let width = width
        .filter(|width| *width > 0)
        .map(|width| format!(" width=\"{}\"", width.min(longest)));
    format!(
        "<img src=\"cid:{content_id}\" alt=\"{}\"{} style=\"max-width:100%\"><br>\n<small>{}</small>",
        html::escape(&alt),
        width.unwrap_or_default(),
        html::escape(note.trim_matches(['[', ']']))
    )
}

/// What a person would call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Picture,
    Sticker,
    Sound,
    Voice,
    Video,
    File,
}

impl Kind {
    fn of(content: &Content, event_type: &str) -> Self {
        // MSC3245, never taken into the specification; all clients write the first name.
        let is_voice = ["org.matrix.msc3245.voice", "m.voice"]
            .iter()
            .any(|field| content.contains_key(*field));
        match content::text(content, "msgtype") {
            _ if event_type == "m.sticker" => Self::Sticker,
            Some("m.image") => Self::Picture,
            Some("m.audio") if is_voice => Self::Voice,
            Some("m.audio") => Self::Sound,
            Some("m.video") => Self::Video,
            _ => Self::File,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Sticker => "sticker",
            Self::Sound => "sound",
            Self::Voice => "voice message",
            Self::Video => "video",
            Self::File => "file",
        }
    }

    /// The file name that the event gives. A sticker's body describes it; it was never a file name.
    fn given_name(self, content: &Content) -> &str {
        let given = || content::text(content, "filename").or_else(|| content::text(content, "body"));
        match self {
            Self::Sticker => "",
            _ => given().unwrap_or_default(),
        }
    }

    /// The name of a file that has none.
    fn file_name(self) -> &'static str {
        match self {
            Self::Voice => "voice-message",
            kind => kind.noun(),
        }
    }

    /// The line that stands for an enclosed file: `[Picture: cat.png, 34 KB]`.
    fn note(self, name: &str, content: &Content, size: Option<u64>) -> String {
        let length = duration(content)
            .map(|length| format!(", {length}"))
            .unwrap_or_default();
        let size = size
            .map(|size| format!(", {}", file::size(size)))
            .unwrap_or_default();
        match self {
            Self::Sticker => match content::text(content, "body") {
                Some(body) => format!("[Sticker: {}]", line(body, 200)),
                None => "[Sticker]".to_owned(),
            },
            Self::Voice => format!("[Voice message{length}]"),
            Self::Sound => format!("[Sound: {name}{length}{size}]"),
            Self::Video => format!("[Video: {name}{length}{size}]"),
            Self::Picture => format!("[Picture: {name}{size}]"),
            Self::File => format!("[File: {name}{size}]"),
        }
    }
}

/// `info.duration`, in milliseconds, as minutes and seconds; what is shorter than a second is shown as one.
fn duration(content: &Content) -> Option<String> {
    // Clients that write extensible events put it there too, some only there (MSC1767).
    let millis = ["info", "org.matrix.msc1767.audio"]
        .iter()
        .find_map(|holder| content::object(content, holder)?.get("duration")?.as_u64())?;
    let seconds = millis.saturating_add(500).max(1000) / 1000;
    (seconds < 360_000).then(|| format!("{}:{:02}", seconds / 60, seconds % 60))
}
