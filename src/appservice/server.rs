//! The HTTP server around the endpoints: bound, limited, and stopped in good order.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::auth::HsToken;
use super::drain::drain;
use super::error::ApiError;
use super::observe::observe;
use super::{Correspondence, Download, NoCorrespondence, NoDownload, Service, Unavailable, routes};
use crate::model::bind_advice;

/// The default for the largest transaction, in bytes. Homeservers send up to 100 events and 100 ephemeral events,
/// of 64 KiB each ([size limits]): 13 MB, which escapes in JSON can multiply.
///
/// [size limits]: https://spec.matrix.org/latest/client-server-api/#size-limits
pub const DEFAULT_MAX_TRANSACTION_SIZE: usize = 64 * 1024 * 1024;

/// How many transactions may be in work at once. One is under way at a time; the others are those that a
/// homeserver gave up on and sent again.
const TRANSACTIONS: usize = 4;

/// How many files may be on their way at once: strangers must not take the connections that the homeserver needs.
const DOWNLOADS: usize = 32;

/// Requests wait for the store, not for the processor: two threads suffice, and cost little memory.
const THREADS: usize = 2;

/// How many connections each thread holds; there is one homeserver.
const CONNECTIONS: usize = 256;

/// How long the head of a request may take, so that silent connections do not pile up.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How to listen.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The address; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// The registration's `hs_token`.
    pub hs_token: SecretString,
    /// The largest transaction, in bytes.
    pub max_transaction_size: usize,
    /// How long requests in work may take to end once the server is closed.
    pub shutdown_timeout: Duration,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address can't be listened on.
    #[error(
        "appservice.listen: can't listen on {address}: {source} ({})",
        bind_advice(source)
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A server at work.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<io::Result<()>>,
    close: CancellationToken,
}

impl Server {
    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the server has ended, which before [`Server::close`] it does only by an error.
    pub async fn ended(&mut self) -> io::Result<()> {
        (&mut self.task).await.map_err(io::Error::other)?
    }

    /// Closes the port, and waits until the requests in work are answered.
    pub async fn close(mut self) -> io::Result<()> {
        self.close.cancel();
        self.ended().await
    }
}

/// What the endpoints share.
pub(super) struct State {
    pub(super) service: Arc<dyn Service>,
    pub(super) hs_token: HsToken,
    pub(super) max_transaction_size: usize,
    pub(super) transactions: Arc<Semaphore>,
    pub(super) downloads: Arc<Semaphore>,
    pub(super) metrics: PrometheusHandle,
    /// Cancelled when no new work is taken any more.
    pub(super) stopping: CancellationToken,
    runtime: Handle,
}

impl State {
    /// From within the runtime that work is to run on.
    pub(super) fn new(
        settings: &ServerSettings,
        service: Arc<dyn Service>,
        metrics: PrometheusHandle,
        stopping: CancellationToken,
    ) -> Self {
        Self {
            service,
            hs_token: HsToken::new(&settings.hs_token),
            max_transaction_size: settings.max_transaction_size,
            transactions: Arc::new(Semaphore::new(TRANSACTIONS)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            metrics,
            stopping,
            runtime: Handle::current(),
        }
    }

    /// Begins a download, on the runtime that the rest of Penpal runs on.
    pub(super) async fn download(&self, link: String) -> Result<Download, NoDownload> {
        let service = self.service.clone();
        let begun = self.runtime.spawn(async move { service.download(&link).await });
        begun.await.unwrap_or_else(|died| {
            tracing::error!(error = %died, "a download came to a bad end");
            Err(NoDownload::Unavailable("it came to a bad end".to_owned()))
        })
    }

    /// Follows a link to stop emails, to its end, also when whoever asked hangs up.
    pub(super) async fn correspondence(
        &self,
        token: String,
        stop: Option<bool>,
    ) -> Result<Correspondence, NoCorrespondence> {
        let service = self.service.clone();
        let followed = self
            .runtime
            .spawn(async move { service.correspondence(&token, stop).await });
        followed.await.unwrap_or_else(|died| {
            tracing::error!(error = %died, "a link to stop emails came to a bad end");
            Err(NoCorrespondence::Unavailable("it came to a bad end".to_owned()))
        })
    }

    /// Runs work to its end, also when the homeserver hangs up meanwhile (which ends its handler), on the
    /// runtime that the rest of Penpal runs on.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
    ) -> Result<T, ApiError> {
        match self.runtime.spawn(work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(reason)) => {
                tracing::error!(%reason, "could not do what the homeserver asks; it will ask again");
                Err(ApiError::unavailable())
            }
            Err(died) => {
                tracing::error!(error = %died, "a request of the homeserver came to a bad end");
                Err(ApiError::unavailable())
            }
        }
    }
}

/// Starts to serve, from within a tokio runtime. Once `stop` is cancelled, requests in work are finished and new ones answered 503, until
/// the server is closed.
pub fn serve(
    settings: &ServerSettings,
    service: Arc<dyn Service>,
    metrics: PrometheusHandle,
    stop: CancellationToken,
) -> Result<Server, ServeError> {
    let state = web::Data::new(State::new(settings, service, metrics, stop));
    let address = settings.listen;
    let app = move || {
        App::new()
            .app_data(state.clone())
            .configure(routes::configure)
            .wrap(from_fn(drain))
            .wrap(from_fn(observe))
    };
    let close = CancellationToken::new();
    let connections = TaskTracker::new();
    let counted = connections.clone();
    let server = HttpServer::new(app)
        .workers(THREADS)
        .max_connections(CONNECTIONS)
        .client_request_timeout(HEAD_TIME)
        .on_connect(move |_, connection| {
            connection.insert(counted.token());
        })
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .shutdown_signal(close.clone().cancelled_owned())
        .bind(address)
        .map_err(|source| ServeError::Bind { address, source })?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let (server, closed) = (server.run(), close.clone());
    let task = tokio::spawn(async move {
        tokio::select! {
            ended = server => ended,
            // The server itself looks once a second only whether its last connection has ended.
            () = async {
                closed.cancelled().await;
                connections.close();
                connections.wait().await;
            } => Ok(()),
        }
    });
    Ok(Server { address, task, close })
}
