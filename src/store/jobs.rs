//! Jobs: the inbox and the outbox, every piece of work from the moment it is acknowledged.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::contents::content;
use super::leases::{release, remove_if_empty};
use super::query::{Statement, in_batches, placeholders, read_all, read_one};
use super::{Content, Lane, Row, StoreError, Tx, get, parse, stored_words};
use crate::model::Timestamp;

stored_words! {
    /// What a job is about.
    JobKind {
        /// An event came from the homeserver. Payload: its JSON.
        Event => "event",
        /// An email came in. Payload: the raw mail; of a large one what was put on top of it, with the rest in its content.
        Mail => "mail",
        /// An email goes out. Its content is a [`super::Draft`].
        Email => "email",
        /// The puppet says something about the thread in the room. Payload: JSON.
        Notice => "notice",
        /// Somebody's `m.direct` changes. Payload: JSON.
        Direct => "direct",
    }
}

stored_words! {
    /// How far a job is.
    JobState {
        /// It will be worked.
        Waiting => "waiting",
        /// It was worked.
        Done => "done",
        /// It was given up; it can be retried.
        Failed => "failed",
        /// An admin dropped it.
        Dropped => "dropped",
    }
}

/// Bytes of the events that are begun together: they are in memory at the same time.
const MOST_BYTES: i64 = 64 * 1024;

/// What is asked of a job that is begun.
const BEGUN: &str = "id, kind, portal_id, payload, due_at, attempts - 1 AS attempts, created_at, \
     (SELECT contents.id FROM contents WHERE contents.job_id = jobs.id LIMIT 1) AS content_id, \
     (SELECT contents.size FROM contents WHERE contents.job_id = jobs.id LIMIT 1) AS content_size";

/// A job to add.
#[derive(Clone, Debug)]
pub struct NewJob<'a> {
    /// Where it queues.
    pub lane: Lane,
    /// What it is.
    pub kind: JobKind,
    /// What makes it the same job when it comes again; `None` for work of our own.
    pub key: Option<String>,
    /// The portal, where it is known.
    pub portal: Option<i64>,
    /// See [`JobKind`].
    pub payload: &'a [u8],
    /// Not before.
    pub due_at: Timestamp,
}

/// A job as a worker gets it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number, which is also its place in its lane.
    pub id: i64,
    /// Its lane.
    pub lane: Lane,
    /// What it is.
    pub kind: JobKind,
    /// The portal, where it is known.
    pub portal: Option<i64>,
    /// See [`JobKind`].
    pub payload: Vec<u8>,
    /// What was too large for the payload.
    pub content: Option<Content>,
    /// When it may be worked.
    pub due_at: Timestamp,
    /// Attempts begun, this one not counted.
    pub attempts: u32,
    /// When it came.
    pub created_at: Timestamp,
    ended_lane: Arc<AtomicBool>,
}

impl Job {
    /// Whether its lane went with it: nothing waited there any more.
    pub fn ended_its_lane(&self) -> bool {
        self.ended_lane.load(Ordering::Relaxed)
    }
}

impl Tx {
    /// Adds a job, unless its key is known. Answers its ID, or `None` when it was there already.
    pub async fn enqueue(&mut self, job: &NewJob<'_>, now: Timestamp) -> Result<Option<i64>, StoreError> {
        // The lane first: see `lock_lane`. A lane without a job is taken away by the next worker.
        self.wake_lane(&job.lane, job.due_at).await?;
        let rows = self
            .fetch(insert(job, now, "ON CONFLICT (key) DO NOTHING RETURNING id"))
            .await?;
        read_one(&rows, |row| get(row, "jobs", "id"))
    }

    /// Adds a job without a key.
    pub(super) async fn add_job(&mut self, job: &NewJob<'_>, now: Timestamp) -> Result<(), StoreError> {
        self.wake_lane(&job.lane, job.due_at).await?;
        self.defer(insert(job, now, "")).await
    }

    /// Adds a job to a lane that was woken, and commits like [`Tx::commit`], in one trip. False when its key is known: then nothing of
    /// the transaction stays.
    pub async fn commit_job(self, job: &NewJob<'_>, now: Timestamp) -> Result<bool, StoreError> {
        match self.commit_with([insert(job, now, "")]).await {
            Ok(_) => Ok(true),
            Err(StoreError::Driver(sqlx::Error::Database(error))) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Adds jobs from outside, unless their keys are known. Answers how many were new.
    pub async fn enqueue_all(&mut self, jobs: &[NewJob<'_>], now: Timestamp) -> Result<usize, StoreError> {
        let inserts = self.inserts(jobs, now).await?;
        let answers = self.all_together(inserts).await?;
        Ok(answers.iter().map(Vec::len).sum())
    }

    /// [`Tx::enqueue_all`] and [`Tx::commit`] in one trip.
    pub async fn commit_all(mut self, jobs: &[NewJob<'_>], now: Timestamp) -> Result<usize, StoreError> {
        let inserts = self.inserts(jobs, now).await?;
        let answers = self.commit_with_all(inserts).await?;
        Ok(answers.iter().map(Vec::len).sum())
    }

    /// Wakes the lanes of jobs, and answers what adds the jobs.
    async fn inserts(&mut self, jobs: &[NewJob<'_>], now: Timestamp) -> Result<Vec<Statement>, StoreError> {
        // The lanes first, and in order: two transactions that want the same ones must not wait for each other in a circle.
        let mut lanes = BTreeMap::new();
        for job in jobs {
            lanes.entry(&job.lane).or_insert(job.due_at);
        }
        self.wake_lanes(&lanes.into_iter().collect::<Vec<_>>()).await?;
        let inserts = in_batches(jobs).map(|jobs| {
            let mut insert = Statement::new(format!(
                "INSERT INTO jobs (lane, kind, key, portal_id, payload, due_at, created_at, state) VALUES {} \
                 ON CONFLICT (key) DO NOTHING RETURNING 1",
                placeholders(jobs.len(), 7, ", 'waiting'")
            ));
            for job in jobs {
                insert = bind(insert, job, now);
            }
            insert
        });
        Ok(inserts.collect())
    }

    /// Notes that a key was worked, without a job: for an event that was read back and worked with another job.
    /// Answers false when it was known.
    pub async fn remember_key(
        &mut self,
        lane: &Lane,
        kind: JobKind,
        key: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.sql(
            "INSERT INTO jobs (lane, kind, key, state, due_at, created_at, finished_at) \
             VALUES ($1, $2, $3, 'done', $4, $4, $4) ON CONFLICT (key) DO NOTHING RETURNING 1",
        )
        .bind(lane.as_str())
        .bind(kind.as_str())
        .bind(key)
        .bind(now.millis())
        .any()
        .await
    }

    /// Whether work that came before a job waits in another lane.
    pub async fn waits_before(&mut self, job: &Job, lane: &Lane) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM jobs WHERE lane = $1 AND state = 'waiting' AND id < $2 LIMIT 1")
            .bind(lane.as_str())
            .bind(job.id)
            .any()
            .await
    }

    /// Begins the first job of a leased lane, or up to `limit` that were never begun before: counts their attempts, extends the
    /// lease by `renew` where that is given, and commits. None when the first is not due yet, or the lane is another process's.
    /// A lane in which nothing waits is taken away, and `None` answered.
    pub async fn begin_jobs(
        mut self,
        lane: &Lane,
        owner: &str,
        limit: usize,
        now: Timestamp,
        renew: Option<Duration>,
    ) -> Result<Option<Vec<Job>>, StoreError> {
        self.close_lane(lane).await?;
        if let Some(lease) = renew {
            self.renew_lease(lane, owner, now, lease).await?;
        }
        // Up to a job, none before it is left out. What is begun again may end the process, and is begun alone.
        let due = if limit == 1 {
            "SELECT id FROM (SELECT id, due_at FROM jobs WHERE lane = $1 AND state = 'waiting' ORDER BY id LIMIT $4 + 0) \
             AS first WHERE due_at <= $3"
        } else {
            "SELECT id FROM (SELECT id, ROW_NUMBER() OVER so_far AS place, MAX(due_at) OVER so_far AS due, \
             MAX(attempts) OVER so_far AS attempts, SUM(size) OVER so_far AS size FROM \
             (SELECT id, due_at, attempts, LENGTH(payload) AS size FROM jobs WHERE lane = $1 AND state = 'waiting' \
             ORDER BY id LIMIT $4 + 0) AS first WINDOW so_far AS (ORDER BY id)) AS counted \
             WHERE due <= $3 AND (place = 1 OR (attempts = 0 AND size <= $5))"
        };
        let mut begin = Statement::new(format!(
            "UPDATE jobs SET attempts = attempts + 1 WHERE id IN ({due}) \
             AND EXISTS (SELECT 1 FROM lanes WHERE lane = $1 AND lease_owner = $2) RETURNING {BEGUN}"
        ))
        .bind(lane.as_str())
        .bind(owner)
        .bind(now.millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        if limit > 1 {
            begin = begin.bind(MOST_BYTES);
        }
        let [rows, gone] = self
            .commit_relaxed_with([begin, remove_if_empty(lane, owner)])
            .await?;
        if !gone.is_empty() {
            return Ok(None);
        }
        let mut jobs = read_all(&rows, |row| job(row, lane))?;
        // RETURNING has no order of its own.
        jobs.sort_by_key(|job| job.id);
        Ok(Some(jobs))
    }

    /// Puts a job off that could not be begun yet, and gives its lane back until then.
    pub async fn put_back(&mut self, job: &Job, owner: &str, due_at: Timestamp) -> Result<(), StoreError> {
        self.close_lane(&job.lane).await?;
        self.uncount_attempts(std::slice::from_ref(job)).await?;
        self.defer(release(&job.lane, owner, due_at)).await
    }

    /// Takes back the count of attempts that were none: the jobs could not be begun yet.
    pub async fn uncount_attempts(&mut self, jobs: &[Job]) -> Result<(), StoreError> {
        let numbers: Vec<i64> = jobs.iter().map(|job| job.id).collect();
        for numbers in in_batches(&numbers) {
            self.about(
                "UPDATE jobs SET attempts = attempts - 1 WHERE attempts > 0 AND id",
                numbers,
            )
            .later()
            .await?;
        }
        Ok(())
    }

    /// Whether work with this key waits.
    pub async fn is_waiting(&mut self, key: &str) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM jobs WHERE key = $1 AND state = 'waiting'")
            .bind(key)
            .any()
            .await
    }

    /// Notes that a job's mail can't be converted.
    pub async fn set_unreadable(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE jobs SET unreadable = 1 WHERE id = $1")
            .bind(job)
            .later()
            .await
    }

    /// Whether a job's mail can't be converted.
    pub async fn is_unreadable(&mut self, job: i64) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM jobs WHERE id = $1 AND unreadable = 1")
            .bind(job)
            .any()
            .await
    }

    /// Ends a job. What is done needs its payload no more; what failed keeps it; what an admin dropped meanwhile stays so.
    pub async fn finish_job(
        &mut self,
        job: i64,
        state: JobState,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sql = if state == JobState::Done {
            "UPDATE jobs SET state = $1, finished_at = $2, error = $3, payload = NULL \
             WHERE id = $4 AND state = 'waiting'"
        } else {
            "UPDATE jobs SET state = $1, finished_at = $2, error = $3 WHERE id = $4 AND state = 'waiting'"
        };
        self.sql(sql)
            .bind(state.as_str())
            .bind(now.millis())
            .bind(error)
            .bind(job)
            .later()
            .await
    }

    /// Ends a job that is done, and commits like [`Tx::commit`]. Where nothing waits in its lane any more, that goes in the same trip: on
    /// SQLite. On PostgreSQL it would have to be closed, by a transaction that may have added to other lanes.
    pub async fn commit_end(self, job: &Job, owner: &str, now: Timestamp) -> Result<(), StoreError> {
        self.end(job, owner, now, false).await
    }

    /// [`Tx::commit_end`], and commits like [`Tx::commit_relaxed`].
    pub async fn commit_end_relaxed(self, job: &Job, owner: &str, now: Timestamp) -> Result<(), StoreError> {
        self.end(job, owner, now, true).await
    }

    async fn end(mut self, job: &Job, owner: &str, now: Timestamp, relaxed: bool) -> Result<(), StoreError> {
        self.finish_job(job.id, JobState::Done, None, now).await?;
        let last = [remove_if_empty(&job.lane, owner)];
        let [gone] = match (self.is_sqlite(), relaxed) {
            (true, false) => self.commit_with(last).await?,
            (true, true) => self.commit_relaxed_with(last).await?,
            (false, false) => return self.commit().await,
            (false, true) => return self.commit_relaxed().await,
        };
        job.ended_lane.store(!gone.is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// Ends jobs that are done.
    pub async fn finish_jobs(&mut self, jobs: &[i64], now: Timestamp) -> Result<(), StoreError> {
        for jobs in in_batches(jobs) {
            // The numbers are bound first.
            let time = jobs.len() + 1;
            let list: Vec<String> = (1..time).map(|number| format!("${number}")).collect();
            let mut end = self.sql(format!(
                "UPDATE jobs SET state = 'done', finished_at = ${time}, error = NULL, payload = NULL \
                 WHERE state = 'waiting' AND id IN ({})",
                list.join(", ")
            ));
            for job in jobs {
                end = end.bind(*job);
            }
            end.bind(now.millis()).later().await?;
        }
        Ok(())
    }

    /// Sets a job's time; when it is the first of its lane, the lane's as well. One that was put off after a failure
    /// keeps its time: the other side is in no better state because somebody writes more.
    pub async fn set_due(&mut self, job: i64, lane: &Lane, due_at: Timestamp) -> Result<(), StoreError> {
        self.lock_lane(lane).await?;
        let changed = self
            .sql(
                "UPDATE jobs SET due_at = $1 WHERE id = $2 AND state = 'waiting' AND error IS NULL RETURNING 1",
            )
            .bind(due_at.millis())
            .bind(job)
            .any()
            .await?;
        if !changed {
            return Ok(());
        }
        self.sql(
            "UPDATE lanes SET due_at = $1 WHERE lane = $2 AND lease_until = 0 AND $3 = \
             (SELECT MIN(id) FROM jobs WHERE lane = $2 AND state = 'waiting')",
        )
        .bind(due_at.millis())
        .bind(lane.as_str())
        .bind(job)
        .later()
        .await?;
        self.added_work.push(lane.class());
        Ok(())
    }

    /// Puts a job off after an attempt that failed, and gives its lane back until then.
    pub async fn postpone_job(
        &mut self,
        job: &Job,
        owner: &str,
        error: &str,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        // Before the job's row: who has the lane may be waiting for that.
        self.close_lane(&job.lane).await?;
        self.sql("UPDATE jobs SET due_at = $1, error = $2 WHERE id = $3")
            .bind(due_at.millis())
            .bind(error)
            .bind(job.id)
            .later()
            .await?;
        self.defer(release(&job.lane, owner, due_at)).await
    }
}

fn insert(job: &NewJob<'_>, now: Timestamp, more: &str) -> Statement {
    let insert = Statement::new(format!(
        "INSERT INTO jobs (lane, kind, key, portal_id, payload, due_at, created_at, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting') {more}"
    ));
    bind(insert, job, now)
}

/// Begins the first job of each of some lanes, if it is due; `$2` is the present.
pub(super) fn begin_first_of(lanes: &str) -> String {
    format!(
        "UPDATE jobs SET attempts = attempts + 1 WHERE due_at <= $2 AND id IN (SELECT (SELECT id FROM jobs \
         WHERE jobs.lane = due.lane AND state = 'waiting' ORDER BY id LIMIT 1) FROM ({lanes}) AS due) \
         RETURNING lane, {BEGUN}"
    )
}

/// The values of a new job's columns.
fn bind(insert: Statement, job: &NewJob<'_>, now: Timestamp) -> Statement {
    insert
        .bind(job.lane.as_str())
        .bind(job.kind.as_str())
        .bind(job.key.as_deref())
        .bind(job.portal)
        .bind(job.payload)
        .bind(job.due_at.millis())
        .bind(now.millis())
}

/// A job that was begun.
pub(super) fn job(row: &Row, lane: &Lane) -> Result<Job, StoreError> {
    let attempts: i64 = get(row, "jobs", "attempts")?;
    Ok(Job {
        id: get(row, "jobs", "id")?,
        lane: lane.clone(),
        kind: parse(row, "jobs", "kind")?,
        portal: get(row, "jobs", "portal_id")?,
        payload: get::<Option<Vec<u8>>>(row, "jobs", "payload")?.unwrap_or_default(),
        content: content(row)?,
        due_at: Timestamp(get(row, "jobs", "due_at")?),
        attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        created_at: Timestamp(get(row, "jobs", "created_at")?),
        ended_lane: Arc::default(),
    })
}
