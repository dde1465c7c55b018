//! Transactions: what is common to both databases.

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::query::{Row, Statement};
use super::sqlite::Turn;
use super::{LaneClass, Store, StoreError};

/// Statements that wait for an answer to be asked for: more at once make nothing cheaper, and each combination is
/// prepared and kept.
const MOST_DEFERRED: usize = 8;

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
///
/// It may read what another one has written that is not on the disk yet. Whoever answers the outside on the ground
/// of what it read must therefore commit too, also when it has nothing to write.
#[derive(Debug)]
pub struct Tx {
    store: Store,
    connection: Connection,
    deferred: Vec<Statement>,
    /// Classes of lanes to which work was added: their workers are woken after the commit.
    pub(super) added_work: Vec<LaneClass>,
}

#[derive(Debug)]
pub(super) enum Connection {
    /// The one that writes to a SQLite file.
    Sqlite(Turn),
    Postgres(sqlx::Transaction<'static, Postgres>),
    /// For reading alone, statement by statement, as PostgreSQL's transactions do by default.
    ReadSqlite(PoolConnection<Sqlite>),
    ReadPostgres(PoolConnection<Postgres>),
}

impl Tx {
    pub(super) fn new(store: Store, connection: Connection) -> Self {
        Self {
            store,
            connection,
            deferred: Vec::new(),
            added_work: Vec::new(),
        }
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.connection, Connection::Sqlite(_) | Connection::ReadSqlite(_))
    }

    /// Makes it all durable: when this returns `Ok`, it is on the disk, and so is all that was read.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self.connection {
            Connection::Sqlite(turn) => {
                let promise = turn.commit(self.deferred).await?;
                self.store.wake(&self.added_work);
                self.store.reach(promise).await
            }
            // Nothing is deferred.
            Connection::Postgres(inner) => {
                inner.commit().await?;
                self.store.wake(&self.added_work);
                Ok(())
            }
            Connection::ReadSqlite(_) | Connection::ReadPostgres(_) => Ok(()),
        }
    }

    /// Commits without waiting for the disk: for what is simply done again when a power cut takes it back. The end of this
    /// process alone takes nothing back.
    pub async fn commit_relaxed(mut self) -> Result<(), StoreError> {
        if matches!(self.connection, Connection::Postgres(_)) {
            self.defer(Statement::new("SET LOCAL synchronous_commit TO OFF"))
                .await?;
        }
        match self.connection {
            Connection::Sqlite(turn) => turn.commit_relaxed(self.deferred).await?,
            Connection::Postgres(inner) => inner.commit().await?,
            Connection::ReadSqlite(_) | Connection::ReadPostgres(_) => {}
        }
        self.store.wake(&self.added_work);
        Ok(())
    }

    pub(super) async fn defer(&mut self, statement: Statement) -> Result<(), StoreError> {
        self.deferred.push(statement);
        // PostgreSQL runs statements one by one: there is nothing to win.
        if !self.is_sqlite() || self.deferred.len() >= MOST_DEFERRED {
            self.flush().await?;
        }
        Ok(())
    }

    pub(super) async fn fetch(&mut self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.deferred.push(statement);
        self.flush().await
    }

    /// Runs what waits; the rows are those of the last statement.
    async fn flush(&mut self) -> Result<Vec<Row>, StoreError> {
        let statements = std::mem::take(&mut self.deferred);
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        match &mut self.connection {
            Connection::Sqlite(turn) => turn.run(statements).await,
            Connection::ReadSqlite(connection) => {
                let (sql, arguments) = Statement::join(statements).for_sqlite()?;
                let rows = sqlx::query_with(AssertSqlSafe(sql), arguments)
                    .fetch_all(&mut **connection)
                    .await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Connection::Postgres(inner) => run_postgres(inner, statements).await,
            Connection::ReadPostgres(connection) => run_postgres(connection, statements).await,
        }
    }
}

async fn run_postgres(
    connection: &mut sqlx::PgConnection,
    statements: Vec<Statement>,
) -> Result<Vec<Row>, StoreError> {
    let mut rows = Vec::new();
    for statement in statements {
        let (sql, arguments) = statement.for_postgres()?;
        rows = sqlx::query_with(AssertSqlSafe(sql), arguments)
            .fetch_all(&mut *connection)
            .await?;
    }
    Ok(rows.into_iter().map(Row::Postgres).collect())
}
