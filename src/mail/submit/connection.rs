//! Connections to the relay: TCP, TLS, greeting, login.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::Rset;
use lettre::transport::smtp::extension::ClientId;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::failure::{Failure, Stage};
use super::line_by_line::LineByLine;
use super::{RelayCredentials, RelayError, RelaySettings, RelayTls};

/// Both send the password, which only TLS protects; providers offer nothing better that lettre speaks.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// Makes connections.
#[derive(Debug)]
pub(super) struct Dialer {
    host: String,
    port: u16,
    hello: ClientId,
    tls: Tls,
    credentials: Option<RelayCredentials>,
    timeout: Duration,
}

enum Tls {
    None,
    Starttls(TlsParameters),
    Wrapped(TlsParameters),
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Starttls(_) => "Starttls",
            Self::Wrapped(_) => "Wrapped",
        })
    }
}

impl Dialer {
    pub(super) fn new(settings: RelaySettings) -> Result<Self, RelayError> {
        let parameters = || parameters(&settings.host, settings.ca_file.as_deref());
        let tls = match settings.tls {
            RelayTls::None => Tls::None,
            RelayTls::Starttls => Tls::Starttls(parameters()?),
            RelayTls::Tls => Tls::Wrapped(parameters()?),
        };
        Ok(Self {
            tls,
            host: settings.host,
            port: settings.port,
            hello: ClientId::Domain(settings.hello_name),
            credentials: settings.credentials,
            timeout: settings.timeout,
        })
    }

    /// What EHLO gives.
    pub(super) fn hello(&self) -> &ClientId {
        &self.hello
    }

    /// A new connection, ready for MAIL.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = if let Tls::Wrapped(parameters) = &self.tls {
            let (server, tls) = ((self.host.as_str(), self.port), Some(parameters.clone()));
            let dial =
                AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, tls, None);
            self.within(Stage::Connect, dial).await?
        } else {
            let stream = self.stream().await?;
            let stream: Box<dyn AsyncTokioStream> = match &self.tls {
                Tls::Starttls(_) => Box::new(LineByLine::new(stream)),
                Tls::None | Tls::Wrapped(_) => Box::new(stream),
            };
            let greet = AsyncSmtpConnection::connect_with_transport(stream, &self.hello);
            self.within(Stage::Connect, greet).await?
        };
        if let Tls::Starttls(parameters) = &self.tls {
            let upgrade = connection.starttls(parameters.clone(), &self.hello);
            self.within(Stage::Connect, upgrade).await?;
        }
        if let Some(credentials) = &self.credentials {
            let password = credentials.password.expose_secret().to_owned();
            let credentials = Credentials::new(credentials.username.clone(), password);
            self.within(Stage::Authenticate, connection.auth(MECHANISMS, &credentials))
                .await?;
        }
        Ok(connection)
    }

    /// A connection on which nothing is held back. lettre writes the end of a message by itself, and the system would wait for
    /// the relay's confirmation of what came before, which mostly takes 40 ms.
    async fn stream(&self) -> Result<TcpStream, Failure> {
        let dial = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        };
        match timeout(self.timeout, dial).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Failure::broken(Stage::Connect, &error.to_string())),
            Err(_) => Err(Failure::timed_out(Stage::Connect, self.timeout)),
        }
    }

    /// Ends the mail transaction after a refusal; false when the connection is of no more use.
    pub(super) async fn reset(&self, connection: &mut AsyncSmtpConnection) -> bool {
        self.within(Stage::Envelope, connection.command(Rset))
            .await
            .is_ok()
    }

    /// Does one step within the time for it. lettre has a limit of its own for TCP only.
    pub(super) async fn within<T>(
        &self,
        stage: Stage,
        step: impl Future<Output = Result<T, smtp::Error>>,
    ) -> Result<T, Failure> {
        within(self.timeout, stage, step).await
    }
}

/// Does one step within `limit`.
pub(super) async fn within<T>(
    limit: Duration,
    stage: Stage,
    step: impl Future<Output = Result<T, smtp::Error>>,
) -> Result<T, Failure> {
    match timeout(limit, step).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::from_lettre(stage, &error)),
        Err(_) => Err(Failure::timed_out(stage, limit)),
    }
}

fn parameters(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, RelayError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = ca_file {
        builder = builder
            .certificate_store(CertificateStore::None)
            .add_root_certificate(authorities(path)?);
    }
    builder
        .build_rustls()
        .map_err(|error| RelayError::Tls(error.to_string()))
}

fn authorities(path: &Path) -> Result<Certificate, RelayError> {
    let wrong = |reason: String| RelayError::CaFile {
        path: path.to_owned(),
        reason,
    };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    // lettre takes a file without a certificate for a list of none, and then trusts nobody.
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string())),
        Some(Err(error)) => Err(wrong(error.to_string())),
        None => Err(wrong("there is no certificate in it".to_owned())),
    }
}
