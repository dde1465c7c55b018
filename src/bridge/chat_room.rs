//! The room into which an email goes.

use std::time::Duration;

use ruma::{OwnedRoomId, RoomId, UserId};

use super::{Bridge, Failure};
use crate::matrix::{MatrixError, NewRoom};
use crate::model::RoomEvent;
use crate::store::{Job, Portal, PortalState, StoreError};

/// How long a homeserver may need to make a room and to invite into it: it goes on also when nobody waits for the answer any more.
const MAKING: Duration = Duration::from_secs(10);

/// How many rooms that belong to no portal are looked into.
const LOOKED_INTO: usize = 50;

/// A portal's room.
pub(super) struct ChatRoom {
    pub(super) id: OwnedRoomId,
    /// True when this very attempt has made it.
    fresh: bool,
}

impl Bridge {
    /// The portal's room; a new one when there is none or the user has left it.
    pub(super) async fn ensure_room(&self, job: &Job, portal: &Portal) -> Result<ChatRoom, Failure> {
        match (&portal.room, portal.state) {
            (Some(room), PortalState::Active) => {
                return Ok(ChatRoom {
                    id: room.clone(),
                    fresh: false,
                });
            }
            (_, PortalState::Removed) => {
                return Err(Failure::Fail(format!(
                    "{} has removed {} from the chat while this mail waited",
                    portal.user, portal.address
                )));
            }
            _ => {}
        }
        let new = NewRoom {
            name: portal.subject.clone().or_else(|| portal.name.clone()),
            invite: portal.user.clone(),
        };
        let room = if let Some(room) = self.unfinished_room(portal, &new).await? {
            room
        } else {
            let mut tx = self.settle(job).await?;
            tx.ask_for_room(portal.id, self.now()).await?;
            tx.commit().await?;
            self.homeserver.create_room(&portal.puppet, &new).await?
        };
        // Homeservers can encrypt every new room; that event is our own, which is not looked at when it is pushed.
        let encrypted = match self.is_encrypted(&portal.puppet, &room).await {
            Ok(encrypted) => encrypted,
            // The room is there and must be noted, whatever else fails.
            Err(error) => {
                tracing::warn!(portal = portal.id, room_id = %room, %error, "whether the new room is encrypted is not known");
                false
            }
        };
        let mut tx = match self.settle(job).await {
            Err(error @ StoreError::LeaseLost { .. }) => {
                if let Err(trouble) = self.leave_in_vain(portal, &room).await {
                    tracing::warn!(portal = portal.id, room_id = %room, %trouble, "a room made in vain stays");
                }
                return Err(error.into());
            }
            tx => tx?,
        };
        if encrypted {
            self.tell_encrypted(&mut tx, portal.id).await?;
        }
        tx.place_portal(portal.id, &room, new.name.as_deref(), None, encrypted)
            .await?;
        self.move_direct(&mut tx, portal, &room).await?;
        tx.commit().await?;
        tracing::info!(portal = portal.id, room_id = %room, "direct chat created");
        Ok(ChatRoom {
            id: room,
            fresh: true,
        })
    }

    /// A process that stood still while it asked for a room may have got one that another process has made anew meanwhile: the puppet
    /// does not stay in both, unless its user was quick to write in this one, which then is a chat of its own.
    async fn leave_in_vain(&self, portal: &Portal, room: &RoomId) -> Result<(), Failure> {
        let now = self.store.read().await?.portal(portal.id).await?;
        let now = now.filter(|now| now.state == PortalState::Active);
        let another = now.and_then(|now| now.room).is_some_and(|taken| taken != *room);
        if !another || self.store.read().await?.portal_by_room(room).await?.is_some() {
            return Ok(());
        }
        let page = self.homeserver.history(&portal.puppet, room, None).await?;
        let mut said = page
            .events
            .iter()
            .filter_map(|event| RoomEvent::from_json(event).ok());
        if !said.any(|event| event.state_key.is_none() && event.sender == portal.user) {
            let reason = "This room was made by mistake. The conversation goes on in another one.";
            self.homeserver.leave(&portal.puppet, room, Some(reason)).await?;
        }
        Ok(())
    }

    /// The room that the homeserver has made when the answer did not come, or nobody lived to see it: there is no transaction ID
    /// for creating rooms, and the user must not be invited into one empty room after the other. Our own record of who
    /// is where does not do, because it lags behind the homeserver.
    async fn unfinished_room(&self, portal: &Portal, new: &NewRoom) -> Result<Option<OwnedRoomId>, Failure> {
        let Some(asked) = portal.room_asked_at else {
            return Ok(None);
        };
        for room in self.rooms_without_portal(&portal.puppet).await? {
            let facts = match self.room_facts(&portal.puppet, &room).await {
                Ok(facts) => facts,
                Err(MatrixError::Refused { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            // Who is quick has accepted already.
            let invited = facts.inside().any(|member| member.user_id == portal.user);
            if invited && facts.name == new.name && facts.others_than(&portal.puppet, &portal.user) == 0 {
                return Ok(Some(room));
            }
        }
        // A clock that was set back must not keep the mail waiting.
        let now = self.now();
        match MAKING.checked_sub(now.since(asked)) {
            Some(rest) if asked <= now && !rest.is_zero() => Err(Failure::Retry {
                after: Some(rest),
                reason: "the homeserver may be making the room still".to_owned(),
            }),
            _ => Ok(None),
        }
    }

    /// Rooms in which the puppet is and that belong to no portal.
    async fn rooms_without_portal(&self, puppet: &UserId) -> Result<Vec<OwnedRoomId>, Failure> {
        let joined = self.homeserver.joined_rooms(puppet).await?;
        let mut tx = self.store.read().await?;
        let mut unknown = Vec::new();
        for room in joined {
            if unknown.len() < LOOKED_INTO && tx.portal_by_room(&room).await?.is_none() {
                unknown.push(room);
            }
        }
        Ok(unknown)
    }

    /// What becomes of a mail of which an event was not taken. When the puppet is not let into its room any more, the next
    /// attempt makes a new one; when that does not help either, the mail is kept as failed.
    pub(super) async fn not_sent(
        &self,
        job: &Job,
        portal: &Portal,
        room: &ChatRoom,
        error: MatrixError,
    ) -> Result<Failure, Failure> {
        let shut_out = matches!(
            error,
            MatrixError::Refused {
                status: 403 | 404,
                ..
            }
        );
        if !shut_out || room.fresh {
            return Ok(error.into());
        }
        let mut tx = self.settle(job).await?;
        tx.end_portal(portal.id, &room.id, PortalState::Closed).await?;
        tx.commit().await?;
        Ok(Failure::Retry {
            after: None,
            reason: error.to_string(),
        })
    }
}
