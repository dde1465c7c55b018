//! Incoming: what a mail meets in the store, in few trips: where it is accepted, and where it becomes events.

use ruma::{OwnedEventId, UserId};

use super::emails::{Email, email};
use super::machines::{look, machines};
use super::messages::{self, Message, message};
use super::portals::{Portal, by_number, by_token, portal};
use super::query::{Statement, read_all, read_one};
use super::sender_rules::{rule, rules_of};
use super::{Machines, SenderRule, StoreError, Tx, corrupt, get, parse};
use crate::model::AddressPattern;

/// Whom a reply address belongs to.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// The thread.
    pub portal: Portal,
    /// The rules of its user.
    pub rules: Vec<(AddressPattern, SenderRule)>,
}

/// What a mail of a thread meets where it is accepted, but for its thread itself.
#[derive(Clone, Debug)]
pub struct Met {
    /// Whether work with its key came before.
    pub known: bool,
    /// What machines have sent into the thread lately; others who ask wait for the end of this transaction.
    pub machines: Machines,
    /// Whether the chat was told that one of the thread's emails is late.
    pub delays: bool,
    /// The rules of the thread's user.
    pub rules: Vec<(AddressPattern, SenderRule)>,
}

/// What a mail meets where it becomes events.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The thread.
    pub portal: Portal,
    /// The display name of its puppet; `None` when that does not exist on the homeserver yet.
    pub puppet_name: Option<String>,
    /// The texts of the newest messages that went out, newest first: what a reply may quote.
    pub sent: Vec<String>,
    /// The texts of the newest messages that came in, newest first, each with what was left out of it.
    pub received: Vec<String>,
    /// What the mail's own job has sent already, in order.
    pub earlier: Vec<Message>,
    /// The newest event of the thread that the mail's own job has not sent.
    pub last_event: Option<OwnedEventId>,
}

impl Tx {
    /// The portal that a reply token belongs to, and the rules of its user.
    pub async fn addressed(&mut self, token: &str) -> Result<Option<Addressed>, StoreError> {
        let rules = rules_of("(SELECT user_id FROM portals WHERE token = $1)").bind(token);
        let [portals, rules] = self.together([by_token(token), rules]).await?;
        read_one(&portals, |row| {
            Ok(Addressed {
                portal: portal(row)?,
                rules: read_all(&rules, rule)?,
            })
        })
    }

    /// The emails with a Message-ID, and the portal that a reply token belongs to.
    pub async fn emails_and_portal(
        &mut self,
        message_id: &str,
        token: &str,
    ) -> Result<(Vec<Email>, Option<Portal>), StoreError> {
        let emails = super::emails::by_message_id(message_id);
        let [emails, portals] = self.together([emails, by_token(token)]).await?;
        Ok((read_all(&emails, email)?, read_one(&portals, portal)?))
    }

    /// What a mail with this key meets in a thread, or where there is none yet.
    pub async fn met(&mut self, portal: Option<i64>, user: &UserId, key: &str) -> Result<Met, StoreError> {
        let known = Statement::new("SELECT 1 AS one FROM jobs WHERE key = $1").bind(key);
        let delays = Statement::new(
            "SELECT 1 AS one FROM reports WHERE portal_id = $1 AND delivery = 'delayed' LIMIT 1",
        )
        .bind(portal);
        let look = look(portal, self.is_sqlite() || portal.is_none());
        let rules = rules_of("$1").bind(user.as_str());
        let [known, delays, looked, rules] = self.together([known, delays, look, rules]).await?;
        Ok(Met {
            known: !known.is_empty(),
            machines: read_one(&looked, machines)?.unwrap_or_default(),
            delays: !delays.is_empty(),
            rules: read_all(&rules, rule)?,
        })
    }

    /// What the mail of a job meets where it becomes events: `None` when its thread is not there any more. Of the texts there are as
    /// many as asked for.
    pub async fn incoming(
        &mut self,
        job: i64,
        portal_id: i64,
        sent: i64,
        received: i64,
    ) -> Result<Option<Incoming>, StoreError> {
        let name = Statement::new(
            "SELECT display_name FROM puppets WHERE user_id = (SELECT puppet_id FROM portals WHERE id = $1)",
        )
        .bind(portal_id);
        let last = Statement::new(
            "SELECT event_id FROM messages WHERE portal_id = $1 AND job_id <> $2 ORDER BY id DESC LIMIT 1",
        )
        .bind(portal_id)
        .bind(job);
        let statements = [
            by_number(portal_id),
            name,
            self.texts("body", 1, (portal_id, job), sent),
            self.texts(
                "body || '\n\n' || COALESCE(left_out, '')",
                0,
                (portal_id, job),
                received,
            ),
            messages::of_job(job),
            last,
        ];
        let [portals, names, sent, received, earlier, last] = self.together(statements).await?;
        read_one(&portals, |row| {
            Ok(Incoming {
                portal: portal(row)?,
                puppet_name: read_one(&names, |row| get(row, "puppets", "display_name"))?,
                sent: read_one(&sent, texts)?.unwrap_or_default(),
                received: read_one(&received, texts)?.unwrap_or_default(),
                earlier: read_all(&earlier, message)?,
                last_event: read_one(&last, |row| parse(row, "messages", "event_id"))?,
            })
        })
    }

    /// Texts of the newest messages of one direction, newest first, as one list: a row for each would cost more than what is in it.
    /// Those that were there before the job: what an attempt has sent of its mail, or others have sent since, must not change what the
    /// next attempt makes of it.
    fn texts(&self, text: &str, outgoing: i64, (portal, job): (i64, i64), limit: i64) -> Statement {
        let list = if self.is_sqlite() {
            "json_group_array(said ORDER BY id DESC)"
        } else {
            "CAST(json_agg(said ORDER BY id DESC) AS TEXT)"
        };
        Statement::new(format!(
            "SELECT {list} AS texts FROM (SELECT id, {text} AS said FROM messages \
             WHERE portal_id = $1 AND job_id < $2 AND outgoing = {outgoing} AND body IS NOT NULL ORDER BY id DESC LIMIT $3 + 0) AS newest"
        ))
        .bind(portal)
        .bind(job)
        .bind(limit)
    }
}

fn texts(row: &super::Row) -> Result<Vec<String>, StoreError> {
    let list: Option<String> = get(row, "messages", "texts")?;
    let texts = list.map(|list| serde_json::from_str(&list)).transpose();
    Ok(texts
        .map_err(|error| corrupt("messages", "body", &error))?
        .unwrap_or_default())
}
