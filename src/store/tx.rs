//! Transactions: what is common to both databases.

use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, Postgres, Sqlite};

use super::group_commit;
use super::query::{Row, Statement};
use super::writer::Turn;
use super::{LaneClass, Store, StoreError};

/// Statements that wait for an answer to be asked for: more at once make nothing cheaper, and each combination is
/// prepared and kept.
const MOST_DEFERRED: usize = 8;

/// A transaction. Dropped without [`Tx::commit`], it leaves no trace.
///
/// It may read what another one has written that is not committed yet, or not on the disk. Whoever acknowledges something to the outside, or
/// acts there, on the ground of what it read must therefore commit first, also when it has nothing to write.
#[derive(Debug)]
pub struct Tx {
    store: Store,
    connection: Connection,
    deferred: Vec<Statement>,
    /// The job whose lease the database is to insist on: see [`Tx::assert_lease`].
    pub(super) leased: Option<i64>,
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
            leased: None,
            added_work: Vec::new(),
        }
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.connection, Connection::Sqlite(_) | Connection::ReadSqlite(_))
    }

    /// Makes it all durable: when this returns `Ok`, it is on the disk, and so is all that was read.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.commit_with([]).await?;
        Ok(())
    }

    /// Runs some last statements and commits like [`Tx::commit`], in one trip. Answers the rows of each.
    pub(super) async fn commit_with<const N: usize>(
        self,
        last: [Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        exactly(self.commit_with_all(last.into()).await?)
    }

    /// The same for any number of statements.
    pub(super) async fn commit_with_all(mut self, last: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        let (leased, count) = (self.leased, last.len());
        let answers = match self.connection {
            Connection::Sqlite(turn) => {
                self.deferred.extend(last);
                let committed = turn.commit(self.deferred).await;
                let (answers, promise) = committed.map_err(|error| lease_lost(error, leased))?;
                self.store.wake(&self.added_work);
                if let Some(promise) = promise {
                    self.store.reach(promise).await?;
                }
                answers
            }
            // Nothing is deferred.
            Connection::Postgres(mut inner) => {
                let answers = run_postgres(&mut inner, last).await?;
                inner.commit().await?;
                self.store.wake(&self.added_work);
                answers
            }
            Connection::ReadSqlite(mut connection) => group_commit::run(&mut connection, last).await?,
            Connection::ReadPostgres(mut connection) => run_postgres(&mut connection, last).await?,
        };
        Ok(last_of(answers, count))
    }

    /// Commits without waiting for the disk: for what is simply done again when a power cut takes it back. The end of this
    /// process alone takes nothing back. [`Store::settled`] waits for it where it has added work for the homeserver's side.
    pub async fn commit_relaxed(self) -> Result<(), StoreError> {
        self.commit_relaxed_with([]).await?;
        Ok(())
    }

    /// Runs some last statements and commits like [`Tx::commit_relaxed`], in one trip. Answers the rows of each.
    pub(super) async fn commit_relaxed_with<const N: usize>(
        mut self,
        last: [Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        let leased = self.leased;
        // Work for the homeserver's side reaches the outside with no other commit in between, under a transaction ID made of its number: a
        // power cut must not give that to another job.
        let promised = self.added_work.contains(&LaneClass::Homeserver);
        let answers = match self.connection {
            Connection::Sqlite(turn) => {
                self.deferred.extend(last);
                let committed = turn.commit_relaxed(self.deferred, promised).await;
                committed.map_err(|error| lease_lost(error, leased))?
            }
            Connection::Postgres(mut inner) => {
                let relaxed = (!promised).then(|| Statement::new("SET LOCAL synchronous_commit TO OFF"));
                let statements = relaxed.into_iter().chain(last).collect();
                let answers = run_postgres(&mut inner, statements).await?;
                inner.commit().await?;
                answers
            }
            Connection::ReadSqlite(mut connection) => group_commit::run(&mut connection, last.into()).await?,
            Connection::ReadPostgres(mut connection) => run_postgres(&mut connection, last.into()).await?,
        };
        self.store.wake(&self.added_work);
        exactly(last_of(answers, N))
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
        let [rows] = self.together([statement]).await?;
        Ok(rows)
    }

    /// Several statements, none of which needs the answer of another, in one trip. Answers the rows of each.
    pub(super) async fn together<const N: usize>(
        &mut self,
        statements: [Statement; N],
    ) -> Result<[Vec<Row>; N], StoreError> {
        exactly(self.all_together(statements.into()).await?)
    }

    /// The same for any number of statements.
    pub(super) async fn all_together(
        &mut self,
        statements: Vec<Statement>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let count = statements.len();
        self.deferred.extend(statements);
        Ok(last_of(self.flush().await?, count))
    }

    /// Runs what waits, and answers the rows of each statement.
    async fn flush(&mut self) -> Result<Vec<Vec<Row>>, StoreError> {
        let statements = std::mem::take(&mut self.deferred);
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        match &mut self.connection {
            Connection::Sqlite(turn) => {
                let answers = turn.run(statements).await;
                answers.map_err(|error| lease_lost(error, self.leased))
            }
            Connection::ReadSqlite(connection) => group_commit::run(connection, statements).await,
            Connection::Postgres(inner) => run_postgres(inner, statements).await,
            Connection::ReadPostgres(connection) => run_postgres(connection, statements).await,
        }
    }
}

/// The answers to the last statements of several.
fn last_of(mut answers: Vec<Vec<Row>>, count: usize) -> Vec<Vec<Row>> {
    answers.split_off(answers.len().saturating_sub(count))
}

fn exactly<const N: usize>(answers: Vec<Vec<Row>>) -> Result<[Vec<Row>; N], StoreError> {
    let missing = |_| sqlx::Error::Protocol("a statement was not answered".into());
    Ok(answers.try_into().map_err(missing)?)
}

/// What an error means in a transaction that insists on the lease of a job: nothing else in the schema is checked.
fn lease_lost(error: StoreError, leased: Option<i64>) -> StoreError {
    match (error, leased) {
        (StoreError::Driver(sqlx::Error::Database(error)), Some(job)) if error.is_check_violation() => {
            StoreError::LeaseLost { job }
        }
        (error, _) => error,
    }
}

async fn run_postgres(
    connection: &mut sqlx::PgConnection,
    statements: Vec<Statement>,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let mut answers = Vec::with_capacity(statements.len());
    for statement in statements {
        let (sql, arguments) = statement.for_postgres()?;
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments)
            .fetch_all(&mut *connection)
            .await?;
        answers.push(rows.into_iter().map(Row::Postgres).collect());
    }
    Ok(answers)
}
