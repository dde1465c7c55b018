//! The homeserver, as the rest of Penpal sees it: the [`Homeserver`] port and its errors.
//!
//! Imports: `model`.

pub mod client;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ruma::{OwnedEventId, OwnedMxcUri, OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::{Map, Value};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::model::Timestamp;

/// Why a request to the homeserver failed, and so whether it can be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// The homeserver is away, busy, slow or broken: the same request may succeed later.
    #[error("the homeserver could not answer: {reason}")]
    Transient {
        /// How long the homeserver asked us to wait, where it did (`retry_after_ms`, `Retry-After`).
        retry_after: Option<Duration>,
        /// What happened, without secrets or message content.
        reason: String,
    },
    /// The homeserver refused: the same request will be refused again.
    #[error("the homeserver refused: {status} {errcode} {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The Matrix error code, such as `M_FORBIDDEN`.
        errcode: String,
        /// The homeserver's words, cut to one line.
        message: String,
    },
    /// Media larger than the caller allowed.
    #[error("the media has more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl MatrixError {
    /// True when the homeserver refused with this error code.
    pub fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused { errcode, .. } if errcode == code)
    }
}

/// What the homeserver knows of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The global display name.
    pub display_name: Option<String>,
}

/// A room to create: always as a puppet, always a direct chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// The room's name: the subject of the thread.
    pub name: Option<String>,
    /// Whom to invite.
    pub invite: OwnedUserId,
}

/// Media that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `Content-Type` as the homeserver gave it.
    pub content_type: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Media on its way from the homeserver, in pieces.
#[derive(Debug)]
pub struct MediaStream {
    /// `Content-Type` as the homeserver gave it.
    pub content_type: Option<String>,
    /// The number of bytes, where the homeserver said so.
    pub length: Option<u64>,
    /// The bytes, in order. An error is the last item; what is dropped is not downloaded further.
    pub chunks: mpsc::Receiver<std::io::Result<Bytes>>,
}

impl MediaStream {
    /// All of it, in memory.
    ///
    /// # Errors
    ///
    /// What broke it off.
    pub async fn whole(mut self) -> std::io::Result<Media> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunks.recv().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(Media {
            content_type: self.content_type,
            bytes,
        })
    }
}

/// A file to upload.
#[derive(Debug)]
pub enum File {
    /// In memory.
    Bytes(Vec<u8>),
    /// One that is read while it is uploaded.
    Stream {
        /// The number of bytes.
        length: u64,
        /// The bytes. When they end early, the upload fails.
        bytes: DuplexStream,
    },
}

impl From<Vec<u8>> for File {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// A member of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user_id: OwnedUserId,
    /// `join`, `invite`, `leave`, `ban` or `knock`.
    pub membership: String,
    /// The display name in this room.
    pub display_name: Option<String>,
}

/// One page of a room's history, newest event first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistoryPage {
    /// The events, as the homeserver gave them.
    pub events: Vec<Value>,
    /// Where the next, older, page begins; `None` at the beginning of what can be seen.
    pub next: Option<String>,
}

/// What Penpal asks of a homeserver. Every request acts as `user`: a puppet, the bot, or, with
/// double puppeting, a human of the own homeserver.
#[async_trait]
pub trait Homeserver: Send + Sync {
    /// Registers `user`, which lies in the appservice's namespace. Succeeds when it exists already.
    async fn register(&self, user: &UserId) -> Result<(), MatrixError>;

    /// Sets the global display name.
    async fn set_display_name(&self, user: &UserId, name: &str) -> Result<(), MatrixError>;

    /// The profile of `of`; `None` when there is no such user.
    async fn profile(&self, user: &UserId, of: &UserId) -> Result<Option<Profile>, MatrixError>;

    /// Joins a room to which `user` is invited. Succeeds when it has joined already.
    async fn join(&self, user: &UserId, room: &RoomId) -> Result<(), MatrixError>;

    /// Leaves a room, or declines an invite to it, with a reason for people to read.
    async fn leave(&self, user: &UserId, room: &RoomId, reason: Option<&str>) -> Result<(), MatrixError>;

    /// Creates a direct chat as `user` (`is_direct`, `trusted_private_chat`, encryption kept off where a power level can).
    async fn create_room(&self, user: &UserId, room: &NewRoom) -> Result<OwnedRoomId, MatrixError>;

    /// The rooms in which `user` is.
    async fn joined_rooms(&self, user: &UserId) -> Result<Vec<OwnedRoomId>, MatrixError>;

    /// Sends a message event. The same `txn_id` sends it once, however often this is called; `timestamp`
    /// becomes its `origin_server_ts`.
    async fn send(
        &self,
        user: &UserId,
        room: &RoomId,
        event_type: &str,
        txn_id: &str,
        content: &Value,
        timestamp: Option<Timestamp>,
    ) -> Result<OwnedEventId, MatrixError>;

    /// Marks a room as read up to an event.
    async fn read_receipt(
        &self,
        user: &UserId,
        room: &RoomId,
        event: &ruma::EventId,
    ) -> Result<(), MatrixError>;

    /// Shows or hides "is typing"; shown for `timeout` at most.
    async fn typing(
        &self,
        user: &UserId,
        room: &RoomId,
        timeout: Option<Duration>,
    ) -> Result<(), MatrixError>;

    /// The user's global account data of a type; `None` when it was never set.
    async fn account_data(
        &self,
        user: &UserId,
        kind: &str,
    ) -> Result<Option<Map<String, Value>>, MatrixError>;

    /// Replaces the user's global account data of a type.
    async fn set_account_data(
        &self,
        user: &UserId,
        kind: &str,
        content: &Map<String, Value>,
    ) -> Result<(), MatrixError>;

    /// Begins to download media, all of which is to come within the time for media. Refused where the homeserver says that it has
    /// more than `limit` bytes; where it says nothing, more may come.
    async fn download(
        &self,
        user: &UserId,
        uri: &ruma::MxcUri,
        limit: u64,
    ) -> Result<MediaStream, MatrixError>;

    /// Begins to download media of any size, as fast as whoever wants it takes it.
    async fn open_media(&self, user: &UserId, uri: &ruma::MxcUri) -> Result<MediaStream, MatrixError>;

    /// Makes a URI for media that are still to be uploaded ([asynchronous uploads], since Matrix 1.7).
    ///
    /// [asynchronous uploads]: https://spec.matrix.org/latest/client-server-api/#post_matrixmediav1create
    async fn reserve_media(&self, user: &UserId) -> Result<OwnedMxcUri, MatrixError>;

    /// Uploads media, `to` a URI that was made for them where there is one. What is there already stays, and that is no error; refused
    /// with `M_NOT_FOUND` where the homeserver does not know that URI any more.
    async fn upload(
        &self,
        user: &UserId,
        to: Option<&ruma::MxcUri>,
        name: &str,
        content_type: &str,
        file: File,
    ) -> Result<OwnedMxcUri, MatrixError>;

    /// The members of a room, of every membership.
    async fn members(&self, user: &UserId, room: &RoomId) -> Result<Vec<Member>, MatrixError>;

    /// The present state of a room, as event JSON.
    async fn state(&self, user: &UserId, room: &RoomId) -> Result<Vec<Value>, MatrixError>;

    /// A page of a room's history from `from` (or the present) back in time.
    async fn history(
        &self,
        user: &UserId,
        room: &RoomId,
        from: Option<&str>,
    ) -> Result<HistoryPage, MatrixError>;

    /// Asks the homeserver to ping this appservice, and waits for the outcome.
    async fn ping(&self, txn_id: &str) -> Result<Duration, MatrixError>;
}
