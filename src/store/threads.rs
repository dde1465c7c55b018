//! Threads as an admin looks at them: portals with their emails counted, and the emails of one.

use ruma::UserId;
use serde::Serialize;

use super::{Row, StoreError, Tx, get};
use crate::model::{EmailAddress, Timestamp};

/// A thread, for an admin to look at: no names, no subject, no text, no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ThreadSummary {
    /// Its number.
    pub id: i64,
    /// The Matrix user.
    pub user: String,
    /// The email user.
    pub address: String,
    /// The room, once there is one.
    pub room: Option<String>,
    /// `active`, `closed` (the user left) or `removed` (the puppet was kicked).
    pub state: String,
    /// How many emails went either way.
    pub emails: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When the last message came, either way.
    pub touched_at: Timestamp,
}

/// An email of a thread, for an admin to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EmailSummary {
    /// `Message-ID`, without angle brackets: what the log of a mail server names.
    pub message_id: String,
    /// True when Penpal sent it.
    pub outgoing: bool,
    /// When it came or was begun.
    pub created_at: Timestamp,
}

/// Which threads to list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadFilter<'a> {
    /// Those of this email user.
    pub address: Option<&'a EmailAddress>,
    /// Those of this Matrix user.
    pub user: Option<&'a UserId>,
    /// Those with a greater number.
    pub after: i64,
}

impl Tx {
    /// Threads by number, at most `limit`.
    pub async fn list_threads(
        &mut self,
        filter: ThreadFilter<'_>,
        limit: i64,
    ) -> Result<Vec<ThreadSummary>, StoreError> {
        self.sql(
            "SELECT portals.*, (SELECT COUNT(*) FROM emails WHERE portal_id = portals.id) AS emails FROM portals \
             WHERE ($1 = '' OR address = $1) AND ($2 = '' OR user_id = $2) AND id > $3 ORDER BY id LIMIT $4",
        )
        .bind(filter.address.map_or("", EmailAddress::as_str))
        .bind(filter.user.map_or("", UserId::as_str))
        .bind(filter.after)
        .bind(limit)
        .all(thread)
        .await
    }

    /// The latest emails of a thread, the newest first, at most `limit`.
    pub async fn list_emails(&mut self, portal: i64, limit: i64) -> Result<Vec<EmailSummary>, StoreError> {
        self.sql(
            "SELECT message_id, outgoing, created_at FROM emails WHERE portal_id = $1 \
             ORDER BY created_at DESC, message_id LIMIT $2",
        )
        .bind(portal)
        .bind(limit)
        .all(email)
        .await
    }
}

fn thread(row: &Row) -> Result<ThreadSummary, StoreError> {
    Ok(ThreadSummary {
        id: get(row, "portals", "id")?,
        user: get(row, "portals", "user_id")?,
        address: get(row, "portals", "address")?,
        room: get(row, "portals", "room_id")?,
        state: get(row, "portals", "state")?,
        emails: get(row, "portals", "emails")?,
        created_at: Timestamp(get(row, "portals", "created_at")?),
        touched_at: Timestamp(get(row, "portals", "touched_at")?),
    })
}

fn email(row: &Row) -> Result<EmailSummary, StoreError> {
    Ok(EmailSummary {
        message_id: get(row, "emails", "message_id")?,
        outgoing: get::<i64>(row, "emails", "outgoing")? != 0,
        created_at: Timestamp(get(row, "emails", "created_at")?),
    })
}
