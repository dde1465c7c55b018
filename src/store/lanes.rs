//! Lanes: queues of jobs that are worked one after another, and their leases.
//!
//! A *lane* is worked by one worker at a time, job by job in the order of their IDs; lanes do not wait for each
//! other. A worker leases a lane, works through it, and gives it back.

use std::fmt;
use std::time::Duration;

use ruma::{RoomId, UserId};

use super::query::{Statement, in_batches, placeholders, read_all, read_one};
use super::{Job, StoreError, Tx, get};
use crate::model::Timestamp;

/// The present on PostgreSQL, as times are stored.
pub(super) const POSTGRES_NOW: &str = "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)";

/// The job `$3` was not worked by another process, which may have given the lane back since, and this one taken it again. Where there is one
/// process alone, its lanes stay its own.
const NOT_DONE: &str = "EXISTS (SELECT 1 FROM jobs WHERE id = $3 AND state <> 'done')";

/// Whom the jobs of a lane keep waiting for: a relay that is down must not hold up the homeserver's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneClass {
    /// The homeserver.
    Homeserver,
    /// The mail relay.
    Relay,
}

impl LaneClass {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Homeserver => "homeserver",
            Self::Relay => "relay",
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Homeserver => 0,
            Self::Relay => 1,
        }
    }
}

/// The name of a lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lane(String);

impl Lane {
    /// The events of a room.
    pub fn room(room: &RoomId) -> Self {
        Self::of_room(room.as_str())
    }

    /// [`Lane::room`], of a room as it is stored.
    pub(super) fn of_room(room: &str) -> Self {
        Self(format!("room:{room}"))
    }

    /// What goes into a portal's room.
    pub fn portal(portal: i64) -> Self {
        Self(format!("portal:{portal}"))
    }

    /// What goes out as email in a portal's thread.
    pub fn thread(portal: i64) -> Self {
        Self(format!("thread:{portal}"))
    }

    /// Changes of a user's `m.direct`.
    pub fn direct(user: &UserId) -> Self {
        Self(format!("direct:{user}"))
    }

    /// Whether it holds the events of a room, most of which are worked by writing to the store alone.
    pub fn is_room(&self) -> bool {
        self.0.starts_with("room:")
    }

    pub(super) fn class(&self) -> LaneClass {
        if self.0.starts_with("thread:") {
            LaneClass::Relay
        } else {
            LaneClass::Homeserver
        }
    }

    /// The name as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Tx {
    /// Makes sure that a lane with waiting jobs is there, and stays. A lane that is there keeps its due time, which is that of
    /// its first job.
    pub(super) async fn wake_lane(&mut self, lane: &Lane, due_at: Timestamp) -> Result<(), StoreError> {
        self.wake_lanes(&[(lane, due_at)]).await
    }

    /// [`Tx::wake_lane`] for several lanes, in order, each once.
    pub(super) async fn wake_lanes(&mut self, lanes: &[(&Lane, Timestamp)]) -> Result<(), StoreError> {
        let missing = if self.is_sqlite() {
            lanes.to_vec()
        } else {
            let there = self.hold_lanes(lanes).await?;
            let missing = lanes.iter().filter(|(lane, _)| !there.contains(lane));
            missing.copied().collect()
        };
        self.added_work.extend(lanes.iter().map(|(lane, _)| lane.class()));
        // Where another transaction was faster, the update that changes nothing takes the row's lock.
        let there = if self.is_sqlite() {
            "NOTHING"
        } else {
            "UPDATE SET due_at = lanes.due_at"
        };
        for lanes in in_batches(&missing) {
            let mut upsert = self.sql(format!(
                "INSERT INTO lanes (lane, class, due_at) VALUES {} ON CONFLICT (lane) DO {there}",
                placeholders(lanes.len(), 3, "")
            ));
            for (lane, due_at) in lanes {
                upsert = upsert
                    .bind(lane.as_str())
                    .bind(lane.class().number())
                    .bind(due_at.millis());
            }
            upsert.later().await?;
        }
        Ok(())
    }

    /// Keeps lanes on PostgreSQL from being taken away, and answers those that are there. It waits for who takes one away
    /// ([`Tx::close_lane`]), and not for who works in one: a door would otherwise wait for each of a hundred lanes.
    async fn hold_lanes(&mut self, lanes: &[(&Lane, Timestamp)]) -> Result<Vec<Lane>, StoreError> {
        let mut there = Vec::new();
        for lanes in in_batches(lanes) {
            let list: Vec<String> = (1..=lanes.len()).map(|number| format!("${number}")).collect();
            let mut held = self.sql(format!(
                "SELECT lane FROM lanes WHERE lane IN ({}) ORDER BY lane FOR KEY SHARE",
                list.join(", ")
            ));
            for (lane, _) in lanes {
                held = held.bind(lane.as_str());
            }
            there.extend(held.all(|row| get(row, "lanes", "lane").map(Lane)).await?);
        }
        Ok(there)
    }

    /// Waits until nobody adds to a lane any more, and lets nobody until the commit: PostgreSQL would otherwise overlook a job that is just
    /// being added, and take the lane away under it. SQLite has one writer at a time.
    pub(super) async fn close_lane(&mut self, lane: &Lane) -> Result<(), StoreError> {
        if self.is_sqlite() {
            return Ok(());
        }
        self.sql("SELECT 1 FROM lanes WHERE lane = $1 FOR UPDATE")
            .bind(lane.as_str())
            .later()
            .await
    }

    /// Takes a lane's lock, when it has one: what is read of its jobs and drafts afterwards holds until the commit.
    ///
    /// SQLite has one writer at a time; on PostgreSQL a draft could otherwise be sent between being read and being
    /// added to. All take the lane's lock before those of its jobs, drafts and messages, and so never wait for each other
    /// in a circle.
    pub async fn lock_lane(&mut self, lane: &Lane) -> Result<(), StoreError> {
        if self.is_sqlite() {
            return Ok(());
        }
        self.sql("UPDATE lanes SET due_at = due_at WHERE lane = $1")
            .bind(lane.as_str())
            .later()
            .await
    }

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
    /// lane of the class on which nobody works is due; `None` when nothing waits.
    pub async fn lease_lanes(
        self,
        class: LaneClass,
        owner: &str,
        limit: usize,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(Vec<Lane>, Option<Timestamp>), StoreError> {
        let (end, bound) = self.lease_end("$2", now, lease);
        let (present, locked) = if self.is_sqlite() {
            ("$4", "")
        } else {
            (POSTGRES_NOW, "FOR NO KEY UPDATE SKIP LOCKED")
        };
        let leased = Statement::new(format!(
            "UPDATE lanes SET lease_owner = $1, lease_until = {end} WHERE lane IN \
             (SELECT lane FROM lanes WHERE class = $3 AND due_at <= $4 AND lease_until <= {present} \
              ORDER BY due_at, lane LIMIT $5 + 0 {locked}) RETURNING lane, due_at"
        ))
        .bind(owner)
        .bind(bound)
        .bind(class.number())
        .bind(now.millis())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let [leased, next] = self.commit_relaxed_with([leased, next_due(class)]).await?;
        let mut lanes = read_all(&leased, |row| {
            Ok((
                get::<i64>(row, "lanes", "due_at")?,
                Lane(get(row, "lanes", "lane")?),
            ))
        })?;
        // RETURNING has no order of its own, and a replay must be the same each time.
        lanes.sort();
        let next = read_one(&next, |row| get(row, "lanes", "due_at").map(Timestamp))?;
        Ok((lanes.into_iter().map(|(_, lane)| lane).collect(), next))
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

    /// The clock was set back: what is to be done at a time of the old one, seen from `now` on the new one, is to be done so
    /// much earlier; where leases go by this clock, those that hold for longer than `lease` as well.
    pub async fn set_back(
        &mut self,
        step: Duration,
        now: Timestamp,
        lease: Duration,
    ) -> Result<(), StoreError> {
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let due = [
            "UPDATE lanes SET due_at = due_at - $1 WHERE due_at > $2",
            "UPDATE jobs SET due_at = due_at - $1 WHERE state = 'waiting' AND due_at > $2",
            "UPDATE drafts SET held_until = held_until - $1 WHERE held_until > $2",
            "UPDATE spending SET spent_at = spent_at - $1 WHERE spent_at > $2",
        ];
        for sql in due {
            self.sql(sql).bind(step).bind(now.millis()).later().await?;
        }
        if self.is_sqlite() {
            self.sql("UPDATE lanes SET lease_until = lease_until - $1 WHERE lease_until > $2")
                .bind(step)
                .bind((now + lease).millis())
                .later()
                .await?;
        }
        Ok(())
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

    /// Gives a leased lane back until its first job is due, or until `not_before` when that is later. One that another
    /// process has taken over meanwhile stays with it.
    pub async fn release_lane(
        &mut self,
        lane: &Lane,
        owner: &str,
        not_before: Timestamp,
    ) -> Result<(), StoreError> {
        self.close_lane(lane).await?;
        self.defer(release(lane, owner, not_before)).await
    }

    /// Refuses to go on when the lane of a job is not this worker's any more, or the job is done: called before a job's outcome is
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
                "UPDATE lanes SET due_at = due_at WHERE lane = $1 AND lease_owner = $2 AND {NOT_DONE} RETURNING 1"
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

    /// Whether the lane of a job is this worker's, and will be for a while: on PostgreSQL, by the database's clock. Unlike
    /// [`Tx::assert_lease`] it is for what can't be taken back and is no write.
    pub async fn holds_lease(&mut self, job: &Job, owner: &str) -> Result<bool, StoreError> {
        self.sql(format!(
            "SELECT 1 FROM lanes WHERE lane = $1 AND lease_owner = $2 AND lease_until > {POSTGRES_NOW} AND {NOT_DONE}"
        ))
        .bind(job.lane.as_str())
        .bind(owner)
        .bind(job.id)
        .any()
        .await
    }

    pub(super) async fn lane_of_job(&mut self, id: i64) -> Result<Option<Lane>, StoreError> {
        self.sql("SELECT lane FROM jobs WHERE id = $1")
            .bind(id)
            .one(|row| get(row, "jobs", "lane").map(Lane))
            .await
    }

    /// Sets the time of a lane on which nobody works to that of its first job, which is another one now.
    pub(super) async fn refresh_lane(&mut self, lane: &Lane) -> Result<(), StoreError> {
        self.sql(
            "UPDATE lanes SET due_at = COALESCE((SELECT due_at FROM jobs WHERE jobs.lane = $1 AND state = 'waiting' \
             ORDER BY id LIMIT 1), lanes.due_at) WHERE lane = $1 AND lease_until = 0",
        )
        .bind(lane.as_str())
        .later().await?;
        self.added_work.push(lane.class());
        Ok(())
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

/// Gives a leased lane back. The job's time is read here and not before: it may have changed since the worker looked.
fn release(lane: &Lane, owner: &str, not_before: Timestamp) -> Statement {
    Statement::new(
        "UPDATE lanes SET lease_owner = NULL, lease_until = 0, due_at = COALESCE(\
         (SELECT CASE WHEN due_at > $1 THEN due_at ELSE $1 END FROM jobs WHERE jobs.lane = $2 \
         AND state = 'waiting' ORDER BY id LIMIT 1), $1) WHERE lane = $2 AND lease_owner = $3 RETURNING 1",
    )
    .bind(not_before.millis())
    .bind(lane.as_str())
    .bind(owner)
}
