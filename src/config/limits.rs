//! Section `limits`: to whom and how much Matrix users may write.

use serde::{Deserialize, Deserializer};

use super::value;
use crate::bridge::{self, Addresses};
use crate::model::AddressPattern;

/// What Matrix users may write.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// To how many new people one user may write within 24 hours. Default 0: no limit.
    #[serde(deserialize_with = "value::count")]
    pub new_correspondents_per_day: u32,
    /// How many emails one user may send within an hour. Default 0: no limit.
    #[serde(deserialize_with = "value::count")]
    pub messages_per_hour: u32,
    /// How many bytes of files one user may send within 24 hours. Default 0: no limit.
    #[serde(deserialize_with = "value::size")]
    pub attachments_per_day: u64,
    /// Addresses to which mail may go, and to no others. Default: all.
    pub allowed: Option<Vec<Pattern>>,
    /// Addresses to which no mail goes, also of those that are allowed. Default: none.
    pub denied: Vec<Pattern>,
}

/// An address, a domain, or either with `*`.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Pattern(#[serde(deserialize_with = "pattern")] AddressPattern);

impl Limits {
    /// For the bridge: how much.
    pub(super) fn amounts(&self) -> bridge::Limits {
        bridge::Limits {
            new_correspondents: self.new_correspondents_per_day,
            messages: self.messages_per_hour,
            attachments: self.attachments_per_day,
        }
    }

    /// For the bridge: to whom.
    pub(super) fn addresses(&self) -> Addresses {
        let patterns =
            |patterns: &[Pattern]| patterns.iter().map(|Pattern(pattern)| pattern.clone()).collect();
        let everybody = Addresses::default();
        Addresses {
            allowed: self.allowed.as_deref().map_or(everybody.allowed, patterns),
            denied: patterns(&self.denied),
        }
    }
}

fn pattern<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AddressPattern, D::Error> {
    value::scalar(
        deserializer,
        "a pattern for addresses: give one such as alice@example.org, example.org (with the domains below) or *@*.example.org",
        |text| AddressPattern::parse(text).ok(),
    )
}
