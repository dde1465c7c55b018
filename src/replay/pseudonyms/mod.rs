//! A recording without what nobody else should read: contents, addresses and names give way to pseudonyms, the same ones everywhere,
//! under which the recording still replays to the same course of things. Tokens and keys are taken out always.
//!
//! | file | what is there |
//! | --- | --- |
//! | this one | the walk over events, field by field: what is not known to be harmless is text, its name as well, and text is masked |
//! | `names` | users, rooms, events, addresses, domains and display names, each with its pseudonym |
//! | `text`, `markup` | what people write, plain and as HTML |
//! | `words` | which words are the specification's, and stay |
//! | `secrets` | tokens and keys |
//!
//! What stays is the form: which kinds of events came, in which order, when, by whom and in answer to what; lengths, line ends and
//! punctuation of texts; sizes and types of files; reactions; what is said to Penpal itself (`!quoted`, `block`).

mod markup;
mod names;
mod secrets;
#[cfg(test)]
mod tests;
mod text;
mod words;

use ruma::UserId;
use serde_json::{Map, Value, json};

use super::recording::{Context, Exchange, Recording, Unpushed};
use super::run::percent_decoded;
use crate::convert::address::AddressBook;
use crate::matrix::Media;
use crate::model::{PuppetNamespace, Random};

use names::Names;
use secrets::{REMOVED, Secrets, holds_secret};
use text::Masks;

/// What is to be removed from a recording besides tokens and keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// What people write: texts, names of rooms and files, places. Links become others.
    pub contents: bool,
    /// Email addresses, also those for which puppets stand.
    pub addresses: bool,
    /// Names of users, servers, rooms, events and files, and display names.
    pub names: bool,
}

impl Removal {
    /// Everything.
    pub const ALL: Self = Self {
        contents: true,
        addresses: true,
        names: true,
    };

    fn any(self) -> bool {
        self.contents || self.addresses || self.names
    }
}

/// The pseudonyms of one recording.
pub struct Pseudonyms {
    removal: Removal,
    names: Names,
    masks: Masks,
    secrets: Secrets,
}

/// Fields that hold an identifier as a whole.
const IDENTIFIERS: &[&str] = &[
    "avatar_url",
    "event_id",
    "redacts",
    "replacement_room",
    "replaces_state",
    "room_id",
    "sender",
    "state_key",
    "thumbnail_url",
    "url",
    "user_id",
    "user_ids",
];

/// Fields that name servers.
const SERVERS: &[&str] = &["allow", "deny", "origin", "via"];

/// An invitation by email, whose state key is its token.
const THIRD_PARTY_INVITE: &str = "m.room.third_party_invite";

/// Lists of messages between devices, which may hold keys. No course depends on them.
const TO_DEVICE: &[&str] = &["to_device", "de.sorunome.msc2409.to_device"];

impl Pseudonyms {
    /// Pseudonyms for what happens between the puppets of `namespace` and the addresses of `addresses`. `secrets` are taken out wherever
    /// they occur.
    pub fn new(
        removal: Removal,
        namespace: PuppetNamespace,
        addresses: AddressBook,
        secrets: Vec<String>,
        random: &dyn Random,
    ) -> Self {
        Self {
            removal,
            names: Names::new(removal, namespace, addresses),
            masks: Masks::new(random),
            secrets: Secrets::new(secrets),
        }
    }

    /// A whole recording under pseudonyms.
    pub fn recording(&mut self, recording: &Recording) -> Recording {
        let context = &recording.context;
        let users = context.users.iter().map(|user| self.names.user(user)).collect();
        let media = context
            .media
            .iter()
            .map(|(uri, media)| (self.names.media(uri.as_str()).into(), stand_in(media)))
            .collect();
        let exchanges = recording
            .exchanges
            .iter()
            .filter_map(|exchange| self.exchange(exchange))
            .collect();
        let unpushed = recording.unpushed.iter().map(|message| Unpushed {
            room: self.names.room_id(&message.room),
            body: self.text(&message.body),
        });
        Recording {
            name: recording.name.clone(),
            exchanges,
            unpushed: unpushed.collect(),
            context: Context::new(self.names.renamed().clone(), users, media),
        }
    }

    /// A request of the homeserver; `None` for one that is left out because it says nothing about the course of things.
    pub fn exchange(&mut self, exchange: &Exchange) -> Option<Exchange> {
        match exchange {
            Exchange::Transaction { txn_id, at, body } => {
                let body: Value = serde_json::from_str(body).ok()?;
                Some(Exchange::Transaction {
                    txn_id: self.names.transaction(txn_id),
                    at: *at,
                    body: self.body(&body).to_string(),
                })
            }
            Exchange::Query { method, path, answer } => {
                let (folder, user) = path.rsplit_once("/users/")?;
                let user = self.identifier(&percent_decoded(user));
                Some(Exchange::Query {
                    method: method.clone(),
                    path: format!("{folder}/users/{}", percent_encoded(&user)),
                    answer: *answer,
                })
            }
        }
    }

    /// The namespace under its pseudonym.
    pub fn namespace(&self) -> &PuppetNamespace {
        self.names.renamed()
    }

    /// Display names that may occur in what follows.
    pub fn learn_name(&mut self, name: &str) {
        self.names.display_name(name);
    }

    /// The body of a transaction.
    fn body(&mut self, body: &Value) -> Value {
        self.learn_names(body);
        self.value("", body)
    }

    /// Display names are known before the first text that may hold one.
    fn learn_names(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (field, value) in fields {
                    match value {
                        Value::String(name) if words::names_somebody(field) => {
                            self.names.display_name(name);
                        }
                        value => self.learn_names(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.learn_names(item)),
            _ => {}
        }
    }

    /// The value of a field. As deep as `serde_json` reads, which is bounded.
    fn value(&mut self, field: &str, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let is_invitation = fields.get("type").is_some_and(|kind| kind == THIRD_PARTY_INVITE);
                let renamed = fields.iter().map(|(name, value)| {
                    let value = if is_invitation && name == "state_key" {
                        REMOVED.into()
                    } else {
                        self.field(name, value)
                    };
                    (self.field_name(name), value)
                });
                renamed.collect::<Map<_, _>>().into()
            }
            Value::Array(items) => items.iter().map(|item| self.value(field, item)).collect(),
            Value::String(text) => self.string(field, text).into(),
            // A level of power belongs to a user.
            Value::Number(_)
                if self.removal.contents && !words::is_counted(field) && !field.starts_with('@') =>
            {
                0.into()
            }
            other => other.clone(),
        }
    }

    fn field(&mut self, name: &str, value: &Value) -> Value {
        if TO_DEVICE.contains(&name) {
            return json!([]);
        }
        match value {
            Value::String(_) if holds_secret(name) => REMOVED.into(),
            _ if holds_secret(name) && !value.is_null() => json!({}),
            // Emoji, most of them; what is written in letters is what somebody wrote.
            Value::String(key) if name == "key" && is_emoji(key) => key.as_str().into(),
            _ => self.value(name, value),
        }
    }

    /// Names of fields are words of some specification, or name what the field is about.
    fn field_name(&mut self, name: &str) -> String {
        if words::is_field(name) {
            name.to_owned()
        } else {
            self.identifier(name)
        }
    }

    fn string(&mut self, field: &str, text: &str) -> String {
        match field {
            _ if words::is_word(field, text) => text.to_owned(),
            _ if SERVERS.contains(&field) && is_server(text) => self.names.server(text),
            _ if words::names_somebody(field) => self.display_name(text),
            "formatted_body" if self.removal.any() => self.markup(text),
            "uri" | "geo_uri" if self.removal.contents && text.starts_with("geo:") => "geo:0,0".to_owned(),
            _ if IDENTIFIERS.contains(&field) => self.identifier(text),
            _ => self.text(text),
        }
    }

    fn display_name(&mut self, name: &str) -> String {
        if self.removal.names && !name.trim().is_empty() && !name.contains('@') {
            return self.names.display_name(name);
        }
        self.text(name)
    }

    /// What is an identifier as a whole, or else text.
    fn identifier(&mut self, text: &str) -> String {
        let is_id = !text.contains(char::is_whitespace) && text.len() <= 255;
        match text.chars().next() {
            Some('@') if is_id => match <&UserId>::try_from(text) {
                Ok(user) => self.names.user(user).into(),
                Err(_) => self.text(text),
            },
            Some('!') if is_id => self.names.room(text),
            Some('$') if is_id => self.names.event(text),
            Some('#') if is_id && text.contains(':') => self.names.alias(text),
            Some('m') if is_id && text.starts_with("mxc://") => self.names.media(text),
            _ => self.text(text),
        }
    }
}

/// Whether a reaction is a picture. Characters that nobody sees can say anything.
fn is_emoji(key: &str) -> bool {
    key.chars().count() <= 16
        && !key.contains(|character: char| {
            character.is_alphanumeric() || character.is_ascii() || ('\u{e0000}'..).contains(&character)
        })
}

/// Whether this can be a server's name, or a pattern of such.
fn is_server(text: &str) -> bool {
    text.len() <= 255 && text.contains(['.', ':']) && !text.contains(char::is_whitespace)
}

/// A file of the same type and size, with nothing in it.
fn stand_in(media: &Media) -> Media {
    Media {
        content_type: media
            .content_type
            .clone()
            .filter(|kind| words::is_word("mimetype", kind)),
        bytes: vec![0; media.bytes.len()],
    }
}

/// A path segment (RFC 3986, section 2.1).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
