//! A mail relay in memory: keeps what it was given, and fails by script.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::mail::{Accepted, Leave, MailTransport, SendError};
use crate::model::{Clock, Envelope, Timestamp};

/// A mail that the relay took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentMail {
    /// When, by the clock.
    pub at: Timestamp,
    /// From whom, to whom.
    pub envelope: Envelope,
    /// The message as it came.
    pub message: Vec<u8>,
}

/// What a script wants of the next mail.
#[derive(Clone, Debug)]
struct Failure {
    recipient: Option<String>,
    error: SendError,
}

#[derive(Default)]
struct Spool {
    sent: Vec<SentMail>,
    failures: Vec<Failure>,
    attempts: u64,
}

/// A relay in memory.
pub struct MemoryMail {
    clock: Arc<dyn Clock>,
    spool: Mutex<Spool>,
}

impl MemoryMail {
    /// A relay that takes everything.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            spool: Mutex::default(),
        }
    }

    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every mail so far, in order.
    pub fn sent(&self) -> Vec<SentMail> {
        self.spool().sent.clone()
    }

    /// Takes the mails out, so that the next call gives only later ones.
    pub fn take_sent(&self) -> Vec<SentMail> {
        std::mem::take(&mut self.spool().sent)
    }

    /// How often a mail was offered, taken or not.
    pub fn attempts(&self) -> u64 {
        self.spool().attempts
    }

    /// Lets the next mail fail. An uncertain failure keeps the mail all the same: the relay had it when
    /// the connection broke.
    pub fn fail_next(&self, error: SendError) {
        self.spool().failures.push(Failure {
            recipient: None,
            error,
        });
    }

    /// Lets the next mail to this recipient fail.
    pub fn fail_next_to(&self, recipient: &str, error: SendError) {
        self.spool().failures.push(Failure {
            recipient: Some(recipient.to_owned()),
            error,
        });
    }
}

#[async_trait]
impl MailTransport for MemoryMail {
    async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
        leave: &dyn Leave,
    ) -> Result<Accepted, SendError> {
        if !leave.is_given().await {
            return Err(SendError::Withdrawn);
        }
        let mut spool = self.spool();
        spool.attempts += 1;
        let fits = |failure: &Failure| {
            let recipient = failure.recipient.as_deref();
            recipient.is_none_or(|recipient| recipient == envelope.recipient.as_str())
        };
        let failure = spool
            .failures
            .iter()
            .position(fits)
            .map(|index| spool.failures.remove(index).error);
        if matches!(failure, None | Some(SendError::Transient { uncertain: true, .. })) {
            spool.sent.push(SentMail {
                at: self.clock.now(),
                envelope: envelope.clone(),
                message: message.to_vec(),
            });
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(Accepted {
                reply: format!("250 2.0.0 Ok: queued as {}", spool.attempts),
            }),
        }
    }
}
