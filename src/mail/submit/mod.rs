//! Submission of finished mail to one relay, by lettre.
//!
//! lettre speaks the protocol, command by command. Its own pool is not used: a send that is given up in the
//! middle (a time-out, a shutdown) goes back into that pool as it is, and the next message would read the
//! replies to the last one.

mod connection;
mod failure;
mod from_file;
mod large;
mod line_by_line;
mod pool;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::SecretString;
use tokio::time::timeout;

use self::connection::Dialer;
use self::failure::{Failure, Stage};
use self::large::CHUNK;
use self::pool::{Place, Pool};
use super::{Accepted, Leave, SendError};
use crate::model::{EmailAddress, Envelope};

/// How the way to the relay is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayTls {
    /// Not at all: for a relay on the same machine.
    None,
    /// By STARTTLS (RFC 3207), which must succeed; usually port 587.
    Starttls,
    /// From the first byte (RFC 8314); usually port 465.
    Tls,
}

/// What the relay knows us by.
#[derive(Clone, Debug)]
pub struct RelayCredentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// The relay and how to use it.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// Host name or IP address; with TLS the name in the relay's certificate.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Encryption.
    pub tls: RelayTls,
    /// PEM file with the certificates of the authorities to trust, in place of the system's. A relay's
    /// self-signed certificate may stand here itself if it is not marked as an authority
    /// (`openssl req -x509 -addext basicConstraints=critical,CA:FALSE …`).
    pub ca_file: Option<PathBuf>,
    /// For AUTH PLAIN or LOGIN (RFC 4954).
    pub credentials: Option<RelayCredentials>,
    /// The name that EHLO gives: this machine's.
    pub hello_name: String,
    /// For the connection and for each command.
    pub timeout: Duration,
    /// For the message and the reply to it; see [`MESSAGE_TIMEOUT`].
    pub message_timeout: Duration,
    /// Connections at a time.
    pub pool_size: usize,
    /// The folder for a large message on its way to a relay without CHUNKING.
    pub spool: Arc<Path>,
}

/// How long the reply to a message may take (RFC 5321, section 4.5.3.2.6): giving up earlier means that a
/// message which was taken is sent again.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_mins(10);

/// Why a relay cannot be used with these settings.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The file with the authorities.
    #[error("cannot use {}: {reason}; mail.relay.ca_file names a PEM file with one or more certificates", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS to the mail relay: {0}")]
    Tls(String),
}

/// The relay.
#[derive(Debug)]
pub struct Relay {
    dialer: Dialer,
    pool: Pool,
    message_timeout: Duration,
    spool: Arc<Path>,
    /// The longest wait for a connection that is in use; `None` waits as long as it takes.
    patience: Option<Duration>,
}

impl Relay {
    /// Prepares the way; nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`RelayError`] when the certificates cannot be read.
    pub fn new(settings: RelaySettings) -> Result<Self, RelayError> {
        Ok(Self {
            pool: Pool::new(settings.pool_size),
            message_timeout: settings.message_timeout.max(settings.timeout),
            spool: Arc::clone(&settings.spool),
            dialer: Dialer::new(settings)?,
            patience: None,
        })
    }

    /// The same, which puts a message off when none of its connections gets free in that time.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Begins no more messages: those that wait for a connection are turned away, those under way go on.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Connects and logs in as for a message, and hangs up: whether these settings work at all.
    ///
    /// # Errors
    ///
    /// [`SendError`], whose words say what to mend.
    pub async fn check(&self) -> Result<(), SendError> {
        let mut connection = self.dialer.connect().await?;
        connection.abort().await;
        Ok(())
    }

    /// Waits for a connection that may be used.
    async fn place(&self) -> Result<Place<'_>, SendError> {
        let place = match self.patience {
            Some(patience) => timeout(patience, self.pool.place()).await,
            None => Ok(self.pool.place().await),
        };
        place
            .map_err(|_| SendError::Transient {
                reply: "all connections to it are in use".to_owned(),
                uncertain: false,
            })?
            .ok_or(SendError::Closed)
    }

    async fn submit(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        message: &[u8],
        leave: &dyn Leave,
    ) -> Result<Accepted, Failure> {
        self.begin_data(connection, envelope, message, leave).await?;
        // lettre ends every message with CRLF; our own would become an empty line.
        let text = message.strip_suffix(b"\r\n").unwrap_or(message);
        // lettre copies each piece of a message.
        self.end_data(connection.message_iter(text.chunks(CHUNK))).await
    }

    /// Everything up to the relay's word that it waits for the message. `text` is all of it that may hold letters outside ASCII.
    async fn begin_data(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        text: &[u8],
        leave: &dyn Leave,
    ) -> Result<(), Failure> {
        let parameters = parameters(connection, envelope, text)?;
        let stage = Stage::Envelope;
        let mail = Mail::new(envelope.sender.as_ref().map(address), parameters);
        self.dialer.within(stage, connection.command(mail)).await?;
        let rcpt = Rcpt::new(address(&envelope.recipient), Vec::new());
        self.dialer.within(stage, connection.command(rcpt)).await?;
        let go_ahead = self.dialer.within(stage, connection.command(Data)).await?;
        if !go_ahead.has_code(354) {
            return Err(Failure::unexpected(stage, &go_ahead));
        }
        if leave.is_given().await {
            Ok(())
        } else {
            Err(Failure::withdrawn())
        }
    }

    /// Sends the message, and hears what the relay says to it.
    async fn end_data(
        &self,
        sending: impl Future<Output = Result<Response, smtp::Error>>,
    ) -> Result<Accepted, Failure> {
        let stage = Stage::Message;
        let reply = connection::within(self.message_timeout, stage, sending).await?;
        if !reply.code().to_string().starts_with('2') {
            return Err(Failure::unexpected(stage, &reply));
        }
        Ok(Accepted {
            reply: failure::words(&reply),
        })
    }

    /// Keeps a connection that can carry the next message.
    async fn park(
        &self,
        place: Place<'_>,
        mut connection: AsyncSmtpConnection,
        submitted: Result<Accepted, Failure>,
    ) -> Result<Accepted, SendError> {
        let fit = match &submitted {
            Ok(_) => true,
            Err(failure) => failure.in_step && self.dialer.reset(&mut connection).await,
        };
        if fit {
            place.park(connection);
        }
        submitted.map_err(SendError::from)
    }

    /// Hands over one message to one recipient; see [`MailTransport::send`](super::MailTransport::send).
    ///
    /// # Errors
    ///
    /// [`SendError`], which says whether to try again.
    pub async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError> {
        // A lone CR or LF is the raw material of SMTP smuggling: what one server takes for text is the end of
        // the message to another.
        if has_bare_line_end(message) {
            return Err(Failure::unfit().into());
        }
        let place = self.place().await?;
        let mut idle = place.take();
        loop {
            let is_new = idle.is_none();
            let mut connection = match idle.take() {
                Some(connection) => connection,
                // Large, and seldom needed.
                None => Box::pin(self.dialer.connect()).await?,
            };
            let submitted = self.submit(&mut connection, envelope, message, leave).await;
            if is_new || !submitted.as_ref().is_err_and(|failure| failure.hung_up) {
                return self.park(place, connection, submitted).await;
            }
        }
    }
}

/// The parameters of MAIL, or why the relay cannot carry this message.
fn parameters(
    connection: &AsyncSmtpConnection,
    envelope: &Envelope,
    message: &[u8],
) -> Result<Vec<MailParameter>, Failure> {
    let offers = |extension| connection.server_info().supports_feature(extension);
    let mut parameters = Vec::new();
    // RFC 6531, section 3.1: for addresses, and for header fields, which may hold them.
    if !ascii_addresses(envelope) || !header(message).is_ascii() {
        if !offers(Extension::SmtpUtfEight) {
            return Err(Failure::cannot_carry(
                "The mail relay does not take addresses with letters outside ASCII (SMTPUTF8)",
            ));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.is_ascii() {
        if !offers(Extension::EightBitMime) {
            return Err(Failure::cannot_carry(
                "The mail relay does not take text outside ASCII (8BITMIME)",
            ));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

fn ascii_addresses(envelope: &Envelope) -> bool {
    let sender = envelope.sender.as_ref().map_or("", EmailAddress::as_str);
    sender.is_ascii() && envelope.recipient.as_str().is_ascii()
}

fn header(message: &[u8]) -> &[u8] {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n");
    message.get(..end.unwrap_or(message.len())).unwrap_or(message)
}

fn has_bare_line_end(message: &[u8]) -> bool {
    let mut lines = LineEnds::default();
    !lines.hold(message) || lines.are_torn()
}

/// Looks for a CR or LF that is no line end, in a message that may come in pieces.
#[derive(Default)]
struct LineEnds {
    previous: u8,
}

impl LineEnds {
    /// Whether there is none in the next piece. One at its end is for the next piece to show.
    fn hold(&mut self, piece: &[u8]) -> bool {
        let mut previous = self.previous;
        for &byte in piece {
            if (byte == b'\n') != (previous == b'\r') {
                return false;
            }
            previous = byte;
        }
        self.previous = previous;
        true
    }

    /// Whether the last byte is half a line end.
    fn are_torn(&self) -> bool {
        self.previous == b'\r'
    }

    /// Whether a line has just ended.
    fn at_end(&self) -> bool {
        self.previous == b'\n'
    }
}

/// lettre's own check refuses addresses that exist, such as `a..b@`; ours has been passed already.
fn address(address: &EmailAddress) -> Address {
    Address::new_dangerous(address.local(), address.domain())
}
