//! Connections over a pipe: time, TLS, closing.

use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::mail::listener::connection::{Shared, run};
use crate::mail::listener::tls::Certificate;

struct Client {
    stream: DuplexStream,
    inbox: Arc<Inbox>,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
}

fn connect_with(limits: Limits, tls: Option<TlsAcceptor>) -> Client {
    let (stream, other) = tokio::io::duplex(64 * 1024);
    let inbox = Arc::new(Inbox::default());
    let shutdown = CancellationToken::new();
    let shared = Shared {
        terms: Arc::new(Terms {
            starttls: tls.is_some(),
            ..Arc::unwrap_or_clone(terms(Protocol::Smtp, limits))
        }),
        tls: tls.map(Certificate::new),
        inbound: Arc::clone(&inbox) as Arc<dyn Inbound>,
        shutdown: shutdown.clone(),
    };
    let server = tokio::spawn(async move { run(other, &shared, None).await });
    Client {
        stream,
        inbox,
        shutdown,
        server,
    }
}

fn connect(limits: Limits) -> Client {
    connect_with(limits, None)
}

impl Client {
    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads until `text` came; returns all.
    async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let mut buffer = [0; 4096];
            let read = self.stream.read(&mut buffer).await.unwrap();
            assert!(read > 0, "closed after {seen:?}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        seen
    }

    /// Reads to the end.
    async fn rest(&mut self) -> String {
        let mut seen = String::new();
        self.stream.read_to_string(&mut seen).await.unwrap();
        seen
    }
}

const OPENING: &str = "EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<bob@h.example>\r\nDATA\r\n";

#[tokio::test]
async fn a_mail_comes_in() {
    let mut client = connect(Limits::default());
    client.say(OPENING).await;
    client.until("354").await;
    client.say("hello\r\n.\r\nQUIT\r\n").await;
    assert!(
        client
            .rest()
            .await
            .ends_with("250 2.0.0 OK, the message is safe\r\n221 2.0.0 Bye\r\n")
    );
    assert_eq!(client.inbox.text(), "hello\r\n");
    drop(client.stream);
    client.server.await.unwrap();
}

#[tokio::test]
async fn half_a_message_is_no_message() {
    let mut client = connect(Limits::default());
    client.say(&format!("{OPENING}half")).await;
    client.until("354").await;
    drop(client.stream);
    client.server.await.unwrap();
    assert_eq!(client.inbox.mails().len(), 0);
}

/// A limit that a test waits for.
const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_silent_client_is_told_and_left() {
    let mut client = connect(Limits {
        command_time: SHORT,
        ..Limits::default()
    });
    assert!(client.rest().await.contains("421 4.4.2"));
}

#[tokio::test]
async fn bytes_that_come_to_nothing_do_not_put_the_end_of_a_wait_off() {
    let command = Limits {
        command_time: SHORT,
        ..Limits::default()
    };
    let message = Limits {
        message_time: SHORT,
        ..Limits::default()
    };
    for (limits, opening, ready) in [(command, "", "220"), (message, OPENING, "354")] {
        let mut client = connect(limits);
        client.say(opening).await;
        client.until(ready).await;
        let mut seen = [0; 512];
        let read = loop {
            tokio::select! {
                biased;
                read = client.stream.read(&mut seen) => break read.unwrap(),
                () = tokio::task::yield_now() => {}
            }
            client.say("x").await;
        };
        assert!(String::from_utf8_lossy(&seen[..read]).starts_with("421 4.4.2"));
    }
}

#[tokio::test]
async fn a_session_has_an_end_however_busy_it_is() {
    let mut client = connect(Limits {
        session_time: SHORT,
        max_commands: u32::MAX,
        ..Limits::default()
    });
    client.until("220").await;
    while !{
        client.say("NOOP\r\n").await;
        client.until("\r\n").await
    }
    .contains("421 4.4.2")
    {}
}

#[tokio::test]
async fn an_inbound_side_that_hangs_is_451() {
    let mut client = connect(Limits {
        answer_time: SHORT,
        ..Limits::default()
    });
    client
        .say("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<hang@h.example>\r\n")
        .await;
    client.until("451 4.3.0").await;
    client.say("RCPT TO:<slow@h.example>\r\nDATA\r\nx\r\n.\r\n").await;
    client.until("451 4.3.0").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_left() {
    let (mut stream, other) = tokio::io::duplex(64);
    let shared = Shared {
        terms: terms(
            Protocol::Smtp,
            Limits {
                command_time: SHORT,
                ..Limits::default()
            },
        ),
        tls: None,
        inbound: Arc::new(Inbox::default()),
        shutdown: CancellationToken::new(),
    };
    let server = tokio::spawn(async move { run(other, &shared, None).await });
    stream.write_all(b"EHLO a\r\nEHLO b\r\n").await.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn closing_tells_idle_sessions_at_once() {
    for opening in ["", "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@h.example>\r\n"] {
        let mut client = connect(Limits::default());
        client.say(opening).await;
        client
            .until(if opening.is_empty() { "220" } else { "250 2.1.5" })
            .await;
        client.shutdown.cancel();
        assert!(client.rest().await.starts_with("421 4.3.2"));
    }
}

#[tokio::test]
async fn closing_lets_a_message_come_to_its_end() {
    let mut client = connect(Limits::default());
    client.say(&format!("{OPENING}first ")).await;
    client.until("354").await;
    client.shutdown.cancel();
    tokio::task::yield_now().await;
    client.say("second\r\n.\r\n").await;
    assert!(
        client
            .rest()
            .await
            .starts_with("250 2.0.0 OK, the message is safe\r\n421 4.3.2")
    );
    assert_eq!(client.inbox.text(), "first second\r\n");
}

#[tokio::test]
async fn closing_does_not_wait_for_a_message_for_ever() {
    let mut client = connect(Limits {
        stop_time: SHORT,
        ..Limits::default()
    });
    client.say(OPENING).await;
    client.until("354").await;
    client.shutdown.cancel();
    assert!(client.rest().await.starts_with("421 4.4.2"));
}

/// A certificate's acceptor, and a connector that trusts it.
fn tls() -> (TlsAcceptor, TlsConnector) {
    let pair = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = crate::mail::listener::TlsFiles {
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.certificate, pair.cert.pem()).unwrap();
    std::fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (
        crate::mail::listener::tls::acceptor(&files).unwrap(),
        TlsConnector::from(Arc::new(config)),
    )
}

#[tokio::test]
async fn a_mail_comes_in_over_starttls() {
    let (acceptor, connector) = tls();
    let mut client = connect_with(Limits::default(), Some(acceptor));
    client.say("EHLO a\r\n").await;
    assert!(client.until("250 CHUNKING").await.contains("250-STARTTLS\r\n"));
    client.say("STARTTLS\r\n").await;
    client.until("220 2.0.0").await;
    let name = ServerName::try_from("mail.example.org").unwrap();
    let mut stream = connector.connect(name, client.stream).await.unwrap();
    // The session begins anew: EHLO comes first again, and STARTTLS is not offered a second time.
    stream
        .write_all(format!("MAIL FROM:<>\r\n{OPENING}x\r\n.\r\nSTARTTLS\r\nQUIT\r\n").as_bytes())
        .await
        .unwrap();
    let mut seen = String::new();
    stream.read_to_string(&mut seen).await.unwrap();
    assert!(seen.starts_with("503 5.5.1"), "{seen}");
    assert!(!seen.contains("250-STARTTLS"), "{seen}");
    assert!(
        seen.contains("503 5.5.1 Bad sequence of commands\r\n221"),
        "{seen}"
    );
    assert_eq!(client.inbox.text(), "x\r\n");
}

#[tokio::test]
async fn plaintext_after_starttls_is_thrown_away() {
    let (acceptor, connector) = tls();
    let mut client = connect_with(Limits::default(), Some(acceptor));
    // In one piece: what an attacker in the middle would put in front of the encrypted session.
    client
        .say("EHLO a\r\nSTARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b.example>\r\n")
        .await;
    client.until("220 2.0.0").await;
    let name = ServerName::try_from("mail.example.org").unwrap();
    let mut stream = connector.connect(name, client.stream).await.unwrap();
    stream
        .write_all(b"NOOP\r\nMAIL FROM:<>\r\nQUIT\r\n")
        .await
        .unwrap();
    let mut seen = String::new();
    stream.read_to_string(&mut seen).await.unwrap();
    assert_eq!(
        seen.lines()
            .map(|line| line.get(..3).unwrap())
            .collect::<Vec<_>>(),
        ["250", "503", "221"]
    );
}

#[tokio::test]
async fn what_is_no_tls_ends_the_connection() {
    let (acceptor, _) = tls();
    let mut client = connect_with(Limits::default(), Some(acceptor));
    client.say("EHLO a\r\nSTARTTLS\r\n").await;
    client.until("220 2.0.0").await;
    client.say("MAIL FROM:<>\r\n").await;
    let mut rest = Vec::new();
    client.stream.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("250"));
    client.server.await.unwrap();
}
