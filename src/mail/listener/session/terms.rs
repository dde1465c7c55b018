//! What holds for all sessions at a door.

use std::net::IpAddr;
use std::sync::Arc;

use crate::mail::listener::Protocol;
use crate::mail::listener::limits::{Budget, Limits};
use crate::mail::listener::rates::{Rates, Throttle};
use crate::model::Peer;

/// What a session needs to know of its door.
#[derive(Clone, Debug)]
pub struct Terms {
    pub(in crate::mail::listener) protocol: Protocol,
    pub(in crate::mail::listener) hostname: String,
    pub(in crate::mail::listener) starttls: bool,
    pub(in crate::mail::listener) limits: Limits,
    pub(in crate::mail::listener) budget: Arc<Budget>,
    pub(in crate::mail::listener) throttle: Arc<Throttle>,
}

impl Terms {
    /// The terms of a door without STARTTLS, its budgets unused. `hostname` is the name by which it greets.
    pub fn new(protocol: Protocol, hostname: impl Into<String>, limits: Limits, rates: Rates) -> Self {
        Self {
            protocol,
            hostname: hostname.into(),
            starttls: false,
            budget: Budget::new(&limits),
            throttle: Arc::new(Throttle::new(rates)),
            limits,
        }
    }
}

/// The address of a client on the internet; `None` for our own mail server, which has limits of its own.
pub(in crate::mail::listener) fn stranger(protocol: Protocol, address: Option<IpAddr>) -> Option<IpAddr> {
    let peer = Peer {
        address,
        with: match protocol {
            Protocol::Smtp => "SMTP",
            Protocol::Lmtp => "LMTP",
        },
        ..Peer::default()
    };
    peer.on_the_internet()
}
