//! Section `mail.listen`: the doors through which mail comes in.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use crate::config::error::Problem;
use crate::config::value;
use crate::mail::listener::{ListenAddress, Protocol};

/// One door.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Which protocol is spoken. Default `lmtp`.
    #[serde(default = "lmtp", deserialize_with = "protocol")]
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

/// Reads `127.0.0.1:8024`, `[::1]:8024`, `localhost:8024` or `unix:` and a path.
pub(crate) fn parse_address(text: &str) -> Option<ListenAddress> {
    if let Some(path) = text.strip_prefix("unix:") {
        return (!path.is_empty()).then(|| ListenAddress::Unix(path.into()));
    }
    match text.parse().ok()? {
        // It would be another one at each start, and no mail server would find it.
        ListenAddress::Tcp { port: 0, .. } => None,
        address => Some(address),
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
                value::readable(&key("certificate"), certificate, folder)?;
                value::readable(&key("key"), private, folder)
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
        "an address to listen on: give a host and a port from 1 to 65535, such as 127.0.0.1:8024, or unix: and a path",
        parse_address,
    )
}

fn lmtp() -> Protocol {
    Protocol::Lmtp
}

fn protocol<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Protocol, D::Error> {
    value::scalar(deserializer, "lmtp or smtp", |text| match text {
        "lmtp" => Some(Protocol::Lmtp),
        "smtp" => Some(Protocol::Smtp),
        _ => None,
    })
}
