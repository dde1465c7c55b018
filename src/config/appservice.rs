//! Section `appservice`: what the registration says, as Penpal needs it, and where the homeserver reaches it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::error::Problem;
use super::value;
use crate::appservice::DEFAULT_MAX_TRANSACTION_SIZE;

/// The appservice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appservice {
    /// The `id` of the registration. Default `penpal`.
    #[serde(default = "id", deserialize_with = "value::text")]
    pub id: String,
    /// Where to listen for the homeserver. Default `127.0.0.1:29330`.
    #[serde(default = "listen", deserialize_with = "value::socket")]
    pub listen: SocketAddr,
    /// Where the homeserver reaches Penpal, when that is not `http://` and the address of `listen`.
    #[serde(default, deserialize_with = "value::optional_url")]
    pub url: Option<Url>,
    /// With which Penpal signs in to the homeserver.
    #[serde(deserialize_with = "value::secret")]
    pub as_token: SecretString,
    /// With which the homeserver signs in to Penpal.
    #[serde(deserialize_with = "value::secret")]
    pub hs_token: SecretString,
    /// The registration that the homeserver uses, to compare the tokens at start. Default: no comparison.
    #[serde(default)]
    pub registration: Option<PathBuf>,
    /// The localpart of the bot, `sender_localpart` of the registration. Default `penpal`.
    #[serde(default = "id", deserialize_with = "value::text")]
    pub bot: String,
    /// What the localparts of puppets begin with. Default `_email_`.
    #[serde(default = "user_prefix", deserialize_with = "value::text")]
    pub user_prefix: String,
    /// The largest body of a request from the homeserver, in bytes. Default [`DEFAULT_MAX_TRANSACTION_SIZE`].
    #[serde(default = "max_transaction_size", deserialize_with = "value::size")]
    pub max_transaction_size: u64,
}

/// A transaction as large as the specification allows must pass: 100 events of 64 KiB.
const LEAST_TRANSACTION_SIZE: u64 = 100 * 64 * 1024;

impl Appservice {
    /// Where the homeserver reaches Penpal: `url`, or what follows from `listen`.
    pub fn reachable_at(&self) -> String {
        match &self.url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(self.listen)),
        }
    }

    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.max_transaction_size < LEAST_TRANSACTION_SIZE {
            return Err(Problem::new(
                "appservice.max_transaction_size",
                format!(
                    "{} bytes are too few for 100 events of the largest size: give {LEAST_TRANSACTION_SIZE} (6400 KiB) or more",
                    self.max_transaction_size
                ),
            ));
        }
        Ok(())
    }
}

/// An address to which one can connect: a socket that listens on all addresses is reached on the local one.
fn reachable(mut listen: SocketAddr) -> SocketAddr {
    if listen.ip().is_unspecified() {
        listen.set_ip(match listen.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    listen
}

fn id() -> String {
    "penpal".to_owned()
}

fn user_prefix() -> String {
    "_email_".to_owned()
}

fn listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 29330))
}

fn max_transaction_size() -> u64 {
    u64::try_from(DEFAULT_MAX_TRANSACTION_SIZE).unwrap_or(u64::MAX)
}
