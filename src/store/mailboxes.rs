//! Mailboxes from which mail is fetched: how far each is read, what is unfinished, and who works on it.

use std::time::Duration;

use super::leases::POSTGRES_NOW;
use super::{StoreError, Tx, get, parse, stored_words};
use crate::model::Timestamp;

/// Unfinished messages that are read at a time.
const UNFINISHED: i64 = 500;

stored_words! {
    /// What became of a message.
    MessageOutcome {
        /// It is in the inbox, and to be marked.
        Taken => "taken",
        /// It will not be, and is to be marked.
        Refused => "refused",
        /// It is to be tried again.
        Later => "later",
    }
}

/// How far a mailbox is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxState {
    /// UIDVALIDITY (RFC 3501, section 2.3.1.1).
    pub uid_validity: u32,
    /// Up to which UID messages were there before.
    pub history: u32,
    /// Up to which UID all is decided.
    pub last_uid: u32,
}

/// A message with which something is still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxMessage {
    /// Its number.
    pub uid: u32,
    /// What became of it.
    pub outcome: MessageOutcome,
    /// When it was seen first.
    pub since: Timestamp,
    /// How often it was put off.
    pub attempts: u32,
    /// When it is to be tried again.
    pub due_at: Timestamp,
}

impl Tx {
    /// Leases a mailbox, or renews the lease; false when another process has it.
    pub async fn lease_mailbox(
        &mut self,
        mailbox: &str,
        owner: &str,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, StoreError> {
        let (end, bound) = self.lease_end("$3", now, lease);
        // On SQLite one process works at a time: what another one has left behind means nothing.
        let free = if self.is_sqlite() {
            "TRUE".to_owned()
        } else {
            format!("mailboxes.lease_until <= {POSTGRES_NOW}")
        };
        self.sql(format!(
            "INSERT INTO mailboxes (mailbox, lease_owner, lease_until) VALUES ($1, $2, {end}) \
             ON CONFLICT (mailbox) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until \
             WHERE {free} OR mailboxes.lease_owner = excluded.lease_owner RETURNING 1"
        ))
        .bind(mailbox)
        .bind(owner)
        .bind(bound)
        .any()
        .await
    }

    /// Gives a mailbox back.
    pub async fn release_mailbox(&mut self, mailbox: &str, owner: &str) -> Result<(), StoreError> {
        self.sql("UPDATE mailboxes SET lease_owner = NULL, lease_until = 0 WHERE mailbox = $1 AND lease_owner = $2")
            .bind(mailbox)
            .bind(owner)
            .later()
            .await
    }

    /// How far a mailbox is read; `None` when another process works on it. Keeps others from taking it over until the commit.
    pub async fn mailbox(&mut self, mailbox: &str, owner: &str) -> Result<Option<MailboxState>, StoreError> {
        self.sql(
            "UPDATE mailboxes SET lease_owner = lease_owner WHERE mailbox = $1 AND lease_owner = $2 \
             RETURNING uid_validity, history, last_uid",
        )
        .bind(mailbox)
        .bind(owner)
        .one(|row| {
            Ok(MailboxState {
                uid_validity: number(get(row, "mailboxes", "uid_validity")?),
                history: number(get(row, "mailboxes", "history")?),
                last_uid: number(get(row, "mailboxes", "last_uid")?),
            })
        })
        .await
    }

    /// Begins anew with a mailbox: none of its numbers means what it did.
    pub async fn reset_mailbox(&mut self, mailbox: &str, state: MailboxState) -> Result<(), StoreError> {
        self.sql("DELETE FROM mailbox_messages WHERE mailbox = $1")
            .bind(mailbox)
            .later()
            .await?;
        self.sql("UPDATE mailboxes SET uid_validity = $2, history = $3, last_uid = $4 WHERE mailbox = $1")
            .bind(mailbox)
            .bind(i64::from(state.uid_validity))
            .bind(i64::from(state.history))
            .bind(i64::from(state.last_uid))
            .later()
            .await
    }

    /// Notes that all messages up to this one are decided, but for what is unfinished.
    pub async fn pass_mailbox(&mut self, mailbox: &str, uid: u32) -> Result<(), StoreError> {
        self.sql("UPDATE mailboxes SET last_uid = $2 WHERE mailbox = $1 AND last_uid < $2")
            .bind(mailbox)
            .bind(i64::from(uid))
            .later()
            .await
    }

    /// Messages with which something is still to be done: those that are due first.
    pub async fn unfinished_messages(&mut self, mailbox: &str) -> Result<Vec<MailboxMessage>, StoreError> {
        self.sql("SELECT * FROM mailbox_messages WHERE mailbox = $1 ORDER BY due_at, uid LIMIT $2")
            .bind(mailbox)
            .bind(UNFINISHED)
            .all(message)
            .await
    }

    /// One of them.
    pub async fn unfinished_message(
        &mut self,
        mailbox: &str,
        uid: u32,
    ) -> Result<Option<MailboxMessage>, StoreError> {
        self.sql("SELECT * FROM mailbox_messages WHERE mailbox = $1 AND uid = $2")
            .bind(mailbox)
            .bind(i64::from(uid))
            .one(message)
            .await
    }

    /// Notes that something is still to be done with a message, in place of what was noted about it.
    pub async fn keep_message(&mut self, mailbox: &str, message: &MailboxMessage) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO mailbox_messages (mailbox, uid, outcome, since, attempts, due_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (mailbox, uid) DO UPDATE SET outcome = excluded.outcome, attempts = excluded.attempts, \
             due_at = excluded.due_at",
        )
        .bind(mailbox)
        .bind(i64::from(message.uid))
        .bind(message.outcome.as_str())
        .bind(message.since.millis())
        .bind(i64::from(message.attempts))
        .bind(message.due_at.millis())
        .later()
        .await
    }

    /// Notes that nothing is left to be done with a message.
    pub async fn finish_message(&mut self, mailbox: &str, uid: u32) -> Result<(), StoreError> {
        self.sql("DELETE FROM mailbox_messages WHERE mailbox = $1 AND uid = $2")
            .bind(mailbox)
            .bind(i64::from(uid))
            .later()
            .await
    }
}

fn message(row: &super::Row) -> Result<MailboxMessage, StoreError> {
    Ok(MailboxMessage {
        uid: number(get(row, "mailbox_messages", "uid")?),
        outcome: parse(row, "mailbox_messages", "outcome")?,
        since: Timestamp(get(row, "mailbox_messages", "since")?),
        attempts: number(get(row, "mailbox_messages", "attempts")?),
        due_at: Timestamp(get(row, "mailbox_messages", "due_at")?),
    })
}

/// A number of IMAP, which has 32 bits.
fn number(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}
