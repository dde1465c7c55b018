//! Work that another process has added to the same store is heard of at once, not found when one looks.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};

use super::sqlite::Sqlite;
use super::{Database, LaneClass, Store, StoreError};

/// The channel of LISTEN and NOTIFY.
const CHANNEL: &str = "penpal_work";

/// The shortest pause between two notifications. PostgreSQL lets transactions that notify commit one by one, so they are
/// no part of those that add work, and one tells of all that was added meanwhile.
const PAUSE: Duration = Duration::from_millis(10);

/// How often SQLite is asked whether somebody else has written: it takes some microseconds.
const LOOK: Duration = Duration::from_millis(500);

impl Store {
    /// Tells the neighbours of work that is added here, and wakes the workers here for theirs. On SQLite those are commands such as
    /// `penpal deliver`, which need not be told. Ends with an error only.
    pub async fn meet_neighbours(&self) -> Result<(), StoreError> {
        let (write, read) = match &self.database {
            Database::Sqlite(sqlite) => return self.watch(sqlite).await,
            Database::Postgres { write, read } => (write, read),
        };
        tokio::try_join!(self.tell(write), self.listen(read))?;
        Ok(())
    }

    /// Tells the neighbours at once: for a process that has added work and ends. On SQLite they see for themselves.
    pub async fn tell_neighbours(&self) -> Result<(), StoreError> {
        if let Database::Postgres { write, .. } = &self.database {
            for class in [LaneClass::Homeserver, LaneClass::Relay] {
                notify(write, class).await?;
            }
        }
        Ok(())
    }

    /// SQLite tells nobody, but counts what others have written.
    async fn watch(&self, sqlite: &Sqlite) -> Result<(), StoreError> {
        let mut seen = sqlite.writer.versions_of_others().await?;
        loop {
            tokio::time::sleep(LOOK).await;
            let version = sqlite.writer.versions_of_others().await?;
            if version != seen {
                seen = version;
                self.wake.all();
            }
        }
    }

    async fn tell(&self, pool: &PgPool) -> Result<(), StoreError> {
        loop {
            let class = tokio::select! {
                () = self.told.homeserver.notified() => LaneClass::Homeserver,
                () = self.told.relay.notified() => LaneClass::Relay,
            };
            notify(pool, class).await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn listen(&self, pool: &PgPool) -> Result<(), StoreError> {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        loop {
            match listener.try_recv().await? {
                Some(told) => {
                    for class in [LaneClass::Homeserver, LaneClass::Relay] {
                        if told.payload() == class.name() {
                            self.wake.class(class).notify_one();
                        }
                    }
                }
                // The connection was lost and is back: something may have been missed.
                None => self.wake.all(),
            }
        }
    }
}

async fn notify(pool: &PgPool, class: LaneClass) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_notify($1, $2)")
        .bind(CHANNEL)
        .bind(class.name())
        .execute(pool)
        .await?;
    Ok(())
}
