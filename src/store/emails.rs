//! The emails of all threads: what a Message-ID belongs to.

use super::query::{Statement, read_all, read_one};
use super::{Row, StoreError, Tx, get};
use crate::model::Timestamp;

/// An email of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// `Message-ID`, without angle brackets.
    pub message_id: String,
    /// The thread's portal.
    pub portal: i64,
    /// True when we sent it.
    pub outgoing: bool,
    /// Its subject, without `Re:`.
    pub subject: String,
    /// Its `References`, oldest first.
    pub chain: Vec<String>,
    /// The secret in its return path, when we sent it.
    pub bounce_token: Option<String>,
}

impl Tx {
    /// Notes an email of a thread; one that is known stays as it is.
    pub async fn add_email(&mut self, email: &Email, now: Timestamp) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO emails (message_id, portal_id, outgoing, subject, chain, bounce_token, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (message_id, portal_id) DO NOTHING",
        )
        .bind(&email.message_id)
        .bind(email.portal)
        .bind(i64::from(email.outgoing))
        .bind(&email.subject)
        .bind(email.chain.join(" "))
        .bind(email.bounce_token.as_deref())
        .bind(now.millis())
        .later()
        .await
    }

    /// [`Tx::add_email`] and [`Tx::commit`]; fixes the subject of a thread that has none. Answers the email as it is in the store.
    pub async fn commit_email(
        mut self,
        new: &Email,
        fixes_subject: bool,
        now: Timestamp,
    ) -> Result<Option<Email>, StoreError> {
        self.add_email(new, now).await?;
        if fixes_subject {
            self.sql(
                "UPDATE portals SET subject = (SELECT subject FROM emails WHERE message_id = $1 AND portal_id = $2) \
                 WHERE id = $2 AND subject IS NULL",
            )
            .bind(&new.message_id)
            .bind(new.portal)
            .later()
            .await?;
        }
        let [rows] = self.commit_with([by_id(&new.message_id, new.portal)]).await?;
        read_one(&rows, email)
    }

    /// Forgets an email that could not be delivered, so that nothing refers to it.
    pub async fn remove_email(&mut self, message_id: &str, portal: i64) -> Result<(), StoreError> {
        self.sql("DELETE FROM emails WHERE message_id = $1 AND portal_id = $2")
            .bind(message_id)
            .bind(portal)
            .later()
            .await
    }

    /// All emails with this Message-ID: one, unless the same email belongs to threads of several users.
    pub async fn emails_by_id(&mut self, message_id: &str) -> Result<Vec<Email>, StoreError> {
        let rows = self.fetch(by_message_id(message_id)).await?;
        read_all(&rows, email)
    }

    /// The email with this Message-ID in a thread.
    pub async fn email(&mut self, message_id: &str, portal: i64) -> Result<Option<Email>, StoreError> {
        let rows = self.fetch(by_id(message_id, portal)).await?;
        read_one(&rows, email)
    }

    /// The email that a bounce token was made for.
    pub async fn email_by_bounce_token(&mut self, token: &str) -> Result<Option<Email>, StoreError> {
        self.sql("SELECT * FROM emails WHERE bounce_token = $1")
            .bind(token)
            .one(email)
            .await
    }
}

pub(super) fn by_message_id(message_id: &str) -> Statement {
    Statement::new("SELECT * FROM emails WHERE message_id = $1 ORDER BY portal_id LIMIT 100").bind(message_id)
}

fn by_id(message_id: &str, portal: i64) -> Statement {
    Statement::new("SELECT * FROM emails WHERE message_id = $1 AND portal_id = $2")
        .bind(message_id)
        .bind(portal)
}

pub(super) fn email(row: &Row) -> Result<Email, StoreError> {
    let chain: String = get(row, "emails", "chain")?;
    Ok(Email {
        message_id: get(row, "emails", "message_id")?,
        portal: get(row, "emails", "portal_id")?,
        outgoing: get::<i64>(row, "emails", "outgoing")? != 0,
        subject: get(row, "emails", "subject")?,
        chain: chain.split_ascii_whitespace().map(str::to_owned).collect(),
        bounce_token: get(row, "emails", "bounce_token")?,
    })
}
