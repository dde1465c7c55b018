//! The store: everything that Penpal must remember, in SQLite or PostgreSQL. The only place with SQL.
//!
//! Imports: `model`. One SQL text serves both databases, through sqlx's `Any` driver: `$1` placeholders, only
//! TEXT, BIGINT and BLOB or BYTEA columns, truth values and times as BIGINT. To add a table: a new migration in
//! both folders of `migrations/`, a file here that is named after it, and methods on [`Tx`] in that file.
//! A look-up answers `Option`: that something is not there is rarely an error.

mod drafts;
mod emails;
mod error;
mod jobs;
mod lanes;
mod messages;
mod people;
mod portals;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::migrate::Migrator;
use sqlx::{Any, AnyPool, Row};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard};

pub use drafts::Draft;
pub use emails::Email;
pub use error::StoreError;
pub use jobs::{Job, JobKind, JobState, JobSummary, NewJob};
pub use lanes::{Lane, LaneClass};
pub use messages::Message;
pub use people::Strangers;
pub use portals::{NewPortal, Portal, PortalState};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read, beside the one that writes (SQLite) or in all (PostgreSQL).
const CONNECTIONS: u32 = 8;

/// What was acknowledged must survive a power cut, not only a crash of this process.
const FULL: &str = "PRAGMA synchronous = FULL";

/// What a power cut may undo: the database stays whole all the same.
const NORMAL: &str = "PRAGMA synchronous = NORMAL";

/// How long a statement waits for another process's lock on a SQLite file.
const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 10000";

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    read: AnyPool,
    write: AnyPool,
    /// On SQLite a second connection that writes, without waiting for the disk: see [`Store::begin_bookkeeping`].
    bookkeeping: AnyPool,
    /// On SQLite there is one writer at a time: they queue here, in order, instead of polling in its busy handler.
    writing: Arc<Mutex<()>>,
    sqlite: bool,
    wake: Arc<Wake>,
}

/// Tells the workers of this process that there is work, one for each class of lanes.
#[derive(Debug, Default)]
struct Wake {
    homeserver: Notify,
    relay: Notify,
}

impl Wake {
    fn class(&self, class: LaneClass) -> &Notify {
        match class {
            LaneClass::Homeserver => &self.homeserver,
            LaneClass::Relay => &self.relay,
        }
    }
}

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Tx {
    // Dropped, and so rolled back, before the next writer gets its turn.
    inner: sqlx::Transaction<'static, Any>,
    turn: Option<OwnedMutexGuard<()>>,
    sqlite: bool,
    /// Told after the commit when work was added.
    wake: Option<Arc<Wake>>,
    added_work: Vec<LaneClass>,
}

impl Store {
    /// Opens `sqlite:FILE` (which is made when it is missing) or `postgres://…`, and brings the schema up to date.
    /// `url` may hold a password and is never part of an error.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        if !sqlite && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(StoreError::UnknownScheme);
        }
        let (read, write, bookkeeping) = if sqlite {
            let separator = if url.contains('?') { '&' } else { '?' };
            let options = AnyConnectOptions::from_str(&format!("{url}{separator}mode=rwc"))?;
            let write = sqlite_pool(1, FULL).connect_with(options.clone()).await?;
            SQLITE.run(&write).await?;
            let bookkeeping = sqlite_pool(1, NORMAL).connect_with(options.clone()).await?;
            (
                sqlite_pool(CONNECTIONS, FULL).connect_with(options).await?,
                write,
                bookkeeping,
            )
        } else {
            let options = AnyConnectOptions::from_str(url)?;
            let pool = AnyPoolOptions::new()
                .max_connections(CONNECTIONS)
                .connect_with(options)
                .await?;
            POSTGRES.run(&pool).await?;
            (pool.clone(), pool.clone(), pool)
        };
        Ok(Self {
            read,
            write,
            bookkeeping,
            writing: Arc::default(),
            sqlite,
            wake: Arc::default(),
        })
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.begin_on(&self.write).await
    }

    /// A transaction for leases and attempts: a power cut may undo it, and nothing else is written in it. It does not wait
    /// for the disk, which is most of what a small transaction costs.
    pub async fn begin_bookkeeping(&self) -> Result<Tx, StoreError> {
        let mut tx = self.begin_on(&self.bookkeeping).await?;
        if !self.sqlite {
            sqlx::query("SET LOCAL synchronous_commit TO OFF")
                .execute(&mut *tx.inner)
                .await?;
        }
        Ok(tx)
    }

    async fn begin_on(&self, pool: &AnyPool) -> Result<Tx, StoreError> {
        // IMMEDIATE: with a deferred BEGIN, two transactions that read and then write fail each other on SQLite.
        let (turn, inner) = if self.sqlite {
            let turn = Arc::clone(&self.writing).lock_owned().await;
            (Some(turn), pool.begin_with("BEGIN IMMEDIATE").await?)
        } else {
            (None, pool.begin().await?)
        };
        Ok(Tx {
            inner,
            turn,
            sqlite: self.sqlite,
            wake: Some(Arc::clone(&self.wake)),
            added_work: Vec::new(),
        })
    }

    /// A transaction for reading only: it never waits for a writer.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(Tx {
            inner: self.read.begin().await?,
            turn: None,
            sqlite: self.sqlite,
            wake: None,
            added_work: Vec::new(),
        })
    }

    /// Resolves when this process has added work of a class since it was last asked.
    pub async fn work_added(&self, class: LaneClass) {
        self.wake.class(class).notified().await;
    }

    /// True when only this process can work on the store, so that leases of a former process mean nothing.
    pub fn is_single_process(&self) -> bool {
        self.sqlite
    }

    /// Writes back what is pending and closes all connections.
    pub async fn close(&self) {
        self.read.close().await;
        self.bookkeeping.close().await;
        self.write.close().await;
    }
}

fn sqlite_pool(connections: u32, synchronous: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        .after_connect(move |connection, _| {
            Box::pin(async move {
                for pragma in ["PRAGMA journal_mode = WAL", synchronous, BUSY_TIMEOUT] {
                    sqlx::query(pragma).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
}

impl Tx {
    /// Makes it all durable: when this returns `Ok`, it is on disk.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.inner.commit().await?;
        drop(self.turn);
        for class in self.added_work {
            if let Some(wake) = &self.wake {
                wake.class(class).notify_one();
            }
        }
        Ok(())
    }

    /// A setting; `None` when it was never written.
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT value FROM settings WHERE name = $1").bind(name);
        row.fetch_optional(&mut *self.inner)
            .await?
            .map(|row| get(&row, "settings", "value"))
            .transpose()
    }

    /// Writes a setting that has no value yet; one that has keeps it. Answers the value that holds.
    pub async fn keep_setting(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&mut *self.inner)
            .await?;
        Ok(self.setting(name).await?.unwrap_or_else(|| value.to_owned()))
    }
}

/// Foreign text as both databases can hold it: PostgreSQL knows no U+0000, and nobody misses it.
fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// Reads a column and says where the trouble is when it holds something else than the schema promises.
fn get<'r, T>(row: &'r AnyRow, table: &'static str, column: &'static str) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
{
    row.try_get(column).map_err(|error| StoreError::Corrupt {
        table,
        column,
        reason: error.to_string(),
    })
}

/// Reads a text column that holds something typed: an ID, an address, a state.
fn parse<T: FromStr>(row: &AnyRow, table: &'static str, column: &'static str) -> Result<T, StoreError>
where
    T::Err: std::fmt::Display,
{
    let text: String = get(row, table, column)?;
    text.parse().map_err(|error: T::Err| StoreError::Corrupt {
        table,
        column,
        reason: error.to_string(),
    })
}

/// [`parse`] for a column that may be NULL.
fn parse_optional<T: FromStr>(
    row: &AnyRow,
    table: &'static str,
    column: &'static str,
) -> Result<Option<T>, StoreError>
where
    T::Err: std::fmt::Display,
{
    let text: Option<String> = get(row, table, column)?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: T::Err| StoreError::Corrupt {
            table,
            column,
            reason: error.to_string(),
        })
}

/// An enum that is stored as a word.
macro_rules! stored_words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident => $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl $name {
            /// The word that stands for it in the store and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    other => Err(format!("{other:?} is none of {}", [$($word),+].join(", "))),
                }
            }
        }
    };
}
use stored_words;
