//! Contents: what is too large for the row of a job, such as a mail with a film, or the film that an email encloses.
//!
//! A content is written before the job that will own it, one piece after another in short transactions, so that nobody waits for
//! the right to write while megabytes go to the disk, and no more than a piece is in memory. What acknowledges the work gives it
//! to the job ([`Tx::own_content`]), and is durable together with all that was committed before it. A content that nobody needs any
//! more goes at once where that is known ([`Store::remove_content`]); one that was given up half written, as on a full disk, as soon as it can
//! be ([`Store::remove_given_up`]); what a crash leaves is looked for every hour ([`Store::remove_unneeded_contents`]).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::query::get;
use super::{Database, Row, Store, StoreError, Tx};
use crate::model::Timestamp;

/// From how many bytes on a payload is a content. Below that it is one value in the row of its job.
pub const LARGE: usize = 1024 * 1024;

/// Bytes in each piece but the last: a millisecond or two of the right to write.
pub const PIECE: usize = 256 * 1024;

/// Pieces that are removed in one transaction.
const REMOVED_AT_ONCE: i64 = 16;

/// Bytes that contents leave free on the disk of a SQLite file. A disk that is full stops all work, and there is no removing anything from the
/// database either: that takes room in its log, and the log's pages take theirs.
const RESERVE: u64 = 64_000_000;

/// How long a content may be without a job. One that is just being written gets its job within minutes.
const UNOWNED: Duration = Duration::from_hours(24);

/// Contents of which nobody needs a byte: `$1` is the time before which one without a job was left by a crash.
const UNNEEDED: &str = "(job_id IS NULL AND created_at < $1) OR (job_id IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM jobs WHERE jobs.id = contents.job_id AND jobs.state IN ('waiting', 'failed')))";

/// A payload in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    pub(super) id: i64,
    /// Its bytes in all.
    pub size: u64,
}

impl Content {
    /// How many pieces it has.
    pub fn pieces(&self) -> u64 {
        self.size.div_ceil(PIECE as u64)
    }
}

/// Contents that nobody needs, and that are still there.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    contents: Mutex<Vec<i64>>,
    added: Notify,
}

impl GivenUp {
    fn contents(&self) -> MutexGuard<'_, Vec<i64>> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, id: i64) {
        self.contents().push(id);
        self.added.notify_one();
    }
}

/// A content that is being written. Dropped before the end of [`ContentWriter::finish`], it is given up.
#[derive(Debug)]
pub struct ContentWriter {
    store: Store,
    id: i64,
    finished: bool,
    pieces: i64,
    /// What is not a whole piece yet.
    rest: Vec<u8>,
    size: u64,
}

impl ContentWriter {
    /// Appends bytes, any number of them at a time.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while !bytes.is_empty() {
            let room = PIECE.saturating_sub(self.rest.len()).min(bytes.len());
            let (fits, after) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.rest.extend_from_slice(fits);
            bytes = after;
            if self.rest.len() >= PIECE {
                self.write_piece().await?;
            }
        }
        Ok(())
    }

    /// Writes what is left. Nobody owns the content yet.
    pub async fn finish(mut self) -> Result<Content, StoreError> {
        if !self.rest.is_empty() {
            self.write_piece().await?;
        }
        self.finished = true;
        Ok(Content {
            id: self.id,
            size: self.size,
        })
    }

    async fn write_piece(&mut self) -> Result<(), StoreError> {
        self.store.check_room()?;
        let bytes = std::mem::replace(&mut self.rest, Vec::with_capacity(PIECE));
        self.size = self.size.saturating_add(bytes.len() as u64);
        let mut tx = self.store.begin().await?;
        tx.sql("INSERT INTO pieces (content_id, number, bytes) VALUES ($1, $2, $3)")
            .bind(self.id)
            .bind(self.pieces)
            .bind(bytes)
            .later()
            .await?;
        // The commit that gives it to a job waits for the disk, and with that for all that was written before.
        tx.commit_relaxed().await?;
        self.pieces += 1;
        Ok(())
    }
}

impl Drop for ContentWriter {
    fn drop(&mut self) {
        if !self.finished {
            self.store.given_up.add(self.id);
        }
    }
}

impl Store {
    fn check_room(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(sqlite) if sqlite.room().is_some_and(|room| room < RESERVE) => {
                Err(StoreError::NoRoom { reserve: RESERVE })
            }
            _ => Ok(()),
        }
    }

    /// Begins a content.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRoom`], here or while it is written, when the disk is nearly full.
    pub async fn write_content(&self, now: Timestamp) -> Result<ContentWriter, StoreError> {
        self.check_room()?;
        let mut tx = self.begin().await?;
        let id = tx
            .sql("INSERT INTO contents (size, created_at) VALUES (0, $1) RETURNING id")
            .bind(now.millis())
            .only(|row| get(row, "contents", "id"))
            .await?;
        tx.commit_relaxed().await?;
        Ok(ContentWriter {
            store: self.clone(),
            id,
            finished: false,
            pieces: 0,
            rest: Vec::with_capacity(PIECE),
            size: 0,
        })
    }

    /// The piece with this number, from 0 on. A content has [`Content::size`] bytes in pieces of [`PIECE`].
    pub async fn piece(&self, content: Content, number: u64) -> Result<Vec<u8>, StoreError> {
        let piece = self.read().await?.piece(content, number).await?;
        piece.ok_or(StoreError::ContentGone)
    }

    /// Removes a content, unless a job still needs it: one that was written in vain, or whose job has ended.
    pub async fn remove_content(&self, content: Content) -> Result<(), StoreError> {
        let removed = self.remove_now(content.id).await;
        if removed.is_err() {
            self.given_up.add(content.id);
        }
        removed
    }

    async fn remove_now(&self, id: i64) -> Result<(), StoreError> {
        // Nothing is before this time: one without a job counts, too.
        self.remove_if_unneeded(id, Timestamp(i64::MAX)).await
    }

    /// Resolves when a content was given up since it was last asked.
    pub async fn gives_up(&self) {
        self.given_up.added.notified().await;
    }

    /// Removes what was given up. Those that can't be removed yet, as on a full disk, are kept in mind.
    pub async fn remove_given_up(&self) -> Result<(), StoreError> {
        loop {
            let next = self.given_up.contents().last().copied();
            let Some(id) = next else { return Ok(()) };
            self.remove_now(id).await?;
            self.given_up.contents().retain(|other| *other != id);
        }
    }

    /// Removes the contents that no job needs any more: of jobs that were dropped or forgotten, or whose process ended.
    pub async fn remove_unneeded_contents(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let mut tx = self.read().await?;
            let next = tx
                .sql(format!(
                    "SELECT id FROM contents WHERE ({UNNEEDED}) AND id > $2 ORDER BY id LIMIT 1"
                ))
                .bind((now - UNOWNED).millis())
                .bind(after)
                .one(|row| get(row, "contents", "id"))
                .await?;
            drop(tx);
            let Some(id) = next else { return Ok(()) };
            self.remove_if_unneeded(id, now - UNOWNED).await?;
            after = id;
        }
    }

    async fn remove_if_unneeded(&self, id: i64, left_before: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if !tx.is_sqlite() {
            // A commit that goes on although its connection broke may be giving it a job. Waited for by the update, that job would stay
            // unseen: the update asks as of its own beginning.
            tx.sql("SELECT 1 FROM contents WHERE id = $1 FOR UPDATE")
                .bind(id)
                .later()
                .await?;
        }
        // From here on no job can get it.
        let unneeded = tx
            .sql(format!(
                "UPDATE contents SET job_id = 0 WHERE ({UNNEEDED}) AND id = $2 RETURNING 1"
            ))
            .bind(left_before.millis())
            .bind(id)
            .any()
            .await?;
        tx.commit_relaxed().await?;
        if !unneeded {
            return Ok(());
        }
        loop {
            let mut tx = self.begin().await?;
            let some = tx
                .sql(
                    "DELETE FROM pieces WHERE content_id = $1 AND number IN \
                     (SELECT number FROM pieces WHERE content_id = $1 ORDER BY number LIMIT $2) RETURNING 1",
                )
                .bind(id)
                .bind(REMOVED_AT_ONCE)
                .any()
                .await?;
            if !some {
                tx.sql("DELETE FROM contents WHERE id = $1")
                    .bind(id)
                    .later()
                    .await?;
            }
            tx.commit_relaxed().await?;
            if !some {
                return Ok(());
            }
        }
    }
}

impl Tx {
    /// Gives a content to a job, which keeps it until it is done, dropped or forgotten.
    pub async fn own_content(&mut self, content: Content, job: i64) -> Result<(), StoreError> {
        let owned = self
            .sql("UPDATE contents SET job_id = $1, size = $2 WHERE id = $3 AND job_id IS NULL RETURNING 1")
            .bind(job)
            .bind(i64::try_from(content.size).unwrap_or(i64::MAX))
            .bind(content.id)
            .any()
            .await?;
        // It took more than a day, or the clock has leapt.
        if owned {
            Ok(())
        } else {
            Err(StoreError::ContentGone)
        }
    }

    /// The piece with this number; `None` when the content is gone.
    pub(super) async fn piece(
        &mut self,
        content: Content,
        number: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.sql("SELECT bytes FROM pieces WHERE content_id = $1 AND number = $2")
            .bind(content.id)
            .bind(i64::try_from(number).unwrap_or(i64::MAX))
            .one(|row| get(row, "pieces", "bytes"))
            .await
    }

    /// Takes all contents from a job, which needs them no more.
    pub(super) async fn disown_contents(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("UPDATE contents SET job_id = 0 WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }
}

/// The content in a row that was joined with `contents`, whose `id` and `size` are its `content_id` and `content_size`.
pub(super) fn content(row: &Row) -> Result<Option<Content>, StoreError> {
    let id: Option<i64> = get(row, "contents", "content_id")?;
    let size: Option<i64> = get(row, "contents", "content_size")?;
    Ok(id.zip(size).map(|(id, size)| Content {
        id,
        size: u64::try_from(size).unwrap_or_default(),
    }))
}
