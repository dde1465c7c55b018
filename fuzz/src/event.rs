//! What holds for the events that a mail becomes.

use std::collections::BTreeSet;

use penpal::convert::to_matrix::{Converted, placeholder};
use serde_json::{Map, Value};

use super::markup;

/// The most events that one mail makes.
const MAX_EVENTS: usize = 1_001;
/// An event may have 65,536 bytes with what the homeserver adds (client-server API, "Size limits").
const MAX_CONTENT: usize = 60_000;
/// The longest file name, in bytes.
const MAX_NAME: usize = 255;
/// How much larger what comes out may be than what came in: compressed RTF and references of HTML grow.
const GROWTH: usize = 20;

/// Checks the outcome of a mail of `input` bytes.
pub fn check(converted: &Converted, input: usize) {
    let mut size = converted.quoted.as_deref().map_or(0, str::len);
    assert!(!converted.events.is_empty(), "every mail shows something");
    assert!(converted.events.len() <= MAX_EVENTS, "too many events");
    for (event_type, content) in &converted.events {
        let content = content.as_object().expect("a content is an object");
        let length = serde_json::to_string(content).expect("JSON").len();
        assert!(length <= MAX_CONTENT, "an event of {length} bytes");
        size += length;
        if event_type == "m.reaction" {
            let key = content["m.relates_to"]["key"]
                .as_str()
                .expect("a reaction has a key");
            assert!(!key.is_empty(), "a reaction shows something");
            continue;
        }
        assert_eq!(event_type, "m.room.message");
        let body = content["body"].as_str().expect("a message has a text");
        assert!(!body.trim().is_empty(), "a message says something");
        no_nul(body);
        if let Some(Value::String(html)) = content.get("formatted_body") {
            assert_eq!(content["format"], "org.matrix.custom.html");
            no_nul(html);
            markup::check_matrix(html);
        }
    }
    for uri in &files(converted) {
        let known = (0..converted.uploads.len()).any(|index| *uri == placeholder(index));
        assert!(known, "{uri} stands for no upload");
    }
    for upload in &converted.uploads {
        let name = upload.name.as_str();
        assert!(!name.is_empty() && name.len() <= MAX_NAME, "{name:?}");
        assert!(
            !name.contains(['/', '\\']) && !name.contains(char::is_control),
            "{name:?}"
        );
        assert!(name != "." && name != "..");
        let (kind, rest) = upload
            .content_type
            .split_once('/')
            .expect("a media type has a slash");
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(is_token(kind) && is_token(rest), "{}", upload.content_type);
        size += upload.content.at_hand().len();
    }
    if let Some(quoted) = &converted.quoted {
        no_nul(quoted);
    }
    let most = input.saturating_mul(GROWTH) + 300_000;
    assert!(size <= most, "{input} bytes became {size}");
}

/// PostgreSQL's texts hold no NUL.
pub fn no_nul(text: &str) {
    assert!(!text.contains('\0'), "a NUL in {text:?}");
}

/// The URIs of all files that events show.
pub fn files(converted: &Converted) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, content) in &converted.events {
        if let Some(content) = content.as_object() {
            uris(content, &mut found);
        }
    }
    found
}

fn uris(content: &Map<String, Value>, found: &mut BTreeSet<String>) {
    for (key, value) in content {
        match value {
            Value::String(uri) if matches!(key.as_str(), "url" | "thumbnail_url") => {
                found.insert(uri.clone());
            }
            Value::Object(inner) => uris(inner, found),
            _ => {}
        }
    }
}
