//! Drafts: emails on their way out, gathering messages until their sender is quiet.

use ruma::{OwnedUserId, UserId};

use super::{Row, StoreError, Tx, get, parse};
use crate::model::Timestamp;

/// An email on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The job that will send it.
    pub job: i64,
    /// The thread's portal.
    pub portal: i64,
    /// Whose messages it gathers.
    pub sender: OwnedUserId,
    /// Its `Message-ID`.
    pub message_id: String,
    /// When its first message came.
    pub first_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
    /// The finished email, while it is being handed over or may have been; `None` while it can change.
    pub frozen: Option<Vec<u8>>,
    /// Until when limits hold it back, as the chat was told.
    pub held_until: Option<Timestamp>,
}

impl Tx {
    /// Makes a draft for a job.
    pub async fn create_draft(
        &mut self,
        job: i64,
        portal: i64,
        sender: &UserId,
        message_id: &str,
        first_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO drafts (job_id, portal_id, sender, message_id, first_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(job)
        .bind(portal)
        .bind(sender.as_str())
        .bind(message_id)
        .bind(first_at.millis())
        .later().await
    }

    /// The draft of a job.
    pub async fn draft(&mut self, job: i64) -> Result<Option<Draft>, StoreError> {
        self.sql("SELECT * FROM drafts WHERE job_id = $1")
            .bind(job)
            .one(draft)
            .await
    }

    /// The newest draft of a portal whose job still waits: the only one that may gather more.
    pub async fn newest_draft(&mut self, portal: i64) -> Result<Option<Draft>, StoreError> {
        self.sql(
            "SELECT drafts.* FROM drafts JOIN jobs ON jobs.id = drafts.job_id \
             WHERE drafts.portal_id = $1 AND jobs.state = 'waiting' ORDER BY drafts.job_id DESC LIMIT 1",
        )
        .bind(portal)
        .one(draft)
        .await
    }

    /// Counts a change of a draft.
    pub async fn revise_draft(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE drafts SET revision = revision + 1 WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }

    /// Freezes a draft with the email that was rendered from `revision`. False when it has changed since.
    pub async fn freeze_draft(&mut self, job: i64, revision: i64, email: &[u8]) -> Result<bool, StoreError> {
        self.sql("UPDATE drafts SET frozen = $1 WHERE job_id = $2 AND revision = $3 RETURNING 1")
            .bind(email)
            .bind(job)
            .bind(revision)
            .any()
            .await
    }

    /// Lets a draft change again: it certainly has not left.
    pub async fn thaw_draft(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE drafts SET frozen = NULL WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }

    /// Notes until when limits hold a draft back. Its job waits until then; its lane does by [`Tx::release_lane`].
    pub async fn hold_draft(&mut self, job: i64, until: Timestamp) -> Result<(), StoreError> {
        for sql in [
            "UPDATE drafts SET held_until = $1 WHERE job_id = $2",
            "UPDATE jobs SET due_at = $1 WHERE id = $2 AND state = 'waiting'",
        ] {
            self.sql(sql).bind(until.millis()).bind(job).later().await?;
        }
        Ok(())
    }

    /// Removes a draft whose email has left, or has nothing in it any more.
    pub async fn remove_draft(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("DELETE FROM drafts WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }
}

fn draft(row: &Row) -> Result<Draft, StoreError> {
    Ok(Draft {
        job: get(row, "drafts", "job_id")?,
        portal: get(row, "drafts", "portal_id")?,
        sender: parse(row, "drafts", "sender")?,
        message_id: get(row, "drafts", "message_id")?,
        first_at: Timestamp(get(row, "drafts", "first_at")?),
        revision: get(row, "drafts", "revision")?,
        frozen: get(row, "drafts", "frozen")?,
        held_until: get::<Option<i64>>(row, "drafts", "held_until")?.map(Timestamp),
    })
}
