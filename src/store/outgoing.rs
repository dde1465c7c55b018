//! Outgoing: all that an email on its way out is made of, in one trip.

use super::drafts::draft;
use super::emails::email;
use super::messages::{self, message};
use super::portals::portal;
use super::query::{Statement, read_all, read_one};
use super::{Draft, Email, MailWishes, Message, Portal, StoreError, Tx, get};

/// What an email on its way out is made of.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The draft.
    pub draft: Draft,
    /// The thread's portal.
    pub portal: Portal,
    /// The messages that it gathers, in order, without those that were redacted.
    pub messages: Vec<Message>,
    /// The last email of the thread other than this one.
    pub last_email: Option<Email>,
    /// The display name of the puppet that stands for its reader.
    pub puppet_name: Option<String>,
    /// What its Matrix user has said of all their emails.
    pub wishes: MailWishes,
    /// Whether its Matrix user blocks anybody, or lets anybody in.
    pub has_rules: bool,
}

impl Tx {
    /// What the email of a job is made of; `None` when it has no draft any more.
    pub async fn outgoing(&mut self, job: i64) -> Result<Option<Outgoing>, StoreError> {
        let head = Statement::new(
            "SELECT drafts.*, jobs.due_at, portals.*, \
             CAST(EXISTS (SELECT 1 FROM stops WHERE stops.user_id = portals.user_id AND stops.address = portals.address) \
             AS INTEGER) AS stopped, \
             (SELECT display_name FROM puppets WHERE puppets.user_id = portals.puppet_id) AS puppet_name, \
             CAST(EXISTS (SELECT 1 FROM receipt_wishes WHERE receipt_wishes.user_id = portals.user_id) AS INTEGER) \
             AS asks_receipts, \
             (SELECT signature FROM signatures WHERE signatures.user_id = portals.user_id) AS signature, \
             CAST(EXISTS (SELECT 1 FROM sender_rules WHERE sender_rules.user_id = portals.user_id) AS INTEGER) AS has_rules \
             FROM drafts JOIN jobs ON jobs.id = drafts.job_id JOIN portals ON portals.id = drafts.portal_id \
             WHERE drafts.job_id = $1",
        )
        .bind(job);
        let last_email = Statement::new(
            "SELECT emails.* FROM drafts JOIN emails ON emails.portal_id = drafts.portal_id \
             AND emails.message_id <> drafts.message_id WHERE drafts.job_id = $1 \
             ORDER BY emails.created_at DESC, emails.message_id LIMIT 1",
        )
        .bind(job);
        let [head, messages, emails] = self.together([head, messages::of_job(job), last_email]).await?;
        read_one(&head, |row| {
            Ok(Outgoing {
                draft: draft(row)?,
                portal: portal(row)?,
                messages: read_all(&messages, message)?,
                last_email: read_one(&emails, email)?,
                puppet_name: get(row, "puppets", "puppet_name")?,
                wishes: MailWishes {
                    asks_receipts: get::<i32>(row, "receipt_wishes", "asks_receipts")? != 0,
                    signature: get(row, "signatures", "signature")?,
                },
                has_rules: get::<i32>(row, "sender_rules", "has_rules")? != 0,
            })
        })
    }
}
