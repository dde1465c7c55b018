//! A portal's room changes: name, topic, encryption, upgrade.

use ruma::{OwnedRoomId, RoomId, UserId};
use serde_json::Value;

use super::{Bridge, Failure};
use crate::matrix::{MatrixError, Member};
use crate::model::RoomEvent;
use crate::store::{Job, Portal, StoreError, Tx};

/// What the puppet says, once, in a room that is encrypted.
const ENCRYPTED: &str = "This chat is encrypted, and I can't read encrypted messages yet: what you write here does not \
     reach the email side. Please start a new chat without encryption.";

/// What is to be known of a room that the puppet has just joined.
pub(super) struct RoomFacts {
    pub(super) members: Vec<Member>,
    pub(super) name: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) encrypted: bool,
}

impl RoomFacts {
    /// Who is in the room or invited to it.
    pub(super) fn inside(&self) -> impl Iterator<Item = &Member> {
        self.members
            .iter()
            .filter(|member| matches!(member.membership.as_str(), "join" | "invite"))
    }

    /// How many there are beside a puppet and its correspondent.
    pub(super) fn others_than(&self, puppet: &UserId, user: &UserId) -> usize {
        self.inside()
            .filter(|member| member.user_id != puppet && member.user_id != user)
            .count()
    }
}

impl Bridge {
    /// A state event of a portal's room, other than memberships and upgrades.
    pub(super) async fn apply_state(
        &self,
        tx: &mut Tx,
        mut portal: Portal,
        event: &RoomEvent,
    ) -> Result<(), StoreError> {
        if event.is_room_state("m.room.name") {
            portal.name = usable(event.text("name"));
        } else if event.is_room_state("m.room.topic") {
            portal.topic = usable(event.text("topic"));
        } else if event.is_room_state("m.room.encryption") {
            self.note_encryption(tx, &mut portal).await?;
        }
        tx.update_portal(&portal).await
    }

    /// Tells the user, once, that encrypted messages can't be read.
    pub(super) async fn note_encryption(&self, tx: &mut Tx, portal: &mut Portal) -> Result<(), StoreError> {
        if !portal.encrypted {
            portal.encrypted = true;
            self.add_notice(tx, portal.id, ENCRYPTED, None).await?;
        }
        Ok(())
    }

    /// Asks the homeserver about a room that the puppet is in.
    pub(super) async fn room_facts(&self, puppet: &UserId, room: &RoomId) -> Result<RoomFacts, MatrixError> {
        let members = self.homeserver.members(puppet, room).await?;
        let state = self.homeserver.state(puppet, room).await?;
        Ok(RoomFacts {
            members,
            name: usable(state_text(&state, "m.room.name", "name")),
            topic: usable(state_text(&state, "m.room.topic", "topic")),
            encrypted: state_content(&state, "m.room.encryption").is_some(),
        })
    }

    /// Writes what was learnt of a room into the portal.
    pub(super) async fn apply_facts(
        &self,
        tx: &mut Tx,
        portal: &mut Portal,
        room: &RoomId,
        facts: &RoomFacts,
    ) -> Result<(), StoreError> {
        for member in &facts.members {
            tx.set_member(
                room,
                &member.user_id,
                &member.membership,
                member.display_name.as_deref(),
            )
            .await?;
        }
        portal.name.clone_from(&facts.name);
        portal.topic.clone_from(&facts.topic);
        if facts.encrypted {
            self.note_encryption(tx, portal).await?;
        }
        Ok(())
    }

    /// The room was upgraded: the portal moves to its successor, at once when the puppet can join it, else when
    /// it is invited (room upgrades invite nobody by themselves).
    pub(super) async fn work_tombstone(&self, job: &Job, event: &RoomEvent) -> Result<(), Failure> {
        let portal = self.store.read().await?.portal_by_room(&event.room_id).await?;
        let Some(mut portal) = portal else {
            return self
                .ignore(job, event, "an upgrade of a room that is no portal")
                .await;
        };
        let successor: Option<OwnedRoomId> = event
            .text("replacement_room")
            .and_then(|room| room.try_into().ok());
        let Some(successor) = successor else {
            return self
                .ignore(job, event, "an upgrade that names no room to go to")
                .await;
        };
        match self.homeserver.join(&portal.puppet, &successor).await {
            Ok(()) => {
                let facts = self.room_facts(&portal.puppet, &successor).await?;
                let mut tx = self.settle(job).await?;
                self.move_portal(&mut tx, &mut portal, &successor).await?;
                self.apply_facts(&mut tx, &mut portal, &successor, &facts).await?;
                tx.update_portal(&portal).await?;
                self.finish(tx, job).await
            }
            Err(MatrixError::Refused { .. }) => {
                portal.successor = Some(successor);
                let mut tx = self.settle(job).await?;
                tx.update_portal(&portal).await?;
                self.finish(tx, job).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes `room` the portal's room.
    pub(super) async fn move_portal(
        &self,
        tx: &mut Tx,
        portal: &mut Portal,
        room: &RoomId,
    ) -> Result<(), StoreError> {
        if portal.room.as_deref() != Some(room) {
            if let Some(old) = portal.room.replace(room.to_owned()) {
                self.change_direct(tx, portal, &old, false).await?;
            }
            portal.encrypted = false;
        }
        portal.successor = None;
        portal.state = crate::store::PortalState::Active;
        self.change_direct(tx, portal, room, true).await
    }
}

/// The content of the state event of a type with an empty state key.
fn state_content<'a>(state: &'a [Value], event_type: &str) -> Option<&'a Value> {
    state
        .iter()
        .find(|event| {
            event.get("type").and_then(Value::as_str) == Some(event_type)
                && event.get("state_key").and_then(Value::as_str) == Some("")
        })
        .and_then(|event| event.get("content"))
}

/// A text of the state.
pub(super) fn state_text<'a>(state: &'a [Value], event_type: &str, field: &str) -> Option<&'a str> {
    state_content(state, event_type)?.get(field)?.as_str()
}

/// The room that this room's creation event names as its predecessor.
pub(super) fn predecessor(state: &[Value]) -> Option<OwnedRoomId> {
    state_content(state, "m.room.create")?
        .get("predecessor")?
        .get("room_id")?
        .as_str()?
        .try_into()
        .ok()
}

/// A name or topic that says something.
fn usable(text: Option<&str>) -> Option<String> {
    text.map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
