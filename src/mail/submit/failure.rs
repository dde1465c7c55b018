//! Every way in which a submission fails, and what it means for the message: decided here alone.
//!
//! | what happened | before MAIL | MAIL, RCPT, DATA | after the message was sent |
//! | --- | --- | --- | --- |
//! | 4xx | transient | transient | transient |
//! | 5xx | transient: it is not about the message | permanent | permanent |
//! | 530, 534, 535, 538: the relay wants another login | transient | transient | transient |
//! | connection broken, time-out, TLS, answers that are none | transient | transient | transient, uncertain |
//!
//! What is the admin's to mend is transient: the messages wait in the queue until it is mended.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::response::Response;

use crate::mail::SendError;

/// A server's words are shown to people; nobody reads more than this.
const MAX_WORDS: usize = 1000;

/// How far a submission had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Connection, greeting, EHLO, TLS.
    Connect,
    /// AUTH.
    Authenticate,
    /// MAIL, RCPT, DATA: the server cannot have the message yet.
    Envelope,
    /// The message and the reply to it: the server may have it.
    Message,
}

/// A failure, and whether client and server still agree on where they are.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: SendError,
    /// The server answered as the protocol has it: after RSET the connection is as good as new.
    pub(super) in_step: bool,
    /// Before it had the message the server hung up, or said that it is about to (421, RFC 5321, section 3.8): on a connection
    /// that was idle, this says nothing about the message.
    pub(super) hung_up: bool,
}

impl Failure {
    /// What lettre reports.
    pub(super) fn from_lettre(stage: Stage, error: &smtp::Error) -> Self {
        let Some(code) = error.status().map(u16::from) else {
            return Self::broken(stage, &cause(error));
        };
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        let reply = tidy(&format!("{code} {text}"));
        let error = match (stage, code) {
            (Stage::Authenticate, _) | (Stage::Envelope | Stage::Message, 530 | 534 | 535 | 538) => {
                transient(format!(
                    "the mail relay does not accept the login: {reply}; check mail.relay.username and mail.relay.password"
                ))
            }
            (Stage::Connect, _) => transient(format!("the mail relay does not want to talk: {reply}")),
            (Stage::Envelope | Stage::Message, 500..) => permanent(&reply),
            (Stage::Envelope | Stage::Message, _) => transient(reply),
        };
        Self {
            error,
            in_step: true,
            hung_up: stage == Stage::Envelope && code == 421,
        }
    }

    /// The server did not answer in time.
    pub(super) fn timed_out(stage: Stage, limit: Duration) -> Self {
        Self {
            hung_up: false,
            ..Self::broken(stage, &format!("no answer within {} s", limit.as_secs_f32()))
        }
    }

    /// A reply that is positive, but has no place here.
    pub(super) fn unexpected(stage: Stage, reply: &Response) -> Self {
        Self::broken(stage, &format!("unexpected answer {}", words(reply)))
    }

    /// The relay lacks what the message needs.
    pub(super) fn cannot_carry(reason: &str) -> Self {
        Self {
            error: permanent(reason),
            in_step: true,
            hung_up: false,
        }
    }

    /// No relay may get the message.
    pub(super) fn unfit() -> Self {
        Self::cannot_carry("the message holds a CR or LF that is no line end")
    }

    /// The message can't be read now.
    pub(super) fn unreadable(reason: String) -> Self {
        Self {
            error: SendError::unreadable(reason),
            in_step: true,
            hung_up: false,
        }
    }

    /// The relay has a part of the message, which can't be read to its end.
    pub(super) fn torn(reason: &str) -> Self {
        Self {
            in_step: false,
            ..Self::unreadable(reason.to_owned())
        }
    }

    /// The relay waits for the message. It must not get it: only hanging up says so.
    pub(super) fn withdrawn() -> Self {
        Self {
            error: SendError::Withdrawn,
            in_step: false,
            hung_up: false,
        }
    }

    /// There is no talking with the server.
    pub(super) fn broken(stage: Stage, what: &str) -> Self {
        let context = match stage {
            Stage::Connect => "cannot connect to the mail relay",
            Stage::Authenticate => "cannot log in to the mail relay",
            Stage::Envelope => "the connection to the mail relay broke",
            Stage::Message => "the connection to the mail relay broke after the message was sent",
        };
        Self {
            error: SendError::Transient {
                reply: tidy(&format!("{context}: {what}")),
                uncertain: stage == Stage::Message,
            },
            in_step: false,
            hung_up: stage == Stage::Envelope,
        }
    }
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// A server's reply in one line.
pub(super) fn words(reply: &Response) -> String {
    let text: Vec<&str> = reply.message().collect();
    tidy(&format!("{} {}", reply.code(), text.join(" ")))
}

/// It will not be tried again.
fn permanent(reply: &str) -> SendError {
    SendError::Permanent {
        reply: reply.to_owned(),
    }
}

fn transient(reply: String) -> SendError {
    SendError::Transient {
        reply,
        uncertain: false,
    }
}

/// What is behind lettre's error: its own words for it say nothing ("Connection error: Connection error").
fn cause(error: &smtp::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// One line without control characters.
fn tidy(text: &str) -> String {
    text.chars()
        .take(MAX_WORDS)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}
