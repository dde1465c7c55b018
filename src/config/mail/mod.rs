//! Section `mail`: the domains, the addresses on it, the way out and the ways in.

mod addresses;
mod authentication;
mod automatic;
mod dkim;
mod domains;
mod imap;
mod listen;
mod rates;
mod relay;

use serde::Deserialize;

pub use addresses::{Addresses, Scheme};
pub use authentication::Authentication;
pub use automatic::Automatic;
pub use dkim::Dkim;
pub use domains::Domain;
pub use imap::Imap;
pub use listen::Listen;
pub(crate) use listen::parse_address;
pub use rates::Rates;
pub use relay::Relay;

use super::value;

/// Mail.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The mail domain; with further ones, the main one.
    #[serde(deserialize_with = "value::text")]
    pub domain: String,
    /// Further mail domains.
    #[serde(default)]
    pub domains: Vec<Domain>,
    /// How threads are told apart.
    #[serde(default)]
    pub addresses: Addresses,
    /// The way out.
    pub relay: Relay,
    /// The keys that sign what goes out; none when the mail server behind the relay does that.
    #[serde(default)]
    pub dkim: Vec<Dkim>,
    /// The ways in; none when there is nothing to listen on.
    #[serde(default)]
    pub listen: Vec<Listen>,
    /// How much they take from the internet in a minute.
    #[serde(default)]
    pub rates: Rates,
    /// Mailboxes from which mail is fetched.
    #[serde(default)]
    pub imap: Vec<Imap>,
    /// Whether a mail is from its author.
    #[serde(default)]
    pub authentication: Authentication,
    /// Mail that machines write.
    #[serde(default)]
    pub automatic: Automatic,
    /// The largest mail, in bytes, either way. Default 50 MB.
    #[serde(default = "max_size", deserialize_with = "value::size")]
    pub max_size: u64,
}

fn max_size() -> u64 {
    50_000_000
}
