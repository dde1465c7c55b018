//! One SMTP or LMTP session as a state machine without sockets: bytes in, replies and requests out.
//!
//! RFC 5321 (SMTP), 2033 (LMTP), 1870 (SIZE), 2034 (enhanced status codes), 2920 (pipelining), 3030 (BDAT),
//! 3207 (STARTTLS), 6152 (8BITMIME), 6531 (SMTPUTF8). The outcome never depends on how the bytes were cut up.
//!
//! ```
//! use penpal::mail::listener::session::{Action, Session, Terms};
//! use penpal::mail::listener::{Limits, Protocol, Rates};
//!
//! let terms = Terms::new(Protocol::Lmtp, "mail.example.org", Limits::default(), Rates::default());
//! let mut session = Session::new(terms.into(), None, tokio::time::Instant::now());
//! let mut input = &b"LHLO localhost\r\nMAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@mail.example.org>\r\n"[..];
//! let Action::CheckRecipient { recipient, .. } = session.advance(&mut input) else { panic!() };
//! assert_eq!(recipient, "bob@mail.example.org");
//! session.recipient_checked(Ok(()));
//! assert!(session.take_output().ends_with(b"250 2.1.5 OK\r\n"));
//! ```

mod line;
mod terms;
mod verbs;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::Protocol;
use super::command;
use super::limits::Reservation;
use super::message::{Body, DataDecoder};
use super::reply::Reply;
use crate::mail::answer;
use crate::model::{IncomingMail, Peer, Refusal};
use line::Line;
pub use terms::Terms;
pub(super) use terms::stranger;

/// What must happen before the session can go on.
#[derive(Debug)]
pub enum Action {
    /// The input is used up: send the output, then bring more.
    Read,
    /// Ask the inbound side, then call [`Session::recipient_checked`].
    CheckRecipient {
        /// `MAIL FROM` as given; empty for the null reverse-path.
        sender: String,
        /// `RCPT TO` as given.
        recipient: String,
    },
    /// Have the mail committed, then call [`Session::accepted`].
    Accept(IncomingMail),
    /// Send the output, throw away all input, negotiate TLS, then call [`Session::tls_started`].
    StartTls,
    /// Send the output and close the connection.
    Close,
}

/// What a session waits for, which decides how long it may take. Every change starts a new wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// For the command with this number.
    Command(u32),
    /// For the rest of a message that began with the command of this number.
    Message(u32),
}

/// A session.
#[derive(Debug)]
pub struct Session {
    terms: Arc<Terms>,
    state: State,
    line: Line,
    output: Vec<u8>,
    greeted: bool,
    tls: bool,
    peer: Peer,
    mail: Option<Transaction>,
    commands: u32,
    errors: u32,
    /// The client, when what it may do in a minute has limits.
    stranger: Option<IpAddr>,
    /// Recipients that were refused for good.
    refused: u32,
    now: Instant,
}

/// A mail transaction (RFC 5321, section 3.3), begun by MAIL.
#[derive(Debug)]
struct Transaction {
    sender: String,
    recipients: Vec<String>,
    /// RCPT commands that were looked at, accepted or not.
    tried: usize,
    /// The message so far, from the first BDAT on, and the command that began it.
    chunks: Option<(u32, Body)>,
}

#[derive(Debug)]
enum State {
    Command,
    CheckingRecipient(String),
    Data(DataDecoder, Body),
    Chunk {
        left: usize,
        last: bool,
        sink: Sink,
    },
    /// The recipients of the mail that is being committed, and its memory.
    Accepting(Vec<String>, Reservation),
    StartingTls,
    Closed,
}

/// Where the bytes of a chunk go.
#[derive(Debug)]
enum Sink {
    /// To the message of the transaction.
    Message,
    /// Nowhere: the command was out of order, but its bytes come all the same (RFC 3030, section 2).
    Nowhere,
}

const OK: Reply = Reply::new(250, "2.0.0", "OK");
const OUT_OF_ORDER: Reply = Reply::new(503, "5.5.1", "Bad sequence of commands");

impl Session {
    /// A new session with a client at this address, with its greeting in the output. `now` is the time until [`Session::tick`].
    pub fn new(terms: Arc<Terms>, address: Option<IpAddr>, now: Instant) -> Self {
        let mut session = Self {
            state: State::Command,
            line: Line::default(),
            output: Vec::new(),
            greeted: false,
            tls: false,
            peer: Peer {
                address,
                by: terms.hostname.clone(),
                ..Peer::default()
            },
            mail: None,
            commands: 0,
            errors: 0,
            stranger: stranger(terms.protocol, address),
            refused: 0,
            now,
            terms,
        };
        let name = match session.terms.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        let greeting = format!("{} {name} Penpal", session.terms.hostname);
        session.reply(&Reply::with_text(220, "", greeting));
        session
    }

    /// Tells the time.
    pub fn tick(&mut self, now: Instant) {
        self.now = now;
    }

    /// Works on `input`, taking off what it used, until something else must happen first.
    pub fn advance(&mut self, input: &mut &[u8]) -> Action {
        loop {
            match std::mem::replace(&mut self.state, State::Command) {
                State::Command => {
                    if !self.line.read(input, self.terms.limits.max_command_line) {
                        return Action::Read;
                    }
                    if let Some(action) = self.take_line() {
                        return action;
                    }
                }
                State::Data(mut decoder, mut body) => {
                    if !decoder.decode(input, &mut body) {
                        self.state = State::Data(decoder, body);
                        return Action::Read;
                    }
                    if let Some(action) = self.finish_message(body) {
                        return action;
                    }
                }
                State::Chunk { left, last, sink } => {
                    let (bytes, rest) = input.split_at(left.min(input.len()));
                    *input = rest;
                    if let (Sink::Message, Some((_, body))) = (&sink, self.chunks()) {
                        body.push(bytes);
                    }
                    let left = left - bytes.len();
                    if left > 0 {
                        self.state = State::Chunk { left, last, sink };
                        return Action::Read;
                    }
                    if let Some(action) = self.finish_chunk(last, &sink) {
                        return action;
                    }
                }
                State::Closed => {
                    self.state = State::Closed;
                    return Action::Close;
                }
                waiting @ (State::CheckingRecipient(_) | State::Accepting(..) | State::StartingTls) => {
                    // The caller owes an answer, and has nothing to bring until then.
                    self.state = waiting;
                    return Action::Read;
                }
            }
        }
    }

    /// The replies so far, for the caller to send.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// How many bytes [`Self::take_output`] would give.
    pub(super) fn output_len(&self) -> usize {
        self.output.len()
    }

    /// The inbound side's word on the recipient of [`Action::CheckRecipient`].
    pub fn recipient_checked(&mut self, answer: Result<(), Refusal>) {
        let State::CheckingRecipient(recipient) = std::mem::replace(&mut self.state, State::Command) else {
            return;
        };
        match (answer, &mut self.mail) {
            (Ok(()), Some(mail)) => {
                mail.recipients.push(recipient);
                self.reply(&Reply::new(250, "2.1.5", "OK"));
            }
            (Ok(()), None) => self.reply(&OUT_OF_ORDER),
            (Err(refusal), _) => {
                self.reply(&Reply::from(&refusal));
                if !refusal.is_transient() {
                    self.count_refused();
                }
            }
        }
    }

    /// The inbound side's word on the mail of [`Action::Accept`], one answer for each recipient.
    pub fn accepted(&mut self, answers: &[Result<(), Refusal>]) {
        let State::Accepting(recipients, memory) = std::mem::replace(&mut self.state, State::Command) else {
            return;
        };
        drop(memory);
        match self.terms.protocol {
            Protocol::Smtp => self.taken(&answer::for_all(&recipients, answers)),
            // One reply for each recipient that RCPT accepted, in their order (RFC 2033, section 4.2).
            Protocol::Lmtp => {
                for at in 0..recipients.len() {
                    self.taken(&answer::for_one(answers, at));
                }
            }
        }
    }

    /// Loses patience with a stranger who tries which recipients there are.
    fn count_refused(&mut self) {
        self.refused = self.refused.saturating_add(1);
        if let Some(peer) = self.stranger
            && let Err(limit) = self.terms.throttle.refused(peer, self.refused, self.now)
        {
            self.close(&limit.reply());
        }
    }

    fn taken(&mut self, answer: &Result<(), Refusal>) {
        match answer {
            Ok(()) => self.reply(&Reply::new(250, "2.0.0", "OK, the message is safe")),
            Err(refusal) => self.reply(&Reply::from(refusal)),
        }
    }

    /// TLS is up: the session begins anew (RFC 3207, section 4.2).
    pub fn tls_started(&mut self) {
        self.state = State::Command;
        self.tls = true;
        self.greeted = false;
        self.mail = None;
        self.line = Line::default();
    }

    /// What the session waits for.
    pub(super) fn wait(&self) -> Wait {
        let chunks = self.mail.as_ref().and_then(|mail| mail.chunks.as_ref());
        match (&self.state, chunks) {
            (
                State::Chunk {
                    sink: Sink::Message, ..
                }
                | State::Command,
                Some((began, _)),
            ) => Wait::Message(*began),
            (State::Data(..) | State::Chunk { .. }, _) => Wait::Message(self.commands),
            _ => Wait::Command(self.commands),
        }
    }

    /// Ends the session because the peer took too long.
    pub fn time_out(&mut self) {
        self.close(&Reply::new(421, "4.4.2", "Timeout, closing the connection"));
    }

    /// Ends the session because the door closes.
    pub fn stop(&mut self) {
        self.close(&Reply::new(421, "4.3.2", "Shutting down, closing the connection"));
    }

    fn take_line(&mut self) -> Option<Action> {
        let line = self.line.take();
        self.commands = self.commands.saturating_add(1);
        if self.commands > self.terms.limits.max_commands {
            self.close(&Reply::new(421, "4.7.0", "Too many commands in one session"));
            return None;
        }
        let Some(line) = line else {
            self.fail(&Reply::new(500, "5.5.2", "Line too long"));
            return None;
        };
        match command::parse(&line) {
            Ok(command) => self.obey(command),
            Err(rejected) if rejected.close => {
                self.close(&rejected.reply);
                None
            }
            Err(rejected) => {
                self.fail(&rejected.reply);
                None
            }
        }
    }

    fn chunks(&mut self) -> Option<&mut (u32, Body)> {
        self.mail.as_mut().and_then(|mail| mail.chunks.as_mut())
    }

    fn new_body(&self) -> Body {
        Body::new(&self.terms.limits, self.terms.budget.reservation())
    }

    fn reply(&mut self, reply: &Reply) {
        reply.write(&mut self.output);
    }

    /// Replies to a mistake of the client, and loses patience with too many.
    fn fail(&mut self, reply: &Reply) {
        self.reply(reply);
        self.errors = self.errors.saturating_add(1);
        if self.errors >= self.terms.limits.max_errors {
            self.close(&Reply::new(
                421,
                "4.7.0",
                "Too many errors, closing the connection",
            ));
        }
    }

    fn close(&mut self, reply: &Reply) {
        self.reply(reply);
        self.mail = None;
        self.state = State::Closed;
    }
}
