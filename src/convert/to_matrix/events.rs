//! Text and files become the events of a room, in order.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::files::{self, File};
use super::text::Text;
use super::{Content, Converted, ThreadContext, Upload, length, special};

/// Who sent a mail, as far as that decides how it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A person, or a calendar in a person's name.
    Person,
    /// Somebody through a list or newsletter.
    List,
    /// A machine, about something.
    Machine,
}

impl Sender {
    fn msgtype(self) -> &'static str {
        match self {
            Self::Person | Self::List => "m.text",
            Self::Machine => "m.notice",
        }
    }
}

/// Whether an event's picture is shown within the text as well.
fn stands_in(content: &Map<String, Value>, formatted: &str) -> bool {
    let uri = content.get("url").and_then(Value::as_str);
    uri.is_some_and(|uri| formatted.contains(&format!("src=\"{uri}\"")))
}

/// Builds the events: the text first, then the files; one text with one picture is a captioned picture.
pub(super) fn assemble(
    mut text: Text,
    files: Vec<File>,
    sender: Sender,
    context: &ThreadContext,
) -> Converted {
    let mut uploads = Vec::new();
    let mut contents = Vec::new();
    for file in files {
        let said = special::caption(&file);
        let is_voice = file.is_voice;
        let upload = file.upload();
        let mut shown = files::event(&upload, uploads.len());
        if let Some(said) = said {
            shown.insert("body".to_owned(), json!(said));
        }
        if is_voice {
            files::mark_voice(&mut shown);
        }
        contents.push(shown);
        uploads.push(upload);
    }
    if let Some(short) = length::cut(&text.body, length::MAX_BODY) {
        let whole = whole_text(std::mem::replace(&mut text.body, short));
        text.formatted = None;
        contents.push(files::event(&whole, uploads.len()));
        uploads.push(whole);
    }
    // What a person puts into a text is to be opened and saved as well; a newsletter's pictures are its page.
    let shown = text.formatted.as_deref().unwrap_or_default();
    let is_of_page = |content: &Map<String, Value>| sender == Sender::List && stands_in(content, shown);
    for (index, content) in contents.iter_mut().enumerate() {
        if !is_of_page(content)
            && let Some(small) = uploads
                .get(index)
                .and_then(|upload| upload.content.thumbnail())
                .map(Cow::into_owned)
        {
            uploads.push(files::put_thumbnail(content, small, uploads.len()));
        }
    }
    contents.retain(|content| !is_of_page(content));
    if text.body.is_empty() && contents.is_empty() {
        let empty = Text {
            body: "The email is empty.".to_owned(),
            ..Text::default()
        };
        contents.push(message("m.notice", &empty));
    } else if !text.body.is_empty() {
        match contents.as_mut_slice() {
            [only] if only.get("msgtype") == Some(&json!("m.image")) => caption(only, &text),
            _ => contents.insert(0, message(sender.msgtype(), &text)),
        }
    }
    if let (Some(first), Some(answered)) = (contents.first_mut(), &context.answers) {
        first.insert(
            "m.relates_to".to_owned(),
            json!({"m.in_reply_to": {"event_id": answered}}),
        );
    }
    let event = |content| ("m.room.message".to_owned(), Value::Object(content));
    Converted {
        events: contents.into_iter().map(event).collect(),
        uploads,
        quoted: text.quoted,
    }
}

fn message(msgtype: &str, text: &Text) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("msgtype".to_owned(), json!(msgtype));
    content.insert("m.mentions".to_owned(), json!({}));
    caption(&mut content, text);
    content
}

/// Puts the text into a content: the whole of a text message, or the caption of a picture.
fn caption(content: &mut Map<String, Value>, text: &Text) {
    content.insert("body".to_owned(), json!(text.body));
    let fits = |formatted: &&String| {
        length::as_json(&text.body).saturating_add(length::as_json(formatted)) <= length::MAX_TEXTS
    };
    if let Some(formatted) = text.formatted.as_ref().filter(fits) {
        content.insert("format".to_owned(), json!("org.matrix.custom.html"));
        content.insert("formatted_body".to_owned(), json!(formatted));
    }
}

/// A text that is too long for an event, as a file.
fn whole_text(text: String) -> Upload {
    Upload {
        name: "message.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        content: Content::Here(text.into_bytes()),
    }
}
