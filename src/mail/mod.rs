//! Mail transport: what goes out through the relay, and the doors through which mail comes in.
//!
//! Imports: `model`. Penpal's own side is reached only through [`Inbound`].

pub mod answer;
pub mod authentication;
mod dns;
pub mod imap;
pub mod listener;
pub mod outgoing;
pub mod signing;
pub mod submit;

use async_trait::async_trait;

use self::signing::Signing;

use crate::model::{Envelope, IncomingMail, Refusal};

/// A mail server took responsibility for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The server's reply, for the log: `250 2.0.0 Ok: queued as 4F2C`.
    pub reply: String,
}

/// Why a mail did not leave, and so whether it can be tried again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The relay is away, busy or asks for patience (4xx).
    #[error("the mail relay could not take the message yet: {reply}")]
    Transient {
        /// The server's words, or what happened to the connection.
        reply: String,
        /// True when the message may have been taken all the same: the connection broke after DATA.
        uncertain: bool,
    },
    /// This process is stopping: the message was not begun.
    #[error("Penpal is stopping")]
    Closed,
    /// The message is not ours to send any more, says its [`Leave`]: the relay does not have it.
    #[error("another process has taken the message over")]
    Withdrawn,
    /// The relay refused for good (5xx).
    #[error("the mail relay refused the message: {reply}")]
    Permanent {
        /// The server's words.
        reply: String,
    },
}

impl SendError {
    /// The message can't be read now: no relay has it.
    fn unreadable(reason: String) -> Self {
        Self::Transient {
            reply: reason,
            uncertain: false,
        }
    }

    /// The server's words, or what happened to the connection.
    pub fn reply(&self) -> &str {
        match self {
            Self::Transient { reply, .. } | Self::Permanent { reply } => reply,
            Self::Closed => "Penpal is stopping",
            Self::Withdrawn => "another process has taken the message over",
        }
    }
}

/// The leave to hand over a message, asked for at the last moment: the envelope may have taken the relay minutes, and a process
/// that was frozen meanwhile does not know that another one has sent the message in its place.
#[async_trait]
pub trait Leave: Send + Sync {
    /// Whether the message is still to be sent by us.
    async fn is_given(&self) -> bool;
}

/// The way out: relays that take responsibility or say why not.
#[async_trait]
pub trait MailTransport: Send + Sync {
    /// Begins the signatures of a message, if its author's mail domain is to have any. They are made once, before the message is stored:
    /// each attempt to send it hands over the same bytes.
    fn signing(&self, _domain: &str) -> Signing<'_> {
        Signing::default()
    }

    /// Hands over one message to one recipient, by the relay of the sender's mail domain. `message` is complete, with CRLF line ends;
    /// it does not leave without `leave`.
    async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError>;

    /// The same for a message that is too large for memory. A transport that can't do otherwise holds it all the same.
    async fn send_large(
        &self,
        envelope: &Envelope,
        message: LargeMessage<'_>,
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError> {
        let message = message.whole().await?;
        self.send(envelope, &message, leave).await
    }
}

/// A message that is too large for memory.
pub struct LargeMessage<'a> {
    /// Its bytes in all.
    pub size: u64,
    /// What is not the base64 of files in it, its header first: all of it that may hold letters outside ASCII.
    pub text: &'a [u8],
    /// The message, with CRLF line ends.
    pub pieces: &'a mut dyn Pieces,
}

impl LargeMessage<'_> {
    /// All of it, in memory.
    ///
    /// # Errors
    ///
    /// [`SendError::Transient`] when the message can't be read.
    pub async fn whole(self) -> Result<Vec<u8>, SendError> {
        let mut whole = Vec::with_capacity(usize::try_from(self.size).unwrap_or_default());
        while let Some(piece) = self.pieces.next().await.map_err(SendError::unreadable)? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }
}

/// Bytes that are read one piece after another.
#[async_trait]
pub trait Pieces: Send {
    /// The next bytes, perhaps none; `None` at the end. An error says why they can't be read now.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, String>;
}

/// The way in: what a door asks before it answers the mail server in front of it.
#[async_trait]
pub trait Inbound: Send + Sync {
    /// Whether a recipient exists and may be written to, asked at `RCPT TO`. Both addresses are as given
    /// by the peer; `sender` is empty for the null reverse-path.
    async fn check_recipient(&self, sender: &str, recipient: &str) -> Result<(), Refusal>;

    /// Commits a mail. One answer for each recipient, in order: `Ok` means that it is safe on disk.
    async fn accept(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>>;
}
