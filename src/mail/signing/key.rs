//! Private keys: made, read, and what of them is for everybody.

use std::path::Path;

use data_encoding::BASE64;
use mail_auth::common::crypto::{Ed25519Key, RsaKey, Sha256};
use rsa::RsaPrivateKey;
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{self, PemObject as _};

/// What RFC 8301, section 3.2, wants a signer to use; longer keys do not fit into what DNS providers take.
const RSA_BITS: usize = 2048;

/// How a signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Understood by everybody.
    Rsa,
    /// Short and new (RFC 8463): some do not know it yet, and it never stands alone.
    Ed25519,
}

/// A fresh private key, as PEM (PKCS #8).
pub fn fresh_key(algorithm: Algorithm) -> Result<String, String> {
    match algorithm {
        Algorithm::Rsa => {
            let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, RSA_BITS)
                .map_err(|error| error.to_string())?;
            let pem = key
                .to_pkcs8_pem(LineEnding::LF)
                .map_err(|error| error.to_string())?;
            Ok(pem.as_str().to_owned())
        }
        Algorithm::Ed25519 => {
            let der = Ed25519Key::generate_pkcs8().map_err(|error| error.to_string())?;
            // A hundred characters: one line too long for RFC 7468, section 2, and two as everybody writes it.
            let text = BASE64.encode(&der);
            let (first, rest) = text.split_at_checked(64).unwrap_or((&text, ""));
            Ok(format!(
                "-----BEGIN PRIVATE KEY-----\n{first}\n{rest}\n-----END PRIVATE KEY-----\n"
            ))
        }
    }
}

/// A private key.
pub(super) enum Key {
    Rsa {
        key: RsaKey<Sha256>,
        /// The public key as a `SubjectPublicKeyInfo`, which is what verifiers want whatever RFC 6376 says (erratum 3017).
        public: Vec<u8>,
    },
    Ed25519(Ed25519Key),
}

impl Key {
    /// Reads a PEM file: PKCS #8, or PKCS #1 for RSA. The error never shows what is in it.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
            pem::Error::Io(error) => format!("it can't be read ({error})"),
            error => format!("there is no private key in it ({error})"),
        })?;
        if let PrivateKeyDer::Pkcs8(pkcs8) = &der
            && let Ok(key) = Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der())
        {
            return Ok(Self::Ed25519(key));
        }
        let key = RsaKey::<Sha256>::from_key_der(der)
            .map_err(|_| "its key is neither RSA of 2048 bits or more nor Ed25519")?;
        let public = rsa::RsaPublicKey::from_pkcs1_der(&key.public_key())
            .ok()
            .and_then(|public| public.to_public_key_der().ok())
            .ok_or("its public key can't be told")?;
        Ok(Self::Rsa {
            key,
            public: public.into_vec(),
        })
    }

    /// The text of the DNS record (RFC 6376, section 3.6.1).
    pub(super) fn record(&self) -> String {
        match self {
            Self::Rsa { public, .. } => format!("v=DKIM1; k=rsa; p={}", BASE64.encode(public)),
            Self::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(&key.public_key())),
        }
    }
}
