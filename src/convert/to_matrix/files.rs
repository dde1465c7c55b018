//! Attachments become uploads and the events that show them.

use serde_json::{Map, Value, json};

use super::mime::Part;
use super::{Upload, names, placeholder};

/// The upload that a part becomes.
pub(super) fn upload(part: &Part<'_>) -> Upload {
    let content_type = content_type(part);
    let name = part.name.clone().unwrap_or_default();
    Upload {
        name: names::safe(&name, &content_type),
        bytes: part.bytes().into_owned(),
        content_type,
    }
}

fn content_type(part: &Part<'_>) -> String {
    let valid = part
        .media_type
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+/".contains(&byte));
    if valid && !part.media_type.starts_with("multipart/") && part.media_type.len() <= 127 {
        part.media_type.clone()
    } else {
        "application/octet-stream".to_owned()
    }
}

/// The content of the event that shows upload `index`.
pub(super) fn event(upload: &Upload, index: usize) -> Map<String, Value> {
    let kind = upload.content_type.split('/').next().unwrap_or_default();
    let msgtype = match kind {
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
