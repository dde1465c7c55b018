//! Section `queue`: how long work is tried again.

use std::time::Duration;

use serde::Deserialize;

use super::error::Problem;
use super::value;

/// The durable queue. Waiting times double from the first to the longest.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// After how long failing work is given up, kept, and told to its sender. Default 2d.
    #[serde(deserialize_with = "value::duration")]
    pub give_up_after: Duration,
    /// The wait before the second attempt. Default 5s.
    #[serde(deserialize_with = "value::duration")]
    pub first_retry: Duration,
    /// The longest wait between two attempts. Default 30m.
    #[serde(deserialize_with = "value::duration")]
    pub longest_retry: Duration,
    /// How long the texts of messages, and jobs, are kept after the delivery. Default 7d.
    #[serde(deserialize_with = "value::duration")]
    pub keep_delivered: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            give_up_after: Duration::from_hours(48),
            first_retry: Duration::from_secs(5),
            longest_retry: Duration::from_mins(30),
            keep_delivered: Duration::from_hours(7 * 24),
        }
    }
}

impl Queue {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.first_retry.is_zero() {
            return Err(Problem::new(
                "queue.first_retry",
                "0s would try again without any pause: give 1s or more",
            ));
        }
        if self.keep_delivered < Duration::from_hours(24) {
            return Err(Problem::new(
                "queue.keep_delivered",
                "what comes in twice is known by what is kept, and mail servers try for days: give 1d or more",
            ));
        }
        if self.first_retry > self.longest_retry {
            return Err(Problem::new(
                "queue.longest_retry",
                format!(
                    "{:?} is less than queue.first_retry, {:?}: raise it, or lower the other",
                    self.longest_retry, self.first_retry
                ),
            ));
        }
        Ok(())
    }
}
