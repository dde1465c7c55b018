//! What is known about the homeserver of a recording: `context.json` beside it, or its first line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ruma::{OwnedMxcUri, OwnedRoomId, OwnedServerName, OwnedUserId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::matrix::Media;
use crate::model::PuppetNamespace;

use super::{Exchange, RecordingError, read_text};

/// How large a file is that stands for one of which only its size is known, at most: as large as any email.
const LARGEST_STAND_IN: u64 = 32 * 1024 * 1024;

/// Bytes of all of these: a recording of some days may name thousands.
const MOST_STAND_INS: u64 = 256 * 1024 * 1024;

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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
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

/// The context in a recording's first line: the files themselves are not part of such a recording.
#[derive(Deserialize)]
pub(super) struct Header {
    server_name: OwnedServerName,
    sender_localpart: String,
    user_prefix: String,
    users: Option<Vec<OwnedUserId>>,
    media: Option<BTreeMap<OwnedMxcUri, StandIn>>,
    #[serde(default)]
    unpushed: Vec<Unpushed>,
}

/// A file of which type and size are known.
#[derive(Deserialize)]
struct StandIn {
    content_type: Option<String>,
    #[serde(default)]
    size: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Notes {
    #[serde(default)]
    rooms: BTreeMap<OwnedRoomId, Value>,
    #[serde(default)]
    notes: BTreeMap<String, Value>,
}

impl Context {
    /// What is known without notes.
    pub fn new(
        namespace: PuppetNamespace,
        users: Vec<OwnedUserId>,
        media: BTreeMap<OwnedMxcUri, Media>,
    ) -> Self {
        Self {
            namespace,
            users,
            media,
            files: BTreeMap::new(),
        }
    }

    /// What a recording's first line says. Users and files that it does not list are those that occur.
    pub(super) fn of_header(header: Header, exchanges: &[Exchange]) -> Result<(Self, Vec<Unpushed>), String> {
        let namespace =
            PuppetNamespace::new(&header.user_prefix, header.server_name, &header.sender_localpart)
                .map_err(|error| error.to_string())?;
        let mut found = Found::default();
        if header.users.is_none() || header.media.is_none() {
            for exchange in exchanges {
                if let Exchange::Transaction { body, .. } = exchange {
                    found.look(&serde_json::from_str(body).unwrap_or_default());
                }
            }
        }
        let mut users = header.users.unwrap_or_else(|| found.users.into_iter().collect());
        users.retain(|user| !namespace.is_ours(user));
        let mut left = MOST_STAND_INS;
        let media = header
            .media
            .unwrap_or(found.media)
            .into_iter()
            .map(|(uri, file)| {
                let size = file.size.min(LARGEST_STAND_IN).min(left);
                left -= size;
                let media = Media {
                    content_type: file.content_type,
                    bytes: vec![0; usize::try_from(size).unwrap_or_default()],
                };
                (uri, media)
            });
        Ok((Self::new(namespace, users, media.collect()), header.unpushed))
    }

    /// The first line of a recording that stands alone.
    pub(super) fn header(&self, unpushed: &[Unpushed]) -> Value {
        let mut header = Self::header_of(&self.namespace);
        let media = self.media.iter().map(|(uri, media)| {
            let file = json!({"content_type": media.content_type, "size": media.bytes.len()});
            (uri.to_string(), file)
        });
        let unpushed = unpushed
            .iter()
            .map(|message| json!({"room": message.room, "body": message.body}));
        for (field, value) in [
            ("users", json!(self.users)),
            ("media", Value::Object(media.collect())),
            ("unpushed", unpushed.collect()),
        ] {
            if let Some(fields) = header.as_object_mut() {
                fields.insert(field.to_owned(), value);
            }
        }
        header
    }

    /// The first line of a recording of which users and files are not known yet.
    pub(super) fn header_of(namespace: &PuppetNamespace) -> Value {
        json!({
            "server_name": namespace.server_name(),
            "sender_localpart": namespace.bot().localpart(),
            "user_prefix": namespace.prefix(),
        })
    }

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

/// Users and files that occur in a recording.
#[derive(Default)]
struct Found {
    users: BTreeSet<OwnedUserId>,
    media: BTreeMap<OwnedMxcUri, StandIn>,
}

impl Found {
    /// Looks through events, as deep as `serde_json` reads, which is bounded.
    fn look(&mut self, value: &Value) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| self.look(item)),
            Value::Object(fields) => {
                let text = |field| fields.get(field).and_then(Value::as_str);
                if let Some(user) = text("sender").and_then(|sender| sender.try_into().ok()) {
                    self.users.insert(user);
                }
                for (uri, info) in [("url", "info"), ("thumbnail_url", "thumbnail_info")] {
                    let Some(uri) = text(uri).filter(|uri| uri.starts_with("mxc://")) else {
                        continue;
                    };
                    let info = fields.get(info);
                    let file = StandIn {
                        content_type: info
                            .and_then(|info| info.get("mimetype")?.as_str())
                            .map(str::to_owned),
                        size: info
                            .and_then(|info| info.get("size")?.as_u64())
                            .unwrap_or_default(),
                    };
                    self.media.insert(uri.into(), file);
                }
                fields.values().for_each(|value| self.look(value));
            }
            _ => {}
        }
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
