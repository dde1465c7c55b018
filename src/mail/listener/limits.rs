//! What a door allows: numbers, and the common budget for messages in memory.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The limits of one door. Each has its own reply, so that the mail server on the other side, and
/// the person who reads its log, learns which one was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest message in bytes, announced by SIZE (RFC 1870): `552 5.3.4`.
    pub max_size: usize,
    /// Message bytes held for all connections of the door together, in memory or in files: `452 4.3.1`.
    /// Never less than four times `max_size`.
    pub max_buffered: usize,
    /// The folder for the files of messages that are larger than a mebibyte.
    pub spool: Arc<Path>,
    /// Connections at a time: `421 4.3.2`.
    pub max_connections: usize,
    /// Connections at a time from one address (IPv6: from one /64): `421 4.7.0`.
    pub max_connections_per_address: usize,
    /// Bytes in a command line with its line end: `500 5.5.2`. RFC 5321, section 4.5.3.1.4, asks for 512
    /// and more for extensions; lines of message text have no limit but `max_size`.
    pub max_command_line: usize,
    /// `RCPT TO` commands in one mail, refused ones included: `452 4.5.3`. RFC 5321, section 4.5.3.1.8,
    /// asks for 100 at least. The client sends the rest in another mail.
    pub max_recipients: usize,
    /// Commands in one session: `421 4.7.0`.
    pub max_commands: u32,
    /// Commands in one session that were unknown, malformed or out of order: `421 4.7.0`. Unknown recipients
    /// do not count: a mail server in front passes on what strangers address to us.
    pub max_errors: u32,
    /// From a reply to the end of the next command (RFC 5321, section 4.5.3.2.7, asks for 5 minutes): `421 4.4.2`.
    pub command_time: Duration,
    /// From the start of a message to its end: `421 4.4.2`.
    pub message_time: Duration,
    /// For the whole session: `421 4.4.2`.
    pub session_time: Duration,
    /// For an answer of the inbound side, the commit of a message included: `451 4.3.0`. Less than the ten
    /// minutes that a client waits (RFC 5321, section 4.5.3.2.6), so that it hears our answer.
    pub answer_time: Duration,
    /// For messages that are under way when the door closes.
    pub stop_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_size: 50_000_000,
            max_buffered: 200_000_000,
            spool: std::env::temp_dir().into(),
            max_connections: 200,
            // A mail server in front connects from one address, twenty times at once by Postfix's default.
            max_connections_per_address: 100,
            max_command_line: 4096,
            max_recipients: 1000,
            max_commands: 20_000,
            max_errors: 20,
            command_time: Duration::from_mins(5),
            message_time: Duration::from_mins(30),
            session_time: Duration::from_hours(2),
            answer_time: Duration::from_mins(5),
            stop_time: Duration::from_secs(4),
        }
    }
}

/// Bytes that all sessions of a door share.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// The budget that `limits` allow.
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let bytes = limits.max_buffered.max(limits.max_size.saturating_mul(4));
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
        })
    }

    /// Takes nothing yet.
    pub(super) fn reservation(self: &Arc<Self>) -> Reservation {
        Reservation {
            budget: Arc::clone(self),
            bytes: 0,
        }
    }

    /// What is not reserved, in bytes.
    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

/// A part of the [`Budget`]; given back when dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reservation {
    /// Takes `more` bytes; false, and nothing taken, when they are not there.
    pub(super) fn grow(&mut self, more: usize) -> bool {
        let taken = self
            .budget
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(more))
            .is_ok();
        if taken {
            self.bytes = self.bytes.saturating_add(more);
        }
        taken
    }

    /// Gives everything back.
    pub(super) fn release(&mut self) {
        self.budget.left.fetch_add(self.bytes, Ordering::SeqCst);
        self.bytes = 0;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_share_one_budget_and_give_back() {
        let budget = Budget::new(&Limits {
            max_size: 10,
            max_buffered: 100,
            ..Limits::default()
        });
        let mut first = budget.reservation();
        let mut second = budget.reservation();
        assert!(first.grow(60));
        assert!(!second.grow(60));
        assert!(second.grow(40));
        drop(first);
        assert_eq!(budget.left(), 60);
        second.release();
        assert_eq!(budget.left(), 100);
    }

    #[test]
    fn one_message_of_the_largest_size_always_fits() {
        let budget = Budget::new(&Limits {
            max_size: 1000,
            max_buffered: 1,
            ..Limits::default()
        });
        assert_eq!(budget.left(), 4000);
    }
}
