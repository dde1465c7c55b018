//! What the homeserver sends is written down as well, while somebody records it (`penpal record`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::Bridge;
use crate::store::StoreError;

/// How often it is looked whether somebody records.
const LOOK: Duration = Duration::from_secs(1);

/// After how many looks without a sign of life whoever recorded is held to be gone.
const PATIENCE: u32 = 10;

/// Whether what comes is written down.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    wanted: AtomicBool,
}

impl Bridge {
    /// Looks, again and again, whether somebody records. Never ends by itself.
    pub async fn watch_recorder(&self) {
        // What is found first may be left from one who has gone: that it changes is the sign.
        let mut seen = None;
        let mut silent = PATIENCE;
        let mut first = true;
        loop {
            match self.look_for_recorder().await {
                Ok(found) => {
                    silent = match &found {
                        None => PATIENCE,
                        Some(_) if !first && found != seen => 0,
                        Some(_) => silent.saturating_add(1),
                    };
                    (seen, first) = (found, false);
                    if let Err(error) = self.record_from_now_on(silent < PATIENCE).await {
                        tracing::warn!(%error, "recording can't be begun or ended");
                    }
                }
                Err(error) => tracing::debug!(%error, "can't see whether somebody records"),
            }
            sleep(LOOK).await;
        }
    }

    async fn look_for_recorder(&self) -> Result<Option<String>, StoreError> {
        self.store.read().await?.recorder().await
    }

    /// Begins to record, and says so; or ends it, and takes away what nobody has fetched.
    async fn record_from_now_on(&self, wanted: bool) -> Result<(), StoreError> {
        if self.recorder.wanted.swap(wanted, Ordering::Relaxed) == wanted {
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        if wanted {
            tx.record(&self.owner, None).await?;
            tracing::info!("what the homeserver sends is recorded by `penpal record`");
        } else {
            tx.forget_recorded(Some(&self.owner)).await?;
            tracing::info!("recording has ended");
        }
        tx.commit_relaxed().await
    }

    /// Records a transaction, as it arrives. Trouble with that is no trouble of the transaction.
    pub(super) async fn record_transaction(&self, txn_id: &str, body: &Value) {
        if self.recorder.wanted.load(Ordering::Relaxed) {
            let path = format!("/_matrix/app/v1/transactions/{txn_id}");
            let at = self.now().millis();
            self.record(&json!({"txn_id": txn_id, "at": at, "path": path, "body": body}))
                .await;
        }
    }

    /// Records the question whether a user exists, and the answer.
    pub(super) async fn record_query(&self, user: &str, exists: bool) {
        if self.recorder.wanted.load(Ordering::Relaxed) {
            let path = format!(
                "/_matrix/app/v1/users/{}",
                user.replace('%', "%25").replace('/', "%2F")
            );
            let answer = if exists { 200 } else { 404 };
            self.record(&json!({"method": "GET", "path": path, "answer": answer}))
                .await;
        }
    }

    async fn record(&self, line: &Value) {
        let recorded = async {
            let mut tx = self.store.begin().await?;
            tx.record(&self.owner, Some(&line.to_string())).await?;
            tx.commit_relaxed().await
        };
        if let Err(error) = recorded.await {
            tracing::warn!(%error, "a request of the homeserver is missing in the recording");
        }
    }
}
