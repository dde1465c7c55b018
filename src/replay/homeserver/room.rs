//! One room of the in-memory homeserver: its timeline, its present state, and who may see what.

use std::collections::BTreeMap;

use ruma::{EventId, OwnedRoomId, UserId};
use serde_json::{Value, json};

use crate::matrix::{HistoryPage, Member};

use super::world::identifier;

/// Events on one page of history: few, so that paging is really used.
const PAGE: usize = 10;

/// A room.
#[derive(Debug)]
pub(super) struct Room {
    id: OwnedRoomId,
    /// All events, oldest first.
    timeline: Vec<Value>,
    /// The present state by type and state key.
    state: BTreeMap<(String, String), Value>,
}

impl Room {
    /// A room in which nothing has happened yet.
    pub(super) fn new(id: OwnedRoomId) -> Self {
        Self {
            id,
            timeline: Vec::new(),
            state: BTreeMap::new(),
        }
    }

    /// Adds an event; false when it is there already.
    pub(super) fn add(&mut self, event: Value) -> bool {
        if self.event(text(&event, "event_id")).is_some() {
            return false;
        }
        for stripped in invite_state(&event).cloned().unwrap_or_default() {
            self.learn(stripped);
        }
        if text(&event, "type") == "m.room.redaction" {
            self.redact(&event);
        }
        if let Some(state_key) = event.get("state_key").and_then(Value::as_str) {
            let key = (text(&event, "type").to_owned(), state_key.to_owned());
            self.state.insert(key, event.clone());
        }
        self.timeline.push(event);
        true
    }

    /// Takes stripped state that came with an invite for the state, as far as nothing better is known.
    fn learn(&mut self, mut stripped: Value) {
        let key = (
            text(&stripped, "type").to_owned(),
            text(&stripped, "state_key").to_owned(),
        );
        if let Some(fields) = stripped.as_object_mut() {
            let id = identifier('$', &[self.id.as_str(), &key.0, &key.1, "stripped"]);
            fields.entry("event_id").or_insert_with(|| json!(id));
            fields.entry("room_id").or_insert_with(|| json!(self.id));
            fields.entry("origin_server_ts").or_insert_with(|| json!(0));
        }
        self.state.entry(key).or_insert(stripped);
    }

    /// Empties the event that a redaction redacts, as homeservers do, also for later deliveries.
    fn redact(&mut self, redaction: &Value) {
        let target = redaction
            .get("redacts")
            .or_else(|| redaction.pointer("/content/redacts"));
        for event in &mut self.timeline {
            if target.is_some()
                && event.get("event_id") == target
                && let Some(fields) = event.as_object_mut()
            {
                fields.insert("content".to_owned(), json!({}));
                fields.insert("unsigned".to_owned(), json!({"redacted_because": redaction}));
            }
        }
    }

    /// The event with this ID.
    pub(super) fn event(&self, id: &str) -> Option<&Value> {
        self.timeline
            .iter()
            .rev()
            .find(|event| text(event, "event_id") == id)
    }

    /// The present state event of a type and state key.
    pub(super) fn state_event(&self, kind: &str, state_key: &str) -> Option<&Value> {
        self.state.get(&(kind.to_owned(), state_key.to_owned()))
    }

    /// The present state.
    pub(super) fn state(&self) -> Vec<Value> {
        self.state.values().cloned().collect()
    }

    /// State as it comes with an invite: without IDs and times.
    pub(super) fn stripped_state(&self, inviter: &UserId) -> Vec<Value> {
        let of_room = [
            "m.room.create",
            "m.room.join_rules",
            "m.room.name",
            "m.room.topic",
            "m.room.avatar",
            "m.room.encryption",
            "m.room.canonical_alias",
        ];
        of_room
            .iter()
            .filter_map(|kind| self.state_event(kind, ""))
            .chain(self.state_event("m.room.member", inviter.as_str()))
            .map(|event| {
                json!({
                    "type": event.get("type"), "state_key": event.get("state_key"),
                    "sender": event.get("sender"), "content": event.get("content"),
                })
            })
            .collect()
    }

    /// `join`, `invite`, `leave`, `ban` or `knock`; `None` for who was never here.
    pub(super) fn membership(&self, user: &UserId) -> Option<&str> {
        self.state_event("m.room.member", user.as_str())?
            .pointer("/content/membership")?
            .as_str()
    }

    /// True when the user is joined.
    pub(super) fn has_joined(&self, user: &UserId) -> bool {
        self.membership(user) == Some("join")
    }

    /// The members, of every membership.
    pub(super) fn members(&self) -> Vec<Member> {
        self.state
            .iter()
            .filter(|((kind, _), _)| kind == "m.room.member")
            .filter_map(|((_, user), event)| {
                let content = event.get("content")?;
                Some(Member {
                    user_id: user.as_str().try_into().ok()?,
                    membership: content.get("membership")?.as_str()?.to_owned(),
                    display_name: content
                        .get("displayname")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                })
            })
            .collect()
    }

    /// A page of what `user` may see, newest first. `m.room.history_visibility` decides about what
    /// was sent before the user came (client-server API, "Room history visibility").
    pub(super) fn history(&self, user: &UserId, from: Option<usize>) -> HistoryPage {
        let visibility = self
            .state_event("m.room.history_visibility", "")
            .and_then(|event| event.pointer("/content/history_visibility"))
            .and_then(Value::as_str)
            .unwrap_or("shared");
        let since = match visibility {
            "joined" => self.last_membership(user, "join"),
            "invited" => self.last_membership(user, "invite"),
            _ => 0,
        };
        let until = from.unwrap_or(self.timeline.len()).min(self.timeline.len());
        let first = until.saturating_sub(PAGE).max(since);
        HistoryPage {
            events: (first..until)
                .rev()
                .filter_map(|index| self.timeline.get(index).cloned())
                .collect(),
            next: (first > since).then(|| first.to_string()),
        }
    }

    /// Where in the timeline the user last got a membership.
    fn last_membership(&self, user: &UserId, membership: &str) -> usize {
        let of_user = |event: &Value| {
            text(event, "type") == "m.room.member"
                && text(event, "state_key") == user.as_str()
                && event.pointer("/content/membership").and_then(Value::as_str) == Some(membership)
        };
        self.timeline
            .iter()
            .rposition(of_user)
            .unwrap_or(self.timeline.len())
    }

    /// All events, oldest first.
    pub(super) fn timeline(&self) -> &[Value] {
        &self.timeline
    }

    /// The latest event of the timeline.
    pub(super) fn latest(&self) -> Option<&EventId> {
        let event = self.timeline.last()?;
        <&EventId>::try_from(text(event, "event_id")).ok()
    }
}

/// A text field of an event; empty when it is missing.
fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The stripped state of an invite.
fn invite_state(event: &Value) -> Option<&Vec<Value>> {
    event
        .pointer("/unsigned/invite_room_state")
        .or_else(|| event.get("invite_room_state"))
        .and_then(Value::as_array)
}
