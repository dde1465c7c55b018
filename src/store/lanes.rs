//! Lanes: queues of jobs that are worked one after another.
//!
//! A *lane* is worked by one worker at a time, job by job in the order of their IDs; lanes do not wait for each
//! other. A worker leases a lane, works through it, and gives it back.

use std::fmt;
use std::time::Duration;

use ruma::{RoomId, UserId};

use super::query::{in_batches, placeholders};
use super::{StoreError, Tx, get};
use crate::model::Timestamp;

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

    pub(super) fn number(self) -> i64 {
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
    /// A lane by the name under which it is stored.
    pub(super) fn stored(name: String) -> Self {
        Self(name)
    }

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

/// As a log may show it: without whose `m.direct` it is about.
impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once(':') {
            Some((kind @ "direct", _)) => f.write_str(kind),
            _ => f.write_str(&self.0),
        }
    }
}

impl Tx {
    /// Makes sure that a lane with waiting jobs is there, and stays. A lane that is there keeps its due time, which is that of
    /// its first job. It comes before the rows of portals, like [`Tx::lock_lane`].
    pub async fn wake_lane(&mut self, lane: &Lane, due_at: Timestamp) -> Result<(), StoreError> {
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
            there.extend(
                held.all(|row| get(row, "lanes", "lane").map(Lane::stored))
                    .await?,
            );
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
            "UPDATE machines SET since = since - $1 WHERE since > $2",
            "UPDATE machines SET stopped_until = stopped_until - $1 WHERE stopped_until > $2",
            "UPDATE machines SET auto_reply_at = auto_reply_at - $1 WHERE auto_reply_at > $2",
            "UPDATE mailbox_messages SET due_at = due_at - $1 WHERE due_at > $2",
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

    /// When the newest job was made.
    pub async fn newest_job(&mut self) -> Result<Option<Timestamp>, StoreError> {
        self.sql("SELECT created_at FROM jobs ORDER BY id DESC LIMIT 1")
            .one(|row| get(row, "jobs", "created_at").map(Timestamp))
            .await
    }

    pub(super) async fn lane_of_job(&mut self, id: i64) -> Result<Option<Lane>, StoreError> {
        self.sql("SELECT lane FROM jobs WHERE id = $1")
            .bind(id)
            .one(|row| get(row, "jobs", "lane").map(Lane::stored))
            .await
    }

    /// Sets the time of a lane on which nobody works to that of its first job, which is another one now. One in which nothing waits
    /// any more is due at once, so that a worker takes it away.
    pub(super) async fn refresh_lane(&mut self, lane: &Lane) -> Result<(), StoreError> {
        self.sql(
            "UPDATE lanes SET due_at = COALESCE((SELECT due_at FROM jobs WHERE jobs.lane = $1 AND state = 'waiting' \
             ORDER BY id LIMIT 1), 0) WHERE lane = $1 AND lease_until = 0",
        )
        .bind(lane.as_str())
        .later().await?;
        self.added_work.push(lane.class());
        Ok(())
    }
}
