//! Whether the DNS has the public half of a key.

use std::net::SocketAddr;

use super::DnsRecord;
use crate::mail::dns;

/// Asks the DNS for a record; these servers, or those of the system. The error says what to publish.
pub async fn check_published(record: &DnsRecord, servers: &[SocketAddr]) -> Result<(), String> {
    let resolver = dns::resolver(servers)?;
    let found = match resolver.txt_raw_lookup(record.name.as_str()).await {
        Ok(found) => String::from_utf8_lossy(&found)
            .split_whitespace()
            .collect::<String>(),
        Err(error) => {
            return Err(format!(
                "the DNS has no {}: publish\n{}\n({error})",
                record.name,
                record.in_zone()
            ));
        }
    };
    match record.text.split_once("p=") {
        Some((_, key)) if found.contains(&format!("p={key}")) => Ok(()),
        _ => Err(format!(
            "the DNS has another key at {}: publish\n{}",
            record.name,
            record.in_zone()
        )),
    }
}
