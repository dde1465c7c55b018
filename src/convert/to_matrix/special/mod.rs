//! Files that a person should not have to open to know what they say: each gets a readable line as its caption.

mod calendar;
mod message;
mod tnef;
mod vcard;

use serde_json::{Value, json};

use super::ThreadContext;
use super::files::File;
use super::mime::{Part, charset};
pub(super) use tnef::unpack as unpack_tnef;

/// The longest caption, in characters.
const MAX_CAPTION: usize = 500;

/// The line that says what is in a file; `None` for files that speak for themselves.
pub(super) fn caption(file: &File) -> Option<String> {
    let line = match file.media_type.as_str() {
        "text/calendar" | "application/ics" => calendar::line(&charset::decode(&file.bytes, None)),
        "text/vcard" | "text/x-vcard" | "text/directory" => vcard::line(&charset::decode(&file.bytes, None)),
        "message/rfc822" | "message/global" => message::line(&file.bytes),
        _ => None,
    }?;
    Some(line.chars().take(MAX_CAPTION).collect())
}

/// A mail that is nothing but a reaction to another (RFC 9078), where it is known which message that is. Delta Chat and
/// some others send them.
pub(super) fn reaction(mail: &Part<'_>, context: &ThreadContext) -> Option<(String, Value)> {
    let answered = context.answers.as_ref()?;
    let parts = mail.walk();
    let part = parts
        .iter()
        .find(|part| part.disposition == "reaction" && part.is("text/plain"))?;
    let text = part.text();
    let key = text
        .split_whitespace()
        .next()
        .filter(|key| key.chars().count() <= 16)?;
    let relation = json!({"rel_type": "m.annotation", "event_id": answered, "key": key});
    Some((
        "m.reaction".to_owned(),
        json!({"m.relates_to": relation, "m.mentions": {}}),
    ))
}

/// What to say where a mail is encrypted, so that nothing of it can be shown.
pub(super) const ENCRYPTED: &str =
    "This email is encrypted and can't be read here. It is attached as it came.";

/// One property of a calendar or contact: `NAME;PARAM=x:value` (RFC 5545, section 3.1; RFC 6350, section 3.3).
#[derive(Debug, PartialEq, Eq)]
struct Property<'a> {
    /// The name in upper case, without group.
    name: String,
    /// The parameters as they stand.
    parameters: &'a str,
    /// The value, unescaped, in one line.
    value: String,
}

impl Property<'_> {
    /// The value of a parameter, without quotes.
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim_matches('"'))
        })
    }
}

/// The content lines of a calendar or contact, folded lines joined.
fn unfold(text: &str) -> String {
    text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
}

fn property(line: &str) -> Option<Property<'_>> {
    // A colon may stand in a quoted parameter.
    let mut quoted = false;
    let colon = line.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == ':' && !quoted).then_some(at)
    })?;
    let (head, value) = line.split_at(colon);
    let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
    let name = name
        .rsplit_once('.')
        .map_or(name, |(_, name)| name)
        .to_ascii_uppercase();
    let value = value.strip_prefix(':').unwrap_or_default();
    let value = value
        .replace("\\n", " ")
        .replace("\\N", " ")
        .replace("\\,", ",")
        .replace("\\;", ";")
        .replace("\\\\", "\\");
    Some(Property {
        name,
        parameters,
        value: super::headers::one_line(&value),
    })
}
