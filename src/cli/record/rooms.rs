//! Chats that are older than a recording: their state, as a homeserver would push it, comes before what happens in them.

use std::collections::BTreeSet;

use ruma::OwnedRoomId;
use serde_json::{Value, json};

use crate::model::{PuppetNamespace, RoomEvent, Timestamp};
use crate::replay::pseudonyms::Pseudonyms;
use crate::replay::recording::Exchange;
use crate::store::Store;

/// The rooms of a recording.
pub(super) struct Rooms<'a> {
    store: &'a Store,
    namespace: &'a PuppetNamespace,
    seen: BTreeSet<OwnedRoomId>,
    made: usize,
}

impl<'a> Rooms<'a> {
    pub(super) fn new(store: &'a Store, namespace: &'a PuppetNamespace) -> Self {
        Self {
            store,
            namespace,
            seen: BTreeSet::new(),
            made: 0,
        }
    }

    /// A transaction with the state of the rooms that this one names first; `None` when they begin with it.
    pub(super) async fn state_before(
        &mut self,
        at: Option<Timestamp>,
        body: &Value,
        pseudonyms: &mut Pseudonyms,
    ) -> anyhow::Result<Option<Exchange>> {
        let mut state = Vec::new();
        for event in body.get("events").and_then(Value::as_array).into_iter().flatten() {
            let Ok(event) = RoomEvent::from_json(event) else {
                continue;
            };
            if self.seen.insert(event.room_id.clone()) && !self.begins(&event) {
                state.append(&mut self.state_of(&event, pseudonyms).await?);
            }
        }
        if state.is_empty() {
            return Ok(None);
        }
        Ok(Some(Exchange::Transaction {
            txn_id: format!("state-{}", self.made),
            at,
            body: json!({"events": state}).to_string(),
        }))
    }

    /// Whether a room begins with this event, as far as Penpal is concerned.
    fn begins(&self, event: &RoomEvent) -> bool {
        let is_ours =
            |user: &str| <&ruma::UserId>::try_from(user).is_ok_and(|user| self.namespace.is_ours(user));
        match event.event_type.as_str() {
            "m.room.create" => true,
            "m.room.member" => {
                event.text("membership") == Some("invite") && event.state_key.as_deref().is_some_and(is_ours)
            }
            _ => false,
        }
    }

    /// What is known of a room in the store, right before its first event.
    async fn state_of(
        &mut self,
        first: &RoomEvent,
        pseudonyms: &mut Pseudonyms,
    ) -> anyhow::Result<Vec<Value>> {
        let room = &first.room_id;
        let mut tx = self.store.read().await?;
        let mut state = Vec::new();
        if let Some(user) = tx.bot_room(room).await? {
            let bot = self.namespace.bot();
            state.push(json!({"type": "m.room.member", "sender": user, "state_key": bot, "content": {"membership": "invite", "is_direct": true}}));
        } else if let Some(portal) = tx.portal_by_room(room).await? {
            for member in tx.members_of(room).await? {
                pseudonyms.learn_name(member.display_name.as_deref().unwrap_or_default());
                let content = json!({"membership": member.membership, "displayname": member.display_name});
                state.push(json!({"type": "m.room.member", "sender": member.user, "state_key": member.user, "content": content}));
            }
            for (kind, field, value) in [
                ("m.room.name", "name", &portal.name),
                ("m.room.topic", "topic", &portal.topic),
            ] {
                if let Some(value) = value {
                    state.push(json!({"type": kind, "sender": portal.user, "state_key": "", "content": {field: value}}));
                }
            }
            if portal.encrypted {
                let content = json!({"algorithm": "m.megolm.v1.aes-sha2"});
                state.push(json!({"type": "m.room.encryption", "sender": portal.user, "state_key": "", "content": content}));
            }
        }
        for event in &mut state {
            self.made += 1;
            event["event_id"] = format!("$state-{}", self.made).into();
            event["room_id"] = room.as_str().into();
            event["origin_server_ts"] = first.timestamp.millis().into();
        }
        Ok(state)
    }
}
