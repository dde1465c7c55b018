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

/// The first of several fields that is an object: the stable name, then the unstable one.
pub(super) fn either<'a>(content: &'a Content, fields: [&str; 2]) -> Option<&'a Content> {
    fields.iter().find_map(|field| object(content, field))
}

/// Whether the content may carry the reply fallback of old clients: also replies in threads do.
pub(super) fn answers_something(content: &Content) -> bool {
    object(content, "m.relates_to").is_some_and(|relates| relates.contains_key("m.in_reply_to"))
}

/// The names that the block of texts of extensible events (MSC1767) has had.
const TEXTS: [&str; 6] = [
    "m.text",
    "org.matrix.msc1767.text",
    "m.markup",
    "org.matrix.msc1767.markup",
    "m.message",
    "org.matrix.msc1767.message",
];

/// The HTML form of extensible events, stable or not.
pub(super) fn extensible_html(content: &Content) -> Option<&str> {
    let forms = TEXTS.iter().find_map(|field| content.get(*field)?.as_array());
    let form = forms.into_iter().flatten().find_map(|form| {
        let form = form.as_object()?;
        text(form, "body").filter(|_| text(form, "mimetype") == Some("text/html"))
    });
    form.or_else(|| text(content, "org.matrix.msc1767.html"))
}

/// The text of extensible events (MSC1767), stable or not, as clients add it to polls and voice messages.
pub(super) fn extensible_text(content: &Content) -> Option<&str> {
    TEXTS
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
