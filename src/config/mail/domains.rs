//! Section `mail.domains`: mail domains besides the main one.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use super::{Dkim, Relay};
use crate::config::error::Problem;
use crate::config::value;
use crate::model::UserPattern;

/// A mail domain besides the main one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Domain {
    /// The mail domain.
    #[serde(deserialize_with = "value::text")]
    pub domain: String,
    /// Who writes from it. Default nobody: then it only takes mail, and answers to that.
    #[serde(default)]
    pub users: Vec<Users>,
    /// Its own way out. Default: `mail.relay`.
    #[serde(default)]
    pub relay: Option<Relay>,
    /// The keys that sign what goes out from it; none when the mail server behind the relay does that.
    #[serde(default)]
    pub dkim: Vec<Dkim>,
}

/// Matrix users.
#[derive(Clone, Debug, Deserialize)]
pub struct Users(#[serde(deserialize_with = "pattern")] UserPattern);

impl Domain {
    /// Makes paths absolute, and holds the keys against each other. `index` is the number in the list.
    pub(in crate::config) fn settle(&mut self, index: usize, folder: &Path) -> Result<(), Problem> {
        let key = format!("mail.domains[{index}]");
        if let Some(relay) = &mut self.relay {
            relay.settle(&format!("{key}.relay"), folder)?;
        }
        for (index, dkim) in self.dkim.iter_mut().enumerate() {
            dkim.settle(&format!("{key}.dkim[{index}]"), folder)?;
        }
        Ok(())
    }

    /// Who writes from it.
    pub(in crate::config) fn users(&self) -> Vec<UserPattern> {
        self.users.iter().map(|Users(pattern)| pattern.clone()).collect()
    }
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserPattern, D::Error> {
    value::scalar(
        deserializer,
        "a pattern for Matrix users: give a user ID such as '@bob:example.org', a server such as example.org, or either with *",
        UserPattern::parse,
    )
}
