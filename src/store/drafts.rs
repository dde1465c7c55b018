//! Drafts: emails on their way out, gathering messages until their sender is quiet.

use ruma::{EventId, OwnedUserId, RoomId};

use super::messages;
use super::query::{Statement, corrupt, read_one};
use super::{Content, JobKind, Lane, Message, NewJob, Row, StoreError, Tx, get, parse};
use crate::model::Timestamp;

/// An email on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The job that will send it.
    pub job: i64,
    /// The thread's portal.
    pub portal: i64,
    /// Whose messages it gathers.
    pub sender: OwnedUserId,
    /// Its `Message-ID`.
    pub message_id: String,
    /// When its first message came.
    pub first_at: Timestamp,
    /// Counts its changes.
    pub revision: i64,
    /// The finished email, while it is being handed over or may have been; `None` while it can change.
    pub frozen: Option<FrozenEmail>,
    /// When its job is due.
    pub due_at: Timestamp,
    /// Until when limits hold it back, as the chat was told.
    pub held_until: Option<Timestamp>,
}

/// A finished email, with CRLF line ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrozenEmail {
    /// All of it but `files`.
    pub text: Vec<u8>,
    /// The large files: before which byte of the text the base64 of each belongs, in order.
    pub files: Vec<(usize, Content)>,
}

impl Tx {
    /// Makes a draft of which `first` is the first message, and the job that will send it at a time.
    pub async fn open_draft(
        &mut self,
        first: &Message,
        due_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let job = NewJob {
            lane: Lane::thread(first.portal),
            kind: JobKind::Email,
            key: None,
            portal: Some(first.portal),
            payload: &[],
            due_at,
        };
        self.add_job(&job, now).await?;
        let lane = job.lane.as_str();
        let draft = Statement::new(format!(
            "INSERT INTO drafts (job_id, portal_id, sender, message_id, first_at) VALUES ({LAST_JOB}, $2, $3, $4, $5)"
        ));
        let draft = draft
            .bind(lane)
            .bind(first.portal)
            .bind(first.sender.as_str())
            .bind(&first.message_id)
            .bind(now.millis());
        self.defer(draft).await?;
        self.defer(messages::insert(first, LAST_JOB, lane)).await
    }

    /// The draft of a job.
    pub async fn draft(&mut self, job: i64) -> Result<Option<Draft>, StoreError> {
        let rows = self.fetch(of_job(job)).await?;
        read_one(&rows, draft)
    }

    /// The newest draft of a portal whose job still waits: the only one that may gather more.
    pub async fn newest_draft(&mut self, portal: i64) -> Result<Option<Draft>, StoreError> {
        let rows = self.fetch(newest(portal)).await?;
        read_one(&rows, draft)
    }

    /// The draft of the job that delivers, or delivered, a message.
    pub async fn draft_with(&mut self, event: &EventId) -> Result<Option<Draft>, StoreError> {
        self.sql(format!(
            "{DRAFT} drafts.job_id = (SELECT job_id FROM messages WHERE event_id = $1)"
        ))
        .bind(event.as_str())
        .one(draft)
        .await
    }

    /// Counts a change of a draft.
    pub async fn revise_draft(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE drafts SET revision = revision + 1 WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }

    /// Freezes a draft with the email that was rendered from `revision`, and gives its files to the job. False when the draft has changed
    /// since.
    pub async fn freeze_draft(
        &mut self,
        job: i64,
        revision: i64,
        email: &FrozenEmail,
    ) -> Result<bool, StoreError> {
        let frozen = self
            .sql("UPDATE drafts SET frozen = $1, enclosed = $2 WHERE job_id = $3 AND revision = $4 RETURNING 1")
            .bind(email.text.as_slice())
            .bind(enclosed(&email.files))
            .bind(job)
            .bind(revision)
            .any()
            .await?;
        if frozen {
            let mut owned = Vec::new();
            for (_, content) in &email.files {
                if !owned.contains(content) {
                    self.own_content(*content, job).await?;
                    owned.push(*content);
                }
            }
        }
        Ok(frozen)
    }

    /// Lets a draft change again: it certainly has not left. Its files are needed no more.
    pub async fn thaw_draft(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE drafts SET frozen = NULL, enclosed = NULL WHERE job_id = $1")
            .bind(job)
            .later()
            .await?;
        self.disown_contents(job).await
    }

    /// Notes until when limits hold a draft back. Its job waits until then; its lane does by [`Tx::put_back`].
    pub async fn hold_draft(&mut self, job: i64, until: Timestamp) -> Result<(), StoreError> {
        for sql in [
            "UPDATE drafts SET held_until = $1 WHERE job_id = $2",
            "UPDATE jobs SET due_at = $1 WHERE id = $2 AND state = 'waiting'",
        ] {
            self.sql(sql).bind(until.millis()).bind(job).later().await?;
        }
        Ok(())
    }

    /// Removes a draft whose email has left, or has nothing in it any more.
    pub async fn remove_draft(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("DELETE FROM drafts WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }
}

/// The job that was added last to the lane `$1`: that of this transaction. Another one that adds to it is kept out by the lock of [`Tx::chat`]; where
/// the lane was not there yet, a draft of another one's job is refused by the table's key, and made again.
const LAST_JOB: &str = "(SELECT MAX(id) FROM jobs WHERE lane = $1 AND state = 'waiting')";

/// The columns of a draft. The rest of the statement is to follow.
const DRAFT: &str = "SELECT drafts.*, jobs.due_at FROM drafts JOIN jobs ON jobs.id = drafts.job_id WHERE";

fn of_job(job: i64) -> Statement {
    Statement::new(format!("{DRAFT} drafts.job_id = $1")).bind(job)
}

fn newest(portal: i64) -> Statement {
    newest_where("$1").bind(portal)
}

/// The newest draft of the portal whose room this is.
pub(super) fn newest_in(room: &RoomId) -> Statement {
    newest_where("(SELECT id FROM portals WHERE room_id = $1)").bind(room.as_str())
}

fn newest_where(portal: &str) -> Statement {
    Statement::new(format!(
        "{DRAFT} drafts.portal_id = {portal} AND jobs.state = 'waiting' ORDER BY drafts.job_id DESC LIMIT 1"
    ))
}

pub(super) fn draft(row: &Row) -> Result<Draft, StoreError> {
    Ok(Draft {
        job: get(row, "drafts", "job_id")?,
        portal: get(row, "drafts", "portal_id")?,
        sender: parse(row, "drafts", "sender")?,
        message_id: get(row, "drafts", "message_id")?,
        first_at: Timestamp(get(row, "drafts", "first_at")?),
        revision: get(row, "drafts", "revision")?,
        frozen: frozen(row)?,
        due_at: Timestamp(get(row, "drafts", "due_at")?),
        held_until: get::<Option<i64>>(row, "drafts", "held_until")?.map(Timestamp),
    })
}

/// How the column `enclosed` has files.
fn enclosed(files: &[(usize, Content)]) -> Option<String> {
    let column = |(at, content): &(usize, Content)| serde_json::json!([at, content.id, content.size]);
    (!files.is_empty()).then(|| {
        files
            .iter()
            .map(column)
            .collect::<serde_json::Value>()
            .to_string()
    })
}

fn frozen(row: &Row) -> Result<Option<FrozenEmail>, StoreError> {
    let Some(text) = get::<Option<Vec<u8>>>(row, "drafts", "frozen")? else {
        return Ok(None);
    };
    let files: Vec<(usize, i64, u64)> = match get::<Option<String>>(row, "drafts", "enclosed")? {
        Some(files) => serde_json::from_str(&files).map_err(|error| corrupt("drafts", "enclosed", &error))?,
        None => Vec::new(),
    };
    let files = files
        .into_iter()
        .map(|(at, id, size)| (at, Content { id, size }))
        .collect();
    Ok(Some(FrozenEmail { text, files }))
}
