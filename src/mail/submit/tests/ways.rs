//! Each mail domain has its own way out.

use super::server::{good, start};
use super::*;
use crate::mail::MailTransport as _;
use crate::mail::outgoing::{Outgoing, WayOut};
use crate::mail::signing::{Algorithm, KeyFile, fresh_key};

fn way(domain: &str, relay: Option<u16>, keys: Vec<KeyFile>) -> WayOut {
    WayOut {
        domain: domain.to_owned(),
        relay: relay.map(settings),
        keys,
    }
}

#[tokio::test]
async fn the_senders_domain_chooses_the_relay() {
    let ((common, by_common), (own, by_own)) = (start(good).await, start(good).await);
    let ways = vec![
        way("main.example", None, Vec::new()),
        way("own.example", Some(own), Vec::new()),
        way("shared.example", None, Vec::new()),
    ];
    let outgoing = Outgoing::new(settings(common), ways).unwrap();
    for domain in ["main", "own", "shared"] {
        let envelope = envelope(&format!("bounce+1@{domain}.example"), "alice@example.org");
        outgoing.send(&envelope, MESSAGE, &Always).await.unwrap();
    }
    assert_eq!(by_own.count("MAIL FROM:<bounce+1@own.example>"), 1);
    assert_eq!((by_own.count("MAIL"), by_common.count("MAIL")), (1, 2));
    outgoing.close();
    for domain in ["main", "own"] {
        let envelope = envelope(&format!("bounce+2@{domain}.example"), "alice@example.org");
        assert_eq!(
            outgoing.send(&envelope, MESSAGE, &Always).await,
            Err(SendError::Closed)
        );
    }
}

#[tokio::test]
async fn who_waits_for_one_relay_makes_way_for_the_others() {
    let (port, heard) = start(good).await;
    let relay = relay(port).with_patience(Duration::ZERO);
    let in_use = [relay.pool.place().await, relay.pool.place().await];
    let error = relay.send(&alice(), MESSAGE, &Always).await.unwrap_err();
    assert!(
        matches!(error, SendError::Transient { uncertain: false, .. }),
        "{error}"
    );
    assert_eq!(heard.lines(), Vec::<String>::new());
    drop(in_use);
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
}

#[test]
fn each_domain_signs_with_its_own_keys() {
    let folder = tempfile::tempdir().unwrap();
    let key = |selector: &str| {
        let path = folder.path().join(selector);
        std::fs::write(&path, fresh_key(Algorithm::Ed25519).unwrap()).unwrap();
        let selector = selector.to_owned();
        vec![KeyFile { selector, path }]
    };
    let ways = vec![
        way("main.example", None, key("first")),
        way("other.example", None, key("second")),
        way("unsigned.example", None, Vec::new()),
    ];
    let outgoing = Outgoing::new(settings(25), ways).unwrap();
    let signed = |domain: &str| {
        let message = format!("From: bob@{domain}\r\nSubject: hi\r\n\r\nHello\r\n").into_bytes();
        let mut signing = outgoing.signing(domain);
        signing.read(&message);
        signing.finish()
    };
    assert!(signed("main.example").contains("s=first; d=main.example;"));
    assert!(signed("other.example").contains("s=second; d=other.example;"));
    assert_eq!(signed("other.example").matches("DKIM-Signature").count(), 1);
    assert!(!signed("unsigned.example").contains("DKIM-Signature"));
}
