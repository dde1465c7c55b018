//! DKIM signatures on what goes out (RFC 6376; with Ed25519, RFC 8463): the mail domain stands by each message.

mod key;
mod published;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256, SigningKey};
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::dkim::{DkimSigner, DkimSigningStream, Done};

use self::key::Key;
pub use self::key::{Algorithm, fresh_key};
pub use self::published::check_published;

/// The fields that are signed (RFC 6376, section 5.4.1). One that is named more often than it is there can't be added later, with
/// the signature still in force: a second author or subject on top would be the one that is shown.
const FIELDS: [&str; 16] = [
    "From",
    "From",
    "Reply-To",
    "To",
    "Subject",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    // RFC 8058, section 4.
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// The longest line that readers should be given, without its end (RFC 5322, section 2.1.1).
const LONGEST_LINE: usize = 78;

/// A key and the name under which the DNS has its other half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// The selector: the key is looked up at `SELECTOR._domainkey.DOMAIN`.
    pub selector: String,
    /// PEM file with the private key.
    pub path: PathBuf,
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign with {}: {reason}; give a PEM file as `penpal init` writes it, readable for the user of penpal", path.display())]
pub struct SigningError {
    path: PathBuf,
    reason: String,
}

/// A TXT record by which others can verify a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its name, without the last dot.
    pub name: String,
    /// Its text, which is too long for one string of the DNS when the key is RSA: see [`in_zone`](Self::in_zone).
    pub text: String,
}

impl DnsRecord {
    /// The line for a zone file, its text in strings of at most 255 bytes (RFC 1035, section 3.3.14).
    pub fn in_zone(&self) -> String {
        let mut rest = self.text.as_str();
        let mut strings = Vec::new();
        while !rest.is_empty() {
            let (string, more) = rest.split_at_checked(255).unwrap_or((rest, ""));
            strings.push(format!("\"{string}\""));
            rest = more;
        }
        format!("{}. IN TXT ( {} )", self.name, strings.join(" "))
    }
}

enum Signer {
    Rsa(DkimSigner<RsaKey<Sha256>, Done>),
    Ed25519(DkimSigner<Ed25519Key, Done>),
}

impl Signer {
    fn begin(&self) -> Stream<'_> {
        match self {
            Self::Rsa(signer) => Stream::Rsa(signer.sign_streaming()),
            Self::Ed25519(signer) => Stream::Ed25519(signer.sign_streaming()),
        }
    }
}

/// A signer with this key.
fn signer<T: SigningKey>(key: T, domain: &str, selector: &str) -> DkimSigner<T, Done> {
    DkimSigner::from_key(key)
        .domain(domain)
        .selector(selector)
        .headers(FIELDS)
}

/// What signs in the name of the mail domain; without keys it signs nothing.
#[derive(Default)]
pub struct Signatures {
    signers: Vec<Signer>,
    records: Vec<DnsRecord>,
}

impl Signatures {
    /// Reads the keys.
    pub fn new(domain: &str, keys: &[KeyFile]) -> Result<Self, SigningError> {
        let mut signatures = Self::default();
        for KeyFile { selector, path } in keys {
            let key = Key::read(path).map_err(|reason| SigningError {
                path: path.clone(),
                reason,
            })?;
            signatures.records.push(DnsRecord {
                name: format!("{selector}._domainkey.{domain}"),
                text: key.record(),
            });
            signatures.signers.push(match key {
                Key::Rsa { key, .. } => Signer::Rsa(signer(key, domain, selector)),
                Key::Ed25519(key) => Signer::Ed25519(signer(key, domain, selector)),
            });
        }
        Ok(signatures)
    }

    /// Begins the signatures of one message.
    pub fn begin(&self) -> Signing<'_> {
        Signing(self.signers.iter().map(Signer::begin).collect())
    }

    /// What must be in the DNS.
    pub fn records(&self) -> &[DnsRecord] {
        &self.records
    }
}

/// The signatures of one message, which is read in pieces of any size. By default there are none.
#[derive(Default)]
pub struct Signing<'a>(Vec<Stream<'a>>);

enum Stream<'a> {
    Rsa(DkimSigningStream<'a, RsaKey<Sha256>>),
    Ed25519(DkimSigningStream<'a, Ed25519Key>),
}

impl Signing<'_> {
    /// The next bytes of the message.
    pub fn read(&mut self, bytes: &[u8]) {
        for stream in &mut self.0 {
            match stream {
                Stream::Rsa(stream) => stream.write(bytes),
                Stream::Ed25519(stream) => stream.write(bytes),
            }
        }
    }

    /// A field with the signature of each key, to be put on top of the message. One that can't be made is left out and logged: DMARC wants one
    /// of those that are there, or SPF.
    pub fn finish(self) -> String {
        let mut fields = String::new();
        for stream in self.0 {
            let signature = match stream {
                Stream::Rsa(stream) => stream.finish(),
                Stream::Ed25519(stream) => stream.finish(),
            };
            match signature {
                Ok(signature) => fields.push_str(&folded(&signature.to_header())),
                Err(error) => tracing::error!(%error, "an email goes out without one of its signatures"),
            }
        }
        fields
    }
}

/// The field with lines of at most 78 characters where that can be (RFC 5322, section 2.1.1), broken after its tags. The signature holds:
/// it is over the field with each run of white space as one blank (RFC 6376, section 3.4.2).
fn folded(field: &str) -> String {
    let mut folded = String::new();
    let mut length = 0;
    for line in field.split_inclusive("\r\n") {
        for (number, tag) in line.split_inclusive("; ").enumerate() {
            if number > 0 && length + tag.trim_end().len() > LONGEST_LINE {
                folded.truncate(folded.trim_end().len());
                folded.push_str("\r\n\t");
                length = 1;
            }
            folded.push_str(tag);
            length += tag.len();
        }
        length = 0;
    }
    folded
}

impl std::fmt::Debug for Signatures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.records).finish()
    }
}
