//! Attachments are uploaded, each once, also over several attempts and crashes: its URI is made and committed first, and what is at a URI
//! stays ([asynchronous uploads], since Matrix 1.7).
//!
//! [asynchronous uploads]: https://spec.matrix.org/latest/client-server-api/#post_matrixmediav1create

use ruma::OwnedMxcUri;

use super::contents::StoredMail;
use super::{Bridge, Failure};
use crate::convert::to_matrix::{self, Content, Converted};
use crate::matrix::MatrixError;
use crate::store::{Job, Portal};

impl Bridge {
    /// Uploads what the events show, noted from the position `first` on. What the homeserver does not take is named in the chat instead:
    /// one file must not cost the whole mail.
    pub(super) async fn upload_all(
        &self,
        job: &Job,
        portal: &Portal,
        stored: &StoredMail,
        converted: &mut Converted,
        first: usize,
    ) -> Result<Vec<OwnedMxcUri>, Failure> {
        let mut uris = Vec::with_capacity(converted.uploads.len());
        for (position, upload) in std::mem::take(&mut converted.uploads).into_iter().enumerate() {
            let noted = first + position;
            let known = self.store.read().await?.upload(job.id, noted).await?;
            let place = match known {
                Some(known) if known.complete => {
                    uris.push(known.uri);
                    continue;
                }
                Some(known) => Some(known.uri),
                None => self.reserve(job, portal, noted).await?,
            };
            let file = match upload.content {
                Content::Here(bytes) => bytes.into(),
                Content::Left(left) => stored.file(&left),
            };
            let uploaded = self
                .homeserver
                .upload(
                    &portal.puppet,
                    place.as_deref(),
                    &upload.name,
                    &upload.content_type,
                    file,
                )
                .await;
            uris.push(match uploaded {
                Ok(uri) => {
                    let mut tx = self.settle(job).await?;
                    tx.set_upload(job.id, noted, &uri, true).await?;
                    tx.commit().await?;
                    uri
                }
                Err(error @ MatrixError::Transient { .. }) => return Err(error.into()),
                Err(error) if place.is_some() && error.is("M_NOT_FOUND") => {
                    return Err(self.forget_place(job, noted, &error).await?);
                }
                Err(error) => {
                    tracing::warn!(job = job.id, %error, "an attachment could not be uploaded");
                    to_matrix::name_missing(converted, position, &error.to_string());
                    to_matrix::placeholder(position).into()
                }
            });
        }
        Ok(uris)
    }

    /// Makes a URI for an attachment and commits it. `None` where the homeserver can't: then the upload makes it, and makes it again
    /// when its answer is lost.
    async fn reserve(
        &self,
        job: &Job,
        portal: &Portal,
        position: usize,
    ) -> Result<Option<OwnedMxcUri>, Failure> {
        let uri = match self.homeserver.reserve_media(&portal.puppet).await {
            Ok(uri) => uri,
            // Some answer this for hours: a proxy that does not know the path, a homeserver at which too many are pending.
            Err(error @ MatrixError::Transient { .. }) if job.attempts == 0 => return Err(error.into()),
            Err(error) => {
                tracing::debug!(job = job.id, %error, "an attachment is uploaded in one step");
                return Ok(None);
            }
        };
        let mut tx = self.settle(job).await?;
        tx.set_upload(job.id, position, &uri, false).await?;
        tx.commit().await?;
        Ok(Some(uri))
    }

    /// Homeservers keep a URI at which nothing is for a day or so. The next attempt makes another one.
    async fn forget_place(
        &self,
        job: &Job,
        position: usize,
        error: &MatrixError,
    ) -> Result<Failure, Failure> {
        let mut tx = self.settle(job).await?;
        tx.remove_upload(job.id, position).await?;
        tx.commit().await?;
        Ok(Failure::Retry {
            after: None,
            reason: format!("the URI that was made for an attachment has ended: {error}"),
        })
    }
}
