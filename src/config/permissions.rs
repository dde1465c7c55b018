//! Section `permissions`: who may use Penpal, and how far.

use std::collections::BTreeMap;

use ruma::ServerName;
use serde::{Deserialize, Deserializer};

use super::error::Problem;
use super::value;
use crate::bridge::{self, Level};
use crate::model::UserPattern;

/// Levels by user, server or pattern. Default: `user` for the own homeserver, `reply` for all others.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Permissions(Option<BTreeMap<String, Named>>);

#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Named(#[serde(deserialize_with = "level")] Level);

impl Permissions {
    pub(super) fn check(&self) -> Result<(), Problem> {
        for pattern in self.0.iter().flat_map(BTreeMap::keys) {
            if UserPattern::parse(pattern).is_none() {
                return Err(Problem::new(
                    "permissions",
                    format!(
                        "`{pattern}` stands for nobody: give a user such as \"@bob:example.org\", a server such as example.org, either \
                         with * for any text, or \"*\" for everybody"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// For the bridge.
    pub(super) fn levels(&self, server_name: &ServerName) -> bridge::Permissions {
        match &self.0 {
            Some(levels) => bridge::Permissions::new(
                levels
                    .iter()
                    .filter_map(|(pattern, Named(level))| Some((UserPattern::parse(pattern)?, *level))),
            ),
            None => bridge::Permissions::of_server(server_name),
        }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Level, D::Error> {
    value::scalar(deserializer, "none, reply, user or admin", Level::named)
}
