//! `m.direct`: which rooms are direct chats, in the account data of the puppet and, with double puppeting, of the human.
//!
//! It is shared with other clients: read, merged and written, never overwritten. A user's changes are made one after
//! another in a lane of their own, also across processes.

use ruma::{OwnedRoomId, OwnedUserId, RoomId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Bridge, Failure};
use crate::matrix::MatrixError;
use crate::store::{Job, JobKind, Lane, NewJob, Portal, StoreError, Tx};

/// How often a change is made again when another client wrote at the same moment.
const ATTEMPTS: usize = 5;

/// One change of somebody's `m.direct`.
#[derive(Debug, Deserialize, Serialize)]
struct Change {
    owner: OwnedUserId,
    /// Under whose ID the room stands: the other side.
    peer: OwnedUserId,
    room: OwnedRoomId,
    present: bool,
}

impl Bridge {
    /// Plans that a room is, or is no more, a direct chat: for the puppet, and for the human where that is allowed.
    pub(super) async fn change_direct(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        room: &RoomId,
        present: bool,
    ) -> Result<(), StoreError> {
        let mut sides = vec![(&portal.puppet, &portal.user)];
        if self.acts_for(&portal.user) {
            sides.push((&portal.user, &portal.puppet));
        }
        for (owner, peer) in sides {
            let change = Change {
                owner: owner.clone(),
                peer: peer.clone(),
                room: room.to_owned(),
                present,
            };
            let payload = json!(change).to_string();
            let job = NewJob {
                lane: Lane::direct(owner),
                kind: JobKind::Direct,
                key: None,
                portal: Some(portal.id),
                payload: payload.as_bytes(),
                due_at: self.now(),
            };
            tx.enqueue(&job, self.now()).await?;
        }
        Ok(())
    }

    pub(super) async fn work_direct(&self, job: &Job) -> Result<(), Failure> {
        let change: Change = serde_json::from_slice(&job.payload)
            .map_err(|error| Failure::Fail(format!("the stored change can't be read: {error}")))?;
        if change.present && self.acts_for(&change.owner) {
            // The human joins by itself. In a room that it has made or joined already this changes nothing.
            match self.homeserver.join(&change.owner, &change.room).await {
                Err(error @ MatrixError::Refused { .. }) => {
                    tracing::warn!(room_id = %change.room, %error, "the user could not be joined, and must accept the invite");
                }
                other => other?,
            }
        }
        for _ in 0..ATTEMPTS {
            let before = self
                .homeserver
                .account_data(&change.owner, "m.direct")
                .await?
                .unwrap_or_default();
            let after = merged(&before, &change);
            if before == after {
                let tx = self.settle(job).await?;
                return self.finish(tx, job).await;
            }
            // Written, then read again: there is no compare-and-set, so another client may have written between.
            self.homeserver
                .set_account_data(&change.owner, "m.direct", &after)
                .await?;
        }
        Err(Failure::Retry {
            after: None,
            reason: "m.direct kept changing under our hands".into(),
        })
    }
}

/// `m.direct` with the change made: everything else stays, also what does not have the expected form.
fn merged(before: &Map<String, Value>, change: &Change) -> Map<String, Value> {
    let mut after = before.clone();
    let peer = change.peer.as_str();
    let room = Value::from(change.room.as_str());
    if !change.present {
        if let Some(Value::Array(rooms)) = after.get_mut(peer) {
            rooms.retain(|other| *other != room);
            if rooms.is_empty() {
                after.remove(peer);
            }
        }
        return after;
    }
    match after.get_mut(peer) {
        Some(Value::Array(rooms)) => {
            if !rooms.contains(&room) {
                rooms.push(room);
            }
        }
        _ => {
            after.insert(peer.to_owned(), json!([room]));
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(present: bool) -> Change {
        Change {
            owner: "@puppet:hs".try_into().unwrap(),
            peer: "@bob:hs".try_into().unwrap(),
            room: "!b:hs".try_into().unwrap(),
            present,
        }
    }

    #[test]
    fn everything_else_survives() {
        for (before, present, after) in [
            (json!({}), true, json!({"@bob:hs": ["!b:hs"]})),
            (
                json!({"@bob:hs": ["!a:hs"]}),
                true,
                json!({"@bob:hs": ["!a:hs", "!b:hs"]}),
            ),
            (json!({"@bob:hs": ["!b:hs"]}), true, json!({"@bob:hs": ["!b:hs"]})),
            (
                json!({"@bob:hs": 5, "@c:hs": "x"}),
                true,
                json!({"@bob:hs": ["!b:hs"], "@c:hs": "x"}),
            ),
            (
                json!({"@bob:hs": ["!a:hs", "!b:hs"], "@c:hs": []}),
                false,
                json!({"@bob:hs": ["!a:hs"], "@c:hs": []}),
            ),
            (json!({"@bob:hs": ["!b:hs"]}), false, json!({})),
            (
                json!({"@bob:hs": {"odd": 1}}),
                false,
                json!({"@bob:hs": {"odd": 1}}),
            ),
        ] {
            let merged = merged(before.as_object().unwrap(), &change(present));
            assert_eq!(Value::Object(merged), after);
        }
    }
}
