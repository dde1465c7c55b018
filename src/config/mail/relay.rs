//! Sections `mail.relay` and `mail.domains[].relay`: the mail server that takes what goes out.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::config::error::Problem;
use crate::config::value;
use crate::mail::submit::{MESSAGE_TIMEOUT, RelayCredentials, RelaySettings, RelayTls};

/// Connections to a relay at a time: below the twenty that mail servers commonly allow one address.
const CONNECTIONS: usize = 10;

/// The relay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Its host name or IP address.
    #[serde(deserialize_with = "value::text")]
    pub host: String,
    /// Its port; see [`port`](Self::port).
    #[serde(default, rename = "port", deserialize_with = "value::port")]
    given_port: Option<u16>,
    /// How the connection is protected. Default `none`, which suits a mail server on the same machine.
    #[serde(default = "no_tls", deserialize_with = "tls")]
    pub tls: RelayTls,
    /// PEM file with the authorities to trust in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who signs in; nobody when the relay knows us by our address.
    #[serde(default, deserialize_with = "value::optional_text")]
    pub username: Option<String>,
    /// The password that belongs to `username`.
    #[serde(default, deserialize_with = "value::optional_secret")]
    pub password: Option<SecretString>,
    /// The longest wait for any answer of the relay. Default 1m.
    #[serde(default = "timeout", deserialize_with = "value::patience")]
    pub timeout: Duration,
}

impl Relay {
    /// The port: as configured, or the usual one: 25, with STARTTLS 587, with TLS 465.
    pub fn port(&self) -> u16 {
        self.given_port.unwrap_or(match self.tls {
            RelayTls::None => 25,
            RelayTls::Starttls => 587,
            RelayTls::Tls => 465,
        })
    }

    /// Makes paths absolute, and holds the keys against each other. `key` is the section's.
    pub(in crate::config) fn settle(&mut self, key: &str, folder: &Path) -> Result<(), Problem> {
        if let Some(path) = &mut self.ca_file {
            value::readable(&format!("{key}.ca_file"), path, folder)?;
        }
        let host = self.host.as_str();
        check_host(&format!("{key}.host"), host, &format!("{key}.port"))?;
        match (&self.username, &self.password) {
            (Some(username), None) => Err(Problem::new(
                format!("{key}.password"),
                format!(
                    "is missing: add the password of {username}, `password_file`, or {}",
                    variable(&format!("{key}.password"))
                ),
            )),
            (None, Some(_)) => Err(Problem::new(
                format!("{key}.username"),
                "is missing: add the name to which the password belongs, or remove the password",
            )),
            (Some(_), Some(_)) if self.tls == RelayTls::None && !is_local(host) => Err(Problem::new(
                format!("{key}.tls"),
                format!(
                    "is `none`, and the password would cross the network to {host} readable by all: choose starttls or tls"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// For the way out; `hello_name` is ours, and `spool` the folder for what is too large for memory.
    pub(in crate::config) fn settings(&self, hello_name: &str, spool: &Path) -> RelaySettings {
        RelaySettings {
            host: self.host.clone(),
            port: self.port(),
            tls: self.tls,
            ca_file: self.ca_file.clone(),
            credentials: self
                .username
                .clone()
                .zip(self.password.clone())
                .map(|(username, password)| RelayCredentials { username, password }),
            hello_name: hello_name.to_owned(),
            timeout: self.timeout,
            message_timeout: MESSAGE_TIMEOUT,
            pool_size: CONNECTIONS,
            spool: spool.into(),
        }
    }
}

/// The environment variable that sets a key.
fn variable(key: &str) -> String {
    let name = key.replace(['.', '['], "__").replace(']', "");
    format!("PENPAL_{}", name.to_uppercase())
}

/// Sees that a host is one, and nothing more. `port` is the key for the port.
pub(super) fn check_host(key: &str, host: &str, port: &str) -> Result<(), Problem> {
    if host.contains([':', '/', '@', ' ']) && host.parse::<IpAddr>().is_err() {
        return Err(Problem::new(
            key,
            format!(
                "`{host}` is not a host name or IP address: give it without scheme, and the port in {port}"
            ),
        ));
    }
    Ok(())
}

fn no_tls() -> RelayTls {
    RelayTls::None
}

pub(super) fn tls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RelayTls, D::Error> {
    value::scalar(deserializer, "none, starttls or tls", |text| match text {
        "none" => Some(RelayTls::None),
        "starttls" => Some(RelayTls::Starttls),
        "tls" => Some(RelayTls::Tls),
        _ => None,
    })
}

fn timeout() -> Duration {
    Duration::from_mins(1)
}

/// Whether a host is this machine.
pub(super) fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
