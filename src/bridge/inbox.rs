//! A transaction of the homeserver is committed. The homeserver gets its 200 when, and only when, this has returned.

use serde_json::Value;

use super::Bridge;
use crate::model::RoomEvent;
use crate::store::{JobKind, Lane, NewJob, StoreError};

/// State events that are worked; all others say nothing about a direct chat.
const STATE_EVENTS: &[&str] = &[
    "m.room.member",
    "m.room.name",
    "m.room.topic",
    "m.room.encryption",
    "m.room.tombstone",
];

impl Bridge {
    /// Commits what matters of a transaction: `PUT /_matrix/app/v1/transactions/{txnId}`.
    ///
    /// The transaction ID decides nothing: Synapse on SQLite counts from 1 again after a restart, with new contents,
    /// and the same event can come in two transactions. An event is known by its own ID. An event that can't be
    /// read is counted and logged, and does not stop the others.
    pub async fn accept_transaction(&self, txn_id: &str, body: &Value) -> Result<(), StoreError> {
        let events = body
            .get("events")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let wanted: Vec<(RoomEvent, String)> = events
            .iter()
            .filter_map(|value| match RoomEvent::from_json(value) {
                Ok(event) => self.matters(&event).then(|| (event, value.to_string())),
                Err(error) => {
                    let event_id = value
                        .get("event_id")
                        .and_then(Value::as_str)
                        .unwrap_or("without an ID");
                    tracing::warn!(txn_id, event_id, %error, "left out an event that can't be read");
                    metrics::counter!("penpal_events_malformed_total").increment(1);
                    None
                }
            })
            .collect();
        let typing = self.typing_users(body);
        if wanted.is_empty() && typing.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let jobs: Vec<NewJob<'_>> = wanted
            .iter()
            .map(|(event, json)| NewJob {
                lane: Lane::room(&event.room_id),
                kind: JobKind::Event,
                key: Some(event_key(event)),
                portal: None,
                payload: json.as_bytes(),
                due_at: now,
            })
            .collect();
        let mut tx = self.store.begin().await?;
        let accepted = if typing.is_empty() {
            tx.commit_all(&jobs, now).await?
        } else {
            let accepted = tx.enqueue_all(&jobs, now).await?;
            for (room, users) in &typing {
                self.heed_typing(&mut tx, room, users).await?;
            }
            tx.commit().await?;
            accepted
        };
        metrics::counter!("penpal_events_accepted_total").increment(accepted as u64);
        tracing::debug!(txn_id, accepted, events = events.len(), "committed a transaction");
        Ok(())
    }

    /// Whether an event can change anything. Our own echoes can't: they carry no mark, and are known by their sender.
    pub(super) fn matters(&self, event: &RoomEvent) -> bool {
        let ours = self.settings.namespace.is_ours(&event.sender);
        match &event.state_key {
            // Where our puppets are is noted: a room must be found again when its portal was never committed.
            Some(member) if ours && event.event_type == "m.room.member" => member == event.sender.as_str(),
            Some(_) if ours => event.event_type == "m.room.tombstone",
            Some(_) => STATE_EVENTS.contains(&event.event_type.as_str()),
            None => !ours,
        }
    }

    /// Who types where, without our puppets. Homeservers send the list under its stable name, its unstable one, or both.
    fn typing_users(&self, body: &Value) -> Vec<(ruma::OwnedRoomId, Vec<ruma::OwnedUserId>)> {
        let list = |field| {
            body.get(field)
                .and_then(Value::as_array)
                .filter(|list| !list.is_empty())
        };
        let Some(ephemeral) = list("ephemeral").or_else(|| list("de.sorunome.msc2409.ephemeral")) else {
            return Vec::new();
        };
        ephemeral
            .iter()
            .filter(|event| event.get("type").and_then(Value::as_str) == Some("m.typing"))
            .filter_map(|event| {
                let room = event.get("room_id")?.as_str()?.try_into().ok()?;
                let users = event.get("content")?.get("user_ids")?.as_array()?;
                let users: Vec<ruma::OwnedUserId> = users
                    .iter()
                    .filter_map(|user| user.as_str()?.try_into().ok())
                    .filter(|user: &ruma::OwnedUserId| !self.settings.namespace.is_ours(user))
                    .collect();
                Some((room, users))
            })
            .collect()
    }
}

/// What makes an event the same work when it comes again.
pub(super) fn event_key(event: &RoomEvent) -> String {
    format!("event:{}", event.event_id)
}
