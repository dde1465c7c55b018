//! DKIM signatures and ARC seals as mail servers put them on.

use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use mail_auth::common::headers::HeaderWriter;
use mail_auth::dkim::DkimSigner;
use mail_auth::{AuthenticatedMessage, AuthenticationResults};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::Dns;

/// What most servers sign.
pub const SIGNED: &[&str] = &["From", "To", "Subject", "Date", "Message-ID"];

/// A key, and whose it is.
pub struct Signer {
    pkcs8: Vec<u8>,
    pub domain: String,
    pub selector: String,
}

impl Signer {
    /// A fresh Ed25519 key, published in the DNS.
    pub fn new(dns: &Dns, domain: &str, selector: &str) -> Self {
        let signer = Self {
            pkcs8: Ed25519Key::generate_pkcs8().unwrap(),
            domain: domain.to_owned(),
            selector: selector.to_owned(),
        };
        let public = data_encoding::BASE64.encode(&signer.key().public_key());
        dns.text(
            &format!("{selector}._domainkey.{domain}"),
            &format!("v=DKIM1; k=ed25519; p={public}"),
        );
        signer
    }

    fn key(&self) -> Ed25519Key {
        Ed25519Key::from_pkcs8_der(&self.pkcs8).unwrap()
    }

    /// The mail, signed.
    pub fn sign(&self, mail: &str) -> String {
        self.sign_fields(SIGNED, mail, false)
    }

    /// The mail, with a signature over these fields and, if wanted, over so much of the body as there is now (`l=`).
    pub fn sign_fields(&self, fields: &[&str], mail: &str, length: bool) -> String {
        let mail = crlf(mail);
        let dkim = DkimSigner::from_key(self.key())
            .domain(&self.domain)
            .selector(&self.selector)
            .headers(fields.iter().copied())
            .body_length(length);
        let signature = dkim.sign(mail.as_bytes()).unwrap();
        let mut whole = Vec::new();
        signature.write(&mut whole, true);
        whole.extend_from_slice(mail.as_bytes());
        String::from_utf8(whole).unwrap()
    }

    /// The mail, sealed by a forwarder that found this (RFC 8617).
    pub fn seal(&self, mail: &str, results: &str) -> String {
        let mail = crlf(mail);
        let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
        // The library writes results of its own making only: ours are put into the name of the server.
        let results = format!("{};{results}", self.domain);
        let results = AuthenticationResults::new(&results);
        let set = mail_auth::arc::ArcSealer::from_key(self.key())
            .domain(self.domain.clone())
            .selector(self.selector.clone())
            .headers(SIGNED.iter().copied())
            .seal(&message, &results, &mail_auth::ArcOutput::default())
            .unwrap();
        let mut sealed = Vec::new();
        HeaderWriter::write_header(&set, &mut sealed);
        sealed.extend_from_slice(mail.as_bytes());
        String::from_utf8(sealed).unwrap()
    }
}

/// The mail, signed with the RSA key of the fixtures.
pub fn sign_with_rsa(domain: &str, selector: &str, mail: &str) -> String {
    let mail = crlf(mail);
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../fixtures/signed/rsa.pem")).unwrap();
    let signature = DkimSigner::from_key(RsaKey::<Sha256>::from_key_der(key).unwrap())
        .domain(domain)
        .selector(selector)
        .headers(SIGNED.iter().copied())
        .sign(mail.as_bytes())
        .unwrap();
    let mut signed = Vec::new();
    signature.write(&mut signed, true);
    signed.extend_from_slice(mail.as_bytes());
    String::from_utf8(signed).unwrap()
}

/// With the line ends of mail.
pub fn crlf(mail: &str) -> String {
    mail.replace("\r\n", "\n").replace('\n', "\r\n")
}
