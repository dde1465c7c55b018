//! Messages: which event is part of which email.

use ruma::{EventId, OwnedEventId, OwnedUserId};
use serde_json::{Map, Value as Json};

use super::query::{Statement, Value, read_all};
use super::{Row, StoreError, Tx, corrupt, get, parse};
use crate::model::Timestamp;

/// A message of a portal.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The thread's portal.
    pub portal: i64,
    /// The event.
    pub event_id: OwnedEventId,
    /// The email that it is part of.
    pub message_id: String,
    /// True when it goes from Matrix to email.
    pub outgoing: bool,
    /// Who wrote it: the puppet for what came by email.
    pub sender: OwnedUserId,
    /// The sender's name at that moment, disambiguated.
    pub sender_name: String,
    /// The event type.
    pub event_type: String,
    /// The content, edits folded in; `None` once redacted or no longer needed.
    pub content: Option<Map<String, Json>>,
    /// Plain text; `None` until it is known.
    pub body: Option<String>,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// What was left out of the email, on the first message that it became.
    pub left_out: Option<String>,
}

impl Tx {
    /// Notes a message that a job delivers, unless its event is known already.
    pub async fn add_message(&mut self, message: &Message, job: i64) -> Result<(), StoreError> {
        self.defer(insert(message, "$1", job)).await
    }

    /// The message that an event is.
    pub async fn message(&mut self, event: &EventId) -> Result<Option<Message>, StoreError> {
        self.sql("SELECT * FROM messages WHERE event_id = $1")
            .bind(event.as_str())
            .one(message)
            .await
    }

    /// The messages of a job, in order, without those that were redacted.
    pub async fn messages_of_job(&mut self, job: i64) -> Result<Vec<Message>, StoreError> {
        let rows = self.fetch(of_job(job)).await?;
        read_all(&rows, message)
    }

    /// The messages that one job delivered together with that of an event, this one among them.
    pub async fn messages_with(&mut self, event: &EventId) -> Result<Vec<Message>, StoreError> {
        self.sql(
            "SELECT * FROM messages WHERE job_id = (SELECT job_id FROM messages WHERE event_id = $1) \
             AND content IS NOT NULL ORDER BY id",
        )
        .bind(event.as_str())
        .all(message)
        .await
    }

    /// How many messages a job has sent, and how many bytes of content a draft holds.
    pub async fn job_size(&mut self, job: i64) -> Result<(usize, usize), StoreError> {
        let number = |row: &Row, column| {
            get::<i64>(row, "messages", column).map(|number| usize::try_from(number).unwrap_or(0))
        };
        self.sql(
            "SELECT COUNT(*) AS messages, CAST(COALESCE(SUM(LENGTH(content)), 0) AS BIGINT) AS bytes \
             FROM messages WHERE job_id = $1",
        )
        .bind(job)
        .only(|row| Ok((number(row, "messages")?, number(row, "bytes")?)))
        .await
    }

    /// The last message of an email.
    pub async fn message_of_email(
        &mut self,
        message_id: &str,
        portal: i64,
    ) -> Result<Option<Message>, StoreError> {
        self.sql("SELECT * FROM messages WHERE message_id = $1 AND portal_id = $2 ORDER BY id DESC LIMIT 1")
            .bind(message_id)
            .bind(portal)
            .one(message)
            .await
    }

    /// The events of an email, in order.
    pub async fn events_of_email(
        &mut self,
        message_id: &str,
        portal: i64,
    ) -> Result<Vec<OwnedEventId>, StoreError> {
        self.sql(
            "SELECT event_id FROM messages WHERE message_id = $1 AND portal_id = $2 ORDER BY id LIMIT 200",
        )
        .bind(message_id)
        .bind(portal)
        .all(|row| parse(row, "messages", "event_id"))
        .await
    }

    /// The newest message of a portal that came by email.
    pub async fn last_received(&mut self, portal: i64) -> Result<Option<Message>, StoreError> {
        self.sql("SELECT * FROM messages WHERE portal_id = $1 AND outgoing = 0 ORDER BY id DESC LIMIT 1")
            .bind(portal)
            .one(message)
            .await
    }

    /// Replaces the content of a message that has not left yet; `None` takes it out.
    pub async fn set_content(
        &mut self,
        event: &EventId,
        content: Option<&Map<String, Json>>,
    ) -> Result<(), StoreError> {
        self.sql("UPDATE messages SET content = $1, body = NULL WHERE event_id = $2")
            .bind(content.map(|content| Json::Object(content.clone()).to_string()))
            .bind(event.as_str())
            .later()
            .await
    }

    /// Notes the plain text under which a message left.
    pub async fn set_body(&mut self, event: &EventId, body: &str) -> Result<(), StoreError> {
        self.sql("UPDATE messages SET body = $1 WHERE event_id = $2")
            .bind(body)
            .bind(event.as_str())
            .later()
            .await
    }
}

/// Adds a message that is delivered by the job that is found by an expression about `$1`.
pub(super) fn insert(message: &Message, job: &str, about: impl Into<Value>) -> Statement {
    let content = message.content.as_ref();
    Statement::new(format!(
        "INSERT INTO messages (job_id, portal_id, event_id, message_id, outgoing, sender, sender_name, \
         event_type, content, body, sent_at, left_out) \
         VALUES ({job}, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (event_id) DO NOTHING"
    ))
    .bind(about)
    .bind(message.portal)
    .bind(message.event_id.as_str())
    .bind(&message.message_id)
    .bind(i64::from(message.outgoing))
    .bind(message.sender.as_str())
    .bind(&message.sender_name)
    .bind(&message.event_type)
    .bind(content.map(|content| Json::Object(content.clone()).to_string()))
    .bind(message.body.as_deref())
    .bind(message.sent_at.millis())
    .bind(message.left_out.as_deref())
}

/// The messages of a job, in order, without those that were redacted.
pub(super) fn of_job(job: i64) -> Statement {
    Statement::new("SELECT * FROM messages WHERE job_id = $1 AND content IS NOT NULL ORDER BY id").bind(job)
}

pub(super) fn message(row: &Row) -> Result<Message, StoreError> {
    let content: Option<String> = get(row, "messages", "content")?;
    let content = content
        .map(|content| serde_json::from_str(&content))
        .transpose()
        .map_err(|error| corrupt("messages", "content", &error))?;
    Ok(Message {
        portal: get(row, "messages", "portal_id")?,
        event_id: parse(row, "messages", "event_id")?,
        message_id: get(row, "messages", "message_id")?,
        outgoing: get::<i64>(row, "messages", "outgoing")? != 0,
        sender: parse(row, "messages", "sender")?,
        sender_name: get(row, "messages", "sender_name")?,
        event_type: get(row, "messages", "event_type")?,
        content,
        body: get(row, "messages", "body")?,
        sent_at: Timestamp(get(row, "messages", "sent_at")?),
        left_out: get(row, "messages", "left_out")?,
    })
}
