//! The room into which an email goes.

use ruma::OwnedRoomId;

use super::{Bridge, Failure};
use crate::matrix::{MatrixError, NewRoom};
use crate::store::{Job, Portal, PortalState};

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
        let room = match self.unfinished_room(job, portal, &new).await? {
            Some(room) => room,
            None => self.homeserver.create_room(&portal.puppet, &new).await?,
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
        let mut tx = self.settle(job).await?;
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

    /// The room that an earlier attempt has made when it did not live to see the answer: there is no transaction ID for
    /// creating rooms, and the user must not be invited into one empty room after the other.
    async fn unfinished_room(
        &self,
        job: &Job,
        portal: &Portal,
        new: &NewRoom,
    ) -> Result<Option<OwnedRoomId>, Failure> {
        if job.attempts == 0 {
            return Ok(None);
        }
        let rooms = self
            .store
            .read()
            .await?
            .unknown_rooms_of(&portal.puppet, 10)
            .await?;
        for room in rooms {
            let facts = match self.room_facts(&portal.puppet, &room).await {
                Ok(facts) => facts,
                Err(MatrixError::Refused { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let invited = facts
                .inside()
                .any(|member| member.user_id == portal.user && member.membership == "invite");
            if invited && facts.name == new.name && facts.others_than(&portal.puppet, &portal.user) == 0 {
                return Ok(Some(room));
            }
        }
        Ok(None)
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
