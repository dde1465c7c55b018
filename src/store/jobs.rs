//! Jobs: the inbox and the outbox, every piece of work from the moment it is acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use super::contents::content;
use super::query::{in_batches, placeholders};
use super::{Content, Lane, Row, StoreError, Tx, get, parse, storable, stored_words};
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
}

/// What a leased lane begins with.
#[derive(Clone, Debug)]
pub enum First {
    /// A job, now begun.
    Begun(Job),
    /// One that is not due yet.
    NotDue,
    /// Nothing, or the lane is another process's now.
    None,
}

impl Tx {
    /// Adds a job, unless its key is known. Answers its ID, or `None` when it was there already.
    pub async fn enqueue(&mut self, job: &NewJob<'_>, now: Timestamp) -> Result<Option<i64>, StoreError> {
        // The lane first: see `lock_lane`. A lane without a job is taken away by the next worker.
        self.wake_lane(&job.lane, job.due_at).await?;
        self.sql(
            "INSERT INTO jobs (lane, kind, key, portal_id, payload, state, due_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7) ON CONFLICT (key) DO NOTHING RETURNING id",
        )
        .bind(job.lane.as_str())
        .bind(job.kind.as_str())
        .bind(job.key.as_deref())
        .bind(job.portal)
        .bind(job.payload)
        .bind(job.due_at.millis())
        .bind(now.millis())
        .one(|row| get(row, "jobs", "id"))
        .await
    }

    /// Adds jobs from outside, unless their keys are known. Answers how many were new.
    pub async fn enqueue_all(&mut self, jobs: &[NewJob<'_>], now: Timestamp) -> Result<usize, StoreError> {
        // The lanes first, and in order: two transactions that want the same ones must not wait for each other in a circle.
        let mut lanes = BTreeMap::new();
        for job in jobs {
            lanes.entry(&job.lane).or_insert(job.due_at);
        }
        self.wake_lanes(&lanes.into_iter().collect::<Vec<_>>()).await?;
        let mut added = 0;
        for jobs in in_batches(jobs) {
            let mut insert = self.sql(format!(
                "INSERT INTO jobs (lane, kind, key, portal_id, payload, due_at, created_at, state) VALUES {} \
                 ON CONFLICT (key) DO NOTHING RETURNING 1",
                placeholders(jobs.len(), 7, ", 'waiting'")
            ));
            for job in jobs {
                insert = insert
                    .bind(job.lane.as_str())
                    .bind(job.kind.as_str())
                    .bind(job.key.as_deref())
                    .bind(job.portal)
                    .bind(job.payload)
                    .bind(job.due_at.millis())
                    .bind(now.millis());
            }
            added += insert.rows().await?.len();
        }
        Ok(added)
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

    /// True when work with this key came before.
    pub async fn knows_key(&mut self, key: &str) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM jobs WHERE key = $1")
            .bind(key)
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

    /// The first job of a leased lane, its attempt counted, and the lease extended. A lane without one is taken away; one
    /// whose first job is not due yet is given back.
    pub async fn begin_job(
        &mut self,
        lane: &Lane,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<First, StoreError> {
        // Taking the row's lock first keeps a job that is just being added from being overlooked.
        self.renew_lease(lane, owner, now, lease).await?;
        let first = self
            .sql(
                "SELECT jobs.id AS id, kind, portal_id, payload, jobs.due_at, attempts, jobs.created_at AS created_at, \
                 contents.id AS content_id, contents.size AS content_size FROM jobs \
                 JOIN lanes ON lanes.lane = jobs.lane LEFT JOIN contents ON contents.job_id = jobs.id AND kind = 'mail' \
                 WHERE jobs.lane = $1 AND state = 'waiting' AND lease_owner = $2 ORDER BY jobs.id LIMIT 1",
            )
            .bind(lane.as_str())
            .bind(owner)
            .one(|row| job(row, lane))
            .await?;
        let Some(job) = first else {
            self.sql("DELETE FROM lanes WHERE lane = $1 AND lease_owner = $2")
                .bind(lane.as_str())
                .bind(owner)
                .later()
                .await?;
            return Ok(First::None);
        };
        if job.due_at > now {
            self.release_lane(lane, owner, now).await?;
            return Ok(First::NotDue);
        }
        self.sql("UPDATE jobs SET attempts = attempts + 1 WHERE id = $1")
            .bind(job.id)
            .later()
            .await?;
        Ok(First::Begun(job))
    }

    /// Takes back the count of an attempt that was none: the job could not be begun yet.
    pub async fn uncount_attempt(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE jobs SET attempts = attempts - 1 WHERE id = $1 AND attempts > 0")
            .bind(job)
            .later()
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
            .bind(error.map(storable))
            .bind(job)
            .later()
            .await
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

    /// When a job that waits is due.
    pub async fn job_due(&mut self, id: i64) -> Result<Option<Timestamp>, StoreError> {
        self.sql("SELECT due_at FROM jobs WHERE id = $1")
            .bind(id)
            .one(|row| get(row, "jobs", "due_at").map(Timestamp))
            .await
    }

    /// Puts a job off after an attempt that failed, and gives its lane back until then.
    pub async fn postpone_job(
        &mut self,
        job: &Job,
        owner: &str,
        error: &str,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql("UPDATE jobs SET due_at = $1, error = $2 WHERE id = $3")
            .bind(due_at.millis())
            .bind(storable(error))
            .bind(job.id)
            .later()
            .await?;
        self.release_lane(&job.lane, owner, due_at).await
    }
}

fn job(row: &Row, lane: &Lane) -> Result<Job, StoreError> {
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
    })
}
