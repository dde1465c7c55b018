//! A message in a room of one of our puppets that the store does not know: its portal was never committed (a crash right
//! after the room was made), or the store is older than the room. The message must not be lost.

use std::time::Duration;

use super::{Bridge, Failure};
use crate::convert::address::address_of;
use crate::matrix::MatrixError;
use crate::model::RoomEvent;
use crate::store::{Job, PortalState};

/// How long to wait for a mail that is just making this room, and how often.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENT_ATTEMPTS: u32 = 3;

impl Bridge {
    /// Makes the room a portal, when it holds one puppet and its sender alone, and works the message; else ends the job
    /// with a line in the log.
    pub(super) async fn adopt(&self, job: &Job, event: &RoomEvent) -> Result<(), Failure> {
        metrics::counter!("penpal_events_in_unknown_rooms_total").increment(1);
        let namespace = &self.settings.namespace;
        let mut tx = self.store.read().await?;
        let puppets: Vec<_> = tx.joined_members(&event.room_id).await?;
        let mut puppets = puppets
            .into_iter()
            .filter_map(|user| Some((address_of(namespace, &user)?, user)));
        let (Some((address, puppet)), None) = (puppets.next(), puppets.next()) else {
            tracing::warn!(job = job.id, room_id = %event.room_id, "a message in a room that is no portal");
            drop(tx);
            return self.ignore(job, event, "the room is no portal").await;
        };
        let others = tx.portals_with(&address, Some(&event.sender), 50).await?;
        drop(tx);
        let in_the_making =
            |portal: &crate::store::Portal| portal.room.is_none() || portal.state != PortalState::Active;
        if job.attempts < PATIENT_ATTEMPTS && others.iter().any(in_the_making) {
            return Err(Failure::Retry {
                after: Some(PATIENCE),
                reason: "the room may be in the making".into(),
            });
        }
        self.ensure_puppet(&puppet, &address, None).await?;
        let facts = match self.room_facts(&puppet, &event.room_id).await {
            Ok(facts) => facts,
            Err(MatrixError::Refused { message, .. }) => {
                return self
                    .ignore(job, event, &format!("the room can't be looked at: {message}"))
                    .await;
            }
            Err(error) => return Err(error.into()),
        };
        if facts.others_than(&puppet, &event.sender) > 0 {
            tracing::warn!(job = job.id, room_id = %event.room_id, "a message in a group that is no portal");
            return self.ignore(job, event, "the room is no direct chat").await;
        }
        // The puppet has followed an upgrade, and the lane of the old room has not come to its end yet.
        let upgraded = match &facts.predecessor {
            Some(old) => self.store.read().await?.portal_by_room(old).await?,
            None => None,
        };
        let upgraded = upgraded.filter(|portal| portal.puppet == puppet && portal.user == event.sender);
        let history = match &upgraded {
            Some(_) => self.read_back(&puppet, &event.room_id, None).await?,
            None => Vec::new(),
        };
        let mut tx = self.settle(job).await?;
        let portal = if let Some(portal) = upgraded {
            portal
        } else {
            tracing::warn!(job = job.id, room_id = %event.room_id, "a direct chat that was not known is taken up");
            self.new_portal(&mut tx, event, &puppet, &address).await?
        };
        self.begin_portal(&mut tx, &portal, &event.room_id, &facts)
            .await?;
        self.apply_history(&mut tx, job, &history).await?;
        self.apply_event(&mut tx, event).await?;
        self.finish(tx, job).await
    }
}
