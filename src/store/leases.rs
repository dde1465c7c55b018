//! Leases: which process works in a lane, and until when.

use std::collections::BTreeMap;
use std::time::Duration;

use super::jobs::{begin_first_of, job};
use super::query::{Statement, read_all, read_one};
use super::{Job, Lane, LaneClass, StoreError, Tx, get};
use crate::model::Timestamp;

/// The present on PostgreSQL, as times are stored.
pub(super) const POSTGRES_NOW: &str = "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)";

/// The job `$3` was not ended by another process, which may have given the lane back since, and this one taken it again; nor was it dropped.
/// Where there is one process alone, its lanes stay its own.
const WAITS: &str = "EXISTS (SELECT 1 FROM jobs WHERE id = $3 AND state = 'waiting')";

/// A lane that is now a worker's.
#[derive(Debug)]
pub struct Leased {
    /// Which.
    pub lane: Lane,
    /// Its first job, where that was begun in the same trip: on SQLite. On PostgreSQL a lane is closed first.
    pub begun: Option<Job>,
}

/// What becomes of lanes whose lease has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expired {
    /// Their process is gone, or stands still: others do its work.
    Taken,
    /// It may not have reached the database either, and be about to.
    Spared,
}

impl Tx {
    /// The end of a lease that begins at `now`, as SQL with a parameter, and what is bound to that.
    ///
    /// Processes that share a PostgreSQL have clocks of their own, and one that is a minute ahead would take the lanes of the
    /// others while they work: there the database's clock decides.
    pub(super) fn lease_end(&self, parameter: &str, now: Timestamp, lease: Duration) -> (String, i64) {
        if self.is_sqlite() {
            (parameter.to_owned(), (now + lease).millis())
        } else {
            let length = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
            (format!("{POSTGRES_NOW} + {parameter}"), length)
        }
    }

    /// Leases up to `limit` lanes whose first job is due, the longest waiting first, and commits. Answers them, and when the next
    /// lane of the class on which nobody works is due; `None` when nothing waits. Lanes whose lease has run out are left alone where
    /// `expired` says so.
    pub async fn lease_lanes(
        self,
        class: LaneClass,
        owner: &str,
        limit: usize,
        now: Timestamp,
        lease: Duration,
        expired: Expired,
    ) -> Result<(Vec<Leased>, Option<Timestamp>), StoreError> {
        let (present, locked) = if self.is_sqlite() {
            ("$2", "")
        } else {
            (POSTGRES_NOW, "FOR NO KEY UPDATE SKIP LOCKED")
        };
        let until = match expired {
            Expired::Taken => present,
            Expired::Spared => "0",
        };
        let due = format!(
            "SELECT lane FROM lanes WHERE class = $1 AND due_at <= $2 AND lease_until <= {until} \
             ORDER BY due_at, lane LIMIT $3 + 0 {locked}"
        );
        let of_due = |sql: String| {
            Statement::new(sql)
                .bind(class.number())
                .bind(now.millis())
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        };
        let (end, bound) = self.lease_end("$5", now, lease);
        let first_jobs = of_due(begin_first_of(&due));
        let take = of_due(format!(
            "UPDATE lanes SET lease_owner = $4, lease_until = {end} WHERE lane IN ({due}) RETURNING lane, due_at"
        ))
        .bind(owner)
        .bind(bound);
        let (jobs, taken, next) = if self.is_sqlite() {
            let [jobs, taken, next] = self
                .commit_relaxed_with([first_jobs, take, next_due(class)])
                .await?;
            (jobs, taken, next)
        } else {
            let [taken, next] = self.commit_relaxed_with([take, next_due(class)]).await?;
            (Vec::new(), taken, next)
        };
        let mut lanes = read_all(&taken, |row| {
            let due_at: i64 = get(row, "lanes", "due_at")?;
            Ok((due_at, Lane::stored(get(row, "lanes", "lane")?)))
        })?;
        // RETURNING has no order of its own, and a replay must be the same each time.
        lanes.sort();
        let mut begun: BTreeMap<Lane, Job> = read_all(&jobs, |row| {
            let lane = Lane::stored(get(row, "jobs", "lane")?);
            Ok((lane.clone(), job(row, &lane)?))
        })?
        .into_iter()
        .collect();
        let lanes = lanes.into_iter().map(|(_, lane)| Leased {
            begun: begun.remove(&lane),
            lane,
        });
        let next = read_one(&next, |row| get(row, "lanes", "due_at").map(Timestamp))?;
        Ok((lanes.collect(), next))
    }

    /// Extends the lease of a lane while a job in it is worked.
    pub async fn renew_lease(
        &mut self,
        lane: &Lane,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let (end, bound) = self.lease_end("$1", now, lease);
        self.sql(format!(
            "UPDATE lanes SET lease_until = {end} WHERE lane = $2 AND lease_owner = $3"
        ))
        .bind(bound)
        .bind(lane.as_str())
        .bind(owner)
        .later()
        .await
    }

    /// Ends the leases of one process.
    pub async fn end_leases_of(&mut self, owner: &str) -> Result<(), StoreError> {
        self.sql("UPDATE lanes SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = $1")
            .bind(owner)
            .later()
            .await
    }

    /// Ends all leases of everybody: for a store that only this process uses, at its start.
    pub async fn end_all_leases(&mut self) -> Result<(), StoreError> {
        self.sql("UPDATE lanes SET lease_owner = NULL, lease_until = 0")
            .later()
            .await
    }

    /// When the next lane of a class that nobody works on is due; `None` when nothing waits.
    pub async fn next_due(&mut self, class: LaneClass) -> Result<Option<Timestamp>, StoreError> {
        let rows = self.fetch(next_due(class)).await?;
        read_one(&rows, |row| get(row, "lanes", "due_at").map(Timestamp))
    }

    /// Takes a leased lane away when no job waits in it, else gives it back until its first job is due, and commits. True when it is
    /// still there.
    pub async fn leave_lane(mut self, lane: &Lane, owner: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.close_lane(lane).await?;
        let statements = [remove_if_empty(lane, owner), release(lane, owner, now)];
        let [_, left] = self.commit_relaxed_with(statements).await?;
        Ok(!left.is_empty())
    }

    /// Refuses to go on when the lane of a job is not this worker's any more, or the job has ended: called before a job's outcome is
    /// written, so that a process that was frozen past its lease does no harm when it wakes.
    pub async fn assert_lease(&mut self, job: &Job, owner: &str) -> Result<(), StoreError> {
        if self.is_sqlite() {
            // What holds here holds until the commit, as nobody else writes. The database itself refuses, with the next statement that is
            // answered: to ask it first would be a trip.
            self.leased = Some(job.id);
            return self
                .sql(
                    "INSERT INTO lost_leases (job_id) SELECT $1 WHERE NOT EXISTS \
                     (SELECT 1 FROM lanes WHERE lane = $2 AND lease_owner = $3)",
                )
                .bind(job.id)
                .bind(job.lane.as_str())
                .bind(owner)
                .later()
                .await;
        }
        let held = self
            .sql(format!(
                "UPDATE lanes SET due_at = due_at WHERE lane = $1 AND lease_owner = $2 AND {WAITS} RETURNING 1"
            ))
            .bind(job.lane.as_str())
            .bind(owner)
            .bind(job.id)
            .any()
            .await?;
        if held {
            Ok(())
        } else {
            Err(StoreError::LeaseLost { job: job.id })
        }
    }

    /// Whether the lane of a job is this worker's, and will be for that long: on PostgreSQL, by the database's clock. Unlike
    /// [`Tx::assert_lease`] it is for what can't be taken back and is no write.
    pub async fn holds_lease(
        &mut self,
        job: &Job,
        owner: &str,
        how_long: Duration,
    ) -> Result<bool, StoreError> {
        self.sql(format!(
            "SELECT 1 FROM lanes WHERE lane = $1 AND lease_owner = $2 AND lease_until > {POSTGRES_NOW} + $4 AND {WAITS}"
        ))
        .bind(job.lane.as_str())
        .bind(owner)
        .bind(job.id)
        .bind(i64::try_from(how_long.as_millis()).unwrap_or(i64::MAX))
        .any()
        .await
    }
}

/// When the next lane of a class that nobody works on is due.
fn next_due(class: LaneClass) -> Statement {
    Statement::new("SELECT due_at FROM lanes WHERE class = $1 AND lease_until = 0 ORDER BY due_at LIMIT 1")
        .bind(class.number())
}

/// Takes a leased lane away when no job waits in it.
pub(super) fn remove_if_empty(lane: &Lane, owner: &str) -> Statement {
    Statement::new(
        "DELETE FROM lanes WHERE lane = $1 AND lease_owner = $2 AND NOT EXISTS \
         (SELECT 1 FROM jobs WHERE jobs.lane = $1 AND state = 'waiting') RETURNING 1",
    )
    .bind(lane.as_str())
    .bind(owner)
}

/// Gives a leased lane back. The job's time is read here and not before: it may have changed since the worker looked. A lane in which
/// nothing waits is due at once, so that the next worker takes it away.
pub(super) fn release(lane: &Lane, owner: &str, not_before: Timestamp) -> Statement {
    Statement::new(
        "UPDATE lanes SET lease_owner = NULL, lease_until = 0, due_at = COALESCE(\
         (SELECT CASE WHEN due_at > $1 THEN due_at ELSE $1 END FROM jobs WHERE jobs.lane = $2 \
         AND state = 'waiting' ORDER BY id LIMIT 1), 0) WHERE lane = $2 AND lease_owner = $3 RETURNING 1",
    )
    .bind(not_before.millis())
    .bind(lane.as_str())
    .bind(owner)
}
