//! Attachments become uploads and the events that show them.

use serde_json::{Map, Value, json};

use super::mime::{Part, UuFile};
use super::{Upload, names, placeholder};

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

    /// A file that stood in the text.
    pub(super) fn from_text(file: UuFile) -> Self {
        Self {
            name: Some(file.name),
            media_type: "application/octet-stream".to_owned(),
            content_id: None,
            bytes: file.bytes,
        }
    }

    /// The upload that it becomes.
    pub(super) fn upload(self) -> Upload {
        let content_type = content_type(&self.media_type);
        Upload {
            name: names::safe(&self.name.unwrap_or_default(), &content_type),
            bytes: self.bytes,
            content_type,
        }
    }
}

/// The declared type, when it is one (RFC 6838, section 4.2).
fn content_type(declared: &str) -> String {
    let valid = declared
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte));
    if valid && !declared.starts_with("multipart/") && declared.len() <= 127 {
        declared.to_owned()
    } else {
        "application/octet-stream".to_owned()
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
    content.insert(
        "info".to_owned(),
        json!({"mimetype": upload.content_type, "size": upload.bytes.len()}),
    );
    content.insert("m.mentions".to_owned(), json!({}));
    content
}
