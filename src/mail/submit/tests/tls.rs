//! Encryption on the way to the relay.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::server::{Heard, Then, converse, good, start};
use super::*;

/// A certificate for the host of [`settings`], in a file.
fn certificate(folder: &Path) -> (TlsAcceptor, PathBuf) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let ca_file = folder.join("ca.pem");
    fs::write(&ca_file, cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), ca_file)
}

/// What a relay says to STARTTLS.
const GO: &str = "220 Go\r\n";

/// A relay that encrypts from the first byte, or after STARTTLS and its answer to that.
async fn encrypted(acceptor: TlsAcceptor, go: Option<&'static str>) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let ears = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Some(go) = go {
                for reply in ["220 relay.example\r\n", "250-relay.example\r\n250 STARTTLS\r\n"] {
                    stream.write_all(reply.as_bytes()).await.unwrap();
                    while stream.read_u8().await.unwrap() != b'\n' {}
                }
                stream.write_all(go.as_bytes()).await.unwrap();
            }
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            // After STARTTLS there is no second greeting: an empty reply stands for it.
            let answer = move |line: &str| match line {
                "" if go.is_some() => Then::Say(""),
                line => good(line),
            };
            converse(stream, &answer, &ears).await;
        }
    });
    (port, heard)
}

#[tokio::test]
async fn messages_leave_encrypted() {
    for tls in [RelayTls::Tls, RelayTls::Starttls] {
        let folder = tempfile::tempdir().unwrap();
        let (acceptor, ca_file) = certificate(folder.path());
        let (port, heard) = encrypted(acceptor, (tls == RelayTls::Starttls).then_some(GO)).await;
        let relay = Relay::new(RelaySettings {
            tls,
            ca_file: Some(ca_file),
            ..settings(port)
        })
        .unwrap();
        relay.send(&alice(), MESSAGE, &Always).await.unwrap();
        assert_eq!(heard.count("Subject: hi"), 1, "{tls:?}");
    }
}

#[tokio::test]
async fn a_relay_that_cannot_prove_who_it_is_gets_nothing() {
    for tls in [RelayTls::Tls, RelayTls::Starttls] {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let (acceptor, _) = certificate(folder.path());
        let (_, ca_file) = certificate(other.path());
        let (port, heard) = encrypted(acceptor, (tls == RelayTls::Starttls).then_some(GO)).await;
        let relay = Relay::new(RelaySettings {
            tls,
            ca_file: Some(ca_file),
            ..settings(port)
        })
        .unwrap();
        let error = relay.send(&alice(), MESSAGE, &Always).await.unwrap_err();
        assert!(
            matches!(error, SendError::Transient { uncertain: false, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("certificate"), "{error}");
        assert_eq!(heard.lines(), Vec::<String>::new());
    }
}

/// Whoever is on the way can't speak within TLS, but before it.
#[tokio::test]
async fn what_was_said_before_tls_is_no_answer_within_it() {
    let folder = tempfile::tempdir().unwrap();
    let (acceptor, ca_file) = certificate(folder.path());
    let forged = "220 Go\r\n250 forged\r\n250 Ok\r\n250 Ok\r\n354 Go ahead\r\n250 Ok: queued as 4F2C\r\n";
    let (port, heard) = encrypted(acceptor, Some(forged)).await;
    let relay = Relay::new(RelaySettings {
        tls: RelayTls::Starttls,
        ca_file: Some(ca_file),
        ..settings(port)
    })
    .unwrap();
    let error = relay.send(&alice(), MESSAGE, &Always).await.unwrap_err();
    assert!(
        matches!(error, SendError::Transient { uncertain: false, .. }),
        "{error}"
    );
    assert_eq!(heard.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn without_starttls_nothing_leaves() {
    let (port, heard) = start(good).await;
    let relay = Relay::new(RelaySettings {
        tls: RelayTls::Starttls,
        ..settings(port)
    })
    .unwrap();
    let error = relay.send(&alice(), MESSAGE, &Always).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("STARTTLS is not supported on this server"),
        "{error}"
    );
    assert!(matches!(error, SendError::Transient { uncertain: false, .. }));
    assert_eq!(heard.count("MAIL"), 0);
}

#[test]
fn a_bad_file_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("empty.pem"), "").unwrap();
    fs::write(
        path("broken.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for name in ["missing.pem", "empty.pem", "broken.pem"] {
        let tried = Relay::new(RelaySettings {
            tls: RelayTls::Tls,
            ca_file: Some(path(name)),
            ..settings(1)
        });
        let text = tried.unwrap_err().to_string();
        assert!(text.contains(name) || name == "broken.pem", "{text}");
    }
}
