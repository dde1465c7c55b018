//! The store: everything that Penpal must remember, in SQLite or PostgreSQL. The only place with SQL.
//!
//! Imports: `model`. One SQL text serves both databases: `$1` placeholders, only TEXT, BIGINT and BLOB or BYTEA
//! columns, truth values and times as BIGINT. To add a table: a new migration in both folders of `migrations/`, a file
//! here that is named after it, and methods on [`Tx`] in that file, made of `self.sql(…).bind(…)`. A look-up answers
//! `Option`: that something is not there is rarely an error.
//!
//! In what is asked for each message it is `LIMIT $1 + 0`: SQLite prepares a statement anew for each number that is bound to `LIMIT`
//! itself, which takes longer than to run it.

mod acquaintances;
mod chats;
mod claim;
mod contents;
mod disk;
mod drafts;
mod emails;
mod erase;
mod error;
mod files;
mod forget;
mod group_commit;
mod incoming;
mod jobs;
mod lanes;
mod leases;
mod machines;
mod mailboxes;
mod members;
mod messages;
mod neighbours;
mod outgoing;
mod people;
mod portals;
mod private_file;
mod query;
mod queue;
mod recording;
mod reports;
mod retention;
mod retries;
mod sender_rules;
mod settings;
mod spending;
mod sqlite;
mod stops;
mod threads;
mod traces;
mod tx;
mod uploads;
mod writer;

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection as _, Executor as _};
use tokio::sync::Notify;

pub use chats::Chat;
pub use claim::Claim;
pub use contents::{Content, ContentWriter, LARGE, PIECE};
pub use drafts::{Draft, FrozenEmail};
pub use emails::Email;
pub use error::StoreError;
pub use files::LinkedFile;
pub use forget::{Forgotten, Person};
pub use incoming::{Addressed, Incoming, Met};
pub use jobs::{Job, JobKind, JobState, NewJob};
pub use lanes::{Lane, LaneClass};
pub use leases::{Expired, Leased};
pub use machines::Machines;
pub use mailboxes::{MailboxMessage, MailboxState, MessageOutcome};
pub use messages::Message;
pub use outgoing::Outgoing;
pub use people::{MailWishes, Strangers};
pub use portals::{NewPortal, Portal, PortalState};
pub use queue::JobSummary;
pub use recording::{Member, Recorded};
pub use reports::Reported;
pub use retention::Place;
pub use sender_rules::SenderRule;
pub use spending::{Resource, Use};
pub use threads::{EmailSummary, ThreadFilter, ThreadSummary};
pub use tx::Tx;
pub use uploads::Upload;

use contents::GivenUp;
use disk::Promise;
use query::{Row, corrupt, get, parse, parse_optional};
use sqlite::Sqlite;
pub use sqlite::folder_of;
use tx::Connection;
use writer::Queue;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read; on PostgreSQL, as many again that write.
const CONNECTIONS: u32 = 8;

/// How long PostgreSQL waits for the next statement of a transaction, in milliseconds. Ours ask for one after another, with nothing
/// in between: a process that is silent for so long is frozen or gone, and others wait for the locks that it has.
const FROZEN: &str = "10000";

/// PostgreSQL plans by how full it knows a table to be. Ours fill and empty within seconds, long before it looks again, and a plan
/// made for an empty table reads the full one from end to end, for each message. What a message needs has an index.
const INDEXED: (&str, &str) = ("enable_seqscan", "off");

/// A commit of PostgreSQL waits for its disk, whatever the server's configuration, the database's or the role's says. What waits for
/// more, as for other servers, stays.
const WAITS_FOR_THE_DISK: &str = "SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    database: Database,
    /// Wakes the workers of this process.
    wake: Arc<Wake>,
    /// Wakes what tells other processes.
    told: Arc<Wake>,
    given_up: Arc<GivenUp>,
}

#[derive(Clone, Debug)]
enum Database {
    Sqlite(Box<Sqlite>),
    Postgres { write: PgPool, read: PgPool },
}

/// Tells that there is work, one for each class of lanes.
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

    fn all(&self) {
        self.homeserver.notify_one();
        self.relay.notify_one();
    }
}

impl Store {
    /// Opens `sqlite:FILE` (which is made when it is missing, readable for its owner alone) or `postgres://…`, and brings the
    /// schema up to date. `url` may hold a password and is never part of an error.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(url, true).await
    }

    /// The same, for a look at what is there: a SQLite file that is missing is an error, and not made.
    pub async fn connect_existing(url: &str) -> Result<Self, StoreError> {
        Self::open(url, false).await
    }

    async fn open(url: &str, create: bool) -> Result<Self, StoreError> {
        let database = if url.starts_with("sqlite:") {
            Database::Sqlite(Box::new(Sqlite::open(url, create).await?))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?
                .disable_statement_logging()
                .options([("idle_in_transaction_session_timeout", FROZEN), INDEXED]);
            // A pool would try for half a minute and then say that it has timed out. This says at once what is wrong.
            options.connect().await?.close().await?;
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS);
            let write = pool.clone().after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(WAITS_FOR_THE_DISK).await?;
                    Ok(())
                })
            });
            let write = write.connect_with(options.clone()).await?;
            POSTGRES.run(&write).await?;
            let reading = options.options([("default_transaction_read_only", "on")]);
            Database::Postgres {
                write,
                read: pool.connect_lazy_with(reading),
            }
        } else {
            return Err(StoreError::UnknownScheme);
        };
        Ok(Self {
            database,
            wake: Arc::default(),
            told: Arc::default(),
            given_up: Arc::default(),
        })
    }

    /// A transaction that may write.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        self.begin_in(Queue::Doors).await
    }

    /// The same for work that waits in the store anyway: whatever somebody outside waits for has its turn first.
    pub async fn begin_work(&self) -> Result<Tx, StoreError> {
        self.begin_in(Queue::Work).await
    }

    async fn begin_in(&self, queue: Queue) -> Result<Tx, StoreError> {
        let connection = match &self.database {
            Database::Sqlite(sqlite) => Connection::Sqlite(sqlite.writer.turn(queue).await),
            Database::Postgres { write, .. } => Connection::Postgres(write.begin().await?),
        };
        Ok(Tx::new(self.clone(), connection))
    }

    /// For reading only: it never waits for a writer. Each look-up sees what is committed at its own moment.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        let connection = match &self.database {
            Database::Sqlite(sqlite) => Connection::ReadSqlite(sqlite.read.acquire().await?),
            Database::Postgres { read, .. } => Connection::ReadPostgres(read.acquire().await?),
        };
        Ok(Tx::new(self.clone(), connection))
    }

    /// Resolves when all that was committed durably before, and all work added for the homeserver's side, is on the disk: to be called before the outside sees an effect of
    /// what may be committed but not there yet. On PostgreSQL nobody sees such a commit before.
    pub async fn settled(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.settled().await,
            Database::Postgres { .. } => Ok(()),
        }
    }

    /// Resolves, with the reason, when the store can be of use again to another process only. PostgreSQL sees to that itself.
    pub async fn failed(&self) -> StoreError {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.failed().await,
            Database::Postgres { .. } => std::future::pending().await,
        }
        StoreError::DiskFailed
    }

    /// Writes a consistent copy of a SQLite database to a new file, while others go on with theirs.
    pub async fn back_up(&self, file: &Path) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.back_up(file).await,
            Database::Postgres { .. } => Err(StoreError::NoBackup),
        }
    }

    /// Resolves when work of a class was added since it was last asked, by this process, or by another one while
    /// [`Store::meet_neighbours`] runs.
    pub async fn work_added(&self, class: LaneClass) {
        self.wake.class(class).notified().await;
    }

    /// True when only this process can work on the store, so that leases of a former process mean nothing.
    pub fn is_single_process(&self) -> bool {
        matches!(self.database, Database::Sqlite(_))
    }

    /// Writes back what is pending and closes all connections.
    pub async fn close(&self) {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.close().await,
            Database::Postgres { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    fn wake(&self, classes: &[LaneClass]) {
        for class in classes {
            self.wake.class(*class).notify_one();
            self.told.class(*class).notify_one();
        }
    }

    async fn reach(&self, promise: Promise) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.reach(promise).await,
            Database::Postgres { .. } => Ok(()),
        }
    }
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
