//! A frozen email as bytes, piece by piece.

use async_trait::async_trait;

use crate::convert::to_email::Base64Lines;
use crate::mail::{LargeMessage, Pieces};
use crate::store::{FrozenEmail, Store, StoreError};

/// Reads an email with the base64 of its files in their places. No more than a piece of one is in memory.
pub(super) struct EmailBytes<'a> {
    store: &'a Store,
    email: &'a FrozenEmail,
    /// How much of the text was read.
    text: usize,
    /// How many files were read.
    files: usize,
    /// How many pieces of the next one were.
    pieces: u64,
    lines: Base64Lines,
}

impl<'a> EmailBytes<'a> {
    /// From the beginning.
    pub(super) fn new(store: &'a Store, email: &'a FrozenEmail) -> Self {
        Self {
            store,
            email,
            text: 0,
            files: 0,
            pieces: 0,
            lines: Base64Lines::default(),
        }
    }

    /// The next bytes, perhaps none; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let file = self.email.files.get(self.files);
        let until = file.map_or(self.email.text.len(), |(at, _)| *at);
        if self.text < until {
            let text = self.email.text.get(self.text..until).unwrap_or_default();
            self.text = until;
            return Ok(Some(text.to_vec()));
        }
        let Some((_, content)) = file else {
            return Ok(None);
        };
        if self.pieces < content.pieces() {
            let piece = self.store.piece(*content, self.pieces).await?;
            self.pieces += 1;
            return Ok(Some(self.lines.write(&piece).into_bytes()));
        }
        self.files += 1;
        self.pieces = 0;
        let last = std::mem::take(&mut self.lines).finish();
        Ok(Some(last.into_bytes()))
    }

    /// The email as its relay gets it.
    pub(super) fn message(&mut self) -> LargeMessage<'_> {
        let files = self.email.files.iter();
        let files: u64 = files.map(|(_, content)| Base64Lines::length(content.size)).sum();
        let text = &self.email.text;
        LargeMessage {
            size: files.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX)),
            text,
            pieces: self,
        }
    }
}

#[async_trait]
impl Pieces for EmailBytes<'_> {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        Self::next(self).await.map_err(|error| error.to_string())
    }
}
