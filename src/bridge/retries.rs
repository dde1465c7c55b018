//! A Matrix user has something tried again that was given up: by a reaction to the notice that says so.

use ruma::OwnedEventId;

use super::Bridge;
use crate::convert::relation::{self, Relation};
use crate::model::RoomEvent;
use crate::store::{JobState, Portal, StoreError, Tx};

/// The reaction: 🔁, which some clients write with a variation selector behind it.
const AGAIN: &str = "\u{1f501}";
const VARIATION: char = '\u{fe0f}';

/// What a notice says at its end, to whom it can be said with a reaction.
pub(super) const OFFER: &str = "React to this with \u{1f501} to have it tried again.";

const DONE: &str = "That has been delivered meanwhile, or was dropped: there is nothing to try again.";

impl Bridge {
    /// Tries again what a notice offers, when the portal's user reacts to it so; nobody else may. True when the event was about that,
    /// and so is none of the email user's.
    pub(super) async fn try_again(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        event: &RoomEvent,
    ) -> Result<bool, StoreError> {
        let Some(notice) = reacts_again(event) else {
            return Ok(false);
        };
        let Some(id) = tx.offered_retry(&notice, portal.id).await? else {
            return Ok(false);
        };
        if event.sender != portal.user {
            return Ok(true);
        }
        let state = tx.show_job(id).await?.map(|job| job.state);
        let failed = state.as_deref() == Some(JobState::Failed.as_str());
        if failed && tx.retry_job(id, self.now()).await? {
            tracing::info!(job = id, portal = portal.id, "tried again, as its user wants it");
            metrics::counter!("penpal_retries_by_users_total").increment(1);
        } else if state.as_deref() != Some(JobState::Waiting.as_str()) {
            self.add_notice(tx, portal.id, DONE, Some(&notice)).await?;
        }
        Ok(true)
    }
}

/// The event to which somebody reacts with 🔁.
fn reacts_again(event: &RoomEvent) -> Option<OwnedEventId> {
    if event.event_type != "m.reaction" || relation::relation(&event.content) != Relation::Annotation {
        return None;
    }
    let key = event.content.get("m.relates_to")?.get("key")?.as_str()?;
    if key.trim_end_matches(VARIATION) != AGAIN {
        return None;
    }
    relation::referred(&event.content)?.try_into().ok()
}
