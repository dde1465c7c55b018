//! Section `downloads`: files that are too large for an email.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::error::Problem;
use super::value;
use crate::convert::to_email::ENCLOSED;

/// Files that are too large for an email.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Downloads {
    /// Where people reach Penpal from outside. Default: nowhere, and there are no links.
    #[serde(deserialize_with = "value::optional_url")]
    pub url: Option<Url>,
    /// How many bytes of files one email encloses where the others can be linked to. Default 15 MB.
    #[serde(deserialize_with = "value::size")]
    pub above: u64,
    /// How long a link is good. Default 30d.
    #[serde(deserialize_with = "value::duration")]
    pub expire: Duration,
}

impl Default for Downloads {
    fn default() -> Self {
        Self {
            url: None,
            above: ENCLOSED,
            expire: Duration::from_hours(30 * 24),
        }
    }
}

impl Downloads {
    pub(super) fn check(&self) -> Result<(), Problem> {
        let shortest = Duration::from_hours(1);
        if self.expire < shortest {
            return Err(Problem::new(
                "downloads.expire",
                format!(
                    "after {:?} a link would end before its email is read: give an hour (1h) or more",
                    self.expire
                ),
            ));
        }
        Ok(())
    }
}
