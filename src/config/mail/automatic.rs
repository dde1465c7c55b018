//! Section `mail.automatic`: mail that machines write.

use std::time::Duration;

use serde::Deserialize;

use crate::bridge::MachineLimits;
use crate::config::error::Problem;
use crate::config::value;

/// When a thread is stopped for machines.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Automatic {
    /// How many machine-like messages a thread takes within that time. Default 20.
    #[serde(deserialize_with = "value::count")]
    pub limit: u32,
    /// That time, and how long it must be quiet before a thread that was stopped takes the next one. Default 1h.
    #[serde(deserialize_with = "value::duration")]
    pub within: Duration,
}

impl Default for Automatic {
    fn default() -> Self {
        let limits = MachineLimits::default();
        Self {
            limit: limits.messages,
            within: limits.within,
        }
    }
}

impl Automatic {
    pub(in crate::config) fn check(&self) -> Result<(), Problem> {
        if self.within.is_zero() {
            return Err(Problem::new(
                "mail.automatic.within",
                "must be longer than 0s: a loop would never be noticed".to_owned(),
            ));
        }
        Ok(())
    }

    /// For the bridge.
    pub(in crate::config) fn limits(&self) -> MachineLimits {
        MachineLimits {
            messages: self.limit,
            within: self.within,
        }
    }
}
