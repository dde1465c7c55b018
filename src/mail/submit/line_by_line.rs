//! A connection that gives what the relay says line by line, so that nothing which was said before TLS counts as said within it.
//!
//! lettre reads ahead, and keeps what it has read when TLS begins. Somebody on the way could put replies behind the one to `STARTTLS`, and
//! each would be taken for the relay's own, also for that to a message, which nobody else would ever have seen (RFC 3207, section 4.2,
//! has such data discarded). Behind this connection lettre holds no more than the line that it asked for; what follows goes into the
//! handshake of TLS, which fails.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;

/// The connection.
#[derive(Debug)]
pub(super) struct LineByLine(BufReader<TcpStream>);

impl LineByLine {
    /// A connection on which nothing was read yet.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }

    fn inner(self: Pin<&mut Self>) -> Pin<&mut BufReader<TcpStream>> {
        Pin::new(&mut self.get_mut().0)
    }
}

impl AsyncRead for LineByLine {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let ahead = ready!(self.as_mut().inner().poll_fill_buf(context))?;
        let line = ahead
            .split_inclusive(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let bytes = line.get(..into.remaining()).unwrap_or(line);
        into.put_slice(bytes);
        let length = bytes.len();
        self.inner().consume(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LineByLine {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.inner().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(context)
    }
}

impl AsyncTokioStream for LineByLine {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }
}
