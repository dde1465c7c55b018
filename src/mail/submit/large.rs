//! Large messages: in chunks (BDAT, RFC 3030), so that no more than one of them is in memory.
//!
//! lettre hands over a message that is whole. What it takes as a command may be anything, though, also a chunk behind its BDAT, because our
//! messages are text. A relay without CHUNKING gets a large message out of a file (`from_file.rs`).

use std::fmt;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Ehlo, Rcpt};
use lettre::transport::smtp::extension::MailParameter;
use lettre::transport::smtp::response::Response;

use super::connection::{Dialer, within};
use super::failure::{Failure, Stage};
use super::{Accepted, Mail, Relay, SendError, address, failure, has_bare_line_end, parameters};
use crate::mail::{LargeMessage, Leave, Pieces};
use crate::model::Envelope;

/// How many bytes a chunk has at least, but for the last one: each waits for its answer.
pub(super) const CHUNK: usize = 512 * 1024;

/// What lettre does not keep of the answer to EHLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Capabilities {
    /// RFC 3030.
    chunking: bool,
    /// The largest message, where there is a limit (RFC 1870). `None` where the relay does not offer SIZE.
    size: Option<u64>,
}

impl Capabilities {
    /// Asks for them once more, which also begins anew (RFC 5321, section 4.1.4).
    async fn of(dialer: &Dialer, connection: &mut AsyncSmtpConnection) -> Result<Self, Failure> {
        let hello = Ehlo::new(dialer.hello().clone());
        let answer = dialer.within(Stage::Connect, connection.command(hello)).await?;
        Ok(Self::read(&answer))
    }

    fn read(answer: &Response) -> Self {
        let mut capabilities = Self::default();
        for line in answer.message() {
            let mut words = line.split_whitespace();
            match words.next().map(str::to_ascii_uppercase).as_deref() {
                Some("CHUNKING") => capabilities.chunking = true,
                Some("SIZE") => {
                    let limit = words.next().and_then(|limit| limit.parse().ok());
                    // 0 is no limit, like none at all.
                    capabilities.size = Some(limit.filter(|limit| *limit > 0).unwrap_or(u64::MAX));
                }
                _ => {}
            }
        }
        capabilities
    }
}

/// `BDAT`, with the chunk behind it.
struct Chunk<'a> {
    text: &'a str,
    is_last: bool,
}

impl fmt::Display for Chunk<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = if self.is_last { " LAST" } else { "" };
        write!(f, "BDAT {}{last}\r\n{}", self.text.len(), self.text)
    }
}

impl Relay {
    /// Hands over one large message to one recipient; see [`MailTransport::send_large`](crate::mail::MailTransport::send_large).
    ///
    /// # Errors
    ///
    /// [`SendError`], which says whether to try again.
    pub async fn send_large(
        &self,
        envelope: &Envelope,
        mut message: LargeMessage<'_>,
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError> {
        let place = self.place().await?;
        let mut idle = place.take();
        loop {
            let is_new = idle.is_none();
            let mut connection = match idle.take() {
                Some(connection) => connection,
                None => Box::pin(self.dialer.connect()).await?,
            };
            let capabilities = match Capabilities::of(&self.dialer, &mut connection).await {
                // The relay may have closed it meanwhile.
                Err(_) if !is_new => continue,
                capabilities => capabilities?,
            };
            if !capabilities.chunking {
                let submitted = match too_large(capabilities, message.size) {
                    Ok(()) => {
                        self.submit_from_file(&mut connection, envelope, &mut message, leave)
                            .await
                    }
                    Err(failure) => Err(failure),
                };
                return self.park(place, connection, submitted).await;
            }
            let submitted = self
                .submit_in_chunks(&mut connection, envelope, &mut message, capabilities, leave)
                .await;
            return self.park(place, connection, submitted).await;
        }
    }

    async fn submit_in_chunks(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        message: &mut LargeMessage<'_>,
        capabilities: Capabilities,
        leave: &dyn Leave,
    ) -> Result<Accepted, Failure> {
        too_large(capabilities, message.size)?;
        let mut parameters = parameters(connection, envelope, message.text)?;
        if capabilities.size.is_some() {
            let size = usize::try_from(message.size).unwrap_or(usize::MAX);
            parameters.push(MailParameter::Size(size));
        }
        let stage = Stage::Envelope;
        let mail = Mail::new(envelope.sender.as_ref().map(address), parameters);
        self.dialer.within(stage, connection.command(mail)).await?;
        let rcpt = Rcpt::new(address(&envelope.recipient), Vec::new());
        self.dialer.within(stage, connection.command(rcpt)).await?;
        let mut chunk = Vec::new();
        while let Some(piece) = read(message.pieces).await? {
            if chunk.len() >= CHUNK && !piece.is_empty() {
                let rest = chunk.split_off(after_last_line(&chunk)?);
                self.chunk(connection, &chunk, false).await?;
                chunk = rest;
            }
            chunk.extend_from_slice(&piece);
        }
        // Without the last chunk the relay has nothing.
        if !leave.is_given().await {
            return Err(Failure::withdrawn());
        }
        let reply = self.chunk(connection, &chunk, true).await?;
        Ok(Accepted {
            reply: failure::words(&reply),
        })
    }

    /// Sends a chunk. Only with the last one the relay can have the message.
    async fn chunk(
        &self,
        connection: &mut AsyncSmtpConnection,
        bytes: &[u8],
        is_last: bool,
    ) -> Result<Response, Failure> {
        if has_bare_line_end(bytes) {
            return Err(Failure::unfit());
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| Failure::cannot_carry("The message is not text"))?;
        let stage = if is_last { Stage::Message } else { Stage::Envelope };
        let chunk = connection.command(Chunk { text, is_last });
        let reply = within(self.message_timeout, stage, chunk).await?;
        if reply.code().to_string().starts_with('2') {
            Ok(reply)
        } else {
            Err(Failure::unexpected(stage, &reply))
        }
    }
}

/// Refuses what the relay has said not to take, instead of sending it for nothing (RFC 1870, section 6.1).
fn too_large(capabilities: Capabilities, size: u64) -> Result<(), Failure> {
    match capabilities.size {
        Some(limit) if size > limit => Err(Failure::cannot_carry(&format!(
            "The email has {} MB, and the mail relay takes {} MB at the most",
            size.div_ceil(1_000_000),
            limit / 1_000_000
        ))),
        _ => Ok(()),
    }
}

/// The next bytes of a message.
pub(super) async fn read(pieces: &mut dyn Pieces) -> Result<Option<Vec<u8>>, Failure> {
    pieces.next().await.map_err(Failure::unreadable)
}

/// Where the last whole line ends: between chunks no line end is torn.
fn after_last_line(bytes: &[u8]) -> Result<usize, Failure> {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    end.map(|end| end + 1).ok_or_else(Failure::unfit)
}
