//! A mail that can't be converted, because Penpal has a defect, is shown as it came.

use super::Bridge;
use crate::store::{Incoming, Job, JobKind, StoreError};

impl Bridge {
    /// Has a mail on which the work met a defect shown as it came. False where that does not help: for all that is no mail, when it was tried
    /// before, or when some of it stands in the chat already.
    pub async fn simplify(&self, job: &Job) -> Result<bool, StoreError> {
        if job.kind != JobKind::Mail {
            return Ok(false);
        }
        let mut tx = self.settle(job).await?;
        if tx.is_unreadable(job.id).await? || !tx.messages_of_job(job.id).await?.is_empty() {
            return Ok(false);
        }
        tx.set_unreadable(job.id).await?;
        tx.commit().await?;
        metrics::counter!("penpal_mails_unreadable_total").increment(1);
        tracing::error!(
            job = job.id,
            "an email can't be read because of a defect, and is shown as it came"
        );
        Ok(true)
    }

    /// Whether a mail is to be shown as it came. One that was given up and is retried gets another chance, unless it stands in the
    /// chat in part.
    pub(super) async fn is_unreadable(&self, job: &Job, incoming: &Incoming) -> Result<bool, StoreError> {
        if job.attempts == 0 && incoming.earlier.is_empty() {
            return Ok(false);
        }
        self.store.read().await?.is_unreadable(job.id).await
    }
}
