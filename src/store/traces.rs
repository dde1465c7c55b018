//! What is left of a person outside their own chats: what they wrote into those of others, work that is about them, and texts that name
//! them.
//!
//! No index leads there. Rows are looked for while nobody waits, a page at a time, and removed in transactions of their own, a job in each.

use serde_json::Value as Json;

use super::forget::Known;
use super::query::{get, in_batches, parse};
use super::{JobKind, Person, Row, Store, StoreError, Tx, contents};
use crate::model::Timestamp;

/// Rows that are looked at together. A job's payload may have a mebibyte.
const PAGE: i64 = 16;

/// What an error says instead, which may have quoted an address.
const ERROR: &str = "it was about somebody whose data were removed";

/// What may name somebody, and is needed for nothing that is still to be done.
#[derive(Clone, Copy)]
enum Kept {
    Error,
    Recorded,
    Text,
}

impl Kept {
    /// Rows behind the ID `$1` that hold the pattern `$2`; of a text its job.
    fn rows(self) -> &'static str {
        match self {
            Self::Error => {
                "SELECT id, id AS job_id FROM jobs WHERE id > $1 AND LOWER(error) LIKE $2 ESCAPE '!' ORDER BY id LIMIT $3"
            }
            Self::Recorded => {
                "SELECT id, id AS job_id FROM recorded WHERE id > $1 AND LOWER(line) LIKE $2 ESCAPE '!' ORDER BY id LIMIT $3"
            }
            // Of messages that wait for nothing: their job is done, or gone.
            Self::Text => {
                "SELECT id, job_id FROM messages WHERE id > $1 AND (LOWER(content) LIKE $2 ESCAPE '!' \
                 OR LOWER(body) LIKE $2 ESCAPE '!' OR LOWER(left_out) LIKE $2 ESCAPE '!') AND NOT EXISTS (SELECT 1 FROM jobs \
                 WHERE jobs.id = messages.job_id AND jobs.state IN ('waiting', 'failed')) ORDER BY id LIMIT $3"
            }
        }
    }
}

/// Jobs whose messages in chats of others are a person's own.
const MAILED: &str = "SELECT DISTINCT job_id AS id FROM messages WHERE outgoing = 0 AND sender_name = $1";
const WRITTEN: &str = "SELECT DISTINCT job_id AS id FROM messages WHERE sender = $1";
const DRAFTED: &str = "SELECT job_id AS id FROM drafts WHERE sender = $1";

impl Store {
    /// Removes what others' chats and lanes hold of a person, whose own chats are gone.
    pub(super) async fn forget_traces(&self, known: &Known<'_>, now: Timestamp) -> Result<(), StoreError> {
        let (queries, name): (&[&str], &str) = match &known.person {
            Person::Address(address, _) => (&[MAILED], address.as_str()),
            Person::User(user) => (&[WRITTEN, DRAFTED], user.as_str()),
        };
        for sql in queries {
            let jobs = self.read().await?.sql(*sql).bind(name).all(id_of).await?;
            for job in jobs {
                let mut tx = self.begin().await?;
                tx.forget_own_words(job, known, now).await?;
                tx.commit().await?;
            }
        }
        self.forget_work(known, now).await?;
        for word in known.words() {
            for kept in [Kept::Error, Kept::Recorded, Kept::Text] {
                self.forget_kept(kept, &contains(&word)).await?;
            }
        }
        Ok(())
    }

    /// Removes work that holds something of a person.
    async fn forget_work(&self, known: &Known<'_>, now: Timestamp) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let jobs = self.read().await?.payloads(after).await?;
            let Some(last) = jobs.last() else { return Ok(()) };
            after = last.id;
            for job in jobs.iter().filter(|job| known.is_theirs(job)) {
                let mut tx = self.begin().await?;
                tx.forget_job(job.id, now).await?;
                tx.commit().await?;
            }
        }
    }

    /// Removes what holds a pattern and is needed for nothing.
    async fn forget_kept(&self, kept: Kept, pattern: &str) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let rows = self.read().await?.kept(kept, after, pattern).await?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = *last;
            for (id, job) in rows {
                let mut tx = self.begin().await?;
                match kept {
                    Kept::Error => {
                        let change = tx.sql("UPDATE jobs SET error = $1 WHERE id = $2");
                        change.bind(ERROR).bind(id).later().await?;
                    }
                    Kept::Recorded => tx.remove_recorded(id).await?,
                    Kept::Text => tx.forget_texts(&[job]).await?,
                }
                tx.commit().await?;
            }
        }
    }
}

impl Tx {
    async fn kept(&mut self, kept: Kept, after: i64, pattern: &str) -> Result<Vec<(i64, i64)>, StoreError> {
        self.sql(kept.rows())
            .bind(after)
            .bind(pattern)
            .bind(PAGE)
            .all(|row| Ok((id_of(row)?, get(row, "messages", "job_id")?)))
            .await
    }

    /// What a page of jobs holds.
    async fn payloads(&mut self, after: i64) -> Result<Vec<Payload>, StoreError> {
        let mut jobs = self
            .sql(
                "SELECT jobs.id, jobs.kind, jobs.payload, contents.id AS content_id, contents.size AS content_size \
                 FROM jobs LEFT JOIN contents ON contents.job_id = jobs.id AND jobs.kind = 'mail' \
                 WHERE jobs.payload IS NOT NULL AND jobs.id > $1 ORDER BY jobs.id LIMIT $2",
            )
            .bind(after)
            .bind(PAGE)
            .all(|row| {
                Ok(Payload {
                    id: id_of(row)?,
                    kind: parse(row, "jobs", "kind")?,
                    bytes: get(row, "jobs", "payload")?,
                    content: contents::content(row)?,
                })
            })
            .await?;
        for job in &mut jobs {
            // Of a large mail the job has what was put on top of it.
            if let Some(content) = job.content {
                let head = self.piece(content, 0).await?;
                job.bytes.extend(head.unwrap_or_default());
            }
        }
        Ok(jobs)
    }

    /// Removes what a person wrote as part of a job, and the job unless it is over.
    async fn forget_own_words(
        &mut self,
        job: i64,
        known: &Known<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let over = self
            .sql("SELECT 1 AS one FROM jobs WHERE id = $1 AND state = 'done'")
            .bind(job)
            .any()
            .await?;
        if !over {
            self.forget_job(job, now).await?;
        }
        let (theirs, name) = match &known.person {
            Person::Address(address, _) => ("outgoing = 0 AND sender_name = $2", address.as_str()),
            Person::User(user) => ("sender = $2", user.as_str()),
        };
        for sql in [
            format!(
                "DELETE FROM files WHERE event_id IN (SELECT event_id FROM messages WHERE job_id = $1 AND {theirs})"
            ),
            format!("DELETE FROM messages WHERE job_id = $1 AND {theirs}"),
        ] {
            self.sql(sql).bind(job).bind(name).later().await?;
        }
        Ok(())
    }

    /// Removes a job with all that it has. Others wait in its lane, and go on as after one that was dropped.
    async fn forget_job(&mut self, job: i64, now: Timestamp) -> Result<(), StoreError> {
        self.drop_job(job, now).await?;
        self.forget_jobs(&[job]).await
    }

    /// Removes jobs with all that they have.
    pub(super) async fn forget_jobs(&mut self, jobs: &[i64]) -> Result<(), StoreError> {
        for jobs in in_batches(jobs) {
            for table in [
                "uploads WHERE job_id",
                "retries WHERE job_id",
                "drafts WHERE job_id",
                "jobs WHERE id",
            ] {
                self.about(format!("DELETE FROM {table}"), jobs).later().await?;
            }
        }
        Ok(())
    }
}

/// What a job holds, or the beginning of it.
struct Payload {
    id: i64,
    kind: JobKind,
    bytes: Vec<u8>,
    content: Option<super::Content>,
}

impl Known<'_> {
    /// What stands for the person in texts, in lower case.
    fn words(&self) -> Vec<String> {
        let address = match &self.person {
            Person::Address(address, _) => Some(address.as_str()),
            Person::User(_) => None,
        };
        let ids = self.ids.iter().map(|id| id.as_str());
        ids.chain(address).map(str::to_ascii_lowercase).collect()
    }

    /// Whether a job is a person's own, or nothing but news about them.
    fn is_theirs(&self, job: &Payload) -> bool {
        match job.kind {
            JobKind::Event => {
                let event: Json = serde_json::from_slice(&job.bytes).unwrap_or_default();
                let is_theirs = |field: &str| {
                    let user = event.get(field).and_then(Json::as_str);
                    self.ids.iter().any(|id| user == Some(id.as_str()))
                };
                is_theirs("sender") || is_theirs("state_key")
            }
            JobKind::Mail => match &self.person {
                Person::Address(address, _) => is_from(&job.bytes, address.as_str()),
                Person::User(_) => false,
            },
            JobKind::Notice | JobKind::Direct => {
                let text = String::from_utf8_lossy(&job.bytes).to_ascii_lowercase();
                self.words().iter().any(|word| text.contains(word))
            }
            JobKind::Email => false,
        }
    }
}

fn id_of(row: &Row) -> Result<i64, StoreError> {
    get(row, "jobs", "id")
}

/// A pattern for LIKE that finds a text anywhere; `!` stands before what has a meaning there.
fn contains(text: &str) -> String {
    let literal = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{literal}%")
}

/// Whether one of the fields in which a mail names who sends it has an address. Without a look at the form: nobody else's mail has
/// it there.
fn is_from(mail: &[u8], address: &str) -> bool {
    let mut sender = false;
    for line in mail.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).to_ascii_lowercase();
        if line.is_empty() {
            return false;
        }
        if !line.starts_with([' ', '\t']) {
            let name = line.split(':').next().unwrap_or_default();
            sender = matches!(name.trim_end(), "from" | "sender" | "return-path");
        }
        // Not somebody whose address only ends or goes on like this.
        let is_part = |c: char| c.is_alphanumeric() || ".-_+=".contains(c);
        let found = line.match_indices(address).any(|(at, _)| {
            let (before, rest) = line.split_at_checked(at).unwrap_or_default();
            let after = rest.get(address.len()..).unwrap_or_default();
            !before.ends_with(is_part) && !after.starts_with(is_part)
        });
        if sender && found {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_from_who_stands_where_senders_do() {
        let from = |mail: &str| is_from(mail.as_bytes(), "alice@example.org");
        assert!(from(
            "Return-Path: <alice@example.org>\r\nFrom: x@example.net\r\n\r\n"
        ));
        assert!(from("Subject: a\nFROM: Alice\n <Alice@Example.org>\n\n"));
        for not in [
            "To: alice@example.org\r\nFrom: erin@example.net\r\n\r\nFrom: alice@example.org",
            "From: malice@example.org\n\n",
            "From: <alice@example.org.example.net>\n\n",
            "",
        ] {
            assert!(!from(not), "{not}");
        }
    }

    #[test]
    fn what_has_a_meaning_in_patterns_is_taken_literally() {
        assert_eq!(contains("a_b!%@x"), "%a!_b!!!%@x%");
    }
}
