//! Group commit: transactions that follow each other at once are parts of one of SQLite's.
//!
//! A commit costs SQLite more than most transactions here: each page that was changed is summed up and written to the log, and many are changed by
//! every transaction. Each part but the first is behind a savepoint, so one that fails takes back nothing but its own. Nobody hears that a part is
//! committed before all are, and nobody else sees them until then but the parts that follow.

use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Either, Executor as _};
use tokio::sync::oneshot;

use super::StoreError;
use super::disk::{Disk, Promise};
use super::query::{Row, Statement};

/// Parts of one transaction at most: the first waits for the last.
const MOST_PARTS: usize = 16;

/// What became of a commit: what will be on the disk, where somebody wants to know, or why there was none.
pub(super) type Committed = Result<Option<Promise>, String>;

/// What the last statements of a part have answered, and what tells of the commit.
pub(super) type Ended = (Vec<Vec<Row>>, oneshot::Receiver<Committed>);

/// The connection that writes, and its transaction.
#[derive(Debug)]
pub(super) struct GroupCommit {
    /// `None` once it was closed.
    connection: Option<SqliteConnection>,
    disk: Arc<Disk>,
    /// Parts that wait for the commit.
    ended: Vec<Part>,
    /// Behind them, one was begun and not ended.
    begun: bool,
}

#[derive(Debug)]
struct Part {
    ending: Ending,
    tell: oneshot::Sender<Committed>,
}

/// What is wanted of the commit of a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    /// It is to be on the disk before anybody outside relies on it.
    pub(super) promised: bool,
    /// Somebody outside waits for it.
    pub(super) urgent: bool,
}

impl GroupCommit {
    pub(super) fn new(connection: SqliteConnection, disk: Arc<Disk>) -> Self {
        Self {
            connection: Some(connection),
            disk,
            ended: Vec::new(),
            begun: false,
        }
    }

    pub(super) fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// Whether a part was begun and not ended.
    pub(super) fn is_begun(&self) -> bool {
        self.begun
    }

    /// Whether parts wait for the commit.
    pub(super) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Whether somebody outside waits for the commit.
    pub(super) fn is_urgent(&self) -> bool {
        self.ended.iter().any(|part| part.ending.urgent)
    }

    /// Whether the part to end next is the last one in any case.
    pub(super) fn is_full(&self) -> bool {
        self.ended.len() + 1 >= MOST_PARTS
    }

    /// Runs statements of a part, with which it begins, and answers the rows of each. After an error the part is to be taken back.
    pub(super) async fn run(&mut self, mut statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, StoreError> {
        if !self.begun {
            // IMMEDIATE: a transaction that reads and then wants to write may find that another process was faster.
            let begin = if self.has_ended() {
                "SAVEPOINT part"
            } else {
                "BEGIN IMMEDIATE"
            };
            statements.insert(0, Statement::new(begin));
            self.begun = true;
        }
        run(self.connection()?, statements).await
    }

    /// Runs the last statements of a part and ends it; when it is the `last`, the transaction as well. After an error the part
    /// is to be taken back.
    pub(super) async fn end(
        &mut self,
        mut statements: Vec<Statement>,
        ending: Ending,
        last: bool,
    ) -> Result<Ended, StoreError> {
        let closing = match last {
            true => Some("COMMIT"),
            false if self.has_ended() => Some("RELEASE part"),
            false => None,
        };
        statements.extend(closing.map(Statement::new));
        let mut answers = Vec::new();
        if !statements.is_empty() {
            answers = self.run(statements).await?;
        }
        if closing.is_some() {
            answers.pop();
        }
        self.begun = false;
        let (tell, committed) = oneshot::channel();
        self.ended.push(Part { ending, tell });
        if last {
            self.tell_all(None);
        }
        Ok((answers, committed))
    }

    /// Commits the parts that have ended.
    pub(super) async fn commit(&mut self) {
        if !self.has_ended() {
            return;
        }
        match self.execute("COMMIT").await {
            Ok(()) => self.tell_all(None),
            Err(error) => {
                self.roll_back().await;
                self.tell_all(Some(&error.to_string()));
            }
        }
    }

    /// Takes back the part that was begun and not ended. Where SQLite has ended the transaction with it, as on a full disk, those before it are
    /// told the reason.
    pub(super) async fn take_back(&mut self, reason: &str) {
        if !self.begun {
            return;
        }
        let alone = self.has_ended() && self.execute("ROLLBACK TO part; RELEASE part").await.is_ok();
        if !alone {
            self.roll_back().await;
            self.tell_all(Some(reason));
        }
        self.begun = false;
    }

    pub(super) async fn close(&mut self) {
        self.take_back("the database is being closed").await;
        self.commit().await;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database could not be closed");
        }
    }

    async fn roll_back(&mut self) {
        if let Err(error) = self.execute("ROLLBACK").await {
            // The transaction never began, or SQLite has ended it, which is just as well. Or it was committed, and who did so was stopped.
            tracing::debug!(%error, "nothing to roll back");
            self.disk.promise();
        }
    }

    async fn execute(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        self.connection()?.execute(sqlx::raw_sql(sql)).await?;
        Ok(())
    }

    fn tell_all(&mut self, trouble: Option<&str>) {
        let promised = self.ended.iter().any(|part| part.ending.promised);
        let committed = match trouble {
            Some(reason) => Err(reason.to_owned()),
            None => Ok(promised.then(|| self.disk.promise())),
        };
        for part in self.ended.drain(..) {
            // Nobody listens when the one who waited was stopped.
            let _ = part.tell.send(committed.clone());
        }
    }
}

/// Runs statements one after another, in one trip to the connection's thread and back, and answers the rows of each.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    statements: Vec<Statement>,
) -> Result<Vec<Vec<Row>>, StoreError> {
    let count = statements.len();
    let mut answers = Vec::with_capacity(count);
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
    if answers.len() < count {
        // The connection's thread has ended.
        return Err(sqlx::Error::WorkerCrashed.into());
    }
    Ok(answers)
}

#[cfg(test)]
#[path = "group_commit_tests.rs"]
mod tests;
