//! What of SQLite's write-ahead log is on the disk: one wait for many commits.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::StoreError;

/// The number of a commit that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Promise(u64);

/// How far the write-ahead log is on the disk.
#[derive(Debug)]
pub(super) struct Disk {
    log: Arc<File>,
    promised: AtomicU64,
    /// The last promise that is kept.
    kept: Arc<Mutex<Promise>>,
    /// Cancelled once the disk has failed: whether anything was written since is unknown, and a second try would not tell.
    failed: CancellationToken,
}

impl Disk {
    /// The disk under this log, of which nothing is promised yet.
    pub(super) fn new(log: File) -> Self {
        Self {
            log: Arc::new(log),
            promised: AtomicU64::new(0),
            kept: Arc::new(Mutex::new(Promise(0))),
            failed: CancellationToken::new(),
        }
    }

    /// To be called between a commit and the next one: who finds what was committed finds the promise as well.
    pub(super) fn promise(&self) -> Promise {
        Promise(self.promised.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// The last promise that was made.
    pub(super) fn promised(&self) -> Promise {
        Promise(self.promised.load(Ordering::Acquire))
    }

    /// Waits until a promise is kept.
    pub(super) async fn reach(&self, promise: Promise) -> Result<(), StoreError> {
        // Those who wait here while the disk works find their promise kept, or keep all that were made meanwhile.
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        if self.failed.is_cancelled() {
            return Err(StoreError::DiskFailed);
        }
        if *kept >= promise {
            return Ok(());
        }
        let made = self.promised();
        let (log, failed) = (Arc::clone(&self.log), self.failed.clone());
        // The system tells of a failure once: whoever asks next must not take its silence for success, also when nobody waits for this one
        // any more.
        let synced = tokio::task::spawn_blocking(move || {
            match log.sync_data() {
                Ok(()) => *kept = made,
                Err(error) => {
                    failed.cancel();
                    tracing::error!(%error, "the database's disk did not take what was written");
                    return Err(error);
                }
            }
            Ok(())
        });
        synced
            .await
            .unwrap_or_else(|panicked| Err(panicked.into()))
            .map_err(StoreError::Disk)
    }

    /// Resolves when the disk has failed.
    pub(super) async fn failed(&self) {
        self.failed.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_disk_that_failed_is_not_trusted_again() {
        // It can't be synchronised.
        let disk = Disk::new(File::open("/dev/null").unwrap());
        let before = disk.promised();
        disk.reach(before).await.unwrap();
        assert!(matches!(
            disk.reach(disk.promise()).await,
            Err(StoreError::Disk(_))
        ));
        disk.failed().await;
        assert!(matches!(disk.reach(before).await, Err(StoreError::DiskFailed)));
    }

    #[tokio::test]
    async fn a_failure_counts_when_nobody_waits_for_it_any_more() {
        let disk = Disk::new(File::open("/dev/null").unwrap());
        let promise = disk.promise();
        assert!(disk.reach(promise).now_or_never().is_none());
        disk.failed().await;
        assert!(matches!(disk.reach(promise).await, Err(StoreError::DiskFailed)));
    }
}
