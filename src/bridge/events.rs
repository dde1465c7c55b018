//! A committed event is worked: dispatch by type.

use super::{Bridge, Failure};
use crate::model::RoomEvent;
use crate::store::{Job, JobState, Portal, PortalState, StoreError, Tx};

impl Bridge {
    pub(super) async fn work_event(&self, job: &Job) -> Result<(), Failure> {
        let event = read_event(job).map_err(Failure::Fail)?;
        if event.event_type == "m.room.member" && event.state_key.is_some() {
            self.store.settled().await?;
            return self.work_membership(job, &event).await;
        }
        if event.is_room_state("m.room.tombstone") {
            self.store.settled().await?;
            return self.work_tombstone(job, &event).await;
        }
        let mut tx = self.settle(job).await?;
        let portal = tx.portal_by_room(&event.room_id).await?;
        if portal.is_none() && event.state_key.is_none() {
            let for_bot = tx.bot_room(&event.room_id).await?.is_some();
            tx.commit().await?;
            return if for_bot {
                self.work_command(job, &event).await
            } else {
                self.adopt(job, &event).await
            };
        }
        if let Some(portal) = portal {
            self.apply_event(&mut tx, portal, &event).await?;
        }
        // Taken back by a power cut, it is worked again and comes to the same: nobody outside has seen it yet.
        tx.finish_job(job.id, JobState::Done, None, self.now()).await?;
        Ok(tx.commit_relaxed().await?)
    }

    /// Works events that follow each other in a room, all in one transaction, up to the first for which the store is not enough.
    /// Answers how many.
    pub async fn work_together(&self, jobs: &[Job]) -> Result<usize, Failure> {
        let Some(first) = jobs.first() else { return Ok(0) };
        let mut tx = self.settle(first).await?;
        let mut done = Vec::with_capacity(jobs.len());
        let mut known: Option<Portal> = None;
        for job in jobs {
            let Ok(event) = read_event(job) else { break };
            if matches!(event.event_type.as_str(), "m.room.member" | "m.room.tombstone") {
                break;
            }
            let portal = match known
                .take()
                .filter(|portal| portal.room.as_ref() == Some(&event.room_id))
            {
                Some(portal) => portal,
                None => match tx.portal_by_room(&event.room_id).await? {
                    Some(portal) => portal,
                    None => break,
                },
            };
            known = self.apply_event(&mut tx, portal, &event).await?;
            done.push(job.id);
        }
        if !done.is_empty() {
            tx.finish_jobs(&done, self.now()).await?;
            tx.commit_relaxed().await?;
        }
        Ok(done.len())
    }

    /// What an event of a portal's room changes. Answers the portal as it is afterwards, where that is known without another look.
    async fn apply_event(
        &self,
        tx: &mut Tx,
        portal: Portal,
        event: &RoomEvent,
    ) -> Result<Option<Portal>, StoreError> {
        // In a room that was closed because the puppet could not write there, its user is still read.
        let open = match portal.state {
            PortalState::Active => true,
            PortalState::Closed => event.sender == portal.user,
            PortalState::Removed => false,
        };
        if !open {
            return Ok(Some(portal));
        }
        if event.state_key.is_some() {
            self.apply_state(tx, &portal, event).await?;
            return Ok(None);
        }
        self.apply_message(tx, portal, event).await
    }

    /// Works what was read back from a room's history along with the job that read it: oldest first, each once.
    pub(super) async fn apply_history(
        &self,
        tx: &mut Tx,
        job: &Job,
        portal: i64,
        history: &[RoomEvent],
    ) -> Result<(), Failure> {
        for event in history {
            let fresh = tx
                .remember_key(&job.lane, job.kind, &super::inbox::event_key(event), self.now())
                .await?;
            if !fresh || event.state_key.is_some() || !self.matters(event) {
                continue;
            }
            if let Some(portal) = tx.portal(portal).await? {
                self.apply_message(tx, portal, event).await?;
                metrics::counter!("penpal_events_read_back_total").increment(1);
            }
        }
        Ok(())
    }

    /// Ends an event's job without effect, with the reason in the log.
    pub(super) async fn ignore(&self, job: &Job, event: &RoomEvent, why: &str) -> Result<(), Failure> {
        tracing::info!(job = job.id, event_id = %event.event_id, room_id = %event.room_id, "event ignored: {why}");
        let mut tx = self.settle(job).await?;
        tx.finish_job(job.id, JobState::Done, Some(why), self.now())
            .await?;
        Ok(tx.commit().await?)
    }
}

/// The event that a job is about, or why it can't be read.
fn read_event(job: &Job) -> Result<RoomEvent, String> {
    serde_json::from_slice(&job.payload)
        .map_err(|error| error.to_string())
        .and_then(|value| RoomEvent::from_json(&value).map_err(|error| error.to_string()))
        .map_err(|error| format!("the stored event can't be read: {error}"))
}
