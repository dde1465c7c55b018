//! Notices that offer another attempt at what was given up.

use ruma::EventId;

use super::{StoreError, Tx, get};

impl Tx {
    /// Notes that this notice in a portal's room offers another attempt at a job.
    pub async fn offer_retry(&mut self, notice: &EventId, portal: i64, job: i64) -> Result<(), StoreError> {
        self.sql("INSERT INTO retries (event_id, portal_id, job_id) VALUES ($1, $2, $3) ON CONFLICT (event_id) DO NOTHING")
            .bind(notice.as_str())
            .bind(portal)
            .bind(job)
            .later()
            .await
    }

    /// The job that a notice in the room of this portal offers to try again; `None` when it is no such notice.
    pub async fn offered_retry(&mut self, notice: &EventId, portal: i64) -> Result<Option<i64>, StoreError> {
        self.sql("SELECT job_id FROM retries WHERE event_id = $1 AND portal_id = $2")
            .bind(notice.as_str())
            .bind(portal)
            .one(|row| get(row, "retries", "job_id"))
            .await
    }
}
