//! SIGHUP.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::running::{Bridge, address_in, change, configured};

const NAME: &str = "mail.example.org";

/// A fresh certificate in `cert.pem` and `key.pem`.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), pair.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
    pair.cert.der().clone()
}

/// A client that has begun TLS at the door of `address`, or `None` when the door shows no certificate that it trusts.
fn starttls(
    address: &str,
    trusted: &CertificateDer<'static>,
) -> Option<rustls::StreamOwned<ClientConnection, TcpStream>> {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut reads_until = |end: &str| {
        let mut line = String::new();
        while !line.starts_with(end) {
            line.clear();
            assert!(reader.read_line(&mut line).unwrap() > 0);
        }
    };
    reads_until("220 ");
    stream.write_all(b"LHLO client\r\n").unwrap();
    reads_until("250 ");
    stream.write_all(b"STARTTLS\r\n").unwrap();
    reads_until("220 ");
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(NAME).unwrap()).unwrap();
    let mut tls = rustls::StreamOwned::new(connection, stream);
    tls.write_all(b"NOOP\r\n").ok()?;
    let mut answer = [0; 3];
    std::io::Read::read_exact(&mut tls, &mut answer).ok()?;
    Some(tls)
}

#[test]
fn certificates_and_the_level_of_the_log_are_read_anew() {
    let folder = configured(&[]);
    let path = folder.path();
    let first = certificate(path);
    change(path, |text| {
        let (before, after) = text.split_once("    - protocol: lmtp\n").unwrap();
        format!("{before}    - protocol: lmtp\n      certificate: cert.pem\n      key: key.pem\n{after}")
    });
    let mut bridge = Bridge::start(path);
    let door = address_in(&bridge.process.says("listening for mail"));
    let mut old = starttls(&door, &first).expect("the first certificate");

    let second = certificate(path);
    change(path, |text| format!("{text}\nlogging:\n  level: debug\n"));
    bridge.process.signal("-HUP");
    bridge
        .process
        .says("SIGHUP: 1 certificates and the level of the log were read anew");
    assert!(starttls(&door, &second).is_some(), "the second certificate");
    assert!(
        starttls(&door, &first).is_none(),
        "nobody gets the first any more"
    );
    old.write_all(b"NOOP\r\n").unwrap();
    let mut answer = [0; 3];
    std::io::Read::read_exact(&mut old, &mut answer).unwrap();
    let event = r#"{"type": "m.room.message", "event_id": "$e", "room_id": "!r:example.org", "sender": "@bob:example.org", "origin_server_ts": 1, "content": {}}"#;
    assert_eq!(
        bridge.transaction("1", &format!(r#"{{"events": [{event}]}}"#)),
        200
    );
    bridge.process.says("\"level\":\"DEBUG\"");

    for (broken, reason) in [("cert.pem", "cert.pem: "), ("config.yaml", "config.yaml: ")] {
        let whole = fs::read_to_string(path.join(broken)).unwrap();
        fs::write(path.join(broken), "broken: [").unwrap();
        bridge.process.signal("-HUP");
        let line = bridge.process.says("SIGHUP: nothing was changed");
        assert!(line.contains(reason), "{line}");
        assert!(starttls(&door, &second).is_some(), "it goes on with what it has");
        fs::write(path.join(broken), whole).unwrap();
    }
    bridge.process.signal("-TERM");
    assert_eq!(bridge.process.ended().0, Some(0));
}
