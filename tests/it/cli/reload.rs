//! SIGHUP.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::running::{Bridge, address_in, change, configured};

const NAME: &str = "mail.example.org";

/// A fresh certificate in `cert.pem` and `key.pem`.
fn certificate(folder: &Path) -> CertificateDer<'static> {
    certificate_in(folder, "cert.pem", "key.pem")
}

fn certificate_in(folder: &Path, certificate: &str, key: &str) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed([NAME.to_owned()]).unwrap();
    fs::write(folder.join(certificate), pair.cert.pem()).unwrap();
    fs::write(folder.join(key), pair.signing_key.serialize_pem()).unwrap();
    pair.cert.der().clone()
}

/// A client that has begun TLS over this connection to a door, or `None` when the door shows no certificate that it trusts.
fn starttls<S: Read + Write>(
    mut stream: S,
    trusted: &CertificateDer<'static>,
) -> Option<rustls::StreamOwned<ClientConnection, S>> {
    let reads_until = |stream: &mut S, end: &str| {
        let mut line = Vec::new();
        while !line.starts_with(end.as_bytes()) {
            line.clear();
            while !line.ends_with(b"\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                line.push(byte[0]);
            }
        }
    };
    reads_until(&mut stream, "220 ");
    stream.write_all(b"LHLO client\r\n").unwrap();
    reads_until(&mut stream, "250 ");
    stream.write_all(b"STARTTLS\r\n").unwrap();
    reads_until(&mut stream, "220 ");
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
    tls.read_exact(&mut answer).ok()?;
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
    let tcp = || TcpStream::connect(&door).unwrap();
    let mut old = starttls(tcp(), &first).expect("the first certificate");

    let second = certificate(path);
    change(path, |text| format!("{text}\nlogging:\n  level: debug\n"));
    bridge.process.signal("-HUP");
    bridge
        .process
        .says("SIGHUP: certificates and the level of the log were read anew");
    assert!(starttls(tcp(), &second).is_some(), "the second certificate");
    assert!(
        starttls(tcp(), &first).is_none(),
        "nobody gets the first any more"
    );
    old.write_all(b"NOOP\r\n").unwrap();
    let mut answer = [0; 3];
    old.read_exact(&mut answer).unwrap();
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
        assert!(starttls(tcp(), &second).is_some(), "it goes on with what it has");
        fs::write(path.join(broken), whole).unwrap();
    }
    bridge.process.signal("-TERM");
    assert_eq!(bridge.process.ended().0, Some(0));
}

#[test]
fn a_door_gets_its_own_certificate_wherever_it_stands_in_the_configuration() {
    let folder = configured(&[]);
    let path = folder.path();
    let sockets = ["one.sock", "two.sock"];
    let certificates = [
        certificate_in(path, "one.pem", "one.key"),
        certificate_in(path, "two.pem", "two.key"),
    ];
    let door = |name: &str| {
        let socket = path.join(format!("{name}.sock"));
        let socket = socket.display();
        format!(
            "    - protocol: lmtp\n      address: unix:{socket}\n      certificate: {name}.pem\n      key: {name}.key\n"
        )
    };
    let listen = |doors: &[&str]| {
        let doors: String = doors.iter().map(|name| door(name)).collect();
        change(path, |text| {
            let (before, after) = text.split_once("  listen:\n    -").unwrap();
            let (_, after) = after.split_once("  authentication:").unwrap();
            format!("{before}  listen:\n{doors}  authentication:{after}")
        });
    };
    listen(&["one", "two"]);
    let mut bridge = Bridge::start(path);
    bridge.process.says("two.sock");
    listen(&["two", "one"]);
    bridge.process.signal("-HUP");
    bridge.process.says("\"certificates\":2");
    for (socket, certificate) in sockets.iter().zip(&certificates) {
        let stream = UnixStream::connect(path.join(socket)).unwrap();
        assert!(
            starttls(stream, certificate).is_some(),
            "{socket} has another certificate"
        );
    }

    change(path, |text| text.replace("two.sock", "three.sock"));
    bridge.process.signal("-HUP");
    let line = bridge.process.says("SIGHUP: nothing was changed");
    assert!(
        line.contains("three.sock") && line.contains("takes a restart"),
        "{line}"
    );
}
