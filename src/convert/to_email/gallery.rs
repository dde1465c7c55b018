//! Galleries: one message with several files (MSC4274).

use serde_json::Value;

use super::MEDIA_WITHIN;
use super::content::{self, Content};

/// The files of a gallery, each like the content of a media message but for its kind; none for any other message.
pub(super) fn items(content: &Content) -> impl Iterator<Item = &Content> {
    let items = content.get("itemtypes").and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .take(MEDIA_WITHIN)
}

/// How many files the gallery has beyond those that are looked at.
pub(super) fn beyond(content: &Content) -> usize {
    let items = content.get("itemtypes").and_then(Value::as_array);
    items.map_or(0, |items| items.len().saturating_sub(MEDIA_WITHIN))
}

/// A file of a gallery as the media message that it would be by itself.
pub(super) fn message(item: &Content) -> Content {
    let mut message = item.clone();
    if let Some(kind) = content::text(item, "itemtype") {
        message.insert("msgtype".to_owned(), kind.into());
    }
    message
}
