//! Files of the homeserver, fetched for an email: into memory as long as they are small, else into the store.

use ruma::{OwnedMxcUri, UserId};

use super::{Bridge, Failure};
use crate::convert::to_email::{FIRST_BYTES, MediaBytes};
use crate::matrix::{MatrixError, MediaStream};
use crate::store::{Content, ContentWriter, LARGE, StoreError};

/// The files of one email while it is made.
pub(super) struct Fetched {
    /// How many bytes it may still enclose.
    pub(super) room: u64,
    /// How many of them may still be held in memory.
    memory: usize,
    /// Files that were written to the store, also in part or in vain.
    pub(super) contents: Vec<Content>,
}

impl Fetched {
    /// No files yet, and room for so many bytes.
    pub(super) fn new(room: u64) -> Self {
        Self {
            room,
            memory: LARGE,
            contents: Vec::new(),
        }
    }
}

/// A file while it is written to the store.
struct Large {
    start: Vec<u8>,
    size: u64,
    writer: ContentWriter,
}

impl Bridge {
    /// Downloads media that fits into what room is left; [`MatrixError::TooLarge`] when it does not.
    pub(super) async fn fetch(
        &self,
        puppet: &UserId,
        uri: &OwnedMxcUri,
        fetched: &mut Fetched,
    ) -> Result<Result<MediaBytes, MatrixError>, Failure> {
        let mut media = match self.homeserver.download(puppet, uri, fetched.room).await {
            Ok(media) => media,
            Err(error) => return Ok(Err(error)),
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = media.chunks.recv().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Ok(Err(broken(&error))),
            };
            bytes.extend_from_slice(&chunk);
            if length(&bytes) > fetched.room {
                let limit = fetched.room;
                return Ok(Err(MatrixError::TooLarge { limit }));
            }
            if bytes.len() > fetched.memory {
                return Ok(self.fetch_large(bytes, media, fetched).await?);
            }
        }
        fetched.memory -= bytes.len();
        fetched.room = fetched.room.saturating_sub(length(&bytes));
        let content_type = media.content_type;
        Ok(Ok(MediaBytes::Here { content_type, bytes }))
    }

    /// Goes on with a file that is too large for memory.
    async fn fetch_large(
        &self,
        start: Vec<u8>,
        mut media: MediaStream,
        fetched: &mut Fetched,
    ) -> Result<Result<MediaBytes, MatrixError>, StoreError> {
        let mut large = Large {
            size: 0,
            writer: self.store.write_content(self.now()).await?,
            start: start.get(..FIRST_BYTES).unwrap_or(&start).to_vec(),
        };
        let outcome = large.write_all(&start, &mut media, fetched.room).await;
        // Also what was written in vain, so that it is removed soon.
        let content = large.writer.finish().await?;
        let number = fetched.contents.len();
        fetched.contents.push(content);
        Ok(outcome?.map(|()| {
            fetched.room = fetched.room.saturating_sub(large.size);
            MediaBytes::Kept {
                content_type: media.content_type,
                start: large.start,
                number,
                size: large.size,
            }
        }))
    }
}

impl Large {
    async fn write_all(
        &mut self,
        start: &[u8],
        media: &mut MediaStream,
        room: u64,
    ) -> Result<Result<(), MatrixError>, StoreError> {
        self.write(start).await?;
        while let Some(chunk) = media.chunks.recv().await {
            match chunk {
                Ok(chunk) => self.write(&chunk).await?,
                Err(error) => return Ok(Err(broken(&error))),
            }
            if self.size > room {
                return Ok(Err(MatrixError::TooLarge { limit: room }));
            }
        }
        Ok(Ok(()))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.size = self.size.saturating_add(length(bytes));
        self.writer.write(bytes).await
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn broken(error: &std::io::Error) -> MatrixError {
    MatrixError::Transient {
        retry_after: None,
        reason: format!("a download broke off: {error}"),
    }
}
