//! How much the doors take from one address, and from one sender domain: token buckets, in bounded memory.
//!
//! Only for servers on the internet that hand their mail to us themselves. A mail server of our own in front has limits of its own,
//! and brings everybody's mail from one address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::reply::Reply;

/// Buckets that are kept, for addresses and for domains. When there are more, the fuller half goes: it knows least.
const MAX_BUCKETS: usize = 10_000;
/// The time to which the rates refer.
const MINUTE: Duration = Duration::from_mins(1);
/// Longer domains are none (RFC 1035, section 2.3.4).
const MAX_DOMAIN: usize = 255;

/// How much in a minute; as much may come at once. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Connections from one address (IPv6: from one /64): `421 4.7.1`.
    pub connections: u32,
    /// Messages from one address: `451 4.7.1`.
    pub messages: u32,
    /// Messages with senders of one domain: `451 4.7.1`.
    pub domain_messages: u32,
    /// Recipients that were refused, from one address: `421 4.7.1`, and no new connection until they are forgotten. Half of them in one
    /// connection end it.
    pub refused_recipients: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            connections: 60,
            messages: 60,
            domain_messages: 300,
            refused_recipients: 40,
        }
    }
}

/// The limit that was met, for the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Connections,
    Messages,
    DomainMessages,
    RefusedRecipients,
}

impl Limit {
    /// What the client is told. Each of these it may try again.
    pub(super) fn reply(self) -> Reply {
        let (name, code, text) = match self {
            Self::Connections => (
                "connections",
                421,
                "Too many connections from your address, try again later",
            ),
            Self::Messages => (
                "messages",
                451,
                "Too many messages from your address, try again later",
            ),
            Self::DomainMessages => (
                "domain_messages",
                451,
                "Too many messages from this domain, try again later",
            ),
            Self::RefusedRecipients => (
                "refused_recipients",
                421,
                "Too many unknown recipients, try again later",
            ),
        };
        metrics::counter!("penpal_doors_limited_total", "limit" => name).increment(1);
        Reply::new(code, "4.7.1", text)
    }
}

/// The buckets of a door.
#[derive(Debug)]
pub(super) struct Throttle {
    rates: Rates,
    connections: Mutex<Buckets<IpAddr>>,
    messages: Mutex<Buckets<IpAddr>>,
    domains: Mutex<Buckets<String>>,
    refused: Mutex<Buckets<IpAddr>>,
}

impl Throttle {
    pub(super) fn new(rates: Rates) -> Self {
        Self {
            connections: Mutex::new(Buckets::new(rates.connections)),
            messages: Mutex::new(Buckets::new(rates.messages)),
            domains: Mutex::new(Buckets::new(rates.domain_messages)),
            refused: Mutex::new(Buckets::new(rates.refused_recipients)),
            rates,
        }
    }

    /// A new connection.
    pub(super) fn connect(&self, peer: IpAddr, now: Instant) -> Result<(), Limit> {
        let peer = network(peer);
        if locked(&self.refused).is_empty(&peer, now) {
            return Err(Limit::RefusedRecipients);
        }
        take(&self.connections, peer, now, Limit::Connections)
    }

    /// A message with this sender.
    pub(super) fn message(&self, peer: IpAddr, sender: &str, now: Instant) -> Result<(), Limit> {
        take(&self.messages, network(peer), now, Limit::Messages)?;
        match sender.rsplit_once('@') {
            Some((_, domain)) if domain.len() <= MAX_DOMAIN => take(
                &self.domains,
                domain.to_ascii_lowercase(),
                now,
                Limit::DomainMessages,
            ),
            _ => Ok(()),
        }
    }

    /// Another recipient was refused, `count` in this connection.
    pub(super) fn refused(&self, peer: IpAddr, count: u32, now: Instant) -> Result<(), Limit> {
        take(&self.refused, network(peer), now, Limit::RefusedRecipients)?;
        let most = self.rates.refused_recipients;
        if most > 0 && count >= most.div_ceil(2) {
            return Err(Limit::RefusedRecipients);
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn take<K: Ord + Clone>(
    buckets: &Mutex<Buckets<K>>,
    key: K,
    now: Instant,
    limit: Limit,
) -> Result<(), Limit> {
    if locked(buckets).take(key, now) {
        Ok(())
    } else {
        Err(limit)
    }
}

/// Buckets of one size.
#[derive(Debug)]
struct Buckets<K> {
    /// How many tokens a full one holds, and gets in a minute.
    size: u32,
    /// When each will be full again: what is not here is full.
    full_at: BTreeMap<K, Instant>,
}

impl<K: Ord + Clone> Buckets<K> {
    fn new(size: u32) -> Self {
        Self {
            size,
            full_at: BTreeMap::new(),
        }
    }

    /// The time in which a token comes.
    fn step(&self) -> Duration {
        MINUTE / self.size.max(1)
    }

    /// Takes a token; false when there is none.
    fn take(&mut self, key: K, now: Instant) -> bool {
        if self.size == 0 {
            return true;
        }
        if self.is_empty(&key, now) {
            return false;
        }
        let full_at = self.full_at.get(&key).map_or(now, |at| (*at).max(now)) + self.step();
        if self.full_at.len() >= MAX_BUCKETS && !self.full_at.contains_key(&key) {
            self.make_room(now);
        }
        self.full_at.insert(key, full_at);
        true
    }

    fn is_empty(&self, key: &K, now: Instant) -> bool {
        let wait = self.full_at.get(key).map(|at| at.saturating_duration_since(now));
        self.size > 0 && wait.is_some_and(|wait| wait + self.step() > MINUTE)
    }

    /// Forgets the buckets that are full, or else the fuller half.
    fn make_room(&mut self, now: Instant) {
        self.full_at.retain(|_, at| *at > now);
        if self.full_at.len() >= MAX_BUCKETS {
            let mut times: Vec<Instant> = self.full_at.values().copied().collect();
            let (_, middle, _) = times.select_nth_unstable(MAX_BUCKETS / 2);
            let middle = *middle;
            self.full_at.retain(|_, at| *at > middle);
        }
    }
}

/// Whom an address belongs to: an IPv6 host has a whole /64 to itself.
pub(super) fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_empties_and_fills() {
        let now = Instant::now();
        let mut buckets = Buckets::new(3);
        let taken =
            |buckets: &mut Buckets<u8>, seconds: u64| buckets.take(1, now + Duration::from_secs(seconds));
        for _ in 0..3 {
            assert!(taken(&mut buckets, 0));
        }
        assert!(!taken(&mut buckets, 0) && !taken(&mut buckets, 19));
        assert!(taken(&mut buckets, 20) && !taken(&mut buckets, 20));
        // A long pause brings no more than a full one.
        for _ in 0..3 {
            assert!(taken(&mut buckets, 3600));
        }
        assert!(!taken(&mut buckets, 3600));
        assert!(buckets.take(2, now), "others have buckets of their own");
        // The clock of a test may go back.
        assert!(!taken(&mut buckets, 0));
    }

    #[test]
    fn memory_is_bounded_and_who_took_much_is_not_forgotten() {
        let now = Instant::now();
        let mut buckets = Buckets::new(2);
        assert!(buckets.take(0, now) && buckets.take(0, now));
        for other in 1..50_000 {
            assert!(buckets.take(other, now));
        }
        assert!(buckets.full_at.len() <= MAX_BUCKETS);
        assert!(!buckets.take(0, now));
        assert!(buckets.take(60_000, now + MINUTE));
    }

    #[test]
    fn addresses_domains_and_unknown_recipients() {
        let now = Instant::now();
        let throttle = Throttle::new(Rates {
            connections: 3,
            messages: 4,
            domain_messages: 6,
            refused_recipients: 4,
        });
        // One IPv6 host has many addresses.
        for peer in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
            assert_eq!(throttle.connect(ip(peer), now), Ok(()));
        }
        assert_eq!(throttle.connect(ip("2001:db8::4"), now), Err(Limit::Connections));
        assert_eq!(throttle.connect(ip("2001:db8:0:1::4"), now), Ok(()));

        let mail = |peer: &str, sender: &str| throttle.message(ip(peer), sender, now);
        for _ in 0..4 {
            assert_eq!(mail("192.0.2.1", "a@Example.org"), Ok(()));
        }
        assert_eq!(mail("192.0.2.1", "a@example.net"), Err(Limit::Messages));
        for _ in 0..2 {
            assert_eq!(mail("192.0.2.2", "b@example.org"), Ok(()));
        }
        assert_eq!(mail("192.0.2.2", "b@example.ORG"), Err(Limit::DomainMessages));
        assert_eq!(mail("192.0.2.3", ""), Ok(()), "bounces have no domain");

        let peer = ip("192.0.2.9");
        assert_eq!(throttle.refused(peer, 1, now), Ok(()));
        assert_eq!(throttle.refused(peer, 2, now), Err(Limit::RefusedRecipients));
        assert_eq!(throttle.connect(peer, now), Ok(()));
        assert_eq!(throttle.refused(peer, 1, now), Ok(()));
        assert_eq!(throttle.refused(peer, 2, now), Err(Limit::RefusedRecipients));
        assert_eq!(throttle.connect(peer, now), Err(Limit::RefusedRecipients));
        assert_eq!(throttle.connect(peer, now + Duration::from_secs(15)), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let throttle = Throttle::new(Rates {
            connections: 0,
            messages: 0,
            domain_messages: 0,
            refused_recipients: 0,
        });
        let now = Instant::now();
        for count in 0..10_000 {
            assert_eq!(throttle.connect(ip("192.0.2.1"), now), Ok(()));
            assert_eq!(throttle.message(ip("192.0.2.1"), "a@example.org", now), Ok(()));
            assert_eq!(throttle.refused(ip("192.0.2.1"), count, now), Ok(()));
        }
    }
}
