//! Reading an event's content leniently: a field of a wrong type is a field that is not there.

use serde_json::{Map, Value};

/// The content of an event.
pub(super) type Content = Map<String, Value>;

/// A text field; `None` when it is missing, not a text, or blank.
pub(super) fn text<'a>(content: &'a Content, field: &str) -> Option<&'a str> {
    content
        .get(field)
        .and_then(Value::as_str)
        .filter(|text| !text.trim().is_empty())
}

/// An object field.
pub(super) fn object<'a>(content: &'a Content, field: &str) -> Option<&'a Content> {
    content.get(field).and_then(Value::as_object)
}

/// How an event relates to an earlier one (client-server API, "Forming relationships between events").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It stands for itself.
    None,
    /// It answers, and says so on purpose.
    Reply,
    /// It replaces, by its `m.new_content`.
    Edit,
    /// It is a reaction (`m.annotation`).
    Annotation,
    /// It belongs to another in some other way: an answer to a poll, or its end.
    Reference,
}

/// Reads `m.relates_to`.
pub(super) fn relation(content: &Content) -> Relation {
    let Some(relates) = object(content, "m.relates_to") else {
        return Relation::None;
    };
    match text(relates, "rel_type") {
        Some("m.replace") if content.get("m.new_content").is_some_and(Value::is_object) => Relation::Edit,
        Some("m.annotation") => Relation::Annotation,
        Some("m.reference") => Relation::Reference,
        // In a thread, the latest event is named for clients that know no threads: nobody meant to answer it.
        Some("m.thread") if relates.get("is_falling_back") == Some(&Value::Bool(true)) => Relation::None,
        _ if object(relates, "m.in_reply_to").is_some() => Relation::Reply,
        _ => Relation::None,
    }
}

/// Whether the content carries the reply fallback of old clients: also replies in threads do.
pub(super) fn answers_something(content: &Content) -> bool {
    object(content, "m.relates_to").is_some_and(|relates| relates.contains_key("m.in_reply_to"))
}

/// The text of extensible events (MSC1767), stable or not, as clients add it to polls and voice messages.
pub(super) fn extensible_text(content: &Content) -> Option<&str> {
    ["m.text", "org.matrix.msc1767.text"]
        .iter()
        .find_map(|field| match content.get(*field)? {
            Value::String(text) => Some(text.as_str()),
            Value::Array(forms) => forms.iter().find_map(|form| {
                let form = form.as_object()?;
                let is_plain = text(form, "mimetype").is_none_or(|kind| kind == "text/plain");
                text(form, "body").filter(|_| is_plain)
            }),
            _ => None,
        })
        .filter(|text| !text.trim().is_empty())
}
