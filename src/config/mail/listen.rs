//! Section `mail.listen`: the doors through which mail comes in.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use crate::config::error::Problem;
use crate::config::value;

/// One door.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Which protocol is spoken. Default `lmtp`.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where to listen.
    #[serde(deserialize_with = "address")]
    pub address: ListenAddress,
    /// The name in the greeting. Default: the mail domain.
    #[serde(default, deserialize_with = "value::optional_text")]
    pub hostname: Option<String>,
    /// A chain of certificates, PEM; with it STARTTLS is offered.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The private key that belongs to it, PEM.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// What a door speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// LMTP (RFC 2033): one answer for each recipient. For a mail server in front.
    #[default]
    Lmtp,
    /// SMTP (RFC 5321).
    Smtp,
}

/// Where a door is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl ListenAddress {
    /// Reads `127.0.0.1:8024`, `[::1]:8024` or `unix:/run/penpal/lmtp.sock`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some(path) => (!path.is_empty()).then(|| Self::Unix(path.into())),
            None => value::parse_socket(text).map(Self::Tcp),
        }
    }
}

impl Listen {
    /// Makes paths absolute, and sees that the certificate is there. `index` is the number in the list.
    pub(in crate::config) fn settle(&mut self, index: usize, folder: &Path) -> Result<(), Problem> {
        if let ListenAddress::Unix(path) = &mut self.address {
            *path = folder.join(&*path);
        }
        let key = |name: &str| format!("mail.listen[{index}].{name}");
        match (&mut self.certificate, &mut self.key) {
            (None, None) => Ok(()),
            (Some(certificate), Some(private)) => {
                for (name, path) in [("certificate", certificate), ("key", private)] {
                    *path = folder.join(&*path);
                    std::fs::File::open(&*path).map_err(|error| {
                        Problem::new(
                            key(name),
                            format!(
                                "{} can't be read ({error}): give the path of a PEM file that the user of penpal may read",
                                path.display()
                            ),
                        )
                    })?;
                }
                Ok(())
            }
            (Some(_), None) => Err(Problem::new(
                key("key"),
                "is missing: add the private key that belongs to the certificate",
            )),
            (None, Some(_)) => Err(Problem::new(
                key("certificate"),
                "is missing: add the certificate to which the key belongs",
            )),
        }
    }
}

fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ListenAddress, D::Error> {
    value::scalar(
        deserializer,
        "an address to listen on: give an IP address and a port from 1 to 65535, such as 127.0.0.1:8024, or unix: and a path",
        ListenAddress::parse,
    )
}
