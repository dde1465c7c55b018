//! Attachments become uploads and the events that show them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::convert::media_type;

use super::mime::{Part, TextFile};
use super::{Content, Upload, media, names, placeholder};

/// A file of a mail, wherever in the mail it was found.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    /// The declared name; hostile.
    pub(super) name: Option<String>,
    /// The declared media type, in lower case.
    pub(super) media_type: String,
    /// `Content-ID`, without angle brackets: what an `<img src="cid:…">` refers to.
    pub(super) content_id: Option<String>,
    /// `Content-Location`: what an `<img>` of a saved page refers to (RFC 2557).
    pub(super) location: Option<String>,
    /// What is said of it, where that is known better than from its content.
    pub(super) note: Option<String>,
    /// It was recorded to be a message by itself.
    pub(super) is_voice: bool,
    /// The decoded bytes.
    pub(super) content: Content,
}

impl File {
    /// A file of which nothing is known but type and content.
    pub(super) fn unnamed(media_type: &str, bytes: Vec<u8>) -> Self {
        Self::of(media_type, Content::Here(bytes))
    }

    fn of(media_type: &str, content: Content) -> Self {
        Self {
            name: None,
            media_type: media_type.to_owned(),
            content_id: None,
            location: None,
            note: None,
            is_voice: false,
            content,
        }
    }

    /// The file that a part is.
    pub(super) fn from_part(part: &Part<'_>) -> Self {
        let content_id = part
            .field("content-id")
            .map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
        Self {
            name: part.name.clone(),
            content_id: content_id.filter(|id| !id.is_empty()),
            location: part.field("content-location").map(str::to_owned),
            is_voice: part.name.as_deref().is_some_and(names::is_voice),
            ..Self::of(&part.media_type, Content::of(part))
        }
    }

    /// A text in HTML that is too long to be shown.
    pub(super) fn from_html(text: &str) -> Self {
        Self {
            name: Some("message.html".to_owned()),
            ..Self::unnamed("text/html", text.as_bytes().to_vec())
        }
    }

    /// The text that a part is, when it is too long to be read.
    pub(super) fn from_long_text(part: &Part<'_>) -> Self {
        let name = if part.is("text/plain") || part.is("text/markdown") {
            "message.txt"
        } else {
            "message.html"
        };
        Self {
            name: Some(name.to_owned()),
            ..Self::of(&part.media_type, Content::of(part))
        }
    }

    /// A mail of which not everything is shown.
    pub(super) fn whole_mail(raw: &[u8]) -> Self {
        Self {
            name: Some("message.eml".to_owned()),
            note: Some("The whole email, of which there are more files".to_owned()),
            ..Self::unnamed("message/rfc822", raw.to_vec())
        }
    }

    /// A file that stood in the text.
    pub(super) fn from_text(file: TextFile) -> Self {
        Self {
            name: Some(file.name),
            ..Self::unnamed("application/octet-stream", file.bytes)
        }
    }

    /// What a text may refer to it by.
    pub(super) fn sources(&self) -> impl Iterator<Item = String> {
        let id = self.content_id.as_ref().map(|id| format!("cid:{id}"));
        id.into_iter().chain(self.location.clone())
    }

    /// Whether `source` refers to it.
    pub(super) fn is_called(&self, source: &str) -> bool {
        self.sources().any(|own| own == source)
    }

    /// Whether one of the sources refers to it.
    pub(super) fn is_any_of(&self, sources: &BTreeSet<String>) -> bool {
        self.sources().any(|own| sources.contains(&own))
    }

    /// Whether it is shown as a picture.
    pub(super) fn is_picture(&self) -> bool {
        msgtype(&self.content_type()) == "m.image"
    }

    /// The type: as declared, but by content or name where the declaration says nothing, and by content where a picture
    /// is declared that is none.
    fn content_type(&self) -> String {
        let declared = valid_type(&self.media_type);
        let found = self.content.sniff();
        let says_nothing = matches!(
            declared,
            "application/octet-stream"
                | "application/x-octet-stream"
                | "application/binary"
                | "application/x-download"
                | "application/force-download"
        );
        let best = match found {
            // Office documents are archives, too: the name knows better.
            Some("application/zip") if says_nothing => {
                self.name.as_deref().and_then(media_type::type_of_name).or(found)
            }
            Some(found)
                if says_nothing || (declared.starts_with("image/") && !found.starts_with("image/")) =>
            {
                Some(found)
            }
            None if says_nothing => self.name.as_deref().and_then(media_type::type_of_name),
            _ => None,
        };
        best.unwrap_or(declared).to_owned()
    }

    /// The upload that it becomes.
    pub(super) fn upload(self) -> Upload {
        let content_type = self.content_type();
        Upload {
            name: names::safe(&self.name.unwrap_or_default(), &content_type),
            content: self.content,
            content_type,
        }
    }
}

/// The declared type, when it is one (RFC 6838, section 4.2).
fn valid_type(declared: &str) -> &str {
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        !name.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let valid = declared
        .split_once('/')
        .is_some_and(|(kind, subtype)| is_name(kind) && is_name(subtype));
    if valid && !declared.starts_with("multipart/") && declared.len() <= 127 {
        declared
    } else {
        "application/octet-stream"
    }
}

/// How a file of a type is shown.
fn msgtype(content_type: &str) -> &'static str {
    match content_type.split('/').next().unwrap_or_default() {
        // Scripts may stand in it: no client shows it.
        "image" if content_type != "image/svg+xml" => "m.image",
        "audio" => "m.audio",
        "video" => "m.video",
        _ => "m.file",
    }
}

/// Marks a sound as a voice message (MSC3245, as clients write and read it).
pub(super) fn mark_voice(content: &mut Map<String, Value>) {
    if content.get("msgtype") != Some(&json!("m.audio")) {
        return;
    }
    let duration = content.get("info").and_then(|info| info.get("duration")).cloned();
    let audio = duration.map_or_else(|| json!({}), |duration| json!({"duration": duration}));
    content.insert("org.matrix.msc1767.audio".to_owned(), audio);
    content.insert("org.matrix.msc3245.voice".to_owned(), json!({}));
}

/// The content of the event that shows upload `index`.
pub(super) fn event(upload: &Upload, index: usize) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("msgtype".to_owned(), json!(msgtype(&upload.content_type)));
    content.insert("body".to_owned(), json!(upload.name));
    content.insert("filename".to_owned(), json!(upload.name));
    content.insert("url".to_owned(), json!(placeholder(index)));
    let mut info = json!({"mimetype": upload.content_type, "size": upload.content.len()});
    if let (Some((width, height)), Some(fields)) = (upload.content.dimensions(), info.as_object_mut()) {
        fields.insert("w".to_owned(), json!(width));
        fields.insert("h".to_owned(), json!(height));
    }
    if let (Some(duration), Some(fields)) = (upload.content.duration(), info.as_object_mut()) {
        fields.insert("duration".to_owned(), json!(duration));
    }
    content.insert("info".to_owned(), info);
    content.insert("m.mentions".to_owned(), json!({}));
    content
}

/// Lets an event show a thumbnail, which becomes upload `index`.
pub(super) fn put_thumbnail(
    content: &mut Map<String, Value>,
    small: media::Thumbnail,
    index: usize,
) -> Upload {
    if let Some(Value::Object(info)) = content.get_mut("info") {
        let (width, height) = small.size;
        info.insert("thumbnail_url".to_owned(), json!(placeholder(index)));
        info.insert(
            "thumbnail_info".to_owned(),
            json!({"mimetype": small.content_type, "size": small.bytes.len(), "w": width, "h": height}),
        );
    }
    Upload {
        name: format!("thumbnail{}", media_type::extension(small.content_type)),
        content_type: small.content_type.to_owned(),
        content: Content::Here(small.bytes),
    }
}
