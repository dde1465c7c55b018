//! Attachments become uploads and the events that show them.

use serde_json::{Map, Value, json};

use super::mime::{Part, UuFile};
use super::{Upload, media, names, placeholder};

/// A file of a mail, wherever in the mail it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// The declared name; hostile.
    pub(super) name: Option<String>,
    /// The declared media type, in lower case.
    pub(super) media_type: String,
    /// `Content-ID`, without angle brackets: what an `<img src="cid:…">` refers to.
    pub(super) content_id: Option<String>,
    /// The decoded bytes.
    pub(super) bytes: Vec<u8>,
}

impl File {
    /// The file that a part is.
    pub(super) fn from_part(part: &Part<'_>) -> Self {
        let content_id = part
            .field("content-id")
            .map(|id| id.trim_matches(['<', '>', ' ']).to_owned());
        Self {
            name: part.name.clone(),
            media_type: part.media_type.clone(),
            content_id: content_id.filter(|id| !id.is_empty()),
            bytes: part.bytes().into_owned(),
        }
    }

    /// A text in HTML that is too long to be shown.
    pub(super) fn from_html(text: &str) -> Self {
        Self {
            name: Some("message.html".to_owned()),
            media_type: "text/html".to_owned(),
            content_id: None,
            bytes: text.as_bytes().to_vec(),
        }
    }

    /// A file that stood in the text.
    pub(super) fn from_text(file: UuFile) -> Self {
        Self {
            name: Some(file.name),
            media_type: "application/octet-stream".to_owned(),
            content_id: None,
            bytes: file.bytes,
        }
    }

    /// The type: as declared, but by content or name where the declaration says nothing, and by content where a picture
    /// is declared that is none.
    fn content_type(&self) -> String {
        let declared = valid_type(&self.media_type);
        let found = media::sniff(&self.bytes);
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
                self.name.as_deref().and_then(media::type_of_name).or(found)
            }
            Some(found)
                if says_nothing || (declared.starts_with("image/") && !found.starts_with("image/")) =>
            {
                Some(found)
            }
            None if says_nothing => self.name.as_deref().and_then(media::type_of_name),
            _ => None,
        };
        best.unwrap_or(declared).to_owned()
    }

    /// The upload that it becomes.
    pub(super) fn upload(self) -> Upload {
        let content_type = self.content_type();
        Upload {
            name: names::safe(&self.name.unwrap_or_default(), &content_type),
            bytes: self.bytes,
            content_type,
        }
    }
}

/// The declared type, when it is one (RFC 6838, section 4.2).
fn valid_type(declared: &str) -> &str {
    let valid = declared
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte));
    if valid && !declared.starts_with("multipart/") && declared.len() <= 127 {
        declared
    } else {
        "application/octet-stream"
    }
}

/// The content of the event that shows upload `index`.
pub(super) fn event(upload: &Upload, index: usize) -> Map<String, Value> {
    let msgtype = match upload.content_type.split('/').next().unwrap_or_default() {
        "image" if upload.content_type != "image/svg+xml" => "m.image",
        "audio" => "m.audio",
        "video" => "m.video",
        _ => "m.file",
    };
    let mut content = Map::new();
    content.insert("msgtype".to_owned(), json!(msgtype));
    content.insert("body".to_owned(), json!(upload.name));
    content.insert("filename".to_owned(), json!(upload.name));
    content.insert("url".to_owned(), json!(placeholder(index)));
    let mut info = json!({"mimetype": upload.content_type, "size": upload.bytes.len()});
    if let (Some((width, height)), Some(fields)) = (media::dimensions(&upload.bytes), info.as_object_mut()) {
        fields.insert("w".to_owned(), json!(width));
        fields.insert("h".to_owned(), json!(height));
    }
    content.insert("info".to_owned(), info);
    content.insert("m.mentions".to_owned(), json!({}));
    content
}
