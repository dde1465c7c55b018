//! Who is in a room changes.

use ruma::{OwnedUserId, UserId};

use super::{Bridge, Failure};
use crate::matrix::MatrixError;
use crate::model::RoomEvent;
use crate::store::{Job, Portal, PortalState};

impl Bridge {
    pub(super) async fn work_membership(&self, job: &Job, event: &RoomEvent) -> Result<(), Failure> {
        let member: Option<OwnedUserId> = event.state_key.as_deref().and_then(|key| key.try_into().ok());
        let (Some(member), Some(membership)) = (member, event.text("membership")) else {
            return self
                .ignore(job, event, "a membership without a user or a value")
                .await;
        };
        let namespace = &self.settings.namespace;
        if membership == "invite" && member == namespace.bot() {
            return self.invite_bot(job, event).await;
        }
        if membership == "invite" && namespace.is_ours(&member) {
            return self.work_invite(job, event, &member).await;
        }
        let gone = matches!(membership, "leave" | "ban");
        let mut tx = self.settle(job).await?;
        let Some(portal) = tx.portal_by_room(&event.room_id).await? else {
            if namespace.is_ours(&member) {
                tx.set_member(&event.room_id, &member, membership, event.text("displayname"))
                    .await?;
            }
            if gone
                && tx
                    .bot_room(&event.room_id)
                    .await?
                    .is_some_and(|user| user == member)
            {
                tx.remove_bot_room(&event.room_id).await?;
            }
            return self.finish(tx, job).await;
        };
        if gone && member == portal.user {
            tx.commit().await?;
            return self.close_portal(job, event, portal).await;
        }
        tx.set_member(&event.room_id, &member, membership, event.text("displayname"))
            .await?;
        if gone && member == portal.puppet && event.sender != member {
            return self
                .end_portal(tx, job, event, portal, PortalState::Removed)
                .await;
        }
        self.finish(tx, job).await
    }

    /// The user left (or rejected the invite): the puppet leaves as well. The next email opens a new room.
    async fn close_portal(&self, job: &Job, event: &RoomEvent, portal: Portal) -> Result<(), Failure> {
        match self.homeserver.leave(&portal.puppet, &event.room_id, None).await {
            Ok(()) | Err(MatrixError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut tx = self.settle(job).await?;
        tx.set_member(&event.room_id, &portal.user, "leave", event.text("displayname"))
            .await?;
        self.end_portal(tx, job, event, portal, PortalState::Closed).await
    }

    /// The portal's room is not used any more. What is gathered leaves at once: nobody will add to it.
    async fn end_portal(
        &self,
        mut tx: crate::store::Tx,
        job: &Job,
        event: &RoomEvent,
        portal: Portal,
        state: PortalState,
    ) -> Result<(), Failure> {
        self.close_draft(&mut tx, portal.id).await?;
        if tx.end_portal(portal.id, &event.room_id, state).await? {
            self.change_direct(&mut tx, &portal, &event.room_id, false)
                .await?;
            tracing::info!(portal = portal.id, room_id = %event.room_id, state = state.as_str(), "portal ended");
        }
        self.finish(tx, job).await
    }

    /// Leaves a room, or declines its invite, with a reason that a person can read, and ends the job.
    pub(super) async fn decline(
        &self,
        job: &Job,
        event: &RoomEvent,
        user: &UserId,
        reason: &str,
    ) -> Result<(), Failure> {
        match self.homeserver.leave(user, &event.room_id, Some(reason)).await {
            Ok(()) | Err(MatrixError::Refused { .. }) => {
                // The reason may name somebody: it is in the queue.
                tracing::info!(job = job.id, event_id = %event.event_id, room_id = %event.room_id, "an invite was declined");
                self.end_without_effect(job, reason).await
            }
            Err(error) => Err(error.into()),
        }
    }
}
