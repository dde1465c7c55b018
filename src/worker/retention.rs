//! Texts and finished jobs go some time after they were delivered, a few at a time; what was given up goes as soon as it can.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Worker, pause};
use crate::bridge::LONGEST_LIMIT;
use crate::store::{Place, StoreError};

/// How often it is looked for what can go.
const INTERVAL: Duration = Duration::from_hours(1);

/// The pause before it is tried again to remove what was given up.
const PAUSE: Duration = Duration::from_secs(5);

/// Jobs that are looked at in one transaction: a few milliseconds for those who wait for their turn.
const AT_ONCE: i64 = 128;

impl Worker {
    /// Forgets what was delivered longer ago than `queue.keep_delivered`.
    pub async fn forget_delivered(&self) -> Result<(), StoreError> {
        self.forget_until(&CancellationToken::new()).await
    }

    pub(super) async fn run_retention(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.forget_until(stop).await {
                tracing::warn!(%error, "what was delivered long ago could not be forgotten, trying again in an hour");
            }
            pause(INTERVAL, stop).await;
        }
    }

    /// Removes what was given up: the next mail may need its room. On a full disk there may not be enough even for that, until the file goes
    /// that the mail came in.
    pub(super) async fn run_clearing(&self, stop: &CancellationToken) {
        let store = self.bridge.store();
        while !stop.is_cancelled() {
            tokio::select! {
                () = store.gives_up() => {}
                () = stop.cancelled() => return,
            }
            while let Err(error) = store.remove_given_up().await {
                tracing::warn!(%error, "what is left of a large file in the store can't be removed yet, trying again");
                pause(PAUSE, stop).await;
                if stop.is_cancelled() {
                    return;
                }
            }
        }
    }

    async fn forget_until(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let before = self.bridge.now() - self.bridge.settings().keep_delivered;
        let spent_before = self.bridge.now() - LONGEST_LIMIT;
        let mut place = Some(Place::default());
        while let Some(after) = place.filter(|_| !stop.is_cancelled()) {
            let mut tx = self.bridge.store().begin_work().await?;
            if after == Place::default() {
                tx.forget_spending(spent_before).await?;
            }
            place = tx.forget_delivered(after, before, AT_ONCE).await?;
            tx.commit_relaxed().await?;
        }
        self.bridge
            .store()
            .remove_unneeded_contents(self.bridge.now())
            .await
    }
}
