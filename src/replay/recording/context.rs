//! `context.json`: what is known about the homeserver of a recording.

use std::collections::BTreeMap;
use std::path::Path;

use ruma::{OwnedMxcUri, OwnedRoomId, OwnedServerName, OwnedUserId};
use serde::Deserialize;
use serde_json::Value;

use crate::matrix::Media;
use crate::model::PuppetNamespace;

use super::{RecordingError, read_text};

/// The note that lists, newest first, the messages in a room's history.
const READ_BACK: &str = "messages the puppet can read back with /messages";
/// The note that lists those of them that were pushed.
const PUSHED: &str = "messages pushed";

/// The homeserver of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Whose users are puppets.
    pub namespace: PuppetNamespace,
    /// The human users.
    pub users: Vec<OwnedUserId>,
    /// The uploaded media.
    pub media: BTreeMap<OwnedMxcUri, Media>,
    files: BTreeMap<String, Notes>,
}

/// A message that stands in a room's history but was never pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpushed {
    /// The room.
    pub room: OwnedRoomId,
    /// The text, sent by who invited the puppet.
    pub body: String,
}

#[derive(Deserialize)]
struct File {
    server_name: OwnedServerName,
    registration: Registration,
    #[serde(default)]
    users: BTreeMap<OwnedUserId, Value>,
    #[serde(default)]
    media: BTreeMap<OwnedMxcUri, Upload>,
    #[serde(default)]
    files: BTreeMap<String, Notes>,
}

#[derive(Deserialize)]
struct Registration {
    sender_localpart: String,
    namespaces: Namespaces,
}

#[derive(Deserialize)]
struct Namespaces {
    users: Vec<UserNamespace>,
}

#[derive(Deserialize)]
struct UserNamespace {
    regex: String,
}

#[derive(Deserialize)]
struct Upload {
    file: String,
    content_type: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Notes {
    #[serde(default)]
    rooms: BTreeMap<OwnedRoomId, Value>,
    #[serde(default)]
    notes: BTreeMap<String, Value>,
}

impl Context {
    /// Reads the file and the media in the folder beside it.
    pub(super) fn read(path: &Path) -> Result<Self, RecordingError> {
        let wrong = |reason: String| RecordingError::Context {
            path: path.to_owned(),
            reason,
        };
        let file: File = serde_json::from_str(&read_text(path)?).map_err(|error| wrong(error.to_string()))?;
        let user_prefix = file
            .registration
            .namespaces
            .users
            .iter()
            .find_map(|namespace| namespace.regex.strip_prefix('@')?.split_once(".*"))
            .map(|(prefix, _)| prefix.to_owned())
            .ok_or_else(|| wrong("no users namespace of the form `@PREFIX.*:SERVER`".to_owned()))?;
        let bot = &file.registration.sender_localpart;
        let namespace = PuppetNamespace::new(&user_prefix, file.server_name, bot)
            .map_err(|error| wrong(error.to_string()))?;
        let folder = path.with_file_name("media");
        let mut media = BTreeMap::new();
        for (uri, upload) in file.media {
            if Path::new(&upload.file).file_name() != Some(upload.file.as_ref()) {
                return Err(wrong(format!("media {uri}: `{}` is no file name", upload.file)));
            }
            let path = folder.join(&upload.file);
            let bytes = std::fs::read(&path).map_err(|error| RecordingError::Unreadable { path, error })?;
            let content_type = Some(upload.content_type);
            media.insert(uri, Media { content_type, bytes });
        }
        Ok(Self {
            namespace,
            users: file.users.into_keys().collect(),
            media,
            files: file.files,
        })
    }

    /// What the notes of a recording say about messages that were never pushed, oldest first in each room.
    pub(super) fn unpushed(&self, file_name: &str) -> Vec<Unpushed> {
        let Some(file) = self.files.get(file_name) else {
            return Vec::new();
        };
        let pushed = file.notes.get(PUSHED).map(texts).unwrap_or_default();
        let by_room: Vec<(&OwnedRoomId, Vec<&str>)> = match file.notes.get(READ_BACK) {
            Some(Value::Object(rooms)) => file
                .rooms
                .keys()
                .filter_map(|room| Some((room, texts(rooms.get(room.as_str())?))))
                .collect(),
            Some(list) if file.rooms.len() == 1 => {
                file.rooms.keys().map(|room| (room, texts(list))).collect()
            }
            _ => Vec::new(),
        };
        let mut unpushed = Vec::new();
        for (room, history) in by_room {
            for body in history.into_iter().rev().filter(|body| !pushed.contains(body)) {
                unpushed.push(Unpushed {
                    room: room.clone(),
                    body: body.to_owned(),
                });
            }
        }
        unpushed
    }
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}
