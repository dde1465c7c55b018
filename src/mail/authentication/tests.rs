//! What a trusted mail server says, and what others say in its name. Mail that Penpal verifies itself is in `tests/it/forgeries.rs`.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::{Authentication, Gate};
use crate::mail::Inbound;
use crate::model::{IncomingMail, Peer, Refusal, Verdict};

const OURS: &str = "Received: from mx.evil.example by mx.example.net (Postfix) with ESMTP; now\r\n";
const THEIRS: &str = "Received: from somewhere by mx.evil.example; then\r\n";
const PASS: &str = "Authentication-Results: mx.example.net; dmarc=pass header.from=example.org\r\n";
const FAIL: &str = "Authentication-Results: mx.example.net; dmarc=fail (p=none) header.from=example.org\r\n";
const REJECT: &str =
    "Authentication-Results: mx.example.net; dmarc=fail (p=reject) header.from=example.org\r\n";
const DKIM: &str = "Authentication-Results: MX.Example.Net; dkim=pass header.d=example.org\r\n";
const NONE: &str = "Authentication-Results: mx.example.net; dkim=none\r\n";
const OTHER: &str = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.org\r\n";
const ALICE: &str = "From: Alice <alice@example.org>\r\n";

#[derive(Default)]
struct Inbox {
    verdicts: Mutex<Vec<Verdict>>,
}

#[async_trait]
impl Inbound for Inbox {
    async fn check_recipient(&self, _sender: &str, _recipient: &str) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>> {
        self.verdicts.lock().unwrap().push(mail.verdict.clone());
        vec![Ok(())]
    }
}

async fn verdict(authentication: Authentication, header: &[&str]) -> Verdict {
    let inbox = Arc::new(Inbox::default());
    let gate = Gate::new(authentication, inbox.clone()).unwrap();
    let bytes = format!("{}\r\nhello\r\n", header.concat()).into_bytes();
    let mail = IncomingMail::new(
        Peer::default(),
        "x@evil.example".into(),
        vec!["bob".into()],
        bytes.into(),
    );
    assert_eq!(gate.accept(&mail).await, [Ok(())]);
    inbox.verdicts.lock().unwrap().remove(0)
}

fn trust(own_hops: usize) -> Authentication {
    Authentication::Trust {
        authserv_id: "mx.example.net".to_owned(),
        own_hops,
    }
}

#[tokio::test]
async fn the_word_of_our_own_mail_server_counts() {
    for header in [
        &[PASS, OURS, THEIRS, ALICE][..],
        &[OURS, PASS, THEIRS, ALICE],
        &[OURS, PASS, ALICE],
        &[DKIM, NONE, OURS, ALICE],
        &["Return-Path: <x@evil.example>\r\n", OTHER, PASS, OURS, ALICE],
        // What stands below, in whoever's name, changes nothing.
        &[PASS, OURS, FAIL, THEIRS, ALICE],
        &[PASS, OURS, THEIRS, REJECT, ALICE],
    ] {
        let alice = "alice@example.org".parse().unwrap();
        assert_eq!(
            verdict(trust(1), header).await,
            Verdict::Authenticated(alice),
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn nobody_elses_does() {
    for header in [
        &[ALICE][..],
        &[OURS, ALICE],
        &[OTHER, OURS, ALICE],
        &[OURS, OTHER, ALICE],
        &[FAIL, OURS, PASS, ALICE],
        &[NONE, OURS, PASS, ALICE],
        &[OURS, NONE, PASS, ALICE],
        &[OURS, FAIL, PASS, ALICE],
        &[OURS, PASS, FAIL, ALICE],
        &[OURS, THEIRS, PASS, ALICE],
        &[OURS, ALICE, THEIRS, PASS],
        &[FAIL, DKIM, OURS, ALICE],
        &[PASS, OURS, "From: Alice <alice@example.com>\r\n"],
        &[PASS, OURS, ALICE, "From: mallory@example.org\r\n"],
        &[PASS, OURS, "From: alice@example.org, mallory@example.org\r\n"],
        &[PASS, OURS, "From: friends: alice@example.org;\r\n"],
        &[PASS, OURS, "From: =?utf-8?q?alice=40example=2Eorg?=\r\n"],
        &[
            "Authentication-Results: mx.example.net.evil.example; dmarc=pass header.from=example.org\r\n",
            OURS,
            ALICE,
        ],
        &[
            "X-Authentication-Results: mx.example.net; dmarc=pass header.from=example.org\r\n",
            OURS,
            ALICE,
        ],
        &[
            "ARC-Authentication-Results: i=1; mx.example.net; dmarc=pass header.from=example.org\r\n",
            OURS,
            ALICE,
        ],
        &[
            "Subject: Authentication-Results: mx.example.net; dmarc=pass header.from=example.org\r\n",
            OURS,
            ALICE,
        ],
    ] {
        let found = verdict(trust(1), header).await;
        assert!(
            matches!(found, Verdict::Unauthenticated(_)),
            "{header:?}: {found:?}"
        );
    }
}

#[tokio::test]
async fn what_our_mail_server_lets_through_and_calls_forged_is_not_bounced() {
    for header in [&[REJECT, OURS, ALICE][..], &[OURS, REJECT, PASS, ALICE]] {
        let found = verdict(trust(1), header).await;
        assert!(
            matches!(found, Verdict::Forged { refusable: false, .. }),
            "{header:?}: {found:?}"
        );
    }
}

#[tokio::test]
async fn several_servers_of_our_own_stand_above() {
    let header = &[OURS, OURS, PASS, THEIRS, ALICE];
    assert!(matches!(
        verdict(trust(1), header).await,
        Verdict::Unauthenticated(_)
    ));
    assert!(matches!(
        verdict(trust(2), header).await,
        Verdict::Authenticated(_)
    ));
    let forged = &[OURS, OURS, THEIRS, PASS, ALICE];
    assert!(matches!(
        verdict(trust(2), forged).await,
        Verdict::Unauthenticated(_)
    ));
}

#[tokio::test]
async fn without_verification_everybody_is_believed() {
    assert_eq!(verdict(Authentication::Off, &[ALICE]).await, Verdict::Unchecked);
}
