//! Sockets: binding, connections and their limits, closing.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connection::{self, Shared};
use super::limits::Limits;
use super::rates::{Limit, network};
use super::reply::Reply;
use super::session::{Terms, stranger};
use super::tls::{self, Certificate, Renewal};
use super::{ListenAddress, ListenerError, ListenerSettings, TlsFiles};
use crate::mail::Inbound;

/// How long the door waits when the system has no more files to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// How long a client that is turned away may take to read why.
const TURN_AWAY: Duration = Duration::from_secs(1);
/// How long connections may take beyond [`Limits::stop_time`], to say goodbye.
const STOP_MARGIN: Duration = Duration::from_secs(2);

/// A door that is open.
#[derive(Debug)]
pub struct Door {
    /// Where it is: for port 0 with the port that the system chose.
    pub address: ListenAddress,
    task: JoinHandle<()>,
    close: CancellationToken,
    certificate: Option<Certificate>,
}

impl Door {
    /// Closes a door that was told to stop, and waits until all its connections are over.
    ///
    /// # Errors
    ///
    /// When it has ended by a defect.
    pub async fn close(self) -> Result<(), JoinError> {
        self.close.cancel();
        self.task.await
    }

    /// Reads a certificate for later connections through this door; `None` when it was opened without one, and offers no STARTTLS.
    ///
    /// # Errors
    ///
    /// [`ListenerError::Tls`] when the files can't be used: the door keeps what it has.
    pub fn renewal(&self, files: &TlsFiles) -> Result<Option<Renewal>, ListenerError> {
        let certificate = self.certificate.as_ref();
        certificate
            .map(|certificate| Renewal::read(certificate, files))
            .transpose()
    }
}

/// Opens a door. When `shutdown` is cancelled, idle sessions and whoever comes until it is closed are told so at once (`421 4.3.2`);
/// messages under way have [`Limits::stop_time`] to end.
///
/// # Errors
///
/// [`ListenerError`] when the address or the certificate cannot be used.
pub async fn serve(
    settings: ListenerSettings,
    inbound: Arc<dyn Inbound>,
    shutdown: CancellationToken,
) -> Result<Door, ListenerError> {
    let acceptor = settings.tls.as_ref().map(tls::acceptor).transpose()?;
    let certificate = acceptor.map(Certificate::new);
    let (socket, address) = bind(&settings.address)
        .await
        .map_err(|source| ListenerError::Bind {
            address: settings.address.clone(),
            source,
        })?;
    tracing::info!(protocol = %settings.protocol, %address, "listening for mail");
    let terms = Terms {
        starttls: certificate.is_some(),
        ..Terms::new(
            settings.protocol,
            settings.hostname,
            settings.limits,
            settings.rates,
        )
    };
    let shared = Shared {
        terms: Arc::new(terms),
        tls: certificate.clone(),
        inbound,
        shutdown,
    };
    let close = CancellationToken::new();
    let task = tokio::spawn({
        let (shared, close) = (Arc::new(shared), close.clone());
        async move {
            let connections = accept_all(&socket, shared.clone()).await;
            let over = end_all(connections, shared.terms.limits.stop_time + STOP_MARGIN);
            let closed = close.run_until_cancelled_owned(turn_all_away(socket));
            tokio::join!(over, closed);
        }
    });
    Ok(Door {
        address,
        task,
        close,
        certificate,
    })
}

/// A bound socket.
enum Socket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        _file: SocketFile,
    },
}

/// A connection, with what is known of the peer.
enum Connection {
    Tcp(TcpStream, IpAddr),
    Unix(UnixStream),
}

/// Removes the file of a unix socket when the door is closed.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove the socket of a closed door");
        }
    }
}

async fn bind(address: &ListenAddress) -> io::Result<(Socket, ListenAddress)> {
    match address {
        ListenAddress::Tcp { host, port } => {
            let listener = TcpListener::bind((host.as_str(), *port)).await?;
            let bound = ListenAddress::Tcp {
                host: host.clone(),
                port: listener.local_addr()?.port(),
            };
            Ok((Socket::Tcp(listener), bound))
        }
        ListenAddress::Unix(path) => {
            remove_stale(path).await?;
            let listener = UnixListener::bind(path)?;
            let file = SocketFile(path.clone());
            // A mail server runs as a user of its own. The folder says who gets here at all.
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
            let socket = Socket::Unix {
                listener,
                _file: file,
            };
            Ok((socket, address.clone()))
        }
    }
}

/// Removes a socket that a killed process left behind: nothing answers on it.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket {
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path)?,
            _ => return Err(io::ErrorKind::AddrInUse.into()),
        }
    }
    Ok(())
}

impl Socket {
    async fn accept(&self) -> io::Result<Connection> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Replies are small and each one is waited for.
                let _ = stream.set_nodelay(true);
                Ok(Connection::Tcp(stream, peer.ip().to_canonical()))
            }
            Self::Unix { listener, .. } => Ok(Connection::Unix(listener.accept().await?.0)),
        }
    }
}

/// Takes connections until the door is to stop, and answers those that are not over then.
async fn accept_all(socket: &Socket, shared: Arc<Shared>) -> JoinSet<()> {
    let limits = &shared.terms.limits;
    let counter = Arc::new(Counter::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.shutdown.cancelled() => return connections,
            Some(ended) = connections.join_next() => {
                report(ended);
                continue;
            }
            accepted = socket.accept() => accepted,
        };
        let connection = match accepted {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection for mail");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let peer = match &connection {
            Connection::Tcp(_, ip) => Some(*ip),
            Connection::Unix(_) => None,
        };
        let entered = match stranger(shared.terms.protocol, peer) {
            Some(ip) => shared.terms.throttle.connect(ip, Instant::now()),
            None => Ok(()),
        };
        let entered = entered.map_err(Limit::reply);
        match entered.and_then(|()| counter.enter(peer, limits)) {
            Ok(place) => {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    match connection {
                        Connection::Tcp(stream, ip) => connection::run(stream, &shared, Some(ip)).await,
                        Connection::Unix(stream) => connection::run(stream, &shared, None).await,
                    }
                    drop(place);
                });
            }
            Err(reply) => connection.turn_away(&reply).await,
        }
    }
}

/// Tells whoever comes to come back later, for ever.
async fn turn_all_away(socket: Socket) {
    let reply = Reply::new(421, "4.3.2", "Shutting down, try again later");
    loop {
        match socket.accept().await {
            Ok(connection) => connection.turn_away(&reply).await,
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Waits until all connections are over, and ends those that are not in time.
async fn end_all(mut connections: JoinSet<()>, patience: Duration) {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(patience, all).await.is_err() {
        connections.shutdown().await;
    }
}

impl Connection {
    /// Says why, without a session.
    async fn turn_away(self, reply: &Reply) {
        match self {
            Self::Tcp(stream, _) => turn_away(stream, reply).await,
            Self::Unix(stream) => turn_away(stream, reply).await,
        }
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a mail connection ended by a defect");
    }
}

/// A new connection's send buffer is empty, so that this does not wait.
async fn turn_away<S>(mut stream: S, reply: &Reply)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut line = Vec::new();
    reply.write(&mut line);
    let goodbye = async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    };
    let _ = timeout(TURN_AWAY, goodbye).await;
}

/// Counts connections, in all and for each peer.
#[derive(Debug, Default)]
struct Counter {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_peer: BTreeMap<IpAddr, usize>,
}

/// A place among the connections, free again when dropped.
#[derive(Debug)]
struct Place {
    counter: Arc<Counter>,
    peer: Option<IpAddr>,
}

impl Counter {
    /// Takes a place, or says what to tell the client. Connections without an address count in all only.
    fn enter(self: &Arc<Self>, peer: Option<IpAddr>, limits: &Limits) -> Result<Place, Reply> {
        let peer = peer.map(network);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= limits.max_connections {
            return Err(Reply::new(421, "4.3.2", "Too many connections, try again later"));
        }
        if let Some(peer) = peer {
            let count = counts.by_peer.entry(peer).or_default();
            if *count >= limits.max_connections_per_address {
                return Err(Reply::new(421, "4.7.0", "Too many connections from your address"));
            }
            *count += 1;
        }
        counts.all += 1;
        Ok(Place {
            counter: Arc::clone(self),
            peer,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counter.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(peer) = self.peer
            && let Some(count) = counts.by_peer.get_mut(&peer)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_peer.remove(&peer);
            }
        }
    }
}
