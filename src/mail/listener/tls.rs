//! Certificates for STARTTLS, from PEM files. A door can be given another one while it is open: connections that have one keep it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use super::{ListenerError, TlsFiles};

/// The certificate of a door.
#[derive(Clone)]
pub(super) struct Certificate(Arc<RwLock<TlsAcceptor>>);

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(…)")
    }
}

impl Certificate {
    pub(super) fn new(acceptor: TlsAcceptor) -> Self {
        Self(Arc::new(RwLock::new(acceptor)))
    }

    /// What a new connection gets.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A certificate that was read and can be used, for a door that is open.
pub struct Renewal {
    door: Certificate,
    acceptor: TlsAcceptor,
}

impl Renewal {
    pub(super) fn read(door: &Certificate, files: &TlsFiles) -> Result<Self, ListenerError> {
        Ok(Self {
            door: door.clone(),
            acceptor: acceptor(files)?,
        })
    }

    /// From now on new connections get it.
    pub fn apply(self) {
        *self.door.0.write().unwrap_or_else(PoisonError::into_inner) = self.acceptor;
    }
}

/// Reads the files and checks that they belong together.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ListenerError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(&files.certificate, &error))?;
    if chain.is_empty() {
        return Err(wrong(&files.certificate, &"there is no certificate in it"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| wrong(&files.key, &error))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| wrong(&files.key, &error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn wrong(path: &Path, reason: &dyn fmt::Display) -> ListenerError {
    ListenerError::Tls {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn errors_name_the_file_and_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let pair = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()]).unwrap();
        fs::write(path("cert.pem"), pair.cert.pem()).unwrap();
        fs::write(path("key.pem"), pair.signing_key.serialize_pem()).unwrap();
        fs::write(path("other.pem"), other.signing_key.serialize_pem()).unwrap();
        fs::write(path("empty.pem"), "").unwrap();
        let open = |certificate: &str, key: &str| {
            acceptor(&TlsFiles {
                certificate: path(certificate),
                key: path(key),
            })
            .map(|_| ())
        };
        open("cert.pem", "key.pem").unwrap();
        for (certificate, key, culprit) in [
            ("missing.pem", "key.pem", "missing.pem"),
            ("empty.pem", "key.pem", "empty.pem"),
            ("key.pem", "key.pem", "key.pem"),
            ("cert.pem", "missing.pem", "missing.pem"),
            ("cert.pem", "cert.pem", "cert.pem"),
            ("cert.pem", "other.pem", "other.pem"),
        ] {
            let text = open(certificate, key).unwrap_err().to_string();
            assert!(text.contains(culprit), "{text}");
            assert!(
                text.contains("mail.listen.certificate and .key name PEM files"),
                "{text}"
            );
        }
    }
}
