//! Section `mail.authentication`: how Penpal gets to know whether a mail is from its author.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::bridge::Unauthenticated;
use crate::config::error::Problem;
use crate::config::value;
use crate::mail::authentication;

const SERVER: &str = "an IP address, with or without a port: give one such as 127.0.0.1 or 127.0.0.1:5353";

/// Verification of authors.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authentication {
    /// Who verifies. Default `check`.
    #[serde(deserialize_with = "mode")]
    pub mode: Mode,
    /// The name by which the mail server in front signs its `Authentication-Results`; with [`Mode::Trust`] alone.
    #[serde(deserialize_with = "authserv_id")]
    pub authserv_id: Option<String>,
    /// How many `Received` fields our own mail servers put on top. Default 1.
    #[serde(deserialize_with = "value::count")]
    pub own_hops: u32,
    /// What becomes of mail whose author could not be verified. Default `label`.
    #[serde(deserialize_with = "unauthenticated")]
    pub unauthenticated: Unauthenticated,
    /// The DNS servers to ask. Default: those of the system.
    pub dns: Vec<DnsServer>,
    /// How long the DNS may take for one mail. Default 20s.
    #[serde(deserialize_with = "value::patience")]
    pub dns_timeout: Duration,
    /// Domains of forwarders whose word is taken (ARC). Default none.
    pub arc_sealers: Vec<String>,
}

/// Who verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Penpal.
    Check,
    /// The mail server in front, which says so in `Authentication-Results`.
    Trust,
    /// The mail server in front, which refuses what is forged.
    Off,
}

/// A DNS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DnsServer(SocketAddr);

impl<'de> Deserialize<'de> for DnsServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        value::scalar(deserializer, SERVER, |text| {
            let alone = || Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, 53));
            value::parse_socket(text).or_else(alone).map(Self)
        })
    }
}

impl Default for Authentication {
    fn default() -> Self {
        Self {
            mode: Mode::Check,
            authserv_id: None,
            own_hops: 1,
            unauthenticated: Unauthenticated::default(),
            dns: Vec::new(),
            dns_timeout: Duration::from_secs(20),
            arc_sealers: Vec::new(),
        }
    }
}

impl Authentication {
    /// Holds the keys against each other.
    pub(in crate::config) fn check(&self) -> Result<(), Problem> {
        const ID: &str = "mail.authentication.authserv_id";
        match (self.mode, &self.authserv_id) {
            (Mode::Trust, None) => Err(Problem::new(
                ID,
                "is missing: add the name with which the mail server in front begins its Authentication-Results fields, which \
                 `mode: trust` needs",
            )),
            (Mode::Check | Mode::Off, Some(id)) => Err(Problem::new(
                ID,
                format!("{id} is used with `mode: trust` alone: remove it, or change the mode"),
            )),
            _ => Ok(()),
        }
    }

    /// The DNS servers to ask in place of the system's.
    pub fn dns_servers(&self) -> Vec<SocketAddr> {
        self.dns.iter().map(|server| server.0).collect()
    }

    /// For the gate.
    pub(in crate::config) fn settings(&self) -> authentication::Authentication {
        match (self.mode, &self.authserv_id) {
            (Mode::Trust, Some(authserv_id)) => authentication::Authentication::Trust {
                authserv_id: authserv_id.clone(),
                own_hops: usize::try_from(self.own_hops).unwrap_or(usize::MAX),
            },
            (Mode::Off, _) => authentication::Authentication::Off,
            _ => authentication::Authentication::Check {
                nameservers: self.dns_servers(),
                timeout: self.dns_timeout,
                sealers: self
                    .arc_sealers
                    .iter()
                    .map(|domain| domain.to_ascii_lowercase())
                    .collect(),
            },
        }
    }
}

fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
    value::scalar(deserializer, "check, trust or off", |text| match text {
        "check" => Some(Mode::Check),
        "trust" => Some(Mode::Trust),
        // YAML 1.1 takes the bare word for a truth value.
        "off" | "false" => Some(Mode::Off),
        _ => None,
    })
}

/// One word, which is all that stands before the first semicolon of the field (RFC 8601, section 2.2).
fn authserv_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let stands_alone = |c: char| c.is_whitespace() || c.is_control() || "();=\"".contains(c);
    value::scalar(
        deserializer,
        "the name of a mail server: give the one word with which its Authentication-Results fields begin",
        |text| (!text.is_empty() && !text.contains(stands_alone)).then(|| Some(text.to_owned())),
    )
}

fn unauthenticated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Unauthenticated, D::Error> {
    value::scalar(deserializer, "label or reject", |text| match text {
        "label" => Some(Unauthenticated::Label),
        "reject" => Some(Unauthenticated::Refuse),
        _ => None,
    })
}
