//! Whole sessions, with and without sockets.

mod connection;
mod limits;
mod protocol;
mod socket;

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::time::Instant;

use super::limits::Limits;
use super::rates::Rates;
use super::session::{Action, Session, Terms};
use super::{ListenAddress, ListenerSettings, Protocol};
use crate::mail::Inbound;
use crate::model::{IncomingMail, RawMail, Refusal};

/// An inbound side whose answers follow from the first word of the recipient.
#[derive(Default)]
struct Inbox {
    mails: Mutex<Vec<IncomingMail>>,
}

impl Inbox {
    fn check(recipient: &str) -> Result<(), Refusal> {
        match recipient {
            r if r.starts_with("nobody") => Err(Refusal::unknown_recipient("No such user")),
            r if r.starts_with("broken") => Err(Refusal::try_again("Store away")),
            _ => Ok(()),
        }
    }

    fn take(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>> {
        self.mails.lock().unwrap().push(mail.clone());
        mail.recipients
            .iter()
            .map(|recipient| match recipient.as_str() {
                r if r.starts_with("full") => Err(Refusal::not_allowed("Not wanted")),
                r if r.starts_with("defer") => Err(Refusal::try_again("Store away")),
                _ => Ok(()),
            })
            .collect()
    }

    fn mails(&self) -> Vec<IncomingMail> {
        self.mails.lock().unwrap().clone()
    }

    /// The only mail, as text.
    fn text(&self) -> String {
        let mails = self.mails();
        assert_eq!(mails.len(), 1);
        String::from_utf8_lossy(mails[0].bytes.head()).into_owned()
    }
}

#[async_trait]
impl Inbound for Inbox {
    async fn check_recipient(&self, _sender: &str, recipient: &str) -> Result<(), Refusal> {
        if recipient.starts_with("hang") {
            std::future::pending::<()>().await;
        }
        Self::check(recipient)
    }

    async fn accept(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>> {
        if mail
            .recipients
            .iter()
            .any(|recipient| recipient.starts_with("slow"))
        {
            std::future::pending::<()>().await;
        }
        self.take(mail)
    }
}

fn terms(protocol: Protocol, limits: Limits) -> Arc<Terms> {
    Arc::new(Terms::new(protocol, "mail.example.org", limits, Rates::default()))
}

fn settings(protocol: Protocol, limits: Limits) -> ListenerSettings {
    ListenerSettings {
        protocol,
        address: "127.0.0.1:0".parse::<ListenAddress>().unwrap(),
        hostname: "mail.example.org".to_owned(),
        tls: None,
        limits,
        rates: Rates::default(),
    }
}

/// A message, wherever it lies.
fn all(mail: &RawMail) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut mail.reader(0), &mut bytes).unwrap();
    bytes
}

/// What came of a session.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    output: String,
    mails: Vec<(String, Vec<String>, Vec<u8>)>,
    closed: bool,
}

impl Outcome {
    /// The codes of the replies: `250 2.1.0`.
    fn codes(&self) -> Vec<&str> {
        self.output
            .lines()
            .map(|line| match line.split_once(' ') {
                Some((code, rest)) if rest.starts_with(['2', '4', '5']) && rest.contains('.') => {
                    let enhanced = rest.split(' ').next().unwrap();
                    line.get(..code.len() + 1 + enhanced.len()).unwrap()
                }
                _ => line.get(..3).unwrap_or(line),
            })
            .collect()
    }
}

/// Plays `input`, cut into pieces of `piece` bytes, against a session without sockets.
fn play(terms: &Arc<Terms>, input: &[u8], piece: usize) -> Outcome {
    play_from(None, terms, input, piece)
}

/// The same, from an address.
fn play_from(peer: Option<IpAddr>, terms: &Arc<Terms>, input: &[u8], piece: usize) -> Outcome {
    let inbox = Inbox::default();
    let mut session = Session::new(Arc::clone(terms), peer, Instant::now());
    let mut output = Vec::new();
    let mut closed = false;
    'pieces: for mut piece in std::iter::once(&b""[..]).chain(input.chunks(piece)) {
        loop {
            match session.advance(&mut piece) {
                Action::Read => break,
                Action::CheckRecipient { recipient, .. } => {
                    session.recipient_checked(Inbox::check(&recipient));
                }
                Action::Accept(mail) => session.accepted(&inbox.take(&mail)),
                Action::StartTls => break 'pieces,
                Action::Close => {
                    closed = true;
                    break 'pieces;
                }
            }
        }
        assert!(
            piece.is_empty(),
            "a session that wants more has used up what it had"
        );
    }
    output.extend(session.take_output());
    Outcome {
        output: String::from_utf8(output).unwrap(),
        mails: inbox
            .mails()
            .into_iter()
            .map(|mail| (mail.sender, mail.recipients, all(&mail.bytes)))
            .collect(),
        closed,
    }
}

fn smtp(input: &str) -> Outcome {
    play(
        &terms(Protocol::Smtp, Limits::default()),
        input.as_bytes(),
        usize::MAX,
    )
}

fn lmtp(input: &str) -> Outcome {
    play(
        &terms(Protocol::Lmtp, Limits::default()),
        input.as_bytes(),
        usize::MAX,
    )
}
