//! SQLite: one connection that writes, several that read, and one wait for the disk for many commits.
//!
//! SQLite's own way to make a commit durable (`synchronous = FULL`) brings the write-ahead log to the disk while it
//! holds the lock for writing: transactions then follow each other at the pace of the disk. Here a commit appends to
//! the log (`synchronous = NORMAL`), gives the lock on, and waits for the same call on the same file outside it, so that
//! one wait for the disk serves all that were committed when it began. The promise is the same: what [`Disk::reach`] has
//! answered is on the disk, because the log is written in order and read back up to its last whole commit
//! (sqlite.org, "Write-Ahead Logging", "Performance Considerations").

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Either, Executor as _};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::disk::{Disk, Promise};
use super::query::{Row, Statement};
use super::{CONNECTIONS, SQLITE, StoreError, private_file};

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Pages in the log, of 4 KiB, before a commit brings them into the database, which takes two waits for the disk with the lock
/// held. SQLite's default of 1000 does that after about a hundred messages.
const LOG_PAGES: &str = "4000";

/// Prepared statements that a connection keeps. There are more combinations of statements than statements.
const STATEMENTS: usize = 200;

/// The folder of the file that a `sqlite:` URL names; `None` for any other database.
pub fn folder_of(url: &str) -> Option<PathBuf> {
    let options = url
        .starts_with("sqlite:")
        .then(|| SqliteConnectOptions::from_str(url).ok())??;
    let folder = options.get_filename().parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

/// A SQLite file.
#[derive(Clone, Debug)]
pub(super) struct Sqlite {
    options: SqliteConnectOptions,
    /// There is one writer at a time: they queue here, in order, instead of polling in SQLite's busy handler.
    writer: Arc<Mutex<Writer>>,
    /// Where all work queues behind its first, which alone is in the queue above.
    work: Arc<Mutex<()>>,
    pub(super) read: SqlitePool,
    disk: Arc<Disk>,
}

/// Who wants to write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Queue {
    /// What somebody outside waits for.
    Doors,
    /// Work, of which there may be any amount.
    Work,
}

#[derive(Debug)]
struct Writer {
    /// `None` once it was closed.
    connection: Option<SqliteConnection>,
    /// A transaction was begun and not ended.
    open: bool,
}

/// The right to write, until it is dropped, which takes back what was not committed.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None` after an error, which has taken everything back.
    writer: Option<OwnedMutexGuard<Writer>>,
    disk: Arc<Disk>,
}

impl Sqlite {
    /// Opens the file; with `create`, makes it when it is missing.
    pub(super) async fn open(url: &str, create: bool) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)?;
        let path = options.get_filename();
        private_file::prepare(path, create).map_err(|source| StoreError::File {
            path: path.to_owned(),
            source,
        })?;
        let turn = turn_to_open(path).await;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .statement_cache_capacity(STATEMENTS)
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        // Where memory can't be shared, as on a network's file system, SQLite stays with its older journal and says so.
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut connection)
            .await?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(StoreError::NoLog { mode });
        }
        SQLITE.run(&mut connection).await?;
        drop(turn);
        if create {
            empty_log(&mut connection).await;
        }
        let mut log = OsString::from(options.get_filename());
        log.push("-wal");
        // Nobody removes the log while the connection is there.
        let log = File::options()
            .read(true)
            .write(true)
            .open(log)
            .map_err(StoreError::Disk)?;
        let read = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .test_before_acquire(false)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await?;
        Ok(Self {
            options,
            writer: Arc::new(Mutex::new(Writer {
                connection: Some(connection),
                open: false,
            })),
            work: Arc::default(),
            read,
            disk: Arc::new(Disk::new(log)),
        })
    }

    /// Resolves when the disk has failed.
    pub(super) async fn failed(&self) {
        self.disk.failed().await;
    }

    /// Waits for the right to write.
    pub(super) async fn turn(&self, queue: Queue) -> Turn {
        let first = match queue {
            Queue::Doors => None,
            Queue::Work => Some(self.work.lock().await),
        };
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        drop(first);
        if writer.open {
            writer.roll_back().await;
        }
        Turn {
            writer: Some(writer),
            disk: Arc::clone(&self.disk),
        }
    }

    /// Bytes that are free on the disk of the file; `None` where the system does not say.
    pub(super) fn room(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.options.get_filename()).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// Waits until a promise is kept.
    pub(super) async fn reach(&self, promise: Promise) -> Result<(), StoreError> {
        self.disk.reach(promise).await
    }

    /// Waits until all promises made so far are kept.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        self.disk.reach(self.disk.promised()).await
    }

    /// A number that changes when another process has written, and only then: what the connection that writes did itself does
    /// not count (sqlite.org, "PRAGMA `data_version`").
    pub(super) async fn versions_of_others(&self) -> Result<i64, StoreError> {
        let mut writer = self.writer.lock().await;
        let connection = writer.connection.as_mut().ok_or(sqlx::Error::PoolClosed)?;
        Ok(sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(connection)
            .await?)
    }

    /// Writes a consistent copy to a new file that only its owner can read.
    pub(super) async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        let name = file.to_str().ok_or_else(|| {
            StoreError::Disk(io::Error::new(
                io::ErrorKind::InvalidFilename,
                "the file's name is no text",
            ))
        })?;
        // SQLite writes into an empty file as into a new one.
        let made = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(file)
            .map_err(StoreError::Disk)?;
        let mut connection = self.options.clone().connect().await?;
        sqlx::query("VACUUM INTO $1")
            .bind(name)
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        // SQLite itself does not wait for the disk here.
        made.sync_all().map_err(StoreError::Disk)
    }

    pub(super) async fn close(&self) {
        self.read.close().await;
        // The last connection of all: what is in the log goes into the file.
        let connection = self.writer.lock().await.connection.take();
        if let Some(connection) = connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database could not be closed");
        }
    }
}

/// Brings what a former process has left in the log into the database, and empties the log. After a failure of the disk the
/// system may show what never got there, and would not write it again: here it is written anew.
async fn empty_log(connection: &mut SqliteConnection) {
    let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(connection)
        .await;
    if let Err(error) = emptied {
        tracing::warn!(%error, "the database's log could not be emptied");
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

impl Writer {
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

    /// Runs what is left and commits. Answers the rows of each statement, and what is on the disk after [`Sqlite::reach`].
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

/// Keeps others from bringing the schema up to date at the same time: neither SQLite nor sqlx sees to that, and of two who begin with an empty
/// file one would fail. The lock is on the folder, since SQLite's own on the file are lost when the process closes it once; where
/// there is none, it goes without.
async fn turn_to_open(path: &Path) -> Option<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    let locked = tokio::task::spawn_blocking(move || {
        let folder = File::open(folder).ok()?;
        folder.lock().ok()?;
        Some(folder)
    });
    locked.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Mutex;
    use tokio::task::JoinSet;

    use crate::store::Store;

    async fn store(folder: &tempfile::TempDir) -> Store {
        let file = folder.path().join("penpal.db");
        Store::connect(&format!("sqlite:{}", file.display()))
            .await
            .unwrap()
    }

    async fn setting(store: &Store, name: &str) -> Option<String> {
        store.read().await.unwrap().setting(name).await.unwrap()
    }

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

    #[tokio::test]
    async fn a_backup_is_a_whole_database_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let opened = store(&folder).await;
        let mut tx = opened.begin().await.unwrap();
        tx.keep_setting("color", "red").await.unwrap();
        tx.commit().await.unwrap();
        // Somebody is writing meanwhile.
        let mut other = opened.begin().await.unwrap();
        other.keep_setting("shape", "round").await.unwrap();
        let copy = folder.path().join("copy.db");
        opened.back_up(&copy).await.unwrap();
        other.commit().await.unwrap();
        assert!(opened.back_up(&copy).await.is_err());
        let copied = Store::connect(&format!("sqlite:{}", copy.display()))
            .await
            .unwrap();
        assert_eq!(setting(&copied, "color").await.as_deref(), Some("red"));
        assert_eq!(setting(&copied, "shape").await, None);
    }
}
