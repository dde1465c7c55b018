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

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::disk::{Disk, Promise};
use super::writer::Writer;
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
    pub(super) writer: Writer,
    pub(super) read: SqlitePool,
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
            // What is removed from a page that is written anyway is overwritten: see `store/erase.rs`.
            .pragma("secure_delete", "FAST")
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
        if create && let Err(error) = empty_log(&mut connection).await {
            tracing::warn!(%error, "the database's log could not be emptied");
        }
        let mut log = OsString::from(options.get_filename());
        log.push("-wal");
        // Nobody removes the log while the connection is there.
        let log = File::options()
            .read(true)
            .write(true)
            .open(log)
            .map_err(StoreError::Disk)?;
        let disk = Arc::new(Disk::new(log));
        let read = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(30))
            .test_before_acquire(false)
            .connect_with(options.clone().pragma("query_only", "ON"))
            .await?;
        Ok(Self {
            options,
            writer: Writer::new(connection, Arc::clone(&disk)),
            read,
            disk,
        })
    }

    /// Resolves when the disk has failed.
    pub(super) async fn failed(&self) {
        self.disk.failed().await;
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

    /// Bytes in pages that are used for nothing.
    pub(super) async fn free_bytes(&self) -> Result<u64, StoreError> {
        let mut connection = self.read.acquire().await?;
        let mut sum = 1;
        for sql in ["PRAGMA freelist_count", "PRAGMA page_size"] {
            let number: i64 = sqlx::query_scalar(sql).fetch_one(&mut *connection).await?;
            sum *= u64::try_from(number).unwrap_or_default();
        }
        Ok(sum)
    }

    /// Brings the log into the database and empties it. It waits for those who read or write, but not for ever: then it answers false.
    pub(super) async fn empty_log(&self) -> Result<bool, StoreError> {
        let mut connection = self.options.clone().connect().await?;
        let emptied = empty_log(&mut connection).await;
        connection.close().await?;
        emptied
    }

    pub(super) async fn close(&self) {
        self.read.close().await;
        // The last connection of all: what is in the log goes into the file.
        self.writer.close().await;
    }
}

/// Brings what is in the log into the database, and empties the log; false when others kept it in use. At the start that is what a
/// former process has left: after a failure of the disk the system may show what never got there, and would not write it again. Here it
/// is written anew.
async fn empty_log(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
        .fetch_one(connection)
        .await?;
    Ok(busy == 0)
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
pub(super) mod tests {
    use crate::store::Store;

    pub(in crate::store) async fn store(folder: &tempfile::TempDir) -> Store {
        let file = folder.path().join("penpal.db");
        Store::connect(&format!("sqlite:{}", file.display()))
            .await
            .unwrap()
    }

    pub(in crate::store) async fn setting(store: &Store, name: &str) -> Option<String> {
        store.read().await.unwrap().setting(name).await.unwrap()
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
