//! The registration: what a homeserver reads to know an appservice (Application Service API, "Registration").

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::Config;
use crate::model::{PuppetNamespace, Random};

/// A registration file. Keys of other appservices' files that we do not use are ignored when one is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// Never changes: the homeserver keeps transactions under it.
    pub id: String,
    /// Where the homeserver reaches the appservice; `None` when it pushes nothing.
    pub url: Option<String>,
    /// With which the appservice signs in to the homeserver.
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub as_token: SecretString,
    /// With which the homeserver signs in to the appservice.
    #[serde(serialize_with = "expose", deserialize_with = "conceal")]
    pub hs_token: SecretString,
    /// The localpart of the appservice's own user.
    pub sender_localpart: String,
    /// Which users, aliases and rooms are the appservice's.
    pub namespaces: Namespaces,
    /// Whether the homeserver slows the appservice's users down.
    #[serde(default = "yes")]
    pub rate_limited: bool,
    /// Whether typing, receipts and presence are pushed (since version 1.13 of the specification).
    #[serde(default, skip_serializing_if = "is_false")]
    pub receive_ephemeral: bool,
    /// The same, under the name that Synapse knew first.
    #[serde(
        default,
        rename = "de.sorunome.msc2409.push_ephemeral",
        skip_serializing_if = "is_false"
    )]
    pub push_ephemeral: bool,
    /// The third-party protocols that clients may look up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<String>,
}

/// What belongs to an appservice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// User IDs.
    #[serde(default)]
    pub users: Vec<Namespace>,
    /// Room aliases.
    #[serde(default)]
    pub aliases: Vec<Namespace>,
    /// Room IDs.
    #[serde(default)]
    pub rooms: Vec<Namespace>,
}

/// A set of identifiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// Whether nobody else may make such identifiers.
    pub exclusive: bool,
    /// Which identifiers.
    pub regex: String,
}

/// Why a registration file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// It can't be opened.
    #[error(
        "{file} can't be read ({reason}): give the path of the registration, readable for the user of penpal, or remove the key"
    )]
    Unreadable {
        /// The file.
        file: String,
        /// The system's reason.
        reason: String,
    },
    /// It is not a registration. The parser's words are left out: they may quote a token.
    #[error("{file} is not a registration: write it anew with `penpal registration`")]
    Format {
        /// The file.
        file: String,
    },
}

impl Registration {
    /// The registration that belongs to a configuration.
    pub fn of(config: &Config) -> Self {
        let appservice = &config.appservice;
        Self::new(
            &config.puppets,
            &appservice.id,
            appservice.reachable_at(),
            appservice.as_token.clone(),
            appservice.hs_token.clone(),
        )
    }

    /// The registration of the bridge itself.
    pub fn new(
        puppets: &PuppetNamespace,
        id: &str,
        url: String,
        as_token: SecretString,
        hs_token: SecretString,
    ) -> Self {
        Self {
            id: id.to_owned(),
            url: Some(url),
            as_token,
            hs_token,
            sender_localpart: puppets.bot().localpart().to_owned(),
            namespaces: Namespaces {
                users: vec![Namespace {
                    exclusive: true,
                    regex: puppets.users_regex(),
                }],
                ..Namespaces::default()
            },
            rate_limited: false,
            receive_ephemeral: true,
            push_ephemeral: true,
            protocols: vec!["email".to_owned()],
        }
    }

    /// The second registration, with which Penpal acts for the homeserver's people: nothing is pushed to it, it
    /// shares their IDs with everybody, and nobody can use its own user.
    pub fn double_puppet(
        puppets: &PuppetNamespace,
        id: &str,
        as_token: SecretString,
        random: &dyn Random,
    ) -> Self {
        let mut localpart = [0; 16];
        random.fill(&mut localpart);
        Self {
            id: format!("{id}-double-puppet"),
            url: None,
            as_token,
            hs_token: fresh_token(random),
            sender_localpart: HEXLOWER.encode(&localpart),
            namespaces: Namespaces {
                users: vec![Namespace {
                    exclusive: false,
                    regex: puppets.homeserver_regex(),
                }],
                ..Namespaces::default()
            },
            rate_limited: false,
            receive_ephemeral: false,
            push_ephemeral: false,
            protocols: Vec::new(),
        }
    }

    /// Reads a registration file.
    pub fn read(path: &Path) -> Result<Self, RegistrationError> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| RegistrationError::Unreadable {
            file: file.clone(),
            reason: error.to_string(),
        })?;
        serde_saphyr::from_str(&text).map_err(|_| RegistrationError::Format { file })
    }

    /// The file's text.
    pub fn to_yaml(&self) -> String {
        // Serialising a struct of strings, booleans and lists into memory has no way to fail.
        serde_saphyr::to_string(self).unwrap_or_default()
    }

    /// Whether each token is the same, in constant time.
    pub(super) fn same_tokens(&self, other: &Self) -> [(&'static str, bool); 2] {
        let same = |one: &SecretString, two: &SecretString| {
            bool::from(
                one.expose_secret()
                    .as_bytes()
                    .ct_eq(two.expose_secret().as_bytes()),
            )
        };
        [
            ("as_token", same(&self.as_token, &other.as_token)),
            ("hs_token", same(&self.hs_token, &other.hs_token)),
        ]
    }

    /// In what `other`, the homeserver's copy, differs from what it should be: one line for each key, without secrets.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, same) in self.same_tokens(other) {
            if !same {
                lines.push(format!("{key}: differs (not shown)"));
            }
        }
        let theirs = other.open_keys();
        let mut ours = self.open_keys();
        for (key, value) in &theirs {
            ours.entry(key.clone()).or_insert_with(|| absent(value));
        }
        for (key, ours) in ours {
            let theirs = theirs.get(&key).cloned().unwrap_or_else(|| absent(&ours));
            if ours != theirs {
                lines.push(format!("{key}: is {theirs}, should be {ours}"));
            }
        }
        lines
    }

    /// Every key that is no secret.
    fn open_keys(&self) -> BTreeMap<String, Value> {
        let Ok(Value::Object(keys)) = serde_json::to_value(self) else {
            return BTreeMap::new();
        };
        keys.into_iter()
            .filter(|(key, _)| key != "as_token" && key != "hs_token")
            .collect()
    }
}

/// What a key that is left out means, by the type of its value elsewhere.
fn absent(value: &Value) -> Value {
    match value {
        Value::Bool(_) => Value::Bool(false),
        Value::Array(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

/// A fresh token: 256 random bits in hexadecimal.
pub fn fresh_token(random: &dyn Random) -> SecretString {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    HEXLOWER.encode(&bytes).into()
}

/// Homeservers limit appservices that do not say otherwise.
fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[cfg(test)]
mod tests {
    use ruma::server_name;

    use super::*;
    use crate::model::SeededRandom;

    fn registration(token: &str) -> Registration {
        let puppets = PuppetNamespace::new("_email_", server_name!("hs.tld").to_owned(), "penpal").unwrap();
        Registration::new(
            &puppets,
            "penpal",
            "http://127.0.0.1:29330".into(),
            token.into(),
            "h".into(),
        )
    }

    #[test]
    fn tokens_that_look_like_numbers_stay_text() {
        for token in [
            "1e5",
            "0123",
            "0x12",
            "12345678901234567890",
            "0b1",
            "yes",
            "null",
            "12e03",
        ] {
            let yaml = registration(token).to_yaml();
            assert!(
                yaml.contains(&format!("as_token: '{token}'"))
                    || yaml.contains(&format!("as_token: \"{token}\"")),
                "{yaml}"
            );
        }
    }

    #[test]
    fn a_registration_is_read_back_as_it_was_written_and_strange_keys_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registration.yaml");
        let ours = registration("as");
        fs::write(&path, ours.to_yaml() + "io.element.msc4190: true\n").unwrap();
        let theirs = Registration::read(&path).unwrap();
        assert_eq!(ours.differences(&theirs), Vec::<String>::new());
    }

    #[test]
    fn the_second_registration_covers_people_and_can_not_be_used_otherwise() {
        let puppets = PuppetNamespace::new("_email_", server_name!("hs.tld").to_owned(), "penpal").unwrap();
        let random = SeededRandom::new(1);
        let second = Registration::double_puppet(&puppets, "penpal", fresh_token(&random), &random);
        assert_eq!(second.url, None);
        assert_eq!(second.namespaces.users[0].regex, r"^@.*:hs\.tld$");
        assert!(!second.namespaces.users[0].exclusive);
        assert_ne!(second.as_token.expose_secret(), second.hs_token.expose_secret());
        assert_eq!(second.sender_localpart.len(), 32);
        assert!(
            !puppets.is_ours(&ruma::UserId::parse(format!("@{}:hs.tld", second.sender_localpart)).unwrap())
        );
    }
}
