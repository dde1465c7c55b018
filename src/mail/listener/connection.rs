//! One connection: bytes between the socket, the session and the inbound side, and how long each may take.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::limits::Limits;
use super::session::{Action, Session, Terms, Wait};
use super::tls::Certificate;
use crate::mail::Inbound;
use crate::model::{IncomingMail, Refusal};

const READ_BUFFER: usize = 16 * 1024;
/// Replies are sent before more than this has come together.
const OUTPUT_BUFFER: usize = 16 * 1024;
/// How long, and for how many bytes, a closed connection is read on, so that the peer gets to see the last
/// reply: closing with unread input makes the system reset the connection and throw the reply away.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;
/// How long after the door was closed to a silent peer, which has nothing on its way: mail servers keep idle connections, and look at
/// them when they need them.
const LINGER_SILENT: Duration = Duration::from_millis(100);

/// What all connections of a door share.
pub(super) struct Shared {
    pub(super) terms: Arc<Terms>,
    pub(super) tls: Option<Certificate>,
    pub(super) inbound: Arc<dyn Inbound>,
    pub(super) shutdown: CancellationToken,
}

/// How a conversation ended.
enum End {
    StartTls,
    Close,
    /// The door is closing, and the peer was told so while it was silent.
    Stopped,
    /// The peer is gone, or too slow even to be told.
    Gone,
}

/// Serves one connection until it ends. `address` is the client's; a unix socket has none.
pub(super) async fn run<S>(mut stream: S, shared: &Shared, address: Option<IpAddr>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let peer = address.map_or_else(|| "unix".to_owned(), |address| address.to_string());
    let peer = peer.as_str();
    let mut clock = Clock::new(&shared.terms.limits);
    let mut session = Session::new(Arc::clone(&shared.terms), address, Instant::now());
    let end = converse(&mut stream, &mut session, shared, &mut clock, peer).await;
    match (end, &shared.tls) {
        (End::StartTls, Some(tls)) => match timeout_at(clock.deadline, tls.acceptor().accept(stream)).await {
            Ok(Ok(mut stream)) => {
                session.tls_started();
                let end = converse(&mut stream, &mut session, shared, &mut clock, peer).await;
                linger(stream, end).await;
            }
            Ok(Err(error)) => {
                tracing::info!(peer, %error, "TLS could not be negotiated with the mail client");
            }
            Err(_) => tracing::info!(peer, "the mail client took too long to negotiate TLS"),
        },
        (end, _) => linger(stream, end).await,
    }
}

async fn converse<S>(
    stream: &mut S,
    session: &mut Session,
    shared: &Shared,
    clock: &mut Clock,
    peer: &str,
) -> End
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let limits = &shared.terms.limits;
    let mut buffer = vec![0; READ_BUFFER];
    let (mut filled, mut stopped) = (0, false);
    loop {
        session.tick(Instant::now());
        let mut input = buffer.get(..filled).unwrap_or_default();
        let end = loop {
            match session.advance(&mut input) {
                Action::Read => break None,
                Action::CheckRecipient { sender, recipient } => {
                    let answer = timeout(
                        limits.answer_time,
                        shared.inbound.check_recipient(&sender, &recipient),
                    );
                    session.recipient_checked(answer.await.unwrap_or_else(|_| Err(too_slow())));
                }
                Action::Accept(mail) => {
                    let answers = accept(shared, &mail, peer).await;
                    session.accepted(&answers);
                }
                Action::StartTls => break Some(End::StartTls),
                Action::Close if stopped => break Some(End::Stopped),
                Action::Close => break Some(End::Close),
            }
            if session.output_len() > OUTPUT_BUFFER && !send(stream, session, limits).await {
                return End::Gone;
            }
        };
        if !send(stream, session, limits).await {
            return End::Gone;
        }
        if let Some(end) = end {
            return end;
        }
        clock.see(session.wait());
        filled = match clock
            .read(stream, &mut buffer, session.wait(), &shared.shutdown)
            .await
        {
            Read::Bytes(0) | Read::Failed => return End::Gone,
            Read::Bytes(filled) => filled,
            Read::TimedOut => {
                session.time_out();
                0
            }
            Read::Stopped => {
                session.stop();
                stopped = true;
                0
            }
        };
    }
}

async fn accept(shared: &Shared, mail: &IncomingMail, peer: &str) -> Vec<Result<(), Refusal>> {
    let limit = shared.terms.limits.answer_time;
    let answers = timeout(limit, shared.inbound.accept(mail))
        .await
        .unwrap_or_else(|_| mail.recipients.iter().map(|_| Err(too_slow())).collect());
    let refused = answers.iter().filter(|answer| answer.is_err()).count();
    tracing::info!(
        peer,
        bytes = mail.bytes.len(),
        recipients = mail.recipients.len(),
        refused,
        "a mail came in"
    );
    answers
}

fn too_slow() -> Refusal {
    Refusal::try_again("Could not answer in time, try again later")
}

/// Sends what the session has to say; false when the peer does not take it.
async fn send<S>(stream: &mut S, session: &mut Session, limits: &Limits) -> bool
where
    S: AsyncWrite + Send + Unpin,
{
    let output = session.take_output();
    if output.is_empty() {
        return true;
    }
    let sending = async {
        stream.write_all(&output).await?;
        stream.flush().await
    };
    matches!(timeout(limits.command_time, sending).await, Ok(Ok(())))
}

async fn linger<S>(mut stream: S, end: End)
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let patience = match end {
        End::Close => LINGER,
        End::Stopped => LINGER_SILENT,
        End::StartTls | End::Gone => return,
    };
    let rest = async {
        if stream.shutdown().await.is_err() {
            return;
        }
        let mut buffer = [0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    };
    // The connection is over whether the peer saw the end or not.
    let _ = timeout(patience, rest).await;
}

/// How long the present wait may last.
struct Clock {
    command_time: Duration,
    message_time: Duration,
    stop_time: Duration,
    /// No wait goes beyond this: the end of the session, or of the time to finish when the door closes.
    latest: Instant,
    deadline: Instant,
    wait: Option<Wait>,
    stopping: bool,
}

/// What came of waiting for the peer.
enum Read {
    Bytes(usize),
    Failed,
    TimedOut,
    Stopped,
}

impl Clock {
    fn new(limits: &Limits) -> Self {
        let latest = Instant::now() + limits.session_time;
        Self {
            command_time: limits.command_time,
            message_time: limits.message_time,
            stop_time: limits.stop_time,
            latest,
            deadline: latest,
            wait: None,
            stopping: false,
        }
    }

    /// Starts a new deadline when the session waits for something new: single bytes now and then
    /// do not put it off.
    fn see(&mut self, wait: Wait) {
        if self.wait == Some(wait) {
            return;
        }
        self.wait = Some(wait);
        let limit = match wait {
            Wait::Command(_) => self.command_time,
            Wait::Message(_) => self.message_time,
        };
        self.deadline = (Instant::now() + limit).min(self.latest);
    }

    /// Reads. A message that is under way when the door closes may still come to its end.
    async fn read<S>(
        &mut self,
        stream: &mut S,
        buffer: &mut [u8],
        wait: Wait,
        shutdown: &CancellationToken,
    ) -> Read
    where
        S: AsyncRead + Send + Unpin,
    {
        loop {
            if self.stopping && matches!(wait, Wait::Command(_)) {
                return Read::Stopped;
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !self.stopping => {
                    self.stopping = true;
                    self.latest = self.latest.min(Instant::now() + self.stop_time);
                    self.deadline = self.deadline.min(self.latest);
                }
                read = timeout_at(self.deadline, stream.read(buffer)) => {
                    return match read {
                        Ok(Ok(bytes)) => Read::Bytes(bytes),
                        Ok(Err(_)) => Read::Failed,
                        Err(_) => Read::TimedOut,
                    };
                }
            }
        }
    }
}
