//! Mail as it crosses the edges: envelope and bytes.

use std::fmt;

use super::{EmailAddress, Peer, RawMail, Verdict};

/// A name and an address, as in `From: "Alice" <alice@example.org>`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mailbox {
    /// The display name, decoded; hostile input until it is encoded into a header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    pub address: EmailAddress,
}

/// An SMTP envelope (RFC 5321, section 2.3.1): who gets the bounce, who gets the mail.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Envelope {
    /// `MAIL FROM`; `None` is the null reverse-path `<>`.
    pub sender: Option<EmailAddress>,
    /// `RCPT TO`.
    pub recipient: EmailAddress,
}

/// One mail as a door (SMTP, LMTP) took it, before anything was read in it.
#[derive(Clone, Debug)]
pub struct IncomingMail {
    /// Who brought it.
    pub peer: Peer,
    /// `MAIL FROM` as given, without angle brackets; empty for the null reverse-path.
    pub sender: String,
    /// `RCPT TO` as given, without angle brackets: each one was allowed by the inbound side.
    pub recipients: Vec<String>,
    /// The message, dots unstuffed, as received.
    pub bytes: RawMail,
    /// What is known of its author: nothing, until somebody looked.
    pub verdict: Verdict,
}

impl IncomingMail {
    /// A mail at whose author nobody has looked yet.
    pub fn new(peer: Peer, sender: String, recipients: Vec<String>, bytes: RawMail) -> Self {
        Self {
            peer,
            sender,
            recipients,
            bytes,
            verdict: Verdict::Unauthenticated("nobody looked".into()),
        }
    }
}

/// Why a mail, or one recipient of it, is not taken: an SMTP reply (RFC 5321, section 4.2)
/// with its enhanced status code (RFC 3463).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reply code, 4xx or 5xx.
    pub code: u16,
    /// The enhanced status code, such as `5.1.1`.
    pub enhanced: &'static str,
    /// One line for a person to read; no control characters.
    pub text: String,
}

impl Refusal {
    /// Whether the sender should keep the mail and try again. A refusal whose code refuses nothing is no success either.
    pub fn is_transient(&self) -> bool {
        !(500..600).contains(&self.code)
    }

    /// 550 5.1.1: there is no such mailbox.
    pub fn unknown_recipient(text: impl Into<String>) -> Self {
        Self {
            code: 550,
            enhanced: "5.1.1",
            text: text.into(),
        }
    }

    /// 550 5.7.1: the mailbox exists, but does not take this mail.
    pub fn not_allowed(text: impl Into<String>) -> Self {
        Self {
            code: 550,
            enhanced: "5.7.1",
            text: text.into(),
        }
    }

    /// 451 4.4.3: the DNS did not answer (RFC 3463, section 3.5); the sender keeps the mail and tries again.
    pub fn no_dns(text: impl Into<String>) -> Self {
        Self {
            code: 451,
            enhanced: "4.4.3",
            text: text.into(),
        }
    }

    /// 451 4.3.0: trouble on our side; the sender keeps the mail and tries again.
    pub fn try_again(text: impl Into<String>) -> Self {
        Self {
            code: 451,
            enhanced: "4.3.0",
            text: text.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.enhanced, self.text)
    }
}
