//! The one connection that writes to a SQLite file, and those who wait for it.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Either, Executor as _};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::StoreError;
use super::disk::{Disk, Promise};
use super::query::{Row, Statement};

/// The connection that writes. There is one writer at a time: they queue here, in order, instead of polling in SQLite's busy handler.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    slot: Arc<Mutex<Slot>>,
    /// Where all work queues behind its first, which alone is in the queue above.
    work: Arc<Mutex<()>>,
    disk: Arc<Disk>,
}

#[derive(Debug)]
struct Slot {
    /// `None` once it was closed.
    connection: Option<SqliteConnection>,
    /// A transaction was begun and not ended.
    open: bool,
}

/// Who wants to write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Queue {
    /// What somebody outside waits for.
    Doors,
    /// Work, of which there may be any amount.
    Work,
}

/// The right to write, until it is dropped, which takes back what was not committed.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None` after an error, which has taken everything back.
    writer: Option<OwnedMutexGuard<Slot>>,
    disk: Arc<Disk>,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection, disk: Arc<Disk>) -> Self {
        let slot = Slot {
            connection: Some(connection),
            open: false,
        };
        Self {
            slot: Arc::new(Mutex::new(slot)),
            work: Arc::default(),
            disk,
        }
    }

    /// Waits for the right to write.
    pub(super) async fn turn(&self, queue: Queue) -> Turn {
        let first = match queue {
            Queue::Doors => None,
            Queue::Work => Some(self.work.lock().await),
        };
        let mut writer = Arc::clone(&self.slot).lock_owned().await;
        drop(first);
        if writer.open {
            writer.roll_back().await;
        }
        Turn {
            writer: Some(writer),
            disk: Arc::clone(&self.disk),
        }
    }

    /// A number that changes when another process has written, and only then: what this connection did itself does not count
    /// (sqlite.org, "PRAGMA `data_version`").
    pub(super) async fn versions_of_others(&self) -> Result<i64, StoreError> {
        let mut slot = self.slot.lock().await;
        let connection = slot.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        Ok(sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(connection)
            .await?)
    }

    pub(super) async fn close(&self) {
        let connection = self.slot.lock().await.connection.take();
        if let Some(connection) = connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database could not be closed");
        }
    }
}

/// Runs statements one after another, in one trip to the connection's thread and back, and answers the rows of each.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    statements: Vec<Statement>,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut answers = Vec::with_capacity(statements.len());
    let (sql, arguments) = Statement::join(statements).for_sqlite()?;
    let mut stream = connection.fetch_many(sqlx::query_with(AssertSqlSafe(sql), arguments));
    let mut rows = Vec::new();
    while let Some(item) = stream.try_next().await? {
        match item {
            Either::Right(row) => rows.push(Row::Sqlite(row)),
            // The end of a statement.
            Either::Left(_) => answers.push(std::mem::take(&mut rows)),
        }
    }
    Ok(answers)
}

impl Slot {
    async fn run(&mut self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let connection = self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        run(connection, statements).await
    }

    async fn roll_back(&mut self) {
        if let Some(connection) = &mut self.connection
            && let Err(error) = sqlx::raw_sql("ROLLBACK").execute(connection).await
        {
            // The transaction never began, or SQLite has ended it, which is just as well.
            tracing::debug!(%error, "nothing to roll back");
        }
        self.open = false;
    }
}

impl Turn {
    /// Runs statements and answers the rows of each, behind one more where they are the first: that begins the transaction.
    pub(super) async fn run(&mut self, mut statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let Some(writer) = &mut self.writer else {
            return Err(StoreError::TakenBack);
        };
        if !writer.open {
            // IMMEDIATE: a transaction that reads and then wants to write may find that another process was faster.
            statements.insert(0, Statement::new("BEGIN IMMEDIATE"));
            writer.open = true;
        }
        let answers = writer.run(statements).await;
        if answers.is_err()
            && let Some(mut writer) = self.writer.take()
        {
            writer.roll_back().await;
        }
        answers
    }

    /// Runs what is left and commits. Answers the rows of each statement, and what is on the disk after [`super::Store::reach`].
    pub(super) async fn commit(
        mut self,
        statements: Vec<Statement>,
    ) -> Result<(Vec<Vec<Row>>, Promise), StoreError> {
        let answers = self.end(statements).await?;
        Ok((answers, self.disk.promise()))
    }

    /// The same without a promise.
    pub(super) async fn commit_relaxed(
        mut self,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        self.end(statements).await
    }

    async fn end(&mut self, mut statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let untouched = self.writer.as_ref().is_some_and(|writer| !writer.open);
        if untouched && statements.is_empty() {
            return Ok(Vec::new());
        }
        statements.push(Statement::new("COMMIT"));
        let mut answers = self.run(statements).await?;
        // That of the commit.
        answers.pop();
        if let Some(writer) = &mut self.writer {
            writer.open = false;
        }
        Ok(answers)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Taken back at once, so that other processes can write; without a runtime, by the next turn.
        if let Some(mut writer) = self.writer.take().filter(|writer| writer.open)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { writer.roll_back().await });
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
