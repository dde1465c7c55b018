//! Section `chats`: how direct chats and threads behave.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::error::Problem;
use super::value;
use crate::bridge::NewThread;
use crate::store::Strangers;

/// Direct chats.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chats {
    /// How long a sender must be quiet before what they wrote leaves as one email; `0s` sends at once. Default 30s.
    #[serde(deserialize_with = "value::duration")]
    pub settle: Duration,
    /// The longest that an email waits, however busily its sender goes on. Default 3m.
    #[serde(deserialize_with = "value::duration")]
    pub settle_max: Duration,
    /// What becomes of an email that answers nothing known. Default `room`.
    pub new_thread: NewThread,
    /// From whom first emails are let in, unless a user chose otherwise. Default `contacts`.
    #[serde(deserialize_with = "strangers")]
    pub strangers: Strangers,
    /// From whom first emails are let in at the most, whatever users choose. Default `anyone`.
    #[serde(deserialize_with = "strangers")]
    pub strangers_at_most: Strangers,
    /// Whether a puppet accepts an invite without `is_direct` to a room of two. Default true.
    #[serde(deserialize_with = "value::boolean")]
    pub accept_plain_invites: bool,
    /// How many events are read back after joining, at the most. Default 500.
    #[serde(deserialize_with = "value::count")]
    pub history_limit: u32,
}

impl Default for Chats {
    fn default() -> Self {
        Self {
            settle: Duration::from_secs(30),
            settle_max: Duration::from_mins(3),
            new_thread: NewThread::Room,
            strangers: Strangers::Contacts,
            strangers_at_most: Strangers::Anyone,
            accept_plain_invites: true,
            history_limit: 500,
        }
    }
}

impl Chats {
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.settle > self.settle_max {
            return Err(Problem::new(
                "chats.settle_max",
                format!(
                    "{:?} is less than chats.settle, {:?}: raise it, or lower the other",
                    self.settle_max, self.settle
                ),
            ));
        }
        Ok(())
    }
}

fn strangers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Strangers, D::Error> {
    value::scalar(deserializer, "anyone, contacts or nobody", |text| {
        text.parse().ok()
    })
}
