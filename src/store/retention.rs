//! What is forgotten some time after it was delivered: texts, and the jobs that brought them.

use serde_json::{Map, Value};

use super::query::{corrupt, get, in_batches};
use super::{StoreError, Tx};
use crate::model::Timestamp;

/// Where a clean-up goes on: behind this job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(i64);

impl Tx {
    /// Forgets jobs that ended before `before`, and the texts of the messages that they delivered, among at most `limit` jobs
    /// behind `after`. What a later message may refer to stays: who wrote which event as part of which email, and in which
    /// Matrix thread. Answers where to go on, or `None` when there is no older job.
    ///
    /// Jobs are looked at in the order in which they came, so that no index has to be kept for this alone.
    pub async fn forget_delivered(
        &mut self,
        after: Place,
        before: Timestamp,
        limit: i64,
    ) -> Result<Option<Place>, StoreError> {
        let jobs = self
            .sql(
                "SELECT id, created_at, CAST(state IN ('done', 'dropped') AND finished_at < $1 AS INTEGER) AS over \
                 FROM jobs WHERE id > $2 ORDER BY id LIMIT $3",
            )
            .bind(before.millis())
            .bind(after.0)
            .bind(limit)
            .all(|row| {
                Ok((
                    get::<i64>(row, "jobs", "id")?,
                    Timestamp(get(row, "jobs", "created_at")?),
                    get::<Option<i32>>(row, "jobs", "over")?.unwrap_or_default() != 0,
                ))
            })
            .await?;
        let over: Vec<i64> = jobs.iter().filter(|job| job.2).map(|job| job.0).collect();
        for jobs in in_batches(&over) {
            self.forget_texts(jobs).await?;
            for table in ["uploads WHERE job_id", "retries WHERE job_id", "jobs WHERE id"] {
                self.about(format!("DELETE FROM {table}"), jobs).later().await?;
            }
        }
        // What came later can't have ended before.
        let next = jobs.last().filter(|(_, created_at, _)| *created_at < before);
        Ok(next.map(|(id, ..)| Place(*id)))
    }

    /// Forgets what the messages of these jobs say, but not which Matrix thread they are in.
    pub(super) async fn forget_texts(&mut self, jobs: &[i64]) -> Result<(), StoreError> {
        let related = self
            .about(
                "SELECT id, content FROM messages WHERE content LIKE '%m.relates_to%' AND job_id",
                jobs,
            )
            .all(|row| {
                let content: String = get(row, "messages", "content")?;
                let content: Map<String, Value> =
                    serde_json::from_str(&content).map_err(|error| corrupt("messages", "content", &error))?;
                Ok((get::<i64>(row, "messages", "id")?, content))
            })
            .await?;
        // Empty and not NULL: that stands for what was taken back.
        self.about(
            "UPDATE messages SET content = '{}', body = NULL, left_out = NULL WHERE content IS NOT NULL AND job_id",
            jobs,
        )
        .later()
        .await?;
        for (id, mut content) in related {
            content.retain(|field, _| field == "m.relates_to");
            self.sql("UPDATE messages SET content = $1 WHERE id = $2")
                .bind(Value::Object(content).to_string())
                .bind(id)
                .later()
                .await?;
        }
        // Also of those whose content was taken back after they had left.
        self.about(
            "UPDATE messages SET body = NULL WHERE body IS NOT NULL AND job_id",
            jobs,
        )
        .later()
        .await
    }
}
