//! The doors for incoming mail: SMTP and LMTP over TCP or a unix socket.
//!
//! | file | what it is |
//! | --- | --- |
//! | [`serve`] in `socket.rs` | sockets, limits on connections, closing |
//! | `connection.rs` | one connection: bytes between socket, session and [`Inbound`](super::Inbound), time limits |
//! | `session/` | the protocol as a state machine without I/O |
//! | `command.rs`, `message.rs`, `reply.rs` | its parts: lines in, text in, replies out |
//! | `limits.rs`, `rates.rs` | every limit with its reply; how much in which time |
//! | `tls.rs` | certificates for STARTTLS |
//!
//! A door knows nothing about mail: who may be written to, and when a message is safe, is for
//! [`Inbound`](super::Inbound) to say. `250` at the end of a message is sent only after it said so.

mod command;
mod connection;
mod limits;
mod message;
mod rates;
mod reply;
pub mod session;
mod socket;
mod tls;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::model::bind_advice;

pub use limits::Limits;
pub use rates::Rates;
pub use socket::{Door, serve};
pub use tls::Renewal;

/// What a door speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// SMTP (RFC 5321): one answer for all recipients of a mail.
    Smtp,
    /// LMTP (RFC 2033): one answer for each recipient; what a mail server in front should use.
    Lmtp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smtp => "SMTP",
            Self::Lmtp => "LMTP",
        })
    }
}

/// Where a door is: `127.0.0.1:8024`, `localhost:8024`, `[::1]:8024` or `unix:/run/penpal/lmtp.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port; 0 lets the system choose one.
    Tcp {
        /// An IP address, without brackets, or a host name.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix socket. Who may reach it is for the permissions of its folder to say.
    Unix(PathBuf),
}

/// Why a text is no [`ListenAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a listen address is HOST:PORT with a port from 0 to 65535, or unix:/PATH")]
pub struct ListenAddressError;

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(ListenAddressError)
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or(ListenAddressError)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(ListenAddressError);
        }
        Ok(Self::Tcp {
            host: host.to_owned(),
            port: port.parse().map_err(|_| ListenAddressError)?,
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A certificate for STARTTLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM file with the certificate and its chain.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

/// One door.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// What it speaks.
    pub protocol: Protocol,
    /// Where it is.
    pub address: ListenAddress,
    /// The name by which it greets.
    pub hostname: String,
    /// The certificate; without one STARTTLS is not offered.
    pub tls: Option<TlsFiles>,
    /// Its limits.
    pub limits: Limits,
    /// How much it takes from the internet in a minute.
    pub rates: Rates,
}

/// Why a door does not open.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    /// The socket cannot be had.
    #[error(
        "mail.listen: cannot listen for mail on {address}: {source} ({})",
        bind_advice(source)
    )]
    Bind {
        /// The configured address.
        address: ListenAddress,
        /// The system's word.
        source: io::Error,
    },
    /// The certificate or key file cannot be read, or does not hold what it should.
    #[error("cannot use {}: {reason}; mail.listen.certificate and .key name PEM files with a certificate chain and its private key", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}
