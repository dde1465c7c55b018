//! What others ask of Penpal over HTTP: the homeserver by the [Application Service API], those who run it by `/health`, `/ready` and
//! `/metrics`, whoever got a link to a file by `/file/…`, and email users who want no
//! more emails by `/stop/…`.
//!
//! Imports: `model`. Penpal's own side is reached only through [`Service`].
//!
//! Every endpoint of the API is served under `/_matrix/app/v1/` and under the path that homeservers fall back to
//! ([legacy routes]):
//!
//! | endpoint | legacy path | file |
//! | --- | --- | --- |
//! | `PUT transactions/{txnId}` | `/transactions/{txnId}` | `transactions.rs` |
//! | `GET users/{userId}` | `/users/{userId}` | `users.rs` |
//! | `GET rooms/{roomAlias}` | `/rooms/{roomAlias}` | `rooms.rs` |
//! | `POST ping` | | `ping.rs` |
//! | `GET thirdparty/…` | `/_matrix/app/unstable/thirdparty/…` | `third_party.rs` |
//!
//! What is wrong with a request is said in a [standard error response]; `error.rs` has the table.
//!
//! [Application Service API]: https://spec.matrix.org/latest/application-service-api/
//! [legacy routes]: https://spec.matrix.org/latest/application-service-api/#legacy-routes
//! [standard error response]: https://spec.matrix.org/latest/client-server-api/#standard-error-response

mod auth;
mod body;
mod download;
mod drain;
mod error;
mod observe;
mod ping;
mod probes;
mod rooms;
mod routes;
mod server;
mod stop;
#[cfg(test)]
mod tests;
mod third_party;
mod transactions;
mod users;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

pub use error::ApiError;
pub use server::{DEFAULT_MAX_TRANSACTION_SIZE, ServeError, Server, ServerSettings, serve};
pub use transactions::read_transaction;

/// Penpal can't do now what the homeserver asks, and nothing of it was done: the homeserver gets a 500 and asks
/// again. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// What a third-party lookup asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThirdPartyQuery<'a> {
    /// The puppet of an email address, as somebody typed it.
    Email(&'a str),
    /// The email address of a user ID.
    UserId(&'a str),
}

/// An email address and its puppet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThirdPartyUser {
    /// The puppet's user ID.
    pub user_id: String,
    /// The address.
    pub email: String,
}

/// A file on its way to whoever followed a link.
#[derive(Debug)]
pub struct Download {
    /// Its name, without path and control characters.
    pub name: String,
    /// What it is said to be; hostile.
    pub content_type: String,
    /// The number of bytes, where that is known.
    pub length: Option<u64>,
    /// The bytes, in order. An error is the last item.
    pub chunks: mpsc::Receiver<std::io::Result<Bytes>>,
}

/// Why a link leads to no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDownload {
    /// Nobody made this link.
    #[error("there is no such link")]
    Unknown,
    /// Its time is over, or the message was taken back, or the homeserver has the file no more.
    #[error("the link has ended")]
    Gone,
    /// Not now. The text is for the log.
    #[error("{0}")]
    Unavailable(String),
}

/// Who writes to whom, behind a link to stop that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correspondence {
    /// The Matrix user who writes.
    pub user: String,
    /// The address that the emails go to.
    pub address: String,
    /// Whether they are stopped.
    pub stopped: bool,
}

/// Why a link to stop emails leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCorrespondence {
    /// Nobody made this link, or nothing is kept of those whom it was about.
    #[error("there is no such link")]
    Unknown,
    /// Not now. The text is for the log.
    #[error("{0}")]
    Unavailable(String),
}

/// What requests lead to.
///
/// The two async questions of the homeserver run to their end even when it hangs up: it does so after 60 seconds,
/// and what was begun need not be begun again.
#[async_trait]
pub trait Service: Send + Sync {
    /// Commits a transaction: `Ok` means that every event in it that matters is safe on disk.
    ///
    /// `body` is an object whose `events` is an array; `ephemeral` and whatever else the homeserver sent may be
    /// there. Items that can't be read as JSON values are left out before.
    ///
    /// Called again with what was committed already, with the same ID or another one, also while the first call
    /// is still at work; never waits for the homeserver or for mail.
    async fn transaction(&self, txn_id: &str, body: Value) -> Result<(), Unavailable>;

    /// Whether a user ID is that of a puppet. When it is, the user exists on the homeserver once this returns.
    /// `user_id` is as given, and may be anything.
    async fn query_user(&self, user_id: &str) -> Result<bool, Unavailable>;

    /// The puppet that a lookup finds. Pure: no user is made.
    fn third_party_user(&self, query: ThirdPartyQuery<'_>) -> Option<ThirdPartyUser>;

    /// The file that a link in an email leads to; `link` is what stands behind `/file/`, and may be anything.
    async fn download(&self, link: &str) -> Result<Download, NoDownload>;

    /// Who writes to whom, behind the token of a link to stop that; with `stop` after the emails were stopped or allowed again.
    /// `token` is what stands behind `/stop/`, and may be anything.
    async fn correspondence(
        &self,
        token: &str,
        stop: Option<bool>,
    ) -> Result<Correspondence, NoCorrespondence>;

    /// Whether work can be done: the database and the homeserver can be reached. The text says what is wrong.
    async fn ready(&self) -> Result<(), String>;
}
