//! Section `mail.rates`: how much the doors take from the internet in a minute.

use serde::Deserialize;

use crate::config::value;
use crate::mail::listener;

/// Numbers for a minute; as much may come at once, and zero is no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Connections from one address, or one IPv6 network.
    #[serde(deserialize_with = "value::count")]
    pub connections: u32,
    /// Messages from there.
    #[serde(deserialize_with = "value::count")]
    pub messages: u32,
    /// Messages with senders of one domain.
    #[serde(deserialize_with = "value::count")]
    pub domain_messages: u32,
    /// Recipients that were refused, from one address.
    #[serde(deserialize_with = "value::count")]
    pub refused_recipients: u32,
}

impl Default for Rates {
    fn default() -> Self {
        let listener::Rates {
            connections,
            messages,
            domain_messages,
            refused_recipients,
        } = listener::Rates::default();
        Self {
            connections,
            messages,
            domain_messages,
            refused_recipients,
        }
    }
}

impl Rates {
    /// For the doors.
    pub(in crate::config) fn limits(&self) -> listener::Rates {
        listener::Rates {
            connections: self.connections,
            messages: self.messages,
            domain_messages: self.domain_messages,
            refused_recipients: self.refused_recipients,
        }
    }
}
