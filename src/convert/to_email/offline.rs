//! Rendering events from JSON alone, with what a bridge would know given as JSON too.

use std::collections::BTreeMap;
use std::io;

use mail_parser::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ChatMessage, EmailDraft, Intro, MediaBytes, NoEmail, Quoted, RenderOptions, RenderedEmail};
use super::{content, inline_images, media_uri, render_with};
use crate::convert::relation::{Relation, edited, referred, relation};
use crate::convert::thread::{message_id, references_after};
use crate::model::{AddressError, EmailAddress, Mailbox, Timestamp};

/// The domain of every placeholder (RFC 2606, section 2).
const PLACEHOLDER: &str = "example.invalid";

/// What the bridge would know of the thread; every key is optional, unknown ones are passed over.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Context {
    domain: Option<String>,
    from: Person,
    to: Vec<Person>,
    subject: Option<String>,
    room: Room,
    events: BTreeMap<String, Earlier>,
    media: BTreeMap<String, Source>,
    first: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Person {
    address: Option<String>,
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Room {
    name: Option<String>,
    topic: Option<String>,
}

/// An event that was bridged before, and the email that it is in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Earlier {
    message_id: Option<String>,
    references: Vec<String>,
    sender_name: Option<String>,
    body: Option<String>,
    date: Option<String>,
}

/// Where the bytes of a media URI are.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Base64(String),
    File(String),
}

/// Why events in JSON became no email.
#[derive(Debug, thiserror::Error)]
pub enum FromJsonError {
    /// The events make no email, which is no mistake of anybody.
    #[error("no email: {reason}")]
    NoEmail {
        /// Why, for a person.
        reason: String,
    },
    /// The first file is neither an event nor a list of events.
    #[error("event {index} is not a Matrix event: {problem}")]
    Event {
        /// Which one of a list, from 0.
        index: usize,
        /// What is missing or wrong.
        problem: &'static str,
    },
    /// The context has a key with a value that can't be used.
    #[error("the context can't be used: {0}")]
    Context(String),
    /// A file that the context names can't be read.
    #[error("the context names the file {path} for {uri}, which can't be read: {source}")]
    File {
        /// The media's URI.
        uri: String,
        /// The file.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Renders one event, or a list of events that make one email. `read_file` reads the files that the context names
/// for media. The same input gives the same bytes.
pub fn from_json(
    events: &Value,
    context: &Value,
    read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<RenderedEmail, FromJsonError> {
    let context: Context = match context {
        Value::Null => Context::default(),
        Value::Object(_) => serde_path_to_error::deserialize(context)
            .map_err(|error| FromJsonError::Context(format!("{}: {}", error.path(), error.inner())))?,
        _ => return Err(FromJsonError::Context("it is not a JSON object".to_owned())),
    };
    let events = match events {
        Value::Array(events) => events.as_slice(),
        event => std::slice::from_ref(event),
    };
    let events: Vec<Event> = events
        .iter()
        .enumerate()
        .map(|(index, event)| Event::read(event).map_err(|problem| FromJsonError::Event { index, problem }))
        .collect::<Result<_, _>>()?;
    let events = folded(events);
    let draft = context.draft(&events, read_file)?;
    let mut options = RenderOptions::default();
    for uri in draft
        .messages
        .iter()
        .flat_map(|message| inline_images(&message.content))
    {
        if let Some(media) = context.media(uri.as_str(), read_file)? {
            options.pictures.insert(uri, media);
        }
    }
    render_with(&draft, &options).map_err(|NoEmail::Nothing| FromJsonError::NoEmail {
        reason: reason(&events),
    })
}

/// An event, as far as an email needs it.
#[derive(Clone, Debug)]
struct Event {
    id: String,
    kind: String,
    sender: String,
    content: Map<String, Value>,
    timestamp: Timestamp,
    /// Why it is not shown, whatever its content.
    hidden: Option<&'static str>,
    redacts: Option<String>,
}

impl Event {
    fn read(event: &Value) -> Result<Self, &'static str> {
        let event = event.as_object().ok_or("it is not an object")?;
        let kind = content::text(event, "type").ok_or("it has no type")?;
        let content = content::object(event, "content").ok_or("it has no content")?;
        let text = |field, default: &str| content::text(event, field).unwrap_or(default).to_owned();
        let unsigned = content::object(event, "unsigned");
        let redacted = unsigned.is_some_and(|unsigned| unsigned.contains_key("redacted_because"));
        let redacts = content::text(content, "redacts").or_else(|| content::text(event, "redacts"));
        Ok(Self {
            id: text("event_id", "$event"),
            kind: kind.to_owned(),
            sender: text("sender", "@user:example.invalid"),
            content: content.clone(),
            timestamp: Timestamp(event.get("origin_server_ts").and_then(Value::as_i64).unwrap_or(0)),
            hidden: match () {
                () if event.contains_key("state_key") => Some("it is a state event"),
                () if redacted => Some("it was redacted"),
                () if kind == "m.room.redaction" => Some("it redacts an earlier event"),
                () if kind == "m.room.encrypted" => Some("it is encrypted"),
                () => None,
            },
            redacts: redacts.filter(|_| kind == "m.room.redaction").map(str::to_owned),
        })
    }
}

/// Applies the edits and redactions in a list to the events in it, as the bridge does while a mail waits.
fn folded(events: Vec<Event>) -> Vec<Event> {
    let mut folded: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if let Some(redacts) = &event.redacts {
            for target in folded.iter_mut().filter(|target| target.id == *redacts) {
                target.hidden = Some("it was redacted");
            }
        }
        let edits = (relation(&event.content) == Relation::Edit)
            .then(|| referred(&event.content))
            .flatten();
        // Only the sender's own messages can be edited (client-server API, "Validity of replacement events").
        let target = edits.and_then(|id| {
            let fits = |target: &&mut Event| {
                target.id == id && target.sender == event.sender && target.kind == event.kind
            };
            folded.iter_mut().find(fits)
        });
        match target {
            Some(target) => target.content = edited(&target.content, &event.content).unwrap_or_default(),
            None => folded.push(event),
        }
    }
    folded
}

fn reason(events: &[Event]) -> String {
    let reasons = events.iter().map(|event| {
        let why = event
            .hidden
            .unwrap_or("it has nothing in it that a mail could show");
        format!("{} ({}): {why}", event.id, event.kind)
    });
    let reasons: Vec<String> = reasons.collect();
    if reasons.is_empty() {
        return "there are no events".to_owned();
    }
    reasons.join("; ")
}

impl Context {
    fn draft(
        &self,
        events: &[Event],
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<EmailDraft, FromJsonError> {
        let shown: Vec<&Event> = events.iter().filter(|event| event.hidden.is_none()).collect();
        let Some(first) = shown.first() else {
            return Err(FromJsonError::NoEmail {
                reason: reason(events),
            });
        };
        let domain = self.domain.as_deref().unwrap_or(PLACEHOLDER);
        let from = mailbox(
            "from",
            &self.from,
            &format!("{}@{domain}", localpart(&first.sender)),
        )?;
        let to = match self.to.first() {
            Some(person) => mailbox("to.0", person, &format!("somebody@{PLACEHOLDER}"))?,
            None => mailbox("to", &Person::default(), &format!("somebody@{PLACEHOLDER}"))?,
        };
        let from = Mailbox {
            name: from.name.or_else(|| Some(localpart(&first.sender).to_owned())),
            ..from
        };
        let name_of = |sender: &str| match &from.name {
            Some(name) if sender == first.sender => name.clone(),
            _ => localpart(sender).to_owned(),
        };
        let mut messages = Vec::with_capacity(shown.len());
        for event in &shown {
            let media = match media_uri(&event.content) {
                Some(uri) => self.media(uri.as_str(), read_file)?,
                None => None,
            };
            messages.push(ChatMessage {
                event_type: event.kind.clone(),
                content: event.content.clone(),
                sender: event.sender.clone(),
                sender_name: name_of(&event.sender),
                timestamp: event.timestamp,
                about: referred(&event.content).and_then(|id| self.about(id, &shown, &name_of)),
                media,
            });
        }
        let parent = if self.first == Some(true) {
            None
        } else {
            self.parent(&shown)
        };
        let in_reply_to = parent.and_then(|parent| parent.message_id.clone());
        let subject = self.subject.as_ref().or(self.room.name.as_ref());
        let subject = subject
            .cloned()
            .unwrap_or_else(|| format!("Chat with {}", from.name.as_deref().unwrap_or_default()));
        Ok(EmailDraft {
            reply_to: None,
            to,
            // A later mail whose thread the context does not tell is still a later one.
            subject: if self.first == Some(false) && in_reply_to.is_none() {
                format!("Re: {subject}")
            } else {
                subject
            },
            message_id: message_id("", &first.id, domain),
            references: match (parent, &in_reply_to) {
                (Some(parent), Some(id)) => references_after(&parent.references, id),
                _ => Vec::new(),
            },
            in_reply_to,
            date: shown
                .iter()
                .map(|event| event.timestamp)
                .max()
                .unwrap_or_default(),
            intro: (self.first == Some(true)).then(|| Intro {
                matrix_id: first.sender.clone(),
                topic: self.room.topic.clone(),
            }),
            messages,
            from,
        })
    }

    /// The email that is answered: the one that an event refers to, else the latest one.
    fn parent(&self, shown: &[&Event]) -> Option<&Earlier> {
        let answered = shown
            .iter()
            .find_map(|event| self.events.get(referred(&event.content)?));
        answered.or_else(|| {
            let mailed = self
                .events
                .values()
                .filter(|earlier| earlier.message_id.is_some());
            mailed.max_by_key(|earlier| earlier.timestamp())
        })
    }

    fn about(&self, id: &str, shown: &[&Event], name_of: &dyn Fn(&str) -> String) -> Option<Quoted> {
        if let Some(earlier) = self.events.get(id) {
            return Some(Quoted {
                sender_name: earlier
                    .sender_name
                    .clone()
                    .unwrap_or_else(|| "somebody".to_owned()),
                text: earlier.body.clone()?,
                timestamp: earlier.timestamp(),
            });
        }
        let event = shown.iter().find(|event| event.id == id)?;
        Some(Quoted {
            sender_name: name_of(&event.sender),
            text: content::text(&event.content, "body")?.to_owned(),
            timestamp: event.timestamp,
        })
    }

    fn media(
        &self,
        uri: &str,
        read_file: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Option<MediaBytes>, FromJsonError> {
        let bytes = match self.media.get(uri) {
            None => return Ok(None),
            Some(Source::Base64(text)) => data_encoding::BASE64
                .decode(text.as_bytes())
                .map_err(|error| FromJsonError::Context(format!("media.{uri}.base64: {error}")))?,
            Some(Source::File(path)) => read_file(path).map_err(|source| FromJsonError::File {
                uri: uri.to_owned(),
                path: path.clone(),
                source,
            })?,
        };
        Ok(Some(MediaBytes::Here {
            content_type: None,
            bytes,
        }))
    }
}

impl Earlier {
    fn timestamp(&self) -> Timestamp {
        let date = self.date.as_deref().and_then(DateTime::parse_rfc3339);
        Timestamp(date.map_or(0, |date| date.to_timestamp()).saturating_mul(1000))
    }
}

fn mailbox(key: &str, person: &Person, placeholder: &str) -> Result<Mailbox, FromJsonError> {
    let address = match &person.address {
        Some(address) => EmailAddress::parse(address),
        None => EmailAddress::parse(placeholder)
            .or_else(|_: AddressError| EmailAddress::parse("user@example.invalid")),
    };
    Ok(Mailbox {
        name: person.name.clone(),
        address: address.map_err(|error| FromJsonError::Context(format!("{key}.address: {error}")))?,
    })
}

fn localpart(user: &str) -> &str {
    let name = user.strip_prefix('@').unwrap_or(user);
    name.split_once(':').map_or(name, |(name, _)| name)
}
