//! The files of an email on its way out: enclosed, or offered for download where they are too large.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use ruma::{OwnedEventId, OwnedMxcUri, UserId};
use serde_json::{Map, Value};
use url::Url;

use super::fetch::Fetched;
use super::keys::kept_key;
use super::{Bridge, Failure};
use crate::appservice::{Download, NoDownload};
use crate::convert::download::{LinkKey, Ticket};
use crate::convert::to_email::{self, ChatMessage, MediaBytes, RenderOptions};
use crate::matrix::MatrixError;
use crate::model::Random;
use crate::store::{LinkedFile, Message, StoreError, Tx};

/// How long an email waits for a file that its homeserver can't fetch.
const PATIENCE: Duration = Duration::from_hours(1);

/// Whether a message shows files that are to be downloaded.
pub(super) fn shows_files(content: &Map<String, Value>) -> bool {
    to_email::media_uri(content).is_some() || !to_email::media_within(content).is_empty()
}

/// Where and how long files are offered that are too large for an email.
#[derive(Clone, Debug)]
pub struct DownloadSettings {
    /// Where people reach Penpal.
    pub url: Url,
    /// How long a link is good.
    pub expire: Duration,
}

/// What makes links, and opens them.
pub(super) struct Downloads {
    settings: DownloadSettings,
    key: LinkKey,
}

impl Downloads {
    /// With the store's own key, which is made at the first time.
    pub(super) async fn open(
        tx: &mut Tx,
        settings: DownloadSettings,
        random: &dyn Random,
    ) -> Result<Self, StoreError> {
        let key = LinkKey::new(kept_key(tx, "link_key", random).await?);
        Ok(Self { settings, key })
    }
}

/// What was gathered for an email.
pub(super) struct Files {
    pub(super) options: RenderOptions,
    /// What its links lead to, with the message that brought each.
    pub(super) links: Vec<(OwnedEventId, LinkedFile)>,
}

impl Bridge {
    /// Downloads what the messages show, as much as one email holds. The email has `waited` so long.
    pub(super) async fn download_all(
        &self,
        puppet: &UserId,
        messages: &[Message],
        chat: &mut [ChatMessage],
        waited: Duration,
        fetched: &mut Fetched,
    ) -> Result<Files, Failure> {
        let patient = waited < PATIENCE;
        let mut within = BTreeMap::new();
        let mut links = Vec::new();
        for (message, shown) in messages.iter().zip(chat) {
            if let Some(uri) = to_email::media_uri(&shown.content) {
                let link = self.link(message, &uri);
                shown.media = Some(match self.download(puppet, &uri, fetched, patient).await? {
                    Some(media) => media,
                    None => match link {
                        Some((link, file)) => {
                            links.push((message.event_id.clone(), file));
                            link
                        }
                        None => self.too_large(),
                    },
                });
            }
            for uri in to_email::media_within(&shown.content) {
                if let Entry::Vacant(place) = within.entry(uri) {
                    let picture = self.download(puppet, place.key(), fetched, patient).await?;
                    place.insert(picture.unwrap_or_else(|| self.too_large()));
                }
            }
        }
        let room = self.settings.max_attachment;
        Ok(Files {
            options: RenderOptions { within, room },
            links,
        })
    }

    /// Downloads media that fits into what room is left: `None` when it does not. What can't be had becomes a sentence in
    /// the email.
    async fn download(
        &self,
        puppet: &UserId,
        uri: &OwnedMxcUri,
        fetched: &mut Fetched,
        patient: bool,
    ) -> Result<Option<MediaBytes>, Failure> {
        let reason = match self.fetch(puppet, uri, fetched).await? {
            Ok(media) => return Ok(Some(media)),
            Err(MatrixError::TooLarge { .. }) => return Ok(None),
            Err(MatrixError::Refused { .. }) => "is not available on the homeserver",
            // A homeserver that works answers so when the server that has the file is gone. The words must not wait for it.
            Err(MatrixError::Transient { .. })
                if !patient && self.homeserver.profile(puppet, puppet).await.is_ok() =>
            {
                "could not be fetched"
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Some(MediaBytes::Missing {
            reason: reason.to_owned(),
        }))
    }

    fn too_large(&self) -> MediaBytes {
        MediaBytes::Missing {
            reason: format!(
                "does not fit into one email, which holds {} MB of files",
                self.settings.max_attachment / 1_000_000
            ),
        }
    }

    /// A link to a message's file, and what it leads to; `None` where nobody could follow it.
    fn link(&self, message: &Message, uri: &OwnedMxcUri) -> Option<(MediaBytes, LinkedFile)> {
        let downloads = self.downloads.as_ref()?;
        let until = self.now() + downloads.settings.expire;
        let ticket = Ticket::new(&self.instance, message.event_id.as_str(), uri.as_str(), until);
        let content = message.content.as_ref()?;
        let (name, content_type) = to_email::linked_file(&message.event_type, content);
        let link = MediaBytes::Link {
            url: downloads.key.link(&downloads.settings.url, &ticket),
            until: ticket.until,
        };
        let file = LinkedFile {
            id: ticket.id,
            uri: uri.clone(),
            name,
            content_type,
            expires_at: ticket.until,
        };
        Some((link, file))
    }

    /// The file behind the last segment of a link.
    pub(super) async fn open_link(&self, segment: &str) -> Result<Download, NoDownload> {
        let downloads = self.downloads.as_ref().ok_or(NoDownload::Unknown)?;
        // Only who has a link of ours reaches the database.
        let ticket = downloads.key.open(segment).ok_or(NoDownload::Unknown)?;
        if ticket.until <= self.now() {
            return Err(NoDownload::Gone);
        }
        let away = |error: &dyn std::fmt::Display| NoDownload::Unavailable(error.to_string());
        let mut tx = self.store.read().await.map_err(|error| away(&error))?;
        let file = tx.file(&ticket.id).await.map_err(|error| away(&error))?;
        drop(tx);
        let file = file.ok_or(NoDownload::Gone)?;
        let bot = self.settings.namespace.bot();
        match self.homeserver.open_media(bot, &file.uri).await {
            Ok(media) => Ok(Download {
                name: file.name,
                content_type: file.content_type,
                length: media.length,
                chunks: media.chunks,
            }),
            Err(error @ (MatrixError::Refused { .. } | MatrixError::TooLarge { .. })) => {
                tracing::info!(file = file.id, %error, "a file that was offered for download is gone");
                Err(NoDownload::Gone)
            }
            Err(error) => Err(away(&error)),
        }
    }
}
