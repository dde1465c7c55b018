//! Machines: what they have sent into a thread lately.

use super::query::{Statement, read_one};
use super::{Row, StoreError, Tx, get};
use crate::model::Timestamp;

/// What is remembered of the machines in a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machines {
    /// When the count began.
    pub since: Timestamp,
    /// Machine-like messages since then.
    pub messages: u32,
    /// Until when the thread takes no more of them.
    pub stopped_until: Timestamp,
    /// When an automatic reply was shown last.
    pub auto_reply_at: Timestamp,
    /// Whether a mail has come since a program of the chat answered one.
    pub came: bool,
    /// A hash of what the last mail says, where it says anything.
    pub gist: Option<String>,
    /// The email that it answers, where it answers one.
    pub answers: Option<String>,
}

impl Tx {
    /// What is remembered of the machines in a thread; others who ask wait for the end of this transaction.
    pub async fn machines(&mut self, portal: i64) -> Result<Machines, StoreError> {
        let look = look(Some(portal), self.is_sqlite());
        let rows = self.fetch(look).await?;
        Ok(read_one(&rows, machines)?.unwrap_or_default())
    }

    /// Remembers that.
    pub async fn set_machines(&mut self, portal: i64, machines: &Machines) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO machines (since, messages, stopped_until, auto_reply_at, came, gist, answers, portal_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (portal_id) DO UPDATE SET since = excluded.since, \
             messages = excluded.messages, stopped_until = excluded.stopped_until, auto_reply_at = excluded.auto_reply_at, \
             came = excluded.came, gist = excluded.gist, answers = excluded.answers",
        )
        .bind(machines.since.millis())
        .bind(i64::from(machines.messages))
        .bind(machines.stopped_until.millis())
        .bind(machines.auto_reply_at.millis())
        .bind(i64::from(machines.came))
        .bind(machines.gist.as_deref())
        .bind(machines.answers.as_deref())
        .bind(portal)
        .later()
        .await
    }
}

/// What is remembered of the machines in a thread. SQLite has one writer at a time; on PostgreSQL the row's lock is taken, and the row
/// made for that.
pub(super) fn look(portal: Option<i64>, unlocked: bool) -> Statement {
    Statement::new(if unlocked {
        "SELECT * FROM machines WHERE portal_id = $1"
    } else {
        "INSERT INTO machines (portal_id, since, messages, stopped_until, auto_reply_at, came) VALUES ($1, 0, 0, 0, 0, 0) \
         ON CONFLICT (portal_id) DO UPDATE SET messages = machines.messages RETURNING *"
    })
    .bind(portal)
}

pub(super) fn machines(row: &Row) -> Result<Machines, StoreError> {
    let messages: i64 = get(row, "machines", "messages")?;
    Ok(Machines {
        since: Timestamp(get(row, "machines", "since")?),
        messages: u32::try_from(messages).unwrap_or(u32::MAX),
        stopped_until: Timestamp(get(row, "machines", "stopped_until")?),
        auto_reply_at: Timestamp(get(row, "machines", "auto_reply_at")?),
        came: get::<i64>(row, "machines", "came")? != 0,
        gist: get(row, "machines", "gist")?,
        answers: get(row, "machines", "answers")?,
    })
}
