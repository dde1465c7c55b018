//! The files of an email: what its messages show is downloaded from the homeserver.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ruma::{OwnedMxcUri, UserId};
use serde_json::{Map, Value};

use super::Bridge;
use crate::convert::to_email::{self, ChatMessage, MediaBytes, RenderOptions};
use crate::matrix::MatrixError;

/// Whether a message shows files that are to be downloaded.
pub(super) fn shows_files(content: &Map<String, Value>) -> bool {
    to_email::media_uri(content).is_some() || !to_email::inline_images(content).is_empty()
}

impl Bridge {
    /// Downloads what the messages show, as much as one email holds.
    pub(super) async fn download_all(
        &self,
        puppet: &UserId,
        messages: &mut [ChatMessage],
        patient: bool,
    ) -> Result<RenderOptions, MatrixError> {
        let mut room = self.settings.max_attachment;
        let mut pictures = BTreeMap::new();
        for message in messages {
            if let Some(uri) = to_email::media_uri(&message.content) {
                message.media = Some(self.download(puppet, &uri, &mut room, patient).await?);
            }
            for uri in to_email::inline_images(&message.content) {
                if let Entry::Vacant(place) = pictures.entry(uri) {
                    let picture = self.download(puppet, place.key(), &mut room, patient).await?;
                    place.insert(picture);
                }
            }
        }
        let room = usize::try_from(self.settings.max_attachment).unwrap_or(usize::MAX);
        Ok(RenderOptions { pictures, room })
    }

    /// Downloads media that fits into what room is left; what can't be had becomes a sentence in the email.
    async fn download(
        &self,
        puppet: &UserId,
        uri: &OwnedMxcUri,
        room: &mut u64,
        patient: bool,
    ) -> Result<MediaBytes, MatrixError> {
        match self.homeserver.download(puppet, uri, *room).await {
            Ok(media) => {
                *room = room.saturating_sub(u64::try_from(media.bytes.len()).unwrap_or(u64::MAX));
                Ok(MediaBytes::Here {
                    content_type: media.content_type,
                    bytes: media.bytes,
                })
            }
            Err(MatrixError::TooLarge { .. }) => Ok(MediaBytes::Missing {
                reason: format!(
                    "does not fit into one email, which holds {} MB of files",
                    self.settings.max_attachment / 1_000_000
                ),
            }),
            Err(MatrixError::Refused { .. }) => Ok(MediaBytes::Missing {
                reason: "is not available on the homeserver".into(),
            }),
            // A homeserver that works answers so when the server that has the file is gone. The words must not wait for it.
            Err(MatrixError::Transient { .. })
                if !patient && self.homeserver.profile(puppet, puppet).await.is_ok() =>
            {
                Ok(MediaBytes::Missing {
                    reason: "it could not be fetched".into(),
                })
            }
            Err(error) => Err(error),
        }
    }
}
