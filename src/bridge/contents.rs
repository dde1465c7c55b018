//! Large mails in the store: in pieces beside their job.

use super::Bridge;
use crate::model::IncomingMail;
use crate::store::{Content, Job, LARGE, StoreError};

impl Bridge {
    /// Writes a large mail into the store, before there is a job for it. `None` for all others, whose job holds them.
    pub(super) async fn write_apart(&self, mail: &IncomingMail) -> Result<Option<Content>, StoreError> {
        if mail.bytes.len() < LARGE {
            return Ok(None);
        }
        let mut content = self.store.write_content(self.now()).await?;
        content.write(&mail.bytes).await?;
        content.finish().await.map(Some)
    }

    /// Removes a content that no job needs.
    pub(super) async fn remove_content(&self, content: Content) {
        if let Err(error) = self.store.remove_content(content).await {
            // It is looked for every hour.
            tracing::warn!(%error, "what a job needs no more could not be removed from the store yet");
        }
    }

    /// A mail as it was stored.
    pub(super) async fn stored_mail(&self, job: &Job) -> Result<Vec<u8>, StoreError> {
        let mut mail = job.payload.clone();
        if let Some(content) = job.content {
            for number in 0..content.pieces() {
                mail.extend(self.store.piece(content, number).await?);
            }
        }
        Ok(mail)
    }
}
