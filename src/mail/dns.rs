//! Questions to the DNS, with a limit to each, and a cache.

use std::net::SocketAddr;
use std::time::Duration;

use mail_auth::MessageAuthenticator;
use mail_auth::hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::system_conf::read_system_conf;

/// One question to one server, and how often it is asked.
const QUESTION: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;
/// Answers in the cache, and how long they stay there at the most.
const CACHE: u64 = 4096;
const KEEP: Duration = Duration::from_hours(6);
const KEEP_NEGATIVE: Duration = Duration::from_mins(5);

/// What asks these servers, or those of the system. The error says why they can't be known.
pub(super) fn resolver(servers: &[SocketAddr]) -> Result<MessageAuthenticator, String> {
    let (config, mut options) = if servers.is_empty() {
        read_system_conf().map_err(|error| error.to_string())?
    } else {
        let servers = servers.iter().map(name_server).collect();
        (
            ResolverConfig::from_name_servers(servers),
            ResolverOpts::default(),
        )
    };
    options.timeout = QUESTION;
    options.attempts = ATTEMPTS;
    options.cache_size = CACHE;
    options.positive_max_ttl = Some(KEEP);
    options.negative_max_ttl = Some(KEEP_NEGATIVE);
    MessageAuthenticator::new(config, options).map_err(|error| error.to_string())
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = address.port();
    }
    NameServerConfig::new(address.ip(), true, connections.into())
}
