//! Files that a person should not have to open to know what they say: each gets a readable line as its caption.

mod calendar;
mod cms;
mod mapi;
mod message;
mod pgp;
mod rtf;
mod status;
mod tnef;
mod vcard;

use std::borrow::Cow;

use serde_json::{Value, json};

use super::ThreadContext;
use super::files::File;
use super::mime::{Part, charset, read_fields};
pub(super) use cms::{Cms, open as open_cms};
pub(super) use pgp::{Pgp, open as open_pgp};
pub(super) use tnef::unpack as unpack_tnef;

/// The longest caption, in characters.
const MAX_CAPTION: usize = 500;

/// The line that says what is in a file; `None` for files that speak for themselves.
pub(super) fn caption(file: &File) -> Option<String> {
    let noted = file.note.as_deref().map(Cow::Borrowed);
    let line = noted.or_else(|| file.content.said(&file.media_type))?;
    // Parameters may hold anything, also what PostgreSQL can't store in a text.
    let shown = line.chars().filter(|c| !c.is_control() || *c == '\n');
    Some(shown.take(MAX_CAPTION).collect())
}

/// What the bytes of a file of this type say to a person.
pub(super) fn said(media_type: &str, bytes: &[u8]) -> Option<String> {
    match media_type {
        "text/calendar" | "application/ics" => calendar::line(&charset::decode(bytes, None)),
        "text/vcard" | "text/x-vcard" | "text/directory" => vcard::line(&charset::decode(bytes, None)),
        "message/rfc822" | "message/global" => message::line(bytes),
        "message/delivery-status" | "message/global-delivery-status" => status::delivery(bytes),
        "message/disposition-notification" | "message/global-disposition-notification" => {
            status::disposition(bytes)
        }
        _ => None,
    }
}

/// Whether something may stand anywhere in a file of this type that is said of it.
pub(super) fn is_told(media_type: &str) -> bool {
    matches!(
        media_type,
        "text/calendar" | "application/ics" | "text/vcard" | "text/x-vcard" | "text/directory"
    ) || media_type.starts_with("message/") && !matches!(media_type, "message/rfc822" | "message/global")
}

/// What is said of a part that stands for something that is not there.
pub(super) fn note(part: &Part<'_>) -> Option<String> {
    match part.media_type.as_str() {
        "message/partial" => {
            let number = part.parameter("number")?;
            let total = part.parameter("total").map(|total| format!(" of {total}"));
            Some(format!(
                "Part {number}{} of a message that was sent in pieces",
                total.unwrap_or_default()
            ))
        }
        "message/external-body" => {
            let (fields, _) = read_fields(&part.bytes());
            let place = |name: &str| {
                part.parameter(name)
                    .unwrap_or_default()
                    .trim_matches('/')
                    .to_owned()
            };
            let access = part
                .parameter("access-type")
                .unwrap_or_default()
                .to_ascii_lowercase();
            let address = match access.as_str() {
                // RFC 2017; the address may be folded.
                "url" => place("url").split_whitespace().collect(),
                "ftp" | "anon-ftp" => {
                    let path = [place("site"), place("directory"), place("name")];
                    let path: Vec<&str> = path
                        .iter()
                        .map(String::as_str)
                        .filter(|piece| !piece.is_empty())
                        .collect();
                    format!("ftp://{}", path.join("/"))
                }
                _ => place("name"),
            };
            let kind = fields.iter().find(|field| field.name == "content-type");
            let kind = kind
                .and_then(|field| field.value.split(';').next())
                .unwrap_or_default();
            let kind = if kind.is_empty() {
                String::new()
            } else {
                format!(" ({})", kind.trim())
            };
            Some(super::headers::one_line(&format!(
                "A file that is kept elsewhere{kind}: {address}"
            )))
        }
        _ => None,
    }
}

/// A mail that is nothing but a reaction to another (RFC 9078), where it is known which message that is. Delta Chat and
/// some others send them; Gmail has a type of its own.
pub(super) fn reaction(mail: &Part<'_>, context: &ThreadContext) -> Option<(String, Value)> {
    let answered = context.answers.as_ref()?;
    let key = mail.walk().into_iter().find_map(reaction_key)?;
    let relation = json!({"rel_type": "m.annotation", "event_id": answered, "key": key});
    Some((
        "m.reaction".to_owned(),
        json!({"m.relates_to": relation, "m.mentions": {}}),
    ))
}

/// Whether a mail is nothing but a reaction.
pub(super) fn is_reaction(mail: &Part<'_>) -> bool {
    mail.walk().into_iter().any(|part| reaction_key(part).is_some())
}

/// The type of the part in which Gmail says which reaction a mail is.
pub(super) const GOOGLE_REACTION: &str = "text/vnd.google.email-reaction+json";
/// The longest reaction, in characters; a family of emoji has seven.
const MAX_KEY: usize = 16;

fn reaction_key(part: &Part<'_>) -> Option<String> {
    let key = if part.media_type == GOOGLE_REACTION {
        let value: Value = serde_json::from_str(&part.text_head(1_000)).ok()?;
        value.get("emoji")?.as_str()?.trim().to_owned()
    } else if part.disposition == "reaction" && part.is("text/plain") {
        part.text_head(1_000).split_whitespace().next()?.to_owned()
    } else {
        return None;
    };
    let is_readable = !key.contains(char::is_control) && (1..=MAX_KEY).contains(&key.chars().count());
    is_readable.then_some(key)
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
