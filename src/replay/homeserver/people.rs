//! What people do in their clients. Each function changes the rooms and gives the event that the
//! homeserver pushes for it, or nothing when it pushes nothing: before the puppet has joined.

use ruma::{OwnedEventId, OwnedRoomId, RoomId, UserId};
use serde_json::{Value, json};

use super::MemoryHomeserver;
use super::world::{Draft, User};

/// How a person creates a room.
#[derive(Clone, Debug)]
pub struct RoomOptions<'a> {
    /// Whether the invites say that this is a direct chat.
    pub is_direct: bool,
    /// The room's name.
    pub name: Option<&'a str>,
    /// The room's topic.
    pub topic: Option<&'a str>,
    /// Whether it is encrypted from the start.
    pub encrypted: bool,
    /// The room version; up to 11 the creator is in the power levels and the room ID has a server name.
    pub version: &'a str,
}

impl Default for RoomOptions<'_> {
    fn default() -> Self {
        Self {
            is_direct: true,
            name: None,
            topic: None,
            encrypted: false,
            version: "12",
        }
    }
}

impl MemoryHomeserver {
    /// Adds a human.
    pub fn add_user(&self, user: &UserId, display_name: &str) {
        let mut world = self.world();
        world.users.insert(
            user.to_owned(),
            User {
                display_name: Some(display_name.to_owned()),
                ..User::default()
            },
        );
    }

    /// The admin has every new room encrypted.
    pub fn encrypt_new_rooms(&self) {
        self.world().encrypts_new_rooms = true;
    }

    /// Lets the appservice act as this human, as its second registration would.
    pub fn allow_double_puppet(&self, user: &UserId) {
        self.world()
            .users
            .entry(user.to_owned())
            .or_default()
            .double_puppet = true;
    }

    /// The user changes the display name, here and in all rooms.
    pub fn user_renames(&self, user: &UserId, name: &str) -> Vec<Value> {
        let mut world = self.world();
        let before = world.pushed.len();
        world.set_display_name(user, name);
        let changed: Vec<_> = world.pushed.iter().skip(before).cloned().collect();
        changed
            .iter()
            .filter_map(|(room, event)| world.rooms.get(room)?.event(event.as_str()).cloned())
            .collect()
    }

    /// The user opens a room and invites others. Gives the room and the pushed events: the invites
    /// of puppets.
    pub fn user_creates_room(
        &self,
        user: &UserId,
        invite: &[&UserId],
        options: &RoomOptions<'_>,
    ) -> (OwnedRoomId, Vec<Value>) {
        let room = {
            let mut world = self.world();
            let room = world.create_room(user, options.version, json!({"additional_creators": invite}));
            let state = [
                ("m.room.name", options.name.map(|name| json!({"name": name}))),
                ("m.room.topic", options.topic.map(|topic| json!({"topic": topic}))),
                ("m.room.encryption", options.encrypted.then(encryption)),
            ];
            for (kind, content) in state {
                if let Some(content) = content {
                    world.post(&room, user, Draft::state(kind, "", content));
                }
            }
            room
        };
        let pushed = invite
            .iter()
            .filter_map(|invitee| self.user_invites(&room, user, invitee, options.is_direct))
            .collect();
        (room, pushed)
    }

    /// The user invites somebody.
    pub fn user_invites(
        &self,
        room: &RoomId,
        user: &UserId,
        invitee: &UserId,
        is_direct: bool,
    ) -> Option<Value> {
        let content = if is_direct {
            json!({"membership": "invite", "is_direct": true})
        } else {
            json!({"membership": "invite"})
        };
        self.changes_membership(room, user, invitee, content)
    }

    /// The user joins.
    pub fn user_joins(&self, room: &RoomId, user: &UserId) -> Option<Value> {
        self.changes_membership(room, user, user, json!({"membership": "join"}))
    }

    /// The user leaves, or declines an invite.
    pub fn user_leaves(&self, room: &RoomId, user: &UserId) -> Option<Value> {
        self.changes_membership(room, user, user, json!({"membership": "leave"}))
    }

    /// The user removes somebody, or withdraws an invite.
    pub fn user_kicks(&self, room: &RoomId, user: &UserId, whom: &UserId) -> Option<Value> {
        self.changes_membership(room, user, whom, json!({"membership": "leave"}))
    }

    /// The user bans somebody.
    pub fn user_bans(&self, room: &RoomId, user: &UserId, whom: &UserId) -> Option<Value> {
        self.changes_membership(room, user, whom, json!({"membership": "ban"}))
    }

    /// The user sends a message (`m.room.message`).
    pub fn user_sends(&self, room: &RoomId, user: &UserId, content: Value) -> Option<Value> {
        self.user_sends_event(room, user, "m.room.message", content)
    }

    /// The user sends a plain text.
    pub fn user_says(&self, room: &RoomId, user: &UserId, text: &str) -> Option<Value> {
        self.user_sends(room, user, json!({"msgtype": "m.text", "body": text}))
    }

    /// The user corrects a message to a plain text.
    pub fn user_edits(&self, room: &RoomId, user: &UserId, event: &str, text: &str) -> Option<Value> {
        let content = json!({
            "msgtype": "m.text", "body": format!("* {text}"),
            "m.new_content": {"msgtype": "m.text", "body": text},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event},
        });
        self.user_sends(room, user, content)
    }

    /// The user sends an event of any type.
    pub fn user_sends_event(
        &self,
        room: &RoomId,
        user: &UserId,
        kind: &str,
        content: Value,
    ) -> Option<Value> {
        self.posts(room, user, Draft::message(kind, content))
    }

    /// The user takes an event back.
    pub fn user_redacts(&self, room: &RoomId, user: &UserId, event: &str) -> Option<Value> {
        self.user_sends_event(room, user, "m.room.redaction", json!({"redacts": event}))
    }

    /// The user sets state.
    pub fn user_sets_state(
        &self,
        room: &RoomId,
        user: &UserId,
        kind: &str,
        state_key: &str,
        content: Value,
    ) -> Option<Value> {
        self.posts(room, user, Draft::state(kind, state_key, content))
    }

    /// The user turns encryption on.
    pub fn user_encrypts(&self, room: &RoomId, user: &UserId) -> Option<Value> {
        self.user_sets_state(room, user, "m.room.encryption", "", encryption())
    }

    /// The user upgrades the room. Gives the new room, into which nobody but the user is joined yet,
    /// and the tombstone.
    pub fn user_upgrades(&self, room: &RoomId, user: &UserId) -> (OwnedRoomId, Option<Value>) {
        let new = {
            let mut world = self.world();
            let last = world
                .rooms
                .get(room)
                .and_then(|room| room.latest())
                .map(ToOwned::to_owned);
            let predecessor = json!({"predecessor": {"room_id": room, "event_id": last}});
            world.create_room(user, "12", predecessor)
        };
        let content = json!({"body": "This room has been replaced", "replacement_room": new});
        let tombstone = self.user_sets_state(room, user, "m.room.tombstone", "", content);
        (new, tombstone)
    }

    fn changes_membership(
        &self,
        room: &RoomId,
        user: &UserId,
        target: &UserId,
        content: Value,
    ) -> Option<Value> {
        let id = self.world().post_membership(room, user, target, content);
        self.if_pushed(room, &id)
    }

    fn posts(&self, room: &RoomId, user: &UserId, draft: Draft<'_>) -> Option<Value> {
        let id = self.world().post(room, user, draft);
        self.if_pushed(room, &id)
    }

    /// The event, when it waits to be pushed.
    fn if_pushed(&self, room: &RoomId, event: &OwnedEventId) -> Option<Value> {
        let world = self.world();
        if !world.pushed.iter().any(|(_, pushed)| pushed == event) {
            return None;
        }
        world.rooms.get(room)?.event(event.as_str()).cloned()
    }
}

pub(super) fn encryption() -> Value {
    json!({"algorithm": "m.megolm.v1.aes-sha2"})
}
