//! A connection to the server: commands, and their answers.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::time::{Instant, timeout, timeout_at};

use super::dial::Wire;
use super::frame::Framer;
use super::name;
use super::response::{Code, Condition, Fetched, Response, Status};
use super::{ImapError, MailboxSettings};

/// Messages that a search may find.
const MAX_FOUND: usize = 1_000_000;
/// Bytes in the literals of a response that is no message.
const SMALL: usize = 64 * 1024;

/// A connection.
pub(super) struct Session {
    wire: BufReader<Box<dyn Wire>>,
    framer: Framer,
    commands: u32,
    pub(super) timeout: Duration,
    /// What the server can do, in capitals.
    pub(super) capabilities: BTreeSet<String>,
    /// The server has told of new messages since [`Session::search`] was last asked.
    news: bool,
}

/// What a folder says of itself when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) validity: u32,
    /// The UID of the next message.
    pub(super) next: u32,
    /// Whether keywords can be set.
    pub(super) keywords: bool,
}

impl Session {
    /// A session on a connection on which nothing was said yet.
    pub(super) fn new(wire: Box<dyn Wire>, settings: &MailboxSettings) -> Self {
        Self {
            wire: BufReader::new(wire),
            framer: Framer::default(),
            commands: 0,
            timeout: settings.timeout,
            capabilities: BTreeSet::new(),
            news: false,
        }
    }

    /// Waits for the greeting.
    pub(super) async fn greeting(&mut self) -> Result<(), ImapError> {
        match timeout(self.timeout, self.next(SMALL)).await {
            Ok(Ok(Response::Condition(Condition {
                status: Status::Ok, ..
            }))) => Ok(()),
            Ok(Ok(_)) => Err(ImapError::Unfit(
                "this is no IMAP server that one can log in to".into(),
            )),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ImapError::TimedOut),
        }
    }

    /// The connection itself, to begin TLS on it. What was sent in the clear after the answer to STARTTLS is no part of what follows.
    pub(super) fn into_wire(self) -> Result<Box<dyn Wire>, ImapError> {
        if !self.wire.buffer().is_empty() {
            return Err(ImapError::Unfit("the server spoke before TLS began".into()));
        }
        Ok(self.wire.into_inner())
    }

    /// The next response. May be dropped while it waits.
    async fn next(&mut self, most: usize) -> Result<Response, ImapError> {
        loop {
            let mut input = self.wire.fill_buf().await?;
            let before = input.len();
            if before == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            let frame = self.framer.feed(&mut input, most);
            let used = before - input.len();
            self.wire.consume(used);
            let Some(frame) = frame? else { continue };
            match Response::read(frame) {
                Response::Condition(Condition {
                    status: Status::Bye,
                    text,
                    ..
                }) => return Err(ImapError::Bye(text)),
                Response::Exists => {
                    self.news = true;
                    return Ok(Response::Exists);
                }
                other => return Ok(other),
            }
        }
    }

    async fn send(&mut self, line: &str) -> Result<(), ImapError> {
        let sending = async {
            self.wire.write_all(line.as_bytes()).await?;
            self.wire.write_all(b"\r\n").await?;
            self.wire.flush().await
        };
        Ok(timeout(self.timeout, sending)
            .await
            .map_err(|_| ImapError::TimedOut)??)
    }

    /// Sends a command; gives its tag.
    pub(super) async fn begin(&mut self, line: &str) -> Result<String, ImapError> {
        self.commands = self.commands.wrapping_add(1);
        let tag = format!("P{}", self.commands);
        self.send(&format!("{tag} {line}")).await?;
        Ok(tag)
    }

    /// Reads up to the end of a command. `see` gets all that comes before.
    pub(super) async fn end(
        &mut self,
        (command, tag): (&'static str, &str),
        (most, time): (usize, Duration),
        mut see: impl FnMut(Response),
    ) -> Result<Condition, ImapError> {
        let deadline = Instant::now() + time;
        loop {
            let next = timeout_at(deadline, self.next(most)).await;
            match next.map_err(|_| ImapError::TimedOut)?? {
                Response::Done(other, condition) if other == tag => {
                    return match condition.status {
                        Status::Ok => Ok(condition),
                        _ => Err(ImapError::Refused {
                            command,
                            text: condition.text,
                        }),
                    };
                }
                other => see(other),
            }
        }
    }

    /// A command with its arguments.
    pub(super) async fn command(
        &mut self,
        command: &'static str,
        arguments: &str,
        see: impl FnMut(Response),
    ) -> Result<Condition, ImapError> {
        let tag = self.begin(format!("{command} {arguments}").trim_end()).await?;
        self.end((command, &tag), (SMALL, self.timeout), see).await
    }

    /// Asks what the server can do.
    pub(super) async fn ask_capabilities(&mut self) -> Result<(), ImapError> {
        let mut found = BTreeSet::new();
        self.command("CAPABILITY", "", |response| {
            if let Response::Capability(words) = response {
                found.extend(words);
            }
        })
        .await?;
        self.capabilities = found;
        Ok(())
    }

    /// Signs in by a mechanism of SASL (RFC 3501, section 6.2.2).
    pub(super) async fn authenticate(&mut self, mechanism: &str, words: &[u8]) -> Result<(), ImapError> {
        const COMMAND: &str = "AUTHENTICATE";
        let tag = self.begin(&format!("{COMMAND} {mechanism}")).await?;
        let deadline = Instant::now() + self.timeout;
        let mut answer = data_encoding::BASE64.encode(words);
        loop {
            let next = timeout_at(deadline, self.next(SMALL)).await;
            match next.map_err(|_| ImapError::TimedOut)?? {
                // A second challenge says what was wrong, and wants an empty line for an answer.
                Response::Continue => self.send(&std::mem::take(&mut answer)).await?,
                Response::Done(other, condition) if other == tag => {
                    return match condition.status {
                        Status::Ok => Ok(()),
                        _ => Err(ImapError::Refused {
                            command: COMMAND,
                            text: condition.text,
                        }),
                    };
                }
                _ => {}
            }
        }
    }

    /// Opens a folder.
    pub(super) async fn select(&mut self, folder: &str) -> Result<Selected, ImapError> {
        let (mut validity, mut next, mut keywords) = (None, None, false);
        self.command("SELECT", &name::folder(folder), |response| {
            if let Response::Condition(Condition { code, .. }) = response {
                match code {
                    Code::UidValidity(number) => validity = Some(number),
                    Code::UidNext(number) => next = Some(number),
                    Code::PermanentFlags { keywords: may } => keywords = may,
                    Code::TryCreate | Code::None => {}
                }
            }
        })
        .await?;
        let (Some(validity), Some(next)) = (validity, next) else {
            return Err(ImapError::Unfit(
                "the server does not say UIDVALIDITY and UIDNEXT, without which its messages can't be told apart".into(),
            ));
        };
        Ok(Selected {
            validity,
            next,
            keywords,
        })
    }

    /// The UIDs of the messages for which all of `criteria` holds.
    pub(super) async fn search(&mut self, criteria: &str) -> Result<BTreeSet<u32>, ImapError> {
        self.news = false;
        let mut found = BTreeSet::new();
        let mut surplus = false;
        self.command("UID SEARCH", criteria, |response| {
            if let Response::Search(uids) = response {
                found.extend(uids);
                surplus |= found.len() > MAX_FOUND;
                if surplus {
                    found.clear();
                }
            }
        })
        .await?;
        if surplus {
            return Err(ImapError::Unfit(format!(
                "the folder has more than {MAX_FOUND} new messages: have Penpal read another one"
            )));
        }
        Ok(found)
    }

    /// The sizes of messages, of those that are there.
    pub(super) async fn sizes(&mut self, uids: &[u32]) -> Result<BTreeMap<u32, u64>, ImapError> {
        let list: Vec<String> = uids.iter().map(u32::to_string).collect();
        let mut sizes = BTreeMap::new();
        self.command(
            "UID FETCH",
            &format!("{} (UID RFC822.SIZE)", list.join(",")),
            |response| {
                if let Response::Fetch(Fetched {
                    uid: Some(uid),
                    size: Some(size),
                    ..
                }) = response
                    && uids.contains(&uid)
                {
                    sizes.insert(uid, size);
                }
            },
        )
        .await?;
        Ok(sizes)
    }

    /// Adds flags to a message.
    pub(super) async fn flag(&mut self, uid: u32, flags: &str) -> Result<(), ImapError> {
        self.command("UID STORE", &format!("{uid} +FLAGS.SILENT ({flags})"), |_| {})
            .await
            .map(|_| ())
    }

    /// Moves a message. Where the server can't, the copy comes first: a message may be there twice, but never not at all.
    pub(super) async fn move_to(&mut self, uid: u32, folder: &str) -> Result<(), ImapError> {
        let arguments = format!("{uid} {}", name::folder(folder));
        if self.capabilities.contains("MOVE") {
            return self.command("UID MOVE", &arguments, |_| {}).await.map(|_| ());
        }
        self.command("UID COPY", &arguments, |_| {}).await?;
        self.delete(uid).await
    }

    /// Deletes a message. Without UIDPLUS it is only marked: EXPUNGE would take away what somebody else has marked.
    pub(super) async fn delete(&mut self, uid: u32) -> Result<(), ImapError> {
        self.flag(uid, "\\Deleted").await?;
        if self.capabilities.contains("UIDPLUS") {
            self.command("UID EXPUNGE", &uid.to_string(), |_| {}).await?;
        }
        Ok(())
    }

    /// Makes a folder.
    pub(super) async fn create(&mut self, folder: &str) -> Result<(), ImapError> {
        self.command("CREATE", &name::folder(folder), |_| {})
            .await
            .map(|_| ())
    }

    /// Waits until the server tells of new messages, for `time` at the most, and answers whether it has. A server without IDLE is not
    /// waited for longer than `poll`.
    pub(super) async fn wait(&mut self, time: Duration, poll: Duration) -> Result<bool, ImapError> {
        if self.news {
            return Ok(true);
        }
        if !self.capabilities.contains("IDLE") {
            tokio::time::sleep(time.min(poll)).await;
            self.command("NOOP", "", |_| {}).await?;
            return Ok(false);
        }
        let tag = self.begin("IDLE").await?;
        let deadline = Instant::now() + time;
        let answer = Instant::now() + self.timeout;
        let mut idles = false;
        while !(self.news && idles) {
            match timeout_at(if idles { deadline } else { answer }, self.next(SMALL)).await {
                Ok(Ok(Response::Continue)) => idles = true,
                Ok(Ok(Response::Done(other, _))) if other == tag => {
                    // It can, but will not.
                    self.capabilities.remove("IDLE");
                    return Ok(false);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) if idles => break,
                Err(_) => return Err(ImapError::TimedOut),
            }
        }
        self.send("DONE").await?;
        self.end(("IDLE", &tag), (SMALL, self.timeout), |_| {}).await?;
        Ok(self.news)
    }

    /// Takes leave; whether the server hears it makes no difference.
    pub(super) async fn leave(&mut self) {
        let _ = self.begin("LOGOUT").await;
        let _ = timeout(self.timeout, self.wire.shutdown()).await;
    }
}
