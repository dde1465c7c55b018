//! The relay against scripted servers, and against our own door.

mod conversations;
mod failures;
mod large;
mod server;
mod tls;
mod ways;

use std::time::Duration;

use async_trait::async_trait;

use super::*;

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(100);

/// Leave for everything.
struct Always;

#[async_trait]
impl Leave for Always {
    async fn is_given(&self) -> bool {
        true
    }
}

const MESSAGE: &[u8] = b"Subject: hi\r\n\r\nHello\r\n";

fn settings(port: u16) -> RelaySettings {
    RelaySettings {
        host: "127.0.0.1".to_owned(),
        port,
        tls: RelayTls::None,
        ca_file: None,
        credentials: None,
        hello_name: "penpal.example".to_owned(),
        timeout: Duration::from_secs(20),
        message_timeout: Duration::from_secs(20),
        pool_size: 2,
        spool: std::env::temp_dir().into(),
    }
}

fn envelope(sender: &str, recipient: &str) -> Envelope {
    Envelope {
        sender: EmailAddress::parse(sender).ok(),
        recipient: EmailAddress::parse(recipient).unwrap(),
    }
}

fn alice() -> Envelope {
    envelope("bounce+1@bridge.example", "alice@example.org")
}

fn relay(port: u16) -> Relay {
    Relay::new(settings(port)).unwrap()
}
