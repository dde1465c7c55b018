//! Those who write to a SQLite file: they queue for the one connection that does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::sqlite::SqliteConnection;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::StoreError;
use super::disk::{Disk, Promise};
use super::group_commit::{Ended, Ending, GroupCommit};
use super::query::{Row, Statement};

/// The connection that writes. There is one writer at a time: they queue here, in order, instead of polling in SQLite's busy handler.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    group: Arc<Mutex<GroupCommit>>,
    /// Where all work queues behind its first, which alone is in the queue above.
    work: Arc<Mutex<()>>,
    waiting: Arc<Waiters>,
}

/// Why a commit that was under way failed for others, when the one who made it was stopped.
const STOPPED: &str = "it was stopped half-way";

/// Who wants to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// What somebody outside waits for.
    Doors,
    /// Work, of which there may be any amount.
    Work,
}

/// How many wait in each queue.
#[derive(Debug, Default)]
struct Waiters {
    doors: AtomicUsize,
    work: AtomicUsize,
}

impl Waiters {
    fn of(&self, queue: Queue) -> &AtomicUsize {
        match queue {
            Queue::Doors => &self.doors,
            Queue::Work => &self.work,
        }
    }
}

/// The right to write, until it is dropped, which takes back what was not committed.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None` after an error, which has taken everything back, and at the end.
    group: Option<OwnedMutexGuard<GroupCommit>>,
    writer: Writer,
    queue: Queue,
}

/// Somebody who waits for a turn.
struct Waiting<'a> {
    writer: &'a Writer,
    queue: Queue,
    served: bool,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection, disk: Arc<Disk>) -> Self {
        Self {
            group: Arc::new(Mutex::new(GroupCommit::new(connection, disk))),
            work: Arc::default(),
            waiting: Arc::default(),
        }
    }

    /// Waits for the right to write.
    pub(super) async fn turn(&self, queue: Queue) -> Turn {
        let mut waiting = Waiting::new(self, queue);
        let first = match queue {
            Queue::Doors => None,
            Queue::Work => Some(self.work.lock().await),
        };
        let group = Arc::clone(&self.group).lock_owned().await;
        waiting.served = true;
        drop((waiting, first));
        let mut turn = Turn {
            group: Some(group),
            writer: self.clone(),
            queue,
        };
        if let Some(group) = &mut turn.group {
            group.take_back(STOPPED).await;
        }
        turn
    }

    /// A number that changes when another process has written, and only then: what this connection did itself does not count
    /// (sqlite.org, "PRAGMA `data_version`").
    pub(super) async fn versions_of_others(&self) -> Result<i64, StoreError> {
        let mut group = self.group.lock().await;
        Ok(sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(group.connection()?)
            .await?)
    }

    /// From now on pages that become free are overwritten as well.
    pub(super) async fn overwrite_removed(&self) -> Result<(), StoreError> {
        let mut group = self.group.lock().await;
        sqlx::query("PRAGMA secure_delete = ON")
            .execute(group.connection()?)
            .await?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.group.lock().await.close().await;
    }

    fn waits(&self, queue: Queue) -> bool {
        self.waiting.of(queue).load(Ordering::Acquire) > 0
    }

    /// Whether somebody else will go on with the transaction, and see to it that it ends.
    fn is_awaited(&self) -> bool {
        self.waits(Queue::Doors) || self.waits(Queue::Work)
    }

    /// [`Writer::leave`] where the turn has left anything.
    fn leave_when_needed(self, group: OwnedMutexGuard<GroupCommit>, reason: Option<String>) {
        if group.is_begun() || (group.has_ended() && !self.is_awaited()) {
            self.leave(group, reason.unwrap_or_else(|| STOPPED.to_owned()));
        }
    }

    /// Ends what a turn has left: takes back what it did not commit, and commits what others did when nobody will go on. Not where the
    /// turn ends, as that may be stopped at any moment. Without a runtime it is left to the next turn.
    fn leave(self, mut group: OwnedMutexGuard<GroupCommit>, reason: String) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                group.take_back(&reason).await;
                if !self.is_awaited() {
                    group.commit().await;
                }
            });
        }
    }
}

impl<'a> Waiting<'a> {
    fn new(writer: &'a Writer, queue: Queue) -> Self {
        writer.waiting.of(queue).fetch_add(1, Ordering::AcqRel);
        Self {
            writer,
            queue,
            served: false,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.writer.waiting.of(self.queue).fetch_sub(1, Ordering::AcqRel);
        // Somebody may have left the commit to it.
        if !self.served
            && let Ok(runtime) = Handle::try_current()
        {
            let writer = self.writer.clone();
            runtime.spawn(async move {
                let group = Arc::clone(&writer.group).lock_owned().await;
                writer.leave_when_needed(group, None);
            });
        }
    }
}

impl Turn {
    /// Runs statements and answers the rows of each.
    pub(super) async fn run(&mut self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let group = self.group.as_mut().ok_or(StoreError::TakenBack)?;
        let answers = group.run(statements).await;
        self.heed(answers)
    }

    /// After an error everything is taken back.
    fn heed<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome
            && let Some(group) = self.group.take()
        {
            self.writer.clone().leave(group, error.to_string());
        }
        outcome
    }

    /// Runs what is left and commits. Answers the rows of each statement, and what is on the disk after [`super::Store::reach`].
    pub(super) async fn commit(
        self,
        statements: Vec<Statement>,
    ) -> Result<(Vec<Vec<Row>>, Option<Promise>), StoreError> {
        self.end(statements, true).await
    }

    /// The same for who does not wait for the disk. What is `promised` is waited for by [`super::Store::settled`].
    pub(super) async fn commit_relaxed(
        self,
        statements: Vec<Statement>,
        promised: bool,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let (answers, _) = self.end(statements, promised).await?;
        Ok(answers)
    }

    async fn end(
        mut self,
        statements: Vec<Statement>,
        promised: bool,
    ) -> Result<(Vec<Vec<Row>>, Option<Promise>), StoreError> {
        let group = self.group.as_mut().ok_or(StoreError::TakenBack)?;
        if statements.is_empty() && !group.is_begun() {
            return Ok((Vec::new(), None));
        }
        let ending = Ending {
            promised,
            urgent: self.queue == Queue::Doors,
        };
        // Whoever waits outside waits for others outside, and for work only where its turn comes before theirs.
        let last = group.is_full()
            || if ending.urgent || group.is_urgent() {
                !self.writer.waits(Queue::Doors)
            } else {
                !self.writer.is_awaited()
            };
        let ended = if group.has_ended() {
            self.end_apart(statements, ending, last).await
        } else {
            group.end(statements, ending, last).await
        };
        let (answers, committed) = self.heed(ended)?;
        drop(self);
        match committed.await {
            Ok(Ok(promise)) => Ok((answers, promise)),
            Ok(Err(reason)) => Err(StoreError::NotCommitted { reason }),
            Err(_) => Err(StoreError::TakenBack),
        }
    }

    /// Ends a part behind others, where nobody can stop it: half-way it would take theirs with it.
    async fn end_apart(
        &mut self,
        statements: Vec<Statement>,
        ending: Ending,
        last: bool,
    ) -> Result<Ended, StoreError> {
        let mut group = self.group.take().ok_or(StoreError::TakenBack)?;
        let writer = self.writer.clone();
        let ended = tokio::spawn(async move {
            let ended = group.end(statements, ending, last).await;
            let reason = ended.as_ref().err().map(ToString::to_string);
            writer.leave_when_needed(group, reason);
            ended
        });
        ended.await.unwrap_or(Err(StoreError::TakenBack))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            self.writer.clone().leave_when_needed(group, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Mutex;
    use tokio::task::JoinSet;

    use crate::store::sqlite::tests::{setting, store};

    #[tokio::test]
    async fn what_was_not_committed_leaves_no_trace_and_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let mut tx = store.begin().await.unwrap();
        tx.keep_setting("color", "red").await.unwrap();
        drop(tx);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.keep_setting("color", "blue").await.unwrap(), "blue");
        tx.commit().await.unwrap();
        assert_eq!(setting(&store, "color").await.as_deref(), Some("blue"));
    }

    #[tokio::test]
    async fn a_statement_that_fails_takes_back_its_own_transaction_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder).await;
        let mut tx = store.begin().await.unwrap();
        tx.keep_setting("color", "red").await.unwrap();
        assert!(tx.sql("INSERT INTO nowhere VALUES (1)").rows().await.is_err());
        assert!(tx.commit().await.is_err());
        assert_eq!(setting(&store, "color").await, None);
        let mut tx = store.begin().await.unwrap();
        tx.keep_setting("shape", "round").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(setting(&store, "shape").await.as_deref(), Some("round"));
    }

    #[tokio::test]
    async fn who_waits_outside_has_its_turn_before_the_work_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let opened = store(&folder).await;
        let first = opened.begin().await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for name in ["work 1", "work 2", "work 3", "door"] {
            let (opened, order) = (opened.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let _turn = match name {
                    "door" => opened.begin().await.unwrap(),
                    _ => opened.begin_work().await.unwrap(),
                };
                order.lock().await.push(name);
            });
            tokio::task::yield_now().await;
        }
        drop(first);
        tasks.join_all().await;
        assert_eq!(*order.lock().await, ["work 1", "door", "work 2", "work 3"]);
    }

    #[tokio::test]
    async fn commits_at_once_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let opened = store(&folder).await;
        let mut commits = JoinSet::new();
        for number in 0..50 {
            let store = opened.clone();
            commits.spawn(async move {
                let mut tx = store.begin().await.unwrap();
                tx.keep_setting(&number.to_string(), "here").await.unwrap();
                tx.commit().await.unwrap();
                setting(&store, &number.to_string()).await
            });
        }
        assert!(
            commits
                .join_all()
                .await
                .iter()
                .all(|found| found.as_deref() == Some("here"))
        );
        opened.settled().await.unwrap();
    }
}
