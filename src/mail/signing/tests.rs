use super::*;

fn message(from: &str, body: &str) -> Vec<u8> {
    format!("From: {from}\r\nTo: alice@example.org\r\nSubject: hello\r\n\r\n{body}\r\n").into_bytes()
}

/// The keys in a folder of their own, and the signatures made with them.
fn signatures(algorithms: &[Algorithm]) -> Signatures {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<KeyFile> = algorithms
        .iter()
        .map(|&algorithm| {
            let selector = format!("{algorithm:?}").to_lowercase();
            let path = folder.path().join(&selector);
            std::fs::write(&path, fresh_key(algorithm).unwrap()).unwrap();
            KeyFile { selector, path }
        })
        .collect();
    Signatures::new("mail.example.org", &keys).unwrap()
}

/// The fields that sign a message which comes in pieces of `size` bytes.
fn signed(signatures: &Signatures, message: &[u8], size: usize) -> String {
    let mut signing = signatures.begin();
    for piece in message.chunks(size) {
        signing.read(piece);
    }
    signing.finish()
}

#[test]
fn each_key_signs_and_has_a_record_that_fits_into_the_dns() {
    let signatures = signatures(&[Algorithm::Rsa, Algorithm::Ed25519]);
    let signed = signed(&signatures, &message("bob@mail.example.org", "hello"), 7);
    for tag in [
        "a=rsa-sha256; s=rsa; d=mail.example.org",
        "a=ed25519-sha256; s=ed25519; d=mail.example.org",
    ] {
        assert!(signed.contains(tag), "{signed}");
    }
    assert!(signed.lines().all(|line| line.len() <= LONGEST_LINE), "{signed}");
    let [rsa, ed25519] = signatures.records() else {
        panic!("two keys")
    };
    assert_eq!(rsa.name, "rsa._domainkey.mail.example.org");
    assert!(
        rsa.text
            .starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA")
    );
    assert!(ed25519.text.starts_with("v=DKIM1; k=ed25519; p="));
    let zone = rsa.in_zone();
    assert!(zone.split('"').all(|string| string.len() <= 255), "{zone}");
    assert_eq!(zone.split('"').skip(1).step_by(2).collect::<String>(), rsa.text);
}

#[test]
fn without_a_key_nothing_is_changed() {
    let mail = message("bob@mail.example.org", "hello");
    assert_eq!(signed(&Signatures::default(), &mail, 100), "");
}

#[test]
fn a_signature_does_not_depend_on_the_pieces_in_which_the_message_comes() {
    let signatures = signatures(&[Algorithm::Ed25519, Algorithm::Rsa]);
    let body = " a  line \t of\r\n\r\n  blanks \r\n.\r\n".repeat(500) + "\r\n\r\n";
    let mail = message("bob@mail.example.org", &body);
    // Without the time, which is in it, and the signature itself, which is over that.
    let body_hash = |fields: &str| -> Vec<String> {
        let tags = fields.split(';').map(str::trim);
        tags.filter(|tag| tag.starts_with("bh="))
            .map(str::to_owned)
            .collect()
    };
    let whole = body_hash(&signed(&signatures, &mail, mail.len()));
    assert_eq!(whole.len(), 2);
    for size in [1, 2, 57, 1000, 4096] {
        assert_eq!(body_hash(&signed(&signatures, &mail, size)), whole, "{size}");
    }
}

#[test]
fn what_is_no_key_is_told_by_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dkim.pem");
    let fails = || {
        let key = KeyFile {
            selector: "x".into(),
            path: path.clone(),
        };
        Signatures::new("mail.example.org", &[key])
            .unwrap_err()
            .to_string()
    };
    assert!(fails().contains("dkim.pem: "), "{}", fails());
    for text in [
        "",
        "secret words",
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = fails();
        assert!(
            error.contains("dkim.pem: ") && !error.contains("secret") && !error.contains("c2Vj"),
            "{error}"
        );
    }
}
