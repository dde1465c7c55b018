//! What the in-memory homeserver knows, and what changes it: the same for requests and for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ruma::{OwnedEventId, OwnedMxcUri, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::matrix::{MatrixError, Media};
use crate::model::{Clock, PuppetNamespace, Timestamp};

use super::room::Room;
use super::{Failure, HomeserverRequest, Meanwhile};

/// The largest event that homeservers take, in bytes of JSON (client-server API, "Size limits").
const MAX_EVENT_SIZE: usize = 65_536;

/// A user of the homeserver.
#[derive(Debug, Default)]
pub(super) struct User {
    pub(super) display_name: Option<String>,
    pub(super) account_data: BTreeMap<String, Map<String, Value>>,
    /// True for a human as whom the appservice may act.
    pub(super) double_puppet: bool,
}

/// An event to be sent into a room.
pub(super) struct Draft<'a> {
    pub(super) kind: &'a str,
    pub(super) state_key: Option<&'a str>,
    pub(super) content: Value,
    pub(super) timestamp: Option<Timestamp>,
}

impl<'a> Draft<'a> {
    /// A message event.
    pub(super) fn message(kind: &'a str, content: Value) -> Self {
        Self {
            kind,
            state_key: None,
            content,
            timestamp: None,
        }
    }

    /// A state event.
    pub(super) fn state(kind: &'a str, state_key: &'a str, content: Value) -> Self {
        Self {
            state_key: Some(state_key),
            ..Self::message(kind, content)
        }
    }
}

/// Everything the homeserver knows.
pub(super) struct World {
    pub(super) namespace: PuppetNamespace,
    clock: Arc<dyn Clock>,
    pub(super) users: BTreeMap<OwnedUserId, User>,
    pub(super) rooms: BTreeMap<OwnedRoomId, Room>,
    pub(super) media: BTreeMap<OwnedMxcUri, Media>,
    /// Events by the path of their request: user, room, type, transaction ID.
    pub(super) sent: BTreeMap<[String; 4], OwnedEventId>,
    pub(super) requests: Vec<HomeserverRequest>,
    pub(super) failures: Vec<Failure>,
    /// Names of files at whose upload Penpal meets a defect.
    pub(super) defects: Vec<String>,
    pub(super) meanwhile: Vec<Meanwhile>,
    /// Events to be pushed to the appservice, by room and ID.
    pub(super) pushed: Vec<(OwnedRoomId, OwnedEventId)>,
    /// Every new room of a puppet is encrypted, as admins can have it.
    pub(super) encrypts_new_rooms: bool,
    /// How many identifiers have been made.
    made: u64,
}

impl World {
    pub(super) fn new(namespace: PuppetNamespace, clock: Arc<dyn Clock>) -> Self {
        Self {
            namespace,
            clock,
            users: BTreeMap::new(),
            rooms: BTreeMap::new(),
            media: BTreeMap::new(),
            sent: BTreeMap::new(),
            requests: Vec::new(),
            failures: Vec::new(),
            defects: Vec::new(),
            meanwhile: Vec::new(),
            pushed: Vec::new(),
            encrypts_new_rooms: false,
            made: 0,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A fresh identifier, the same in each run.
    fn fresh(&mut self, sigil: char, what: &str) -> String {
        self.made += 1;
        identifier(sigil, &[what, &self.made.to_string()])
    }

    /// A fresh URI for media.
    pub(super) fn place(&mut self, user: &UserId, what: &str) -> OwnedMxcUri {
        let id = self.fresh('m', &format!("{user} {what}"));
        format!("mxc://{}/{id}", self.namespace.server_name()).into()
    }

    /// A room that exists; homeservers do not tell strangers whether it does.
    pub(super) fn room(&self, room: &RoomId) -> Result<&Room, MatrixError> {
        self.rooms
            .get(room)
            .ok_or_else(|| refused(404, "M_NOT_FOUND", "There is no such room"))
    }

    /// A room in which `user` is joined.
    pub(super) fn joined_room(&self, user: &UserId, room: &RoomId) -> Result<&Room, MatrixError> {
        self.rooms
            .get(room)
            .filter(|room| room.has_joined(user))
            .ok_or_else(|| refused(403, "M_FORBIDDEN", &format!("User {user} not in room {room}")))
    }

    /// Puts an event into a room and into the queue of what is pushed. Whether the sender may do so is
    /// for the caller to know.
    pub(super) fn post(&mut self, room_id: &RoomId, sender: &UserId, draft: Draft<'_>) -> OwnedEventId {
        let id = self.fresh('$', room_id.as_str());
        let id = OwnedEventId::try_from(id).unwrap_or_else(|_| unreachable!("made of a sigil and base64"));
        let timestamp = draft.timestamp.unwrap_or_else(|| self.now());
        let room = self
            .rooms
            .entry(room_id.to_owned())
            .or_insert_with(|| Room::new(room_id.to_owned()));
        let is_ours = |user: &UserId| self.namespace.is_ours(user);
        let heard = room
            .members()
            .iter()
            .any(|m| m.membership == "join" && is_ours(&m.user_id));
        let mut unsigned = json!({});
        if let Some(previous) = draft.state_key.and_then(|key| room.state_event(draft.kind, key)) {
            let content = previous.get("content").cloned().unwrap_or_default();
            set(&mut unsigned, "prev_content", content);
        }
        if draft.kind == "m.room.member" && membership(&draft.content) == Some("invite") {
            set(
                &mut unsigned,
                "invite_room_state",
                json!(room.stripped_state(sender)),
            );
        }
        let about_ours = draft.kind == "m.room.member"
            && draft
                .state_key
                .and_then(|key| <&UserId>::try_from(key).ok())
                .is_some_and(is_ours);
        let mut event = json!({
            "event_id": id, "room_id": room_id, "sender": sender, "type": draft.kind,
            "origin_server_ts": timestamp.millis(),
        });
        if let Some(state_key) = draft.state_key {
            set(&mut event, "state_key", json!(state_key));
        }
        set(&mut event, "content", draft.content);
        set(&mut event, "unsigned", unsigned);
        room.add(event);
        if heard || about_ours || is_ours(sender) {
            self.pushed.push((room_id.to_owned(), id.clone()));
        }
        id
    }

    /// Changes a membership, with the display name that the user has.
    pub(super) fn post_membership(
        &mut self,
        room: &RoomId,
        sender: &UserId,
        target: &UserId,
        mut content: Value,
    ) -> OwnedEventId {
        let name = self.users.get(target).and_then(|user| user.display_name.clone());
        if let Some(name) = name
            && matches!(membership(&content), Some("join" | "invite"))
        {
            set(&mut content, "displayname", json!(name));
        }
        self.post(
            room,
            sender,
            Draft::state("m.room.member", target.as_str(), content),
        )
    }

    /// Creates a room with its creator and this creation content in it; the caller invites and names.
    pub(super) fn create_room(&mut self, creator: &UserId, version: &str, mut content: Value) -> OwnedRoomId {
        let id = self.fresh('!', creator.as_str());
        let id = if matches!(version, "11" | "10" | "9" | "8" | "7" | "6") {
            format!("{id}:{}", self.namespace.server_name())
        } else {
            id
        };
        let id = OwnedRoomId::try_from(id).unwrap_or_else(|_| unreachable!("made of a sigil and base64"));
        set(&mut content, "room_version", json!(version));
        self.post(&id, creator, Draft::state("m.room.create", "", content));
        self.post_membership(&id, creator, creator, json!({"membership": "join"}));
        for (kind, content) in [
            (
                "m.room.power_levels",
                json!({"users_default": 0, "state_default": 50}),
            ),
            ("m.room.join_rules", json!({"join_rule": "invite"})),
            (
                "m.room.history_visibility",
                json!({"history_visibility": "shared"}),
            ),
        ] {
            self.post(&id, creator, Draft::state(kind, "", content));
        }
        id
    }

    /// A user's way into a room: by invitation, or through an open door.
    pub(super) fn join(&mut self, user: &UserId, room_id: &RoomId) -> Result<(), MatrixError> {
        let room = self.room(room_id)?;
        if room.has_joined(user) {
            return Ok(());
        }
        if !room.members().iter().any(|member| member.membership == "join") {
            return Err(refused(
                404,
                "M_UNKNOWN",
                "Can't join remote room because no servers that are in the room have been provided.",
            ));
        }
        let open = room
            .state_event("m.room.join_rules", "")
            .and_then(|event| event.pointer("/content/join_rule"))
            .is_some_and(|rule| rule == "public");
        match room.membership(user) {
            Some("invite") => {}
            Some("ban") => return Err(refused(403, "M_FORBIDDEN", "You are banned from this room")),
            _ if open => {}
            _ => return Err(refused(403, "M_FORBIDDEN", "You are not invited to this room.")),
        }
        self.post_membership(room_id, user, user, json!({"membership": "join"}));
        Ok(())
    }

    /// A user's way out, also of an invite.
    pub(super) fn leave(
        &mut self,
        user: &UserId,
        room_id: &RoomId,
        reason: Option<&str>,
    ) -> Result<(), MatrixError> {
        match self.room(room_id)?.membership(user) {
            Some("join" | "invite" | "knock") => {
                let mut content = json!({"membership": "leave"});
                if let Some(reason) = reason {
                    set(&mut content, "reason", json!(reason));
                }
                self.post_membership(room_id, user, user, content);
                Ok(())
            }
            Some("leave") => Ok(()),
            _ => Err(refused(
                403,
                "M_FORBIDDEN",
                &format!("User {user} not in room {room_id}"),
            )),
        }
    }

    /// Sends as a joined member; once for each transaction ID.
    pub(super) fn send(
        &mut self,
        user: &UserId,
        room: &RoomId,
        txn_id: &str,
        draft: Draft<'_>,
    ) -> Result<OwnedEventId, MatrixError> {
        let path = [user.as_str(), room.as_str(), draft.kind, txn_id].map(str::to_owned);
        if let Some(event) = self.sent.get(&path) {
            return Ok(event.clone());
        }
        self.joined_room(user, room)?;
        if draft.content.to_string().len() > MAX_EVENT_SIZE {
            return Err(refused(413, "M_TOO_LARGE", "event too large"));
        }
        let id = self.post(room, user, draft);
        self.sent.insert(path, id.clone());
        Ok(id)
    }

    /// Takes over the display name of a human from a membership event that another homeserver made.
    pub(super) fn learn_name(&mut self, event: &Value) {
        let joins = event
            .pointer("/content/membership")
            .is_some_and(|value| value == "join");
        let user = event
            .get("state_key")
            .and_then(Value::as_str)
            .map(<&UserId>::try_from);
        let name = event.pointer("/content/displayname").and_then(Value::as_str);
        if let (true, Some(Ok(user))) = (joins, user)
            && !self.namespace.is_ours(user)
        {
            self.users.entry(user.to_owned()).or_default().display_name = name.map(str::to_owned);
        }
    }

    /// Sets a display name, also in all rooms in which the user is.
    pub(super) fn set_display_name(&mut self, user: &UserId, name: &str) {
        self.users.entry(user.to_owned()).or_default().display_name = Some(name.to_owned());
        let rooms: Vec<_> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.has_joined(user))
            .map(|(id, _)| id.clone())
            .collect();
        for room in rooms {
            self.post_membership(&room, user, user, json!({"membership": "join"}));
        }
    }
}

/// Sets a field of a JSON object.
fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// The membership that the content of an `m.room.member` event tells.
fn membership(content: &Value) -> Option<&str> {
    content.get("membership").and_then(Value::as_str)
}

/// An identifier that follows from its parts: sigil and 43 characters, as in room version 12.
pub(super) fn identifier(sigil: char, parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\u{1f}"));
    format!("{sigil}{}", URL_SAFE_NO_PAD.encode(digest))
}

/// A refusal by the homeserver.
pub(super) fn refused(status: u16, errcode: &str, message: &str) -> MatrixError {
    MatrixError::Refused {
        status,
        errcode: errcode.to_owned(),
        message: message.to_owned(),
    }
}
