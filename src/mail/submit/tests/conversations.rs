//! What is said to a relay that works.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::server::{Then, good, start};
use super::*;
use crate::mail::Inbound;
use crate::mail::listener::{Limits, ListenAddress, ListenerSettings, Protocol, serve};
use crate::model::{IncomingMail, Refusal};

#[tokio::test]
async fn a_message_leaves() {
    let (port, heard) = start(good).await;
    let accepted = relay(port).send(&alice(), MESSAGE, &Always).await.unwrap();
    assert_eq!(accepted.reply, "250 2.0.0 Ok: queued as 4F2C");
    assert_eq!(
        heard.lines(),
        [
            "EHLO penpal.example\r\n",
            "MAIL FROM:<bounce+1@bridge.example>\r\n",
            "RCPT TO:<alice@example.org>\r\n",
            "DATA\r\n",
            "Subject: hi\r\n\r\nHello\r\n.\r\n",
        ]
    );
}

#[tokio::test]
async fn the_null_sender_and_strange_addresses() {
    let (port, heard) = start(good).await;
    let relay = relay(port);
    relay
        .send(&envelope("", "a..b@docomo.example"), MESSAGE, &Always)
        .await
        .unwrap();
    assert_eq!(heard.count("MAIL FROM:<>\r\n"), 1);
    assert_eq!(heard.count("RCPT TO:<a..b@docomo.example>\r\n"), 1);
}

#[tokio::test]
async fn extensions_are_used_when_needed() {
    for (recipient, message, parameters) in [
        ("alice@example.org", "Subject: x\r\n\r\nü\r\n", " BODY=8BITMIME"),
        ("jürgen@example.org", "Subject: x\r\n\r\nx\r\n", " SMTPUTF8"),
        (
            "alice@example.org",
            "To: jürgen@example.org\r\n\r\nx\r\n",
            " SMTPUTF8 BODY=8BITMIME",
        ),
    ] {
        let (port, heard) = start(good).await;
        relay(port)
            .send(&envelope("", recipient), message.as_bytes(), &Always)
            .await
            .unwrap();
        assert_eq!(
            heard.count(&format!("MAIL FROM:<>{parameters}\r\n")),
            1,
            "{:?}",
            heard.lines()
        );
    }
}

#[tokio::test]
async fn a_message_that_was_withdrawn_meanwhile_never_leaves() {
    /// Leave that another process has got in the meantime.
    struct Never;

    #[async_trait]
    impl Leave for Never {
        async fn is_given(&self) -> bool {
            false
        }
    }

    let (port, heard) = start(good).await;
    let relay = relay(port);
    assert_eq!(
        relay.send(&alice(), MESSAGE, &Never).await,
        Err(SendError::Withdrawn)
    );
    assert_eq!(
        (heard.count("DATA"), heard.count(".")),
        (1, 0),
        "it was asked for at the last moment"
    );
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    assert_eq!(
        heard.count("EHLO"),
        2,
        "the relay would take anything on the first connection for the message"
    );
    assert_eq!(heard.count("Subject"), 1);
}

#[tokio::test]
async fn one_connection_carries_many_messages() {
    let (port, heard) = start(good).await;
    let relay = relay(port);
    for _ in 0..5 {
        relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    }
    assert_eq!(heard.count("EHLO"), 1);
    assert_eq!(heard.count("MAIL"), 5);
}

#[tokio::test]
async fn an_idle_connection_that_the_relay_closed_costs_nothing() {
    for last_word in [
        || Then::SayAndClose("421 4.4.2 Idle for too long\r\n"),
        || Then::Close,
    ] {
        let count = AtomicUsize::new(0);
        let (port, heard) = start(move |line| {
            if line.starts_with("MAIL") && count.fetch_add(1, Ordering::SeqCst) == 1 {
                return last_word();
            }
            good(line)
        })
        .await;
        let relay = relay(port);
        relay.send(&alice(), MESSAGE, &Always).await.unwrap();
        relay.send(&alice(), MESSAGE, &Always).await.unwrap();
        assert_eq!(heard.count("EHLO"), 2);
        assert_eq!(heard.count("DATA"), 2);
    }
}

#[tokio::test]
async fn a_new_connection_that_the_relay_closes_is_a_failure() {
    let (port, heard) = start(|line| {
        if line.starts_with("MAIL") {
            return Then::SayAndClose("421 4.7.0 Too busy\r\n");
        }
        good(line)
    })
    .await;
    let refused = relay(port).send(&alice(), MESSAGE, &Always).await.unwrap_err();
    assert!(
        matches!(refused, SendError::Transient { uncertain: false, .. }),
        "{refused:?}"
    );
    assert_eq!(heard.count("EHLO"), 1);
}

#[tokio::test]
async fn a_refused_message_leaves_the_connection_usable() {
    let (port, heard) = start(|line| match line {
        "RCPT TO:<nobody@example.org>" => Then::Say("550 5.1.1 No such user\r\n"),
        line => good(line),
    })
    .await;
    let relay = relay(port);
    relay
        .send(&envelope("", "nobody@example.org"), MESSAGE, &Always)
        .await
        .unwrap_err();
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    assert_eq!((heard.count("EHLO"), heard.count("RSET")), (1, 1));
}

#[tokio::test]
async fn a_send_that_was_given_up_does_not_spoil_the_next() {
    let hung = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&hung);
    let (port, heard) = start(move |line| match line {
        "DATA" if count.fetch_add(1, Ordering::SeqCst) == 0 => Then::Hang,
        line => good(line),
    })
    .await;
    let relay = relay(port);
    {
        let recipient = alice();
        let mut send = std::pin::pin!(relay.send(&recipient, MESSAGE, &Always));
        while heard.count("DATA") == 0 {
            tokio::select! {
                biased;
                _ = &mut send => panic!("the server hangs"),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    assert_eq!(heard.count("EHLO"), 2, "the first connection was not used again");
}

/// A relay to which one connection is made at a time.
fn narrow(port: u16) -> Relay {
    Relay::new(RelaySettings {
        pool_size: 1,
        ..settings(port)
    })
    .unwrap()
}

#[tokio::test]
async fn a_relay_that_closes_ends_what_it_has_begun_and_begins_nothing() {
    let (port, heard) = start(good).await;
    let (relay, recipient) = (narrow(port), alice());
    let (first, waiting, ()) = tokio::join!(
        biased;
        relay.send(&recipient, MESSAGE, &Always),
        relay.send(&recipient, MESSAGE, &Always),
        async { relay.close() }
    );
    assert!(first.is_ok(), "{first:?}");
    assert_eq!(waiting, Err(SendError::Closed));
    assert_eq!(
        relay.send(&recipient, MESSAGE, &Always).await,
        Err(SendError::Closed)
    );
    assert_eq!(heard.count("Subject: hi"), 1);
}

#[tokio::test]
async fn connections_are_limited() {
    let (port, heard) = start(good).await;
    let relay = narrow(port);
    let recipient = alice();
    let (a, b, c) = tokio::join!(
        relay.send(&recipient, MESSAGE, &Always),
        relay.send(&recipient, MESSAGE, &Always),
        relay.send(&recipient, MESSAGE, &Always)
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(heard.count("EHLO"), 1);
}

#[tokio::test]
async fn the_login_is_given_once_for_each_connection() {
    let (port, heard) = start(good).await;
    let relay = Relay::new(RelaySettings {
        credentials: Some(RelayCredentials {
            username: "bridge".to_owned(),
            password: SecretString::from("secret"),
        }),
        ..settings(port)
    })
    .unwrap();
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    relay.send(&alice(), MESSAGE, &Always).await.unwrap();
    // "\0bridge\0secret" in base64.
    assert_eq!(heard.count("AUTH PLAIN AGJyaWRnZQBzZWNyZXQ=\r\n"), 1);
    assert!(!format!("{relay:?}").contains("secret"));
}

struct Keep(tokio::sync::mpsc::UnboundedSender<Vec<u8>>);

#[async_trait]
impl Inbound for Keep {
    async fn check_recipient(&self, _: &str, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    async fn accept(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>> {
        self.0.send(mail.bytes.head().to_vec()).unwrap();
        vec![Ok(())]
    }
}

#[tokio::test]
async fn what_leaves_here_comes_in_there_byte_for_byte() {
    let (sender, mut mails) = tokio::sync::mpsc::unbounded_channel();
    let door = serve(
        ListenerSettings {
            rates: crate::mail::listener::Rates::default(),
            protocol: Protocol::Smtp,
            address: "127.0.0.1:0".parse().unwrap(),
            hostname: "mail.example.org".to_owned(),
            tls: None,
            limits: Limits::default(),
        },
        Arc::new(Keep(sender)),
        CancellationToken::new(),
    )
    .await
    .unwrap();
    let ListenAddress::Tcp { port, .. } = door.address else {
        panic!("a TCP door");
    };
    let relay = relay(port);
    for message in [
        &b"Subject: dots\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n"[..],
        b".\r\n",
        b"Subject: blank end\r\n\r\n\r\n",
        "Subject: umlaut\r\n\r\nü \0\r\n".as_bytes(),
    ] {
        relay.send(&alice(), message, &Always).await.unwrap();
        let came = mails.recv().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&came), String::from_utf8_lossy(message));
    }
}
