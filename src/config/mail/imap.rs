//! Section `mail.imap`: mailboxes from which mail is fetched.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::relay::{check_host, is_local, tls};
use crate::config::error::Problem;
use crate::config::value;
use crate::mail::imap::{After, Credentials, MailboxSettings};
use crate::mail::submit::RelayTls;

/// A mailbox.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imap {
    /// The server's host name or IP address.
    #[serde(deserialize_with = "value::text")]
    pub host: String,
    /// Its port. Default 993, otherwise 143.
    #[serde(default, rename = "port", deserialize_with = "value::port")]
    given_port: Option<u16>,
    /// How the connection is protected. Default `tls`.
    #[serde(default = "from_the_first_byte", deserialize_with = "tls")]
    pub tls: RelayTls,
    /// PEM file with the authorities to trust in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Who signs in.
    #[serde(deserialize_with = "value::text")]
    pub username: String,
    /// The password that belongs to `username`.
    #[serde(default, deserialize_with = "value::optional_secret")]
    pub password: Option<SecretString>,
    /// A file with an OAuth 2.0 access token, in place of a password.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The folder that is read. Default `INBOX`.
    #[serde(default = "inbox", deserialize_with = "value::text")]
    pub folder: String,
    /// What becomes of what was taken. Default `seen`.
    #[serde(default, deserialize_with = "then")]
    pub after: Then,
    /// The folder for what was taken, with [`Then::Move`].
    #[serde(default, deserialize_with = "value::optional_text")]
    pub move_to: Option<String>,
    /// The folder for what was refused; without it, it stays, flagged.
    #[serde(default, deserialize_with = "value::optional_text")]
    pub refused: Option<String>,
    /// How often a server is asked that does not tell of new mail. Default 1m.
    #[serde(default = "minute", deserialize_with = "value::duration")]
    pub poll: Duration,
    /// The longest wait for an answer. Default 1m.
    #[serde(default = "minute", deserialize_with = "value::patience")]
    pub timeout: Duration,
}

/// What becomes of a message that was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It stays, marked as seen.
    #[default]
    Seen,
    /// It is moved.
    Move,
    /// It is deleted.
    Delete,
}

impl Imap {
    /// The port: as configured, or the usual one.
    pub fn port(&self) -> u16 {
        self.given_port.unwrap_or(match self.tls {
            RelayTls::Tls => 993,
            RelayTls::None | RelayTls::Starttls => 143,
        })
    }

    /// Makes paths absolute, and holds the keys against each other. `index` is the number in the list.
    pub(in crate::config) fn settle(&mut self, index: usize, folder: &Path) -> Result<(), Problem> {
        let key = |name: &str| format!("mail.imap[{index}].{name}");
        if let Some(path) = &mut self.ca_file {
            value::readable(&key("ca_file"), path, folder)?;
        }
        check_host(&key("host"), &self.host, &key("port"))?;
        if self.tls == RelayTls::None && !is_local(&self.host) {
            return Err(Problem::new(
                key("tls"),
                format!(
                    "is `none`, and mail and password would cross the network to {} readable by all: choose starttls or tls",
                    self.host
                ),
            ));
        }
        if self.poll < Duration::from_secs(1) {
            return Err(Problem::new(key("poll"), "is less than a second: give more"));
        }
        match (self.after, &self.move_to) {
            (Then::Move, None) => Err(Problem::new(
                key("move_to"),
                "is missing: add the folder to which `after: move` moves what was taken",
            )),
            (Then::Seen | Then::Delete, Some(to)) => Err(Problem::new(
                key("move_to"),
                format!("{to} is used with `after: move` alone: remove it, or change what comes after"),
            )),
            _ => Ok(()),
        }?;
        let targets = [("move_to", &self.move_to), ("refused", &self.refused)];
        for (name, to) in targets.map(|(name, to)| (name, to.as_deref().unwrap_or_default())) {
            if is_same_folder(to, &self.folder) {
                return Err(Problem::new(
                    key(name),
                    format!(
                        "is {to}, from which mail is fetched, so that each message would be moved without end: name another folder"
                    ),
                ));
            }
        }
        self.settle_secret(&key, folder)
    }

    /// Whether both are the same folder of the same mailbox.
    pub(in crate::config) fn is_same(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host)
            && self.port() == other.port()
            && self.username == other.username
            && is_same_folder(&self.folder, &other.folder)
    }

    fn settle_secret(&mut self, key: &dyn Fn(&str) -> String, folder: &Path) -> Result<(), Problem> {
        if let Some(path) = &mut self.token_file {
            value::readable_as("file with an access token", &key("token_file"), path, folder)?;
        }
        match (&self.password, &self.token_file) {
            (Some(_), None) | (None, Some(_)) => Ok(()),
            (None, None) => Err(Problem::new(
                key("password"),
                format!(
                    "is missing: add the password of {}, `password_file` or `token_file`",
                    self.username
                ),
            )),
            (Some(_), Some(_)) => Err(Problem::new(
                key("token_file"),
                "a password is given as well: keep one of the two",
            )),
        }
    }

    /// For the door. `index` is the number in the list, and `spool` the folder for large messages while they come in.
    pub(in crate::config) fn settings(
        &self,
        index: usize,
        max_size: usize,
        spool: &Path,
    ) -> Option<MailboxSettings> {
        let credentials = match (&self.password, &self.token_file) {
            (Some(password), _) => Credentials::Password(password.clone()),
            (None, Some(path)) => Credentials::TokenFile(path.clone()),
            (None, None) => return None,
        };
        Some(MailboxSettings {
            id: format!("{}@{}:{}/{}", self.username, self.host, self.port(), self.folder),
            label: format!("mail.imap[{index}] on {}", self.host),
            host: self.host.clone(),
            port: self.port(),
            tls: self.tls,
            ca_file: self.ca_file.clone(),
            username: self.username.clone(),
            credentials,
            folder: self.folder.clone(),
            after: match (self.after, &self.move_to) {
                (Then::Move, Some(folder)) => After::Move(folder.clone()),
                (Then::Delete, _) => After::Delete,
                _ => After::Seen,
            },
            refused: self.refused.clone(),
            poll: self.poll,
            timeout: self.timeout,
            max_size,
            spool: spool.into(),
        })
    }
}

/// The inbox has one name in any case; other folders do not (RFC 3501, section 5.1).
fn is_same_folder(one: &str, other: &str) -> bool {
    one == other || (one.eq_ignore_ascii_case("INBOX") && other.eq_ignore_ascii_case("INBOX"))
}

fn from_the_first_byte() -> RelayTls {
    RelayTls::Tls
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn minute() -> Duration {
    Duration::from_mins(1)
}

fn then<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Then, D::Error> {
    value::scalar(deserializer, "seen, move or delete", |text| match text {
        "seen" => Some(Then::Seen),
        "move" => Some(Then::Move),
        "delete" => Some(Then::Delete),
        _ => None,
    })
}
