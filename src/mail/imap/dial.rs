//! TCP and TLS to the server.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{ImapError, MailboxSettings};

/// What bytes go over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// Connects.
pub(super) async fn connect(settings: &MailboxSettings) -> Result<Box<dyn Wire>, ImapError> {
    let stream = TcpStream::connect((settings.host.as_str(), settings.port)).await?;
    // Commands are small, and each one is waited for.
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}

/// Begins TLS on a connection.
pub(super) async fn secure(
    wire: Box<dyn Wire>,
    settings: &MailboxSettings,
) -> Result<Box<dyn Wire>, ImapError> {
    let tls = |error: &dyn std::fmt::Display| ImapError::Tls(format!("TLS could not be negotiated: {error}"));
    let name = ServerName::try_from(settings.host.clone()).map_err(|error| tls(&error))?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| tls(&error))?
        .with_root_certificates(authorities(settings.ca_file.as_deref())?)
        .with_no_client_auth();
    let connected = TlsConnector::from(Arc::new(config)).connect(name, wire).await;
    Ok(Box::new(connected.map_err(|error| tls(&error))?))
}

/// Whom to trust: those in the file, or those of the system. Read for each connection: a certificate that was renewed counts at once.
fn authorities(file: Option<&Path>) -> Result<RootCertStore, ImapError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return if roots.is_empty() {
            Err(ImapError::Tls(
                "this machine has no list of certificate authorities: install the package ca-certificates, or set ca_file".into(),
            ))
        } else {
            Ok(roots)
        };
    };
    let wrong = |reason: &dyn std::fmt::Display| {
        ImapError::Tls(format!(
            "cannot use {}: {reason}; ca_file names a PEM file with one or more certificates",
            file.display()
        ))
    };
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() {
        return Err(wrong(&"there is no certificate in it"));
    }
    Ok(roots)
}
