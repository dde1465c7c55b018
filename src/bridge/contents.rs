//! Large mails: in a file while they come in, in pieces in the store while they wait, and never whole in memory.

use std::io::{self, Read as _};
use std::ops::Range;
use std::sync::Arc;

use tokio::io::{AsyncWriteExt as _, DuplexStream};

use super::receive::Refused;
use super::{Bridge, Failure};
use crate::convert::to_matrix::{self, Cutter, LargeMail, LeftFile, Skeleton};
use crate::matrix::File;
use crate::model::{IncomingMail, RawMail, Refusal};
use crate::store::{Content, Job, LARGE, PIECE, Store, StoreError};

/// Reads a mail in blocks, from its byte number `from` on.
pub(super) fn read_in_blocks(mail: &RawMail, from: u64, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = mail.reader(from);
    let mut block = vec![0; PIECE];
    loop {
        match reader.read(&mut block)? {
            0 => return Ok(()),
            count => take(block.get(..count).unwrap_or_default()),
        }
    }
}

/// The skeleton of a mail that came in; for one that is in memory, none is needed.
pub(super) async fn skeleton_of(mail: &RawMail) -> Result<Option<Skeleton>, Refused> {
    if mail.whole().is_some() {
        return Ok(None);
    }
    in_file(mail, |mail| {
        let mut cutter = Cutter::default();
        read_in_blocks(mail, 0, |block| cutter.push(block))?;
        Ok(Some(cutter.finish()))
    })
    .await
}

/// Works on a mail in its file off the workers' threads: the disk may be slow.
pub(super) async fn in_file<T: Send + 'static>(
    mail: &RawMail,
    work: impl FnOnce(&RawMail) -> io::Result<T> + Send + 'static,
) -> Result<T, Refused> {
    let mail = mail.clone();
    match tokio::task::spawn_blocking(move || work(&mail)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(unreadable(&error)),
        Err(_panicked) => Err(Refusal::try_again("Penpal has a defect, please try again later").into()),
    }
}

fn unreadable(error: &io::Error) -> Refused {
    tracing::error!(%error, "a large mail was put off: it can't be read from its file");
    Refusal::try_again("Penpal's disk is in trouble, please try again later").into()
}

impl Bridge {
    /// Writes a large mail into the store, before there is a job for it. `None` for all others, whose job holds them.
    pub(super) async fn write_apart(&self, mail: &IncomingMail) -> Result<Option<Content>, Refused> {
        if mail.bytes.len() < LARGE as u64 {
            return Ok(None);
        }
        let mut content = self.store.write_content(self.now()).await?;
        let mut reader = mail.bytes.reader(0);
        let mut block = vec![0; PIECE];
        loop {
            // What was written a moment ago is in the system's memory.
            match reader.read(&mut block).map_err(|error| unreadable(&error))? {
                0 => return Ok(Some(content.finish().await?)),
                count => content.write(block.get(..count).unwrap_or_default()).await?,
            }
        }
    }

    /// Removes a content that no job needs.
    pub(super) async fn remove_content(&self, content: Content) {
        if let Err(error) = self.store.remove_content(content).await {
            // It is kept in mind.
            tracing::warn!(%error, "what a job needs no more could not be removed from the store yet");
        }
    }

    /// A mail as it was stored, and what must be known of it to convert it, unless it can't be converted.
    pub(super) async fn stored_mail(
        &self,
        job: &Job,
        unreadable: bool,
    ) -> Result<(StoredMail, Arc<LargeMail>), Failure> {
        let stored = StoredMail {
            store: self.store.clone(),
            top: job.payload.as_slice().into(),
            content: job.content,
        };
        if job.content.is_none() {
            let mail = LargeMail::new(Skeleton::whole(job.payload.clone()));
            return Ok((stored, Arc::new(mail)));
        }
        let mut cutter = Cutter::default();
        let mut reading = stored.read(0..stored.len());
        while let Some(piece) = reading.next().await? {
            cutter.push(&piece);
        }
        let mut mail = LargeMail::new(cutter.finish());
        if unreadable {
            return Ok((stored, Arc::new(mail)));
        }
        for wanted in to_matrix::wanted(&mail) {
            let mut survey = wanted.survey();
            let mut reading = stored.read(wanted.place.clone());
            while let Some(piece) = reading.next().await? {
                survey.push(&piece);
            }
            // A photograph is made smaller.
            let found = self.aside.run(false, move || survey.finish()).await?;
            mail.bring(&wanted, found);
        }
        Ok((stored, Arc::new(mail)))
    }
}

/// A mail in the store.
#[derive(Clone)]
pub(super) struct StoredMail {
    store: Store,
    /// What is in the job: all of a mail that is not large, and of a large one what was put on top of it.
    top: Arc<[u8]>,
    content: Option<Content>,
}

impl StoredMail {
    pub(super) fn len(&self) -> u64 {
        self.top.len() as u64 + self.content.map_or(0, |content| content.size)
    }

    fn read(&self, range: Range<u64>) -> Reading<'_> {
        Reading { mail: self, range }
    }

    /// A file in it, decoded while it is uploaded. When the store is in trouble, it ends early, which the homeserver notices.
    pub(super) fn file(&self, left: &Arc<LeftFile>) -> File {
        let (mut writer, bytes) = tokio::io::duplex(PIECE);
        let (mail, place, length) = (self.clone(), Arc::clone(left), left.length);
        tokio::spawn(async move {
            if let Err(error) = mail.decode(&place, &mut writer).await {
                tracing::warn!(%error, "a file could not be read from the store");
            }
        });
        File::Stream { length, bytes }
    }

    async fn decode(&self, left: &LeftFile, writer: &mut DuplexStream) -> Result<(), StoreError> {
        let mut decoder = left.decoder();
        let mut plain = Vec::new();
        let mut reading = self.read(left.place());
        while let Some(piece) = reading.next().await? {
            decoder.push(&piece, &mut plain);
            if writer.write_all(&plain).await.is_err() {
                // The upload has ended, one way or the other.
                return Ok(());
            }
            plain.clear();
        }
        decoder.finish(&mut plain);
        let _ended = writer.write_all(&plain).await;
        Ok(())
    }
}

/// Reads a part of a stored mail, piece by piece.
struct Reading<'a> {
    mail: &'a StoredMail,
    /// What is still to be read.
    range: Range<u64>,
}

impl Reading<'_> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        if self.range.is_empty() {
            return Ok(None);
        }
        let top = self.mail.top.len() as u64;
        let (piece, begin) = match self.range.start.checked_sub(top).zip(self.mail.content) {
            Some((at, content)) => {
                let number = at / PIECE as u64;
                let piece = self.mail.store.piece(content, number).await?;
                (piece, top + number * PIECE as u64)
            }
            None => (self.mail.top.to_vec(), 0),
        };
        let within = |at: u64| {
            usize::try_from(at.saturating_sub(begin))
                .unwrap_or(usize::MAX)
                .min(piece.len())
        };
        let part = piece
            .get(within(self.range.start)..within(self.range.end))
            .unwrap_or_default()
            .to_vec();
        if part.is_empty() {
            return Err(StoreError::ContentGone);
        }
        self.range.start += part.len() as u64;
        Ok(Some(part))
    }
}
