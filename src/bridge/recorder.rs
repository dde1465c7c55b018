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

/// What a process has seen of who records.
#[derive(Debug, Default)]
pub struct RecorderWatch {
    /// Whether it has looked at all.
    has_looked: bool,
    /// The last sign of life.
    seen: Option<String>,
    /// Looks without another one.
    silent: u32,
}

impl Bridge {
    /// Looks, again and again, whether somebody records. Never ends by itself.
    pub async fn watch_recorder(&self) {
        let mut watch = RecorderWatch::default();
        loop {
            if let Err(error) = self.look_for_recorder(&mut watch).await {
                tracing::debug!(%error, "can't see whether somebody records");
            }
            sleep(LOOK).await;
        }
    }

    /// Looks once whether somebody records. What is found first may be left from one who has gone: that it changes is the sign.
    pub async fn look_for_recorder(&self, watch: &mut RecorderWatch) -> Result<(), StoreError> {
        let found = self.store.read().await?.recorder().await?;
        if watch.has_looked && found.is_some() && watch.seen != found {
            watch.silent = 0;
            self.begin_recording().await?;
        } else {
            watch.silent = watch.silent.saturating_add(1);
        }
        let gone = found.is_some() && watch.silent >= PATIENCE;
        // A process that ended while it was recorded has left over what nobody fetched.
        let left = found.is_none() && !watch.has_looked;
        if gone || left {
            let mut tx = self.store.begin().await?;
            if tx.recorder().await? == found {
                tx.end_recording().await?;
                tx.commit_relaxed().await?;
            }
        }
        if (gone || found.is_none()) && self.recorder.wanted.swap(false, Ordering::Relaxed) {
            tracing::info!("recording has ended");
        }
        (watch.has_looked, watch.seen) = (true, found);
        Ok(())
    }

    /// Begins to record, and says so.
    async fn begin_recording(&self) -> Result<(), StoreError> {
        if !self.recorder.wanted.load(Ordering::Relaxed) {
            let mut tx = self.store.begin().await?;
            tx.record(&self.owner, None).await?;
            tx.commit_relaxed().await?;
            self.recorder.wanted.store(true, Ordering::Relaxed);
            tracing::info!("what the homeserver sends is recorded by `penpal record`");
        }
        Ok(())
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
