//! What can go wrong with the store.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use sqlx::migrate::MigrateError;

/// Trouble with the store. Never holds the URL: it may contain a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error, or not at all.
    #[error("database: {0}")]
    Driver(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date: {0}")]
    Migrate(#[source] MigrateError),
    /// The schema is of a newer Penpal.
    #[error(
        "the database was last used by a newer Penpal (this one does not know its schema, number {schema}): run that one, or go \
         back to a backup from before it"
    )]
    Newer {
        /// The number of the migration that is not known.
        schema: i64,
    },
    /// The database can't have a write-ahead log where it is.
    #[error(
        "SQLite has no write-ahead log here (its journal mode is {mode}), which Penpal needs: \
         is the database on a network's file system? Put it on a local disk"
    )]
    NoLog {
        /// SQLite's journal mode.
        mode: String,
    },
    /// The disk did not take what was written.
    #[error("the database's disk: {0}")]
    Disk(#[source] io::Error),
    /// The disk has failed before: what was written since may not be on it.
    #[error(
        "the database's disk has failed, and nobody knows what of the last writes is on it: Penpal must start anew to see. \
         Mend the disk if it fails again (`dmesg` says more)"
    )]
    DiskFailed,
    /// A statement failed before, and everything was taken back.
    #[error("the transaction was taken back after an error")]
    TakenBack,
    /// The commit failed, or another transaction that was committed together with it has ended both.
    #[error("the database did not commit: {reason}")]
    NotCommitted {
        /// What the database said.
        reason: String,
    },
    /// A row holds something that no version of Penpal wrote.
    #[error("the database is damaged: {table}.{column} {reason}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What was expected.
        reason: String,
    },
    /// The job is not this process's any more: its lease ran out and another process took it. Or it is done already: the
    /// commit that said so succeeded, but its answer was lost.
    #[error("job {job} was taken over by another process, or is done already")]
    LeaseLost {
        /// The job.
        job: i64,
    },
    /// The payload of a job was removed while somebody was at it.
    #[error(
        "the content of a job is gone: the job was dropped or forgotten, or the clock has leapt by a day"
    )]
    ContentGone,
    /// Large payloads would fill the disk.
    #[error(
        "the database's disk has less than {} MB left: large mails and files wait until there is more, so that the others can go on",
        reserve / 1_000_000
    )]
    NoRoom {
        /// Bytes that large payloads leave free.
        reserve: u64,
    },
    /// Backups of PostgreSQL are made by its own tools.
    #[error("this database is in PostgreSQL: back it up with pg_dump")]
    NoBackup,
    /// The file of the database can't be opened.
    #[error("{}: {source} ({})", path.display(), mend(source))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process works on the SQLite file.
    #[error(
        "another `penpal run` works on this database (it holds the lock on {}): stop that one, or give this one a database of \
         its own. Several processes can share a PostgreSQL database, not a SQLite file",
        path.display()
    )]
    Taken {
        /// The file with the lock.
        path: PathBuf,
    },
    /// Neither `sqlite:` nor `postgres:`.
    #[error("database.url must begin with sqlite: or postgres://")]
    UnknownScheme,
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(schema) => Self::Newer { schema },
            other => Self::Migrate(other),
        }
    }
}

/// What to do about a file that can't be opened.
fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => {
            "make its folder, or mend database.url; `penpal run` makes the file when its folder is there"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "the user of penpal must be able to write this file and its folder: chown them to that user"
        }
        ErrorKind::IsADirectory => "let database.url name a file in this folder",
        _ => "let database.url name another file",
    }
}
