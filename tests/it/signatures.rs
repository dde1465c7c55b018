//! What Penpal signs is verified by others, as it was and not otherwise.

use mail_auth::{AuthenticatedMessage, DkimResult};
use penpal::mail::signing::{Algorithm, KeyFile, Signatures, check_published, fresh_key};

use crate::harness::Dns;

const MAIL: &str = "From: Bob <bob=lab.test@mail.lab.test>\r\nTo: alice@example.org\r\nSubject: hello\r\n\
    Date: Mon, 1 Jan 2024 12:00:00 +0000\r\nMessage-ID: <1@mail.lab.test>\r\n\
    List-Unsubscribe: <https://lab.test/stop/1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nDear Alice\r\n";

fn signatures() -> Signatures {
    let folder = tempfile::tempdir().unwrap();
    let key = |(selector, algorithm): (&str, Algorithm)| {
        let path = folder.path().join(selector);
        std::fs::write(&path, fresh_key(algorithm).unwrap()).unwrap();
        KeyFile {
            selector: selector.to_owned(),
            path,
        }
    };
    let keys = [("old", Algorithm::Rsa), ("new", Algorithm::Ed25519)].map(key);
    Signatures::new("mail.lab.test", &keys).unwrap()
}

/// How many signatures hold, and how many there are.
async fn holding(dns: &Dns, mail: &str) -> (usize, usize) {
    let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
    let found = dns.authenticator().verify_dkim(&message).await;
    let passed = found.iter().filter(|found| *found.result() == DkimResult::Pass);
    (passed.count(), found.len())
}

/// The mail with its signatures on top, which are made while it comes in pieces.
fn signed(signatures: &Signatures, mail: &str) -> String {
    let mut signing = signatures.begin();
    for piece in mail.as_bytes().chunks(50) {
        signing.read(piece);
    }
    signing.finish() + mail
}

#[tokio::test]
async fn others_can_verify_what_is_signed_and_nothing_else() {
    let (dns, signatures) = (Dns::start().await, signatures());
    for record in signatures.records() {
        let missing = check_published(record, &[dns.address]).await.unwrap_err();
        assert!(missing.contains(&record.in_zone()), "{missing}");
        dns.text(&record.name, &record.text);
        check_published(record, &[dns.address]).await.unwrap();
    }
    let signed = signed(&signatures, MAIL);
    assert_eq!(holding(&dns, &signed).await, (2, 2));
    // A list or a server on the way may add its own fields.
    assert_eq!(
        holding(&dns, &format!("Received: by mx\r\n{signed}")).await,
        (2, 2)
    );
    for forged in [
        signed.replace("Subject: hello", "Subject: money"),
        signed.replace("Dear Alice", "Dear Eve"),
        signed.replace("lab.test/stop", "evil.example/stop"),
        signed.replace("List-Unsubscribe=One-Click", "List-Unsubscribe=No"),
        format!("From: mallory@evil.example\r\n{signed}"),
        format!("Subject: money\r\n{signed}"),
        format!("Reply-To: mallory@evil.example\r\n{signed}"),
    ] {
        assert_eq!(holding(&dns, &forged).await.0, 0, "{forged}");
    }
    let record = &signatures.records()[0];
    dns.text(&record.name, "v=DKIM1; k=rsa; p=AAAA");
    let other = check_published(record, &[dns.address]).await.unwrap_err();
    assert!(other.contains("another key"), "{other}");
}
