//! The door that fetches: mailboxes at a provider, over IMAP (RFC 3501; IDLE, RFC 2177; MOVE, RFC 6851; UIDPLUS, RFC 4315).
//!
//! | file | what it is |
//! | --- | --- |
//! | [`serve`] in `door.rs` | one mailbox for good: who works on it, reconnecting, waiting |
//! | `visit.rs` | what is done on one connection: which messages are new, what becomes of them |
//! | `session.rs`, `login.rs`, `dial.rs` | commands and their answers; password and token; TCP and TLS |
//! | `frame.rs`, `response.rs` | bytes to responses, without I/O |
//! | `name.rs` | names of folders, strings in commands |
//!
//! A message is handed to [`Inbound`](super::Inbound), then that is noted by the [`MailboxKeeper`], then it is marked on the server. Each step can be
//! done again without harm, so that a connection, or this process, may end between any two of them: the inbox knows a mail that it has, and
//! what is noted but not marked is marked by the next connection.
//!
//! The protocol is spoken here and not by a crate: mail and passwords must not get into logs and errors, a server that refuses must be
//! heard, and no server may fill the memory.

mod dial;
mod door;
mod frame;
mod login;
mod message;
mod name;
mod response;
mod session;
mod visit;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

use super::submit::RelayTls;

pub use door::{Mailbox, check, serve};

/// A mailbox, and what is done with it.
#[derive(Clone, Debug)]
pub struct MailboxSettings {
    /// What tells it from others in the store: it must stay the same.
    pub id: String,
    /// What an admin knows it by.
    pub label: String,
    /// Host name or IP address; with TLS the name in the server's certificate.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: RelayTls,
    /// PEM file with the authorities to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Who signs in.
    pub username: String,
    /// And how.
    pub credentials: Credentials,
    /// Which folder is read.
    pub folder: String,
    /// What becomes of a message that was taken.
    pub after: After,
    /// The folder for messages that were refused; without one they stay, flagged.
    pub refused: Option<String>,
    /// How often it is asked for mail when the server does not tell.
    pub poll: Duration,
    /// The longest wait for an answer.
    pub timeout: Duration,
    /// The largest message in bytes.
    pub max_size: usize,
    /// The folder for a large message while it comes in.
    pub spool: Arc<Path>,
}

/// How one signs in.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// With a password: by `AUTHENTICATE PLAIN` (RFC 4616) or `LOGIN`.
    Password(SecretString),
    /// With an OAuth 2.0 access token, by XOAUTH2. The file is read for each connection, because tokens last an hour and another
    /// program renews them.
    TokenFile(PathBuf),
}

/// What becomes of a message that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It stays, marked as seen.
    Seen,
    /// It is moved into a folder, which is made when it is missing.
    Move(String),
    /// It is deleted.
    Delete,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the inbox.
    Taken,
    /// It will never be.
    Refused,
    /// It is to be tried again.
    Later,
}

/// What is remembered of a mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Up to which UID everything is decided, but for what is unfinished.
    pub last: u32,
    /// Up to which UID messages were there before Penpal came: of these only unread ones are taken.
    pub history: u32,
    /// Messages up to `last` with which something is still to be done.
    pub unfinished: Vec<Unfinished>,
}

/// A message with which something is still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Which one.
    pub uid: u32,
    /// What became of it: if it was decided, it is to be marked.
    pub outcome: Outcome,
    /// How long it has to wait; zero when it is due.
    pub wait: Duration,
}

/// To whom a message goes, and from whom, as far as its fields tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addressed {
    /// The envelope's sender; empty for the null sender.
    pub sender: String,
    /// Addresses of ours; none when it is for nobody here.
    pub recipients: Vec<String>,
}

/// Why nothing can be remembered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeeperError {
    /// Another process works on the mailbox.
    #[error("another process has taken the mailbox over")]
    Lost,
    /// Trouble with the store, which has been logged.
    #[error("the store is in trouble: {0}")]
    Store(String),
}

/// The memory of this door, and what it can't find out itself.
#[async_trait]
pub trait MailboxKeeper: Send + Sync {
    /// Takes or keeps the right to work on a mailbox, for a minute; false when another process has it.
    async fn hold(&self, mailbox: &str) -> Result<bool, KeeperError>;

    /// Gives the right back.
    async fn let_go(&self, mailbox: &str) -> Result<(), KeeperError>;

    /// What is remembered. With another `validity` than before, all UIDs mean something else, and everything below `next` is history.
    async fn recall(&self, mailbox: &str, validity: u32, next: u32) -> Result<Memory, KeeperError>;

    /// Notes that nothing is to be done about messages up to this UID.
    async fn pass(&self, mailbox: &str, validity: u32, uid: u32) -> Result<(), KeeperError>;

    /// Notes what became of a message, and answers what holds: one that was put off for too long is refused.
    async fn note(
        &self,
        mailbox: &str,
        validity: u32,
        uid: u32,
        outcome: Outcome,
    ) -> Result<Outcome, KeeperError>;

    /// Notes that nothing is left to be done with a message.
    async fn finish(&self, mailbox: &str, validity: u32, uid: u32) -> Result<(), KeeperError>;

    /// Finds the envelope of a message that lies in the mailbox of `owner`.
    fn address(&self, owner: &str, message: &[u8]) -> Addressed;
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    /// The network, or a server that hangs up.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// Certificates.
    #[error("{0}")]
    Tls(String),
    /// Silence.
    #[error("the server does not answer in time")]
    TimedOut,
    /// A flood.
    #[error("the server sends more than it was asked for")]
    TooLarge,
    /// Our own disk.
    #[error("{0}")]
    NoRoom(String),
    /// The server's farewell.
    #[error("the server ended the connection: {0}")]
    Bye(String),
    /// A command that failed.
    #[error("the server refused {command}: {text}")]
    Refused {
        /// Its name.
        command: &'static str,
        /// The server's words.
        text: String,
    },
    /// A server that can't be used as configured.
    #[error("{0}")]
    Unfit(String),
    /// The store.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
}

impl From<frame::TooLarge> for ImapError {
    fn from(_: frame::TooLarge) -> Self {
        Self::TooLarge
    }
}
