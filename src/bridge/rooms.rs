//! A portal's room changes: name, topic, encryption, upgrade.

use ruma::{OwnedRoomId, RoomId, UserId};
use serde_json::Value;

use super::{Bridge, Failure};
use crate::matrix::{MatrixError, Member};
use crate::model::RoomEvent;
use crate::store::{Job, Lane, Portal, StoreError, Tx};

/// What the puppet says, once, in a room that is encrypted.
const ENCRYPTED: &str = "This chat is encrypted, and I can't read encrypted messages yet: what you write here does not \
     reach the email side. Please start a new chat without encryption.";

/// What is to be known of a room that the puppet has just joined.
pub(super) struct RoomFacts {
    pub(super) members: Vec<Member>,
    pub(super) name: Option<String>,
    pub(super) topic: Option<String>,
    pub(super) encrypted: bool,
    /// The room that it says it replaces.
    pub(super) predecessor: Option<OwnedRoomId>,
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
        portal: &Portal,
        event: &RoomEvent,
    ) -> Result<(), StoreError> {
        if event.is_room_state("m.room.name") {
            tx.set_room_name(portal.id, usable(event.text("name")).as_deref())
                .await?;
        } else if event.is_room_state("m.room.topic") {
            tx.set_room_topic(portal.id, usable(event.text("topic")).as_deref())
                .await?;
        } else if event.is_room_state("m.room.encryption") && !portal.encrypted {
            self.tell_encrypted(tx, portal.id).await?;
            tx.set_encrypted(portal.id).await?;
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
            predecessor: predecessor(&state),
        })
    }

    /// Whether a room in which the puppet is is encrypted.
    pub(super) async fn is_encrypted(&self, puppet: &UserId, room: &RoomId) -> Result<bool, MatrixError> {
        let state = self.homeserver.state(puppet, room).await?;
        Ok(state_content(&state, "m.room.encryption").is_some())
    }

    /// Plans the words that are said in an encrypted room.
    pub(super) async fn tell_encrypted(&self, tx: &mut Tx, portal: i64) -> Result<(), StoreError> {
        self.add_notice(tx, portal, ENCRYPTED, None).await
    }

    /// The room, in which the puppet is, is the portal's from now on.
    pub(super) async fn begin_portal(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        room: &RoomId,
        facts: &RoomFacts,
    ) -> Result<(), StoreError> {
        // Before the portal's row, as everywhere.
        tx.lock_lane(&Lane::thread(portal.id)).await?;
        let known = portal.encrypted && portal.room.as_deref() == Some(room);
        if facts.encrypted && !known {
            self.tell_encrypted(tx, portal.id).await?;
        }
        for member in &facts.members {
            tx.set_member(
                room,
                &member.user_id,
                &member.membership,
                member.display_name.as_deref(),
            )
            .await?;
        }
        let (name, topic) = (facts.name.as_deref(), facts.topic.as_deref());
        tx.place_portal(portal.id, room, name, topic, facts.encrypted)
            .await?;
        self.move_direct(tx, portal, room).await
    }

    /// The room was upgraded: the portal moves to its successor, at once when the puppet can join it, else when
    /// it is invited (room upgrades invite nobody by themselves).
    pub(super) async fn work_tombstone(&self, job: &Job, event: &RoomEvent) -> Result<(), Failure> {
        let portal = self.store.read().await?.portal_by_room(&event.room_id).await?;
        let Some(portal) = portal else {
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
            Ok(()) => {}
            Err(MatrixError::Refused { .. }) => {
                let mut tx = self.settle(job).await?;
                tx.set_successor(portal.id, &successor).await?;
                return self.finish(tx, job).await;
            }
            Err(error) => return Err(error.into()),
        }
        let facts = self.room_facts(&portal.puppet, &successor).await?;
        // What was said there before the puppet came is part of the chat: it was only slower than the others.
        let history = self.read_back(&portal.puppet, &successor, None).await?;
        let mut tx = self.settle(job).await?;
        // Both rooms must say so: a tombstone can name any room, also one with other people in it.
        let taken = tx.portal_by_room(&successor).await?;
        if taken.is_some_and(|taken| taken.id != portal.id)
            || facts.predecessor.as_ref() != Some(&event.room_id)
        {
            tx.commit().await?;
            return self
                .ignore(job, event, "an upgrade to a room that does not replace this one")
                .await;
        }
        self.begin_portal(&mut tx, &portal, &successor, &facts).await?;
        self.apply_history(&mut tx, job, &history).await?;
        self.finish(tx, job).await
    }

    /// Plans that `room` is the direct chat, and the portal's former room no more.
    pub(super) async fn move_direct(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        room: &RoomId,
    ) -> Result<(), StoreError> {
        if let Some(old) = portal.room.as_deref().filter(|old| *old != room) {
            self.change_direct(tx, portal, old, false).await?;
        }
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

/// Longest name or topic that is used, in characters: they become subjects and names of rooms, which are refused when
/// an event would be too large.
const LONGEST_TEXT: usize = 1000;

/// A name or topic that says something.
fn usable(text: Option<&str>) -> Option<String> {
    let text: String = text?.trim().chars().take(LONGEST_TEXT).collect();
    (!text.is_empty()).then_some(text)
}
