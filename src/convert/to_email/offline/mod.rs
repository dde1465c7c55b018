//! Rendering events from JSON alone, with what a bridge would know given as JSON too.

mod context;
mod event;

use std::io;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use self::context::{Context, Earlier, Person};
use self::event::{Event, folded, reason};
use super::{
    ChatMessage, ENCLOSED, EmailDraft, Intro, MediaBytes, NoEmail, Quoted, RenderOptions, RenderedEmail,
};
use super::{content, media_uri, media_within, render_with};
use crate::convert::download::{LinkKey, Ticket};
use crate::convert::relation::referred;
use crate::convert::seal::KEY_BYTES;
use crate::convert::thread::{message_id, references_after};
use crate::model::{AddressError, EmailAddress, Mailbox};

/// The domain of every placeholder (RFC 2606, section 2).
const PLACEHOLDER: &str = "example.invalid";
/// How long the links are good, as by default.
const LINKED_FOR: Duration = Duration::from_hours(30 * 24);

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
    let mut options = RenderOptions {
        room: context.room_for_files(),
        ..RenderOptions::default()
    };
    for uri in draft
        .messages
        .iter()
        .flat_map(|message| media_within(&message.content))
    {
        if let Some(media) = context.media(uri.as_str(), read_file)? {
            options.within.insert(uri, media);
        }
    }
    render_with(&draft, &options).map_err(|NoEmail::Nothing| FromJsonError::NoEmail {
        reason: reason(&events),
    })
}

/// A link as the bridge makes them, with a placeholder for its key.
fn link(event: &Event, domain: &str) -> MediaBytes {
    let uri = media_uri(&event.content);
    let uri = uri.as_ref().map(|uri| uri.as_str()).unwrap_or_default();
    let ticket = Ticket::new("", &event.id, uri, event.timestamp + LINKED_FOR);
    let key = LinkKey::new([0; KEY_BYTES]);
    let base = Url::parse(&format!("https://{domain}/"));
    MediaBytes::Link {
        url: base.map_or_else(|_| String::new(), |base| key.link(&base, &ticket)),
        until: ticket.until,
    }
}

impl Context {
    fn room_for_files(&self) -> u64 {
        self.enclose.unwrap_or(ENCLOSED)
    }

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
        let mut room = self.room_for_files();
        let mut messages = Vec::with_capacity(shown.len());
        for event in &shown {
            let media = match media_uri(&event.content) {
                Some(uri) => self.media(uri.as_str(), read_file)?,
                None => None,
            };
            let media = media.map(|media| match room.checked_sub(media.size()) {
                Some(left) => {
                    room = left;
                    media
                }
                None => link(event, domain),
            });
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
            ask_receipt: false,
            signature: self.signature.clone(),
            unsubscribe: None,
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
                text: earlier.body.clone().unwrap_or_default(),
                timestamp: earlier.timestamp(),
                content: None,
            });
        }
        let event = shown.iter().find(|event| event.id == id)?;
        Some(Quoted {
            sender_name: name_of(&event.sender),
            text: content::text(&event.content, "body")
                .or_else(|| content::extensible_text(&event.content))
                .unwrap_or_default()
                .to_owned(),
            timestamp: event.timestamp,
            content: Some(event.content.clone()),
        })
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
