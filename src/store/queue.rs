//! What an admin sees of the jobs, and does to them.

use super::{JobState, Row, StoreError, Tx, get};
use crate::model::Timestamp;

/// A job as an admin sees it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct JobSummary {
    /// Its number.
    pub id: i64,
    /// Its lane.
    pub lane: String,
    /// What it is.
    pub kind: String,
    /// The portal, where it is known.
    pub portal: Option<i64>,
    /// How far it is.
    pub state: String,
    /// When it is due, or was.
    pub due_at: Timestamp,
    /// Attempts begun.
    pub attempts: i64,
    /// When it came.
    pub created_at: Timestamp,
    /// Bytes of its payload and its content.
    pub size: i64,
    /// What the last attempt failed with.
    pub error: Option<String>,
}

/// The column `size` of a job.
const SIZE: &str = "CAST(COALESCE(LENGTH(payload), 0) AS BIGINT) + \
     COALESCE((SELECT CAST(SUM(contents.size) AS BIGINT) FROM contents WHERE contents.job_id = jobs.id), 0) AS size";

impl Tx {
    /// Jobs in a state, oldest first; `after` continues a listing.
    pub async fn list_jobs(
        &mut self,
        state: JobState,
        after: i64,
        limit: i64,
    ) -> Result<Vec<JobSummary>, StoreError> {
        self.sql(format!(
            "SELECT *, {SIZE} FROM jobs WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3"
        ))
        .bind(state.as_str())
        .bind(after)
        .bind(limit)
        .all(summary)
        .await
    }

    /// One job; `None` when there is no such job.
    pub async fn show_job(&mut self, id: i64) -> Result<Option<JobSummary>, StoreError> {
        self.sql(format!("SELECT *, {SIZE} FROM jobs WHERE id = $1"))
            .bind(id)
            .one(summary)
            .await
    }

    /// Lets a job that failed or waits be worked now, as if it had just come, and before it whatever waits before it in its
    /// lane. False when there is no such job.
    pub async fn retry_job(&mut self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let Some(lane) = self.lane_of_job(id).await? else {
            return Ok(false);
        };
        self.wake_lane(&lane, now).await?;
        let found = self
            .sql(
                "UPDATE jobs SET state = 'waiting', due_at = $1, created_at = $1, attempts = 0, finished_at = NULL \
                 WHERE id = $2 AND state IN ('failed', 'waiting') RETURNING 1",
            )
            .bind(now.millis())
            .bind(id)
            .any()
            .await?;
        if found {
            self.sql("UPDATE jobs SET due_at = $1 WHERE lane = $2 AND id < $3 AND state = 'waiting' AND due_at > $1")
                .bind(now.millis())
                .bind(lane.as_str())
                .bind(id)
                .later()
                .await?;
        }
        self.refresh_lane(&lane).await?;
        Ok(found)
    }

    /// Drops a job that waits or failed: it will not be worked, and what it was to send is forgotten. False when there
    /// is no such job.
    pub async fn drop_job(&mut self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        let Some(lane) = self.lane_of_job(id).await? else {
            return Ok(false);
        };
        self.close_lane(&lane).await?;
        let found = self
            .sql(
                "UPDATE jobs SET state = 'dropped', finished_at = $1, payload = NULL \
                 WHERE id = $2 AND state IN ('waiting', 'failed') RETURNING 1",
            )
            .bind(now.millis())
            .bind(id)
            .any()
            .await?;
        if !found {
            return Ok(false);
        }
        // An email that never left: nothing may answer it, and edits of its messages have nothing to change.
        for sql in [
            "DELETE FROM emails WHERE outgoing = 1 AND (message_id, portal_id) IN \
             (SELECT message_id, portal_id FROM drafts WHERE job_id = $1)",
            "UPDATE messages SET content = NULL WHERE outgoing = 1 AND job_id = $1",
            "DELETE FROM drafts WHERE job_id = $1",
            "DELETE FROM uploads WHERE job_id = $1",
        ] {
            self.sql(sql).bind(id).later().await?;
        }
        self.refresh_lane(&lane).await?;
        Ok(true)
    }
}

fn summary(row: &Row) -> Result<JobSummary, StoreError> {
    Ok(JobSummary {
        id: get(row, "jobs", "id")?,
        lane: get(row, "jobs", "lane")?,
        kind: get(row, "jobs", "kind")?,
        portal: get(row, "jobs", "portal_id")?,
        state: get(row, "jobs", "state")?,
        due_at: Timestamp(get(row, "jobs", "due_at")?),
        attempts: get(row, "jobs", "attempts")?,
        created_at: Timestamp(get(row, "jobs", "created_at")?),
        size: get(row, "jobs", "size")?,
        error: get(row, "jobs", "error")?,
    })
}
