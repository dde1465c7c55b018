//! A room event as a homeserver pushes it, read leniently: only what every event must have is typed.

use ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde_json::{Map, Value};

use super::Timestamp;

/// An event of a room.
///
/// The content stays JSON: homeservers let wrong types through in optional fields
/// (`formatted_body: 5`), and one bad field must not cost the whole message.
#[derive(Clone, Debug, PartialEq)]
pub struct RoomEvent {
    /// The event's ID, the only thing that identifies it.
    pub event_id: OwnedEventId,
    /// The room; opaque, without a server name from room version 12 on.
    pub room_id: OwnedRoomId,
    /// Who sent it.
    pub sender: OwnedUserId,
    /// The type, such as `m.room.message`.
    pub event_type: String,
    /// Present, possibly empty, when this is a state event.
    pub state_key: Option<String>,
    /// When the sender's homeserver received it.
    pub timestamp: Timestamp,
    /// The content; empty when the event was redacted before it was pushed.
    pub content: Map<String, Value>,
    /// Which event a redaction redacts: in the content from room version 11 on, before that at the top level.
    pub redacts: Option<OwnedEventId>,
    /// True when the homeserver says that this event has been redacted.
    pub redacted: bool,
    /// The stripped state that comes with an invite; empty otherwise.
    pub invite_state: Vec<Value>,
}

/// Why a JSON value is not a usable room event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is missing or has the wrong type")]
pub struct EventError {
    /// The field that is missing or wrong.
    pub field: &'static str,
}

/// Whether a text may be an ID or a type: at most 255 bytes ([size limits]). A control character stands for nothing in one, and not
/// every database can hold it.
///
/// [size limits]: https://spec.matrix.org/latest/client-server-api/#size-limits
pub fn is_identifier(text: &str) -> bool {
    text.len() <= 255 && !text.contains(char::is_control)
}

impl RoomEvent {
    /// Reads an event from a transaction or from `/messages`.
    pub fn from_json(value: &Value) -> Result<Self, EventError> {
        let text = |field: &'static str| {
            value
                .get(field)
                .and_then(Value::as_str)
                .filter(|text| is_identifier(text))
                .ok_or(EventError { field })
        };
        let content = value
            .get("content")
            .and_then(Value::as_object)
            .cloned()
            .ok_or(EventError { field: "content" })?;
        let unsigned = value.get("unsigned");
        let redacts = content
            .get("redacts")
            .or_else(|| value.get("redacts"))
            .and_then(Value::as_str);
        let invite_state = unsigned
            .and_then(|unsigned| unsigned.get("invite_room_state"))
            .or_else(|| value.get("invite_room_state"))
            .and_then(Value::as_array);
        Ok(Self {
            event_id: text("event_id")?
                .try_into()
                .map_err(|_| EventError { field: "event_id" })?,
            room_id: text("room_id")?
                .try_into()
                .map_err(|_| EventError { field: "room_id" })?,
            sender: text("sender")?
                .try_into()
                .map_err(|_| EventError { field: "sender" })?,
            event_type: text("type")?.to_owned(),
            state_key: value.get("state_key").and_then(Value::as_str).map(str::to_owned),
            timestamp: Timestamp(value.get("origin_server_ts").and_then(Value::as_i64).unwrap_or(0)),
            redacts: redacts
                .filter(|id| is_identifier(id))
                .and_then(|id| id.try_into().ok()),
            redacted: unsigned.is_some_and(|unsigned| unsigned.get("redacted_because").is_some())
                || value.get("redacted_because").is_some(),
            invite_state: invite_state.cloned().unwrap_or_default(),
            content,
        })
    }

    /// A text field of the content; `None` when it is missing or not a text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.content.get(field).and_then(Value::as_str)
    }

    /// True when this is a state event of the given type with an empty state key.
    pub fn is_room_state(&self, event_type: &str) -> bool {
        self.state_key.as_deref() == Some("") && self.event_type == event_type
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "event_id": "$one", "room_id": "!room:hs.test", "sender": "@bob:hs.test", "type": "m.room.message",
            "origin_server_ts": 5, "content": {"msgtype": "m.text", "body": "hi"}, "unsigned": {"age": 3}
        })
    }

    #[test]
    fn a_message_is_read() {
        let event = RoomEvent::from_json(&event()).unwrap();
        assert_eq!((event.text("body"), event.text("nothing")), (Some("hi"), None));
        assert_eq!(
            (event.timestamp, event.redacted, event.state_key),
            (Timestamp(5), false, None)
        );
    }

    #[test]
    fn redactions_name_their_target_in_all_room_versions() {
        for redaction in [json!({"redacts": "$x"}), json!({"content": {"redacts": "$x"}})] {
            let mut value = event();
            value["type"] = json!("m.room.redaction");
            value["content"] = json!({});
            value
                .as_object_mut()
                .unwrap()
                .extend(redaction.as_object().unwrap().clone());
            assert_eq!(RoomEvent::from_json(&value).unwrap().redacts.unwrap(), "$x");
        }
    }

    #[test]
    fn an_event_without_its_essentials_names_the_field() {
        for field in ["event_id", "room_id", "sender", "type", "content"] {
            let mut value = event();
            value.as_object_mut().unwrap().remove(field);
            assert_eq!(RoomEvent::from_json(&value), Err(EventError { field }));
            value[field] = json!(5);
            assert_eq!(RoomEvent::from_json(&value), Err(EventError { field }));
        }
    }
}
