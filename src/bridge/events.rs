//! A committed event is worked: dispatch by type.

use ruma::OwnedEventId;

use super::submit::one_line;
use super::{Bridge, Failure};
use crate::convert::address::address_of;
use crate::convert::relation::{self, Relation};
use crate::convert::to_email;
use crate::model::RoomEvent;
use crate::store::{Job, JobState, Portal, PortalState, StoreError, Tx};

/// How many chats are looked through for one in which somebody can be told something.
const OTHER_CHATS: i64 = 50;

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
        if !self.apply_event(&mut tx, &event).await? && event.state_key.is_none() {
            let for_bot = tx.bot_room(&event.room_id).await?.is_some();
            tx.commit().await?;
            return if for_bot {
                self.work_command(job, &event).await
            } else {
                self.adopt(job, &event).await
            };
        }
        // Taken back by a power cut, it is worked again and comes to the same: nobody outside has seen it yet.
        Ok(tx.commit_end_relaxed(job, &self.owner, self.now()).await?)
    }

    /// Works events that follow each other in a room, all in one transaction, up to the first for which the store is not enough.
    /// Answers how many.
    pub async fn work_together(&self, jobs: &[Job]) -> Result<usize, Failure> {
        let Some(first) = jobs.first() else { return Ok(0) };
        let mut tx = self.settle(first).await?;
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            let Ok(event) = read_event(job) else { break };
            if matches!(event.event_type.as_str(), "m.room.member" | "m.room.tombstone") {
                break;
            }
            if !self.apply_event(&mut tx, &event).await? {
                break;
            }
            done.push(job.id);
        }
        if !done.is_empty() {
            tx.finish_jobs(&done, self.now()).await?;
            tx.commit_relaxed().await?;
        }
        Ok(done.len())
    }

    /// What an event changes in the portal of its room. False when the room is no portal's.
    pub(super) async fn apply_event(&self, tx: &mut Tx, event: &RoomEvent) -> Result<bool, StoreError> {
        if event.state_key.is_some() {
            let Some(portal) = tx.portal_by_room(&event.room_id).await? else {
                return Ok(false);
            };
            if is_read(&portal, event) {
                self.apply_state(tx, &portal, event).await?;
            }
            return Ok(true);
        }
        let Some(chat) = tx.chat(&event.room_id, &event.event_id, &event.sender).await? else {
            return Ok(false);
        };
        if is_read(&chat.portal, event) {
            self.apply_message(tx, chat, event).await?;
        }
        Ok(true)
    }

    /// Works what was read back from a room's history along with the job that read it: oldest first, each once.
    pub(super) async fn apply_history(
        &self,
        tx: &mut Tx,
        job: &Job,
        history: &[RoomEvent],
    ) -> Result<(), Failure> {
        for event in history {
            let fresh = tx
                .remember_key(&job.lane, job.kind, &super::inbox::event_key(event), self.now())
                .await?;
            if !fresh || event.state_key.is_some() || !self.matters(event) {
                continue;
            }
            if self.apply_event(tx, event).await? {
                metrics::counter!("penpal_events_read_back_total").increment(1);
            }
        }
        Ok(())
    }

    /// Tells who wrote a message that it goes nowhere: it was acknowledged, so nobody else will.
    pub(super) async fn tell_not_worked(
        &self,
        tx: &mut Tx,
        job: &Job,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(event) = read_event(job).ok().filter(is_of_a_person) else {
            return Ok(());
        };
        let (portal, what) = match tx.portal_by_room(&event.room_id).await? {
            Some(portal) if is_read(&portal, &event) => (portal, "This message"),
            Some(_) => return Ok(()),
            None => match self.other_chat(tx, &event).await? {
                Some(portal) => (portal, "A message that you wrote in another chat"),
                None => return Ok(()),
            },
        };
        let about = about(&event).filter(|_| portal.room.as_ref() == Some(&event.room_id));
        let reason = one_line(reason);
        let text = format!("{what} could not be delivered to {}. {reason}", portal.address);
        self.add_given_up(tx, portal.id, &text, about.as_deref(), job.id)
            .await
    }

    /// Another chat of an event's sender with the one puppet in its room, which is no portal's.
    async fn other_chat(&self, tx: &mut Tx, event: &RoomEvent) -> Result<Option<Portal>, StoreError> {
        let members = tx.joined_members(&event.room_id).await?;
        let mut addresses = members
            .iter()
            .filter_map(|user| address_of(&self.settings.namespace, user));
        let (Some(address), None) = (addresses.next(), addresses.next()) else {
            return Ok(None);
        };
        let mut chats = tx
            .portals_with(&address, Some(&event.sender), OTHER_CHATS)
            .await?;
        let open = |chat: &Portal| chat.room.is_some() && chat.state == PortalState::Active;
        let best = chats.iter().position(open).unwrap_or_default();
        Ok((best < chats.len()).then(|| chats.swap_remove(best)))
    }

    /// Ends an event's job without effect, with the reason in the log.
    pub(super) async fn ignore(&self, job: &Job, event: &RoomEvent, why: &str) -> Result<(), Failure> {
        tracing::info!(job = job.id, event_id = %event.event_id, room_id = %event.room_id, "event ignored: {why}");
        self.end_without_effect(job, why).await
    }

    /// The same, without a word in the log.
    pub(super) async fn end_without_effect(&self, job: &Job, why: &str) -> Result<(), Failure> {
        let mut tx = self.settle(job).await?;
        tx.finish_job(job.id, JobState::Done, Some(why), self.now())
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Whether what happens in a portal's room still counts. Where it was closed because the puppet could not write there, its user is still read.
fn is_read(portal: &Portal, event: &RoomEvent) -> bool {
    match portal.state {
        PortalState::Active => true,
        PortalState::Closed => event.sender == portal.user,
        PortalState::Removed => false,
    }
}

/// Whether an event is a message that somebody misses when it does not arrive. Programs write notices, and one that answers notices would
/// go on for ever.
fn is_of_a_person(event: &RoomEvent) -> bool {
    event.state_key.is_none()
        && event.text("msgtype") != Some("m.notice")
        && (event.event_type == "m.room.encrypted"
            || to_email::is_mailable(&event.event_type, &event.content))
}

/// The message that a notice about an event is shown on.
fn about(event: &RoomEvent) -> Option<OwnedEventId> {
    match relation::relation(&event.content) {
        // Clients do not show these as events of their own.
        Relation::Edit | Relation::Annotation => relation::referred(&event.content)?.try_into().ok(),
        _ => Some(event.event_id.clone()),
    }
}

/// The event that a job is about, or why it can't be read.
fn read_event(job: &Job) -> Result<RoomEvent, String> {
    serde_json::from_slice(&job.payload)
        .map_err(|error| error.to_string())
        .and_then(|value| RoomEvent::from_json(&value).map_err(|error| error.to_string()))
        .map_err(|error| format!("the stored event can't be read: {error}"))
}
