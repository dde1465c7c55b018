//! A mail server that does what a test tells it to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// What the server does when it has read something.
pub(super) enum Then {
    /// Answers with these lines, which need their line ends.
    Say(&'static str),
    /// Answers, then closes the connection.
    SayAndClose(&'static str),
    /// Closes the connection without an answer.
    Close,
    /// Says nothing any more.
    Hang,
}

use Then::{Close, Hang, Say, SayAndClose};

/// What a server without any fault does.
pub(super) fn good(line: &str) -> Then {
    Say(match line.split(' ').next().unwrap_or_default() {
        "" => "220 relay.example ESMTP\r\n",
        "EHLO" => "250-relay.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH PLAIN LOGIN\r\n",
        "AUTH" => "235 2.7.0 Welcome\r\n",
        "DATA" => "354 Go ahead\r\n",
        "." => "250 2.0.0 Ok: queued as 4F2C\r\n",
        _ => "250 2.1.0 Ok\r\n",
    })
}

/// A server that takes chunks.
pub(super) fn chunking(line: &str) -> Then {
    if line.starts_with("EHLO") {
        return Say("250-relay.example\r\n250-8BITMIME\r\n250-SIZE 3000000\r\n250 CHUNKING\r\n");
    }
    good(line)
}

/// What was said to the server, over all connections.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    pub(super) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// How often a line began with `start`.
    pub(super) fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }
}

/// Starts a server. `answer` gets each line: empty for the greeting, `.` for a whole message.
pub(super) async fn start(answer: impl Fn(&str) -> Then + Send + Sync + 'static) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Heard::default();
    let (answer, ears) = (Arc::new(answer), heard.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (answer, ears) = (Arc::clone(&answer), ears.clone());
            tokio::spawn(async move { converse(stream, &*answer, &ears).await });
        }
    });
    (port, heard)
}

/// One conversation, to its end.
pub(super) async fn converse<S>(stream: S, answer: &(dyn Fn(&str) -> Then + Send + Sync), heard: &Heard)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        match answer(line.trim_end()) {
            Say(reply) => {
                if stream.write_all(reply.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                    return;
                }
                if reply.starts_with("354") {
                    let mut message = String::new();
                    while !message.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut message).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    heard.0.lock().unwrap().push(message);
                    ".".clone_into(&mut line);
                    continue;
                }
            }
            SayAndClose(reply) => {
                let _ = stream.write_all(reply.as_bytes()).await;
                return;
            }
            Close => return,
            Hang => std::future::pending().await,
        }
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        heard.0.lock().unwrap().push(line.clone());
        // A chunk comes at once behind its command, which is answered when all of it is there.
        if let Some(size) = line
            .strip_prefix("BDAT ")
            .and_then(|rest| rest.split_whitespace().next())
        {
            let mut chunk = vec![0; size.parse().unwrap()];
            if stream.read_exact(&mut chunk).await.is_err() {
                return;
            }
            heard.0.lock().unwrap().push(String::from_utf8(chunk).unwrap());
        }
    }
}
