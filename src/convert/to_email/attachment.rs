//! Media messages: the file, or the words that stand for it.

use super::content::{self, Content};
use super::line::line;
use super::{ChatMessage, MediaBytes, file};
use crate::convert::mime::{Disposition, Part};

/// How a media message is shown.
pub(super) struct Described {
    /// The attachment, where its bytes could be had.
    pub(super) file: Option<Part>,
    /// Whether `body` is a caption and not the file's name.
    pub(super) has_caption: bool,
    /// A line for the text: what is attached where nothing else says so, or why it is not.
    pub(super) note: Option<String>,
}

/// Renders a media content (client-server API, "Media captions": with a `filename` that differs, `body` is a caption).
pub(super) fn describe(content: &Content, message: &ChatMessage) -> Described {
    let body = content::text(content, "body");
    let filename = content::text(content, "filename");
    let has_caption = filename.is_some() && body.is_some() && filename != body;
    let given = filename.or(body).unwrap_or_default();
    let kind = kind(content, message);
    // A sticker's body describes it; it was never a file name.
    let given = if message.event_type == "m.sticker" {
        ""
    } else {
        given
    };
    let info = content::object(content, "info");
    let declared = info.and_then(|info| content::text(info, "mimetype"));
    let (file, note) = match &message.media {
        Some(MediaBytes::Here { content_type, bytes }) => {
            let content_type = file::content_type(declared.or(content_type.as_deref()), bytes);
            let name = file::name(given, kind.word(), &content_type);
            let note = (!has_caption).then(|| attached(kind, &name, content, bytes.len()));
            let part = Part::File {
                content_type,
                disposition: Disposition::Attachment,
                name,
                content_id: None,
                bytes: bytes.clone(),
            };
            (Some(part), note)
        }
        missing => {
            let name = line(given, 100);
            let reason = match missing {
                Some(MediaBytes::Missing { reason }) => format!(": it {}", line(reason, 300)),
                _ => String::new(),
            };
            let name = if name.is_empty() {
                String::new()
            } else {
                format!(" \"{name}\"")
            };
            let note = format!("[The {}{name} could not be attached{reason}]", kind.noun());
            (None, Some(note))
        }
    };
    Described {
        file,
        has_caption,
        note,
    }
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

    /// The name of a file that has none.
    fn word(self) -> &'static str {
        match self {
            Self::Voice => "voice-message",
            kind => kind.noun(),
        }
    }
}

fn kind(content: &Content, message: &ChatMessage) -> Kind {
    match content::text(content, "msgtype") {
        _ if message.event_type == "m.sticker" => Kind::Sticker,
        Some("m.image") => Kind::Picture,
        Some("m.audio") if content.contains_key("org.matrix.msc3245.voice") => Kind::Voice,
        Some("m.audio") => Kind::Sound,
        Some("m.video") => Kind::Video,
        _ => Kind::File,
    }
}

/// The line that stands for a file: `[Picture: cat.png, 34 KB]`.
fn attached(kind: Kind, name: &str, content: &Content, size: usize) -> String {
    let mut noun = kind.noun().to_owned();
    if let Some(first) = noun.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    match kind {
        Kind::Sticker => match content::text(content, "body") {
            Some(body) => format!("[{noun}: {}]", line(body, 200)),
            None => format!("[{noun}]"),
        },
        Kind::Voice => match duration(content) {
            Some(duration) => format!("[{noun}, {duration}]"),
            None => format!("[{noun}]"),
        },
        _ => format!("[{noun}: {name}, {}]", file::size(size)),
    }
}

/// `info.duration`, in milliseconds, as minutes and seconds.
fn duration(content: &Content) -> Option<String> {
    let millis = content::object(content, "info")?.get("duration")?.as_u64()?;
    let seconds = millis.div_ceil(1000);
    (seconds < 360_000).then(|| format!("{}:{:02}", seconds / 60, seconds % 60))
}
