//! The body of `createRoom` for a direct chat.

use serde_json::{Value, json};

use crate::matrix::NewRoom;

/// More than anybody has in rooms of versions 1 to 11, where the preset gives 100 to creator and invitee. In
/// version 12 both are creators, whose power has no limit: there nothing keeps encryption off.
const NOBODY: u32 = 101;

/// The body for `POST /createRoom`.
///
/// `trusted_private_chat` makes the invitee the puppet's equal, in power level or (version 12) as a creator.
/// Clients turn encryption on for direct chats at a click, after which the puppet could not read a word: the
/// power level keeps that from happening by accident.
///
/// Homeservers replace the generated `events` as a whole with ours (Synapse updates only the topmost keys), so
/// the usual entries are repeated here; otherwise a member with the power to send any state (50) could change
/// who may do what. There is no `users`: version 11 wants the creator in it and [version 12] forbids that.
/// `m.room.tombstone` stays at 100, which version 12 accepts (it must be above `state_default`, 50).
///
/// [version 12]: https://spec.matrix.org/latest/rooms/v12/
pub(super) fn body(room: &NewRoom) -> Value {
    let mut body = json!({
        "preset": "trusted_private_chat",
        "visibility": "private",
        "is_direct": true,
        "invite": [room.invite],
        "power_level_content_override": {
            "events": {
                "m.room.avatar": 50,
                "m.room.canonical_alias": 50,
                "m.room.encryption": NOBODY,
                "m.room.history_visibility": 100,
                "m.room.name": 50,
                "m.room.power_levels": 100,
                "m.room.server_acl": 100,
                "m.room.tombstone": 100,
            },
        },
    });
    if let (Some(name), Some(body)) = (&room.name, body.as_object_mut()) {
        body.insert("name".to_owned(), json!(name));
    }
    body
}

/// The same for a homeserver that encrypts every new room by itself (`encryption_enabled_by_default_for_room_type` of
/// Synapse): before version 12 it refuses a room whose creator may not turn encryption on.
pub(super) fn open_body(room: &NewRoom) -> Value {
    let mut body = body(room);
    if let Some(body) = body.as_object_mut() {
        body.remove("power_level_content_override");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direct_chat_that_stays_readable() {
        let room = NewRoom {
            name: Some("Lunch?".to_owned()),
            invite: "@bob:hs.test".try_into().unwrap(),
        };
        let body = body(&room);
        assert_eq!(body["is_direct"], true);
        assert_eq!(body["preset"], "trusted_private_chat");
        assert_eq!(body["name"], "Lunch?");
        assert_eq!(body["invite"], json!(["@bob:hs.test"]));
        let levels = &body["power_level_content_override"];
        assert!(
            levels.get("users").is_none(),
            "version 12 forbids the creator there"
        );
        assert!(
            levels["events"]["m.room.encryption"].as_u64() > Some(100),
            "the invitee has 100"
        );
        assert!(
            levels["events"]["m.room.tombstone"].as_u64() > Some(50),
            "version 12 demands more than state_default"
        );
        assert_eq!(levels["events"]["m.room.power_levels"], 100);
    }

    #[test]
    fn without_a_subject_there_is_no_name() {
        let room = NewRoom {
            name: None,
            invite: "@bob:hs.test".try_into().unwrap(),
        };
        assert!(body(&room).get("name").is_none());
    }
}
