//! Machines: what they have sent into a thread lately.

use super::{StoreError, Tx, get, storable};
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
        self.sql(
            "INSERT INTO machines (portal_id, since, messages, stopped_until, auto_reply_at, came) VALUES ($1, 0, 0, 0, 0, 0) \
             ON CONFLICT (portal_id) DO UPDATE SET messages = machines.messages RETURNING *",
        )
        .bind(portal)
        .only(|row| {
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
        })
        .await
    }

    /// Remembers that.
    pub async fn set_machines(&mut self, portal: i64, machines: &Machines) -> Result<(), StoreError> {
        self.sql(
            "UPDATE machines SET since = $1, messages = $2, stopped_until = $3, auto_reply_at = $4, came = $5, gist = $6, answers = $7 WHERE portal_id = $8",
        )
        .bind(machines.since.millis())
        .bind(i64::from(machines.messages))
        .bind(machines.stopped_until.millis())
        .bind(machines.auto_reply_at.millis())
        .bind(i64::from(machines.came))
        .bind(machines.gist.as_deref())
        .bind(machines.answers.as_deref().map(storable))
        .bind(portal)
        .later()
        .await
    }
}
