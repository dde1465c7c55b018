//! The files that `penpal init` writes.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::cli::Failure;
use crate::config::{Registration, parse_address};
use crate::mail::listener::ListenAddress;

/// What the admin said.
pub(super) struct Answers {
    pub(super) server_name: String,
    pub(super) homeserver_url: String,
    pub(super) mail_domain: String,
    pub(super) relay: Relay,
    pub(super) listen: String,
    pub(super) mail_listen: Door,
    /// The name by which the mail server signs its findings, where it is trusted.
    pub(super) authserv_id: Option<String>,
    pub(super) database: String,
}

/// The tokens of the registrations.
pub(super) struct Tokens {
    pub(super) appservice: SecretString,
    pub(super) homeserver: SecretString,
    pub(super) double_puppet: Option<SecretString>,
}

/// A key that signs what goes out.
pub(super) struct Key {
    pub(super) selector: String,
    /// Its file, in the folder of the configuration.
    pub(super) file: String,
    pub(super) pem: String,
}

/// The relay, as one flag holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Relay {
    host: String,
    port: u16,
    tls: &'static str,
}

impl Relay {
    /// Reads `HOST`, `HOST:PORT`, `starttls://HOST:PORT`, …; the well-known ports say how the connection is protected.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("smtp://{text}"))
        }
        .ok()?;
        if !matches!(url.path(), "" | "/") || !url.username().is_empty() || url.query().is_some() {
            return None;
        }
        let named = text.contains("://");
        let (port, tls) = match (url.scheme(), url.port()) {
            ("starttls", port) => (port.unwrap_or(587), "starttls"),
            ("smtps", port) => (port.unwrap_or(465), "tls"),
            ("smtp", Some(587)) if !named => (587, "starttls"),
            ("smtp", Some(465)) if !named => (465, "tls"),
            ("smtp", port) => (port.unwrap_or(25), "none"),
            _ => return None,
        };
        let host = url.host_str().filter(|host| !host.is_empty())?;
        Some(Self {
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            tls,
        })
    }
}

/// A door for mail, as one flag holds it.
pub(super) struct Door {
    protocol: &'static str,
    address: ListenAddress,
}

impl Door {
    /// Reads `lmtp://127.0.0.1:8024` or `smtp://unix:/path`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (protocol, address) = text.split_once("://")?;
        let protocol = ["lmtp", "smtp"].into_iter().find(|known| *known == protocol)?;
        Some(Self {
            protocol,
            address: parse_address(address)?,
        })
    }
}

/// The text of `config.yaml`.
pub(super) fn config(answers: &Answers, registration: &Path, tokens: &Tokens, keys: &[Key]) -> String {
    let Answers {
        server_name,
        homeserver_url,
        mail_domain,
        relay,
        listen,
        mail_listen,
        authserv_id,
        database,
    } = answers;
    let authentication = match authserv_id {
        Some(id) => format!("mode: trust\n    authserv_id: {}", quoted(id)),
        None => "mode: check".to_owned(),
    };
    let (server_name, url, domain) = (quoted(server_name), quoted(homeserver_url), quoted(mail_domain));
    let (host, port, tls) = (quoted(&relay.host), relay.port, relay.tls);
    let (listen, registration) = (quoted(listen), quoted(&registration.to_string_lossy()));
    let (protocol, address) = (mail_listen.protocol, quoted(&mail_listen.address.to_string()));
    let database = quoted(database);
    let as_token = quoted(tokens.appservice.expose_secret());
    let hs_token = quoted(tokens.homeserver.expose_secret());
    let double_puppet = tokens.double_puppet.as_ref().map_or_else(String::new, |token| {
        format!(
            "# With this Penpal acts for the homeserver's own people.\ndouble_puppet:\n  as_token: {}\n\n",
            quoted(token.expose_secret())
        )
    });
    let keys: String = keys
        .iter()
        .map(|key| format!("    - selector: {}\n      key: {}\n", key.selector, key.file))
        .collect();
    let dkim = if keys.is_empty() {
        String::new()
    } else {
        format!(
            "  # What signs outgoing mail. The DNS has the other halves: see `penpal doctor`.\n  dkim:\n{keys}"
        )
    };
    format!(
        "\
# Penpal's configuration, written by `penpal init`. It holds secrets: keep it readable for the user of penpal alone.
# config.example.yaml explains every key and shows the defaults of those that are not here.

homeserver:
  url: {url}
  server_name: {server_name}

appservice:
  listen: {listen}
  # The homeserver's copy of these tokens: they are compared at start.
  registration: {registration}
  as_token: {as_token}
  hs_token: {hs_token}

{double_puppet}mail:
  domain: {domain}
  addresses:
    # plus, catch_all or single: what the mail server can do.
    scheme: plus
  relay:
    host: {host}
    port: {port}
    tls: {tls}
{dkim}  listen:
    - protocol: {protocol}
      address: {address}
  authentication:
    # Who verifies that a mail is from its author: check (Penpal), trust (the mail server in front) or off.
    {authentication}

database:
  url: {database}
"
    )
}

/// The text of `registration.yaml`.
pub(super) fn registration(registration: &Registration) -> String {
    format!(
        "\
# Penpal's registration, for the homeserver: name this file in app_service_config_files of Synapse's homeserver.yaml.
# It holds secrets: keep it readable for the homeserver and penpal alone.
{}",
        registration.to_yaml()
    )
}

/// The text of the second registration.
pub(super) fn double_puppet_registration(registration: &Registration) -> String {
    format!(
        "\
# Penpal's second registration, for the homeserver: with its as_token Penpal acts for every user of the homeserver.
# Name it in app_service_config_files beside the first one. Keep it readable for the homeserver alone.
{}",
        registration.to_yaml()
    )
}

/// Writes all files, readable for their owner alone, or none: one that exists already stops it.
pub(super) fn write_all(files: &[(PathBuf, String)]) -> Result<(), Failure> {
    for (index, (path, text)) in files.iter().enumerate() {
        if let Err(failure) = write(path, text) {
            for (written, _) in files.iter().take(index) {
                // What can't be removed is no reason to hide the first error.
                let _ = fs::remove_file(written);
            }
            return Err(failure);
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Failure::Usage(format!(
                "{} exists already and is not overwritten: move it away, or name another file",
                path.display()
            )));
        }
        Err(error) => {
            return Err(Failure::Usage(format!(
                "{} can't be written: {error}",
                path.display()
            )));
        }
    };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written.with_context(|| format!("{} can't be written", path.display()))?;
    Ok(())
}

/// A text in double quotation marks; JSON's are YAML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays() {
        for (text, relay) in [
            ("localhost", Some(("localhost", 25, "none"))),
            ("127.0.0.1:2525", Some(("127.0.0.1", 2525, "none"))),
            ("[::1]:25", Some(("::1", 25, "none"))),
            ("mx.example.org:587", Some(("mx.example.org", 587, "starttls"))),
            ("mx.example.org:465", Some(("mx.example.org", 465, "tls"))),
            ("smtp://mx.example.org:587", Some(("mx.example.org", 587, "none"))),
            (
                "starttls://mx.example.org",
                Some(("mx.example.org", 587, "starttls")),
            ),
            ("smtps://mx.example.org/", Some(("mx.example.org", 465, "tls"))),
            ("http://mx.example.org", None),
            ("user@mx.example.org", None),
            ("mx.example.org/path", None),
            ("mx.example.org:99999", None),
            ("", None),
        ] {
            let expected = relay.map(|(host, port, tls): (&str, u16, &'static str)| Relay {
                host: host.to_owned(),
                port,
                tls,
            });
            assert_eq!(Relay::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn doors() {
        for (text, door) in [
            ("lmtp://127.0.0.1:8024", Some("lmtp 127.0.0.1:8024")),
            ("smtp://[::1]:2525", Some("smtp [::1]:2525")),
            (
                "lmtp://unix:/run/penpal/lmtp.sock",
                Some("lmtp unix:/run/penpal/lmtp.sock"),
            ),
            ("127.0.0.1:8024", None),
            ("imap://127.0.0.1:143", None),
            ("lmtp://localhost:8024", Some("lmtp localhost:8024")),
            ("lmtp://localhost", None),
        ] {
            let parsed = Door::parse(text).map(|door| format!("{} {}", door.protocol, door.address));
            assert_eq!(parsed.as_deref(), door, "{text}");
        }
    }

    #[test]
    fn the_registration_in_the_root_is_what_init_writes_but_for_the_secrets() {
        use crate::config::Config;
        let answers = Answers {
            server_name: "example.org".into(),
            homeserver_url: "http://127.0.0.1:8008".into(),
            mail_domain: "mail.example.org".into(),
            relay: Relay::parse("localhost").unwrap(),
            listen: "127.0.0.1:29330".into(),
            mail_listen: Door::parse("lmtp://127.0.0.1:8024").unwrap(),
            authserv_id: None,
            database: "sqlite:penpal.db".into(),
        };
        let tokens = Tokens {
            appservice: "made by penpal init".into(),
            homeserver: "made by penpal init".into(),
            double_puppet: None,
        };
        let text = config(&answers, Path::new("registration.yaml"), &tokens, &[]);
        let config = Config::parse(
            Path::new("config.yaml"),
            &text,
            &std::collections::BTreeMap::new(),
        )
        .unwrap();
        let written = registration(&Registration::of(&config));
        assert_eq!(written, include_str!("../../../registration.yaml"));
    }
}
