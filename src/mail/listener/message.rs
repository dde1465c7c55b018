//! The text of a message on its way in: the end of DATA, dots, and where the bytes lie, within bounds.

use std::io;
use std::sync::Arc;

use super::limits::{Limits, Reservation};
use super::reply::Reply;
use crate::model::{RawMail, Spool};

/// Where [`DataDecoder`] stands in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// After CRLF, and at the very start.
    LineStart,
    /// After a dot at the start of a line.
    Dot,
    /// After a dot at the start of a line and CR.
    DotCr,
    /// Within a line.
    Middle,
    /// After CR within a line.
    Cr,
}

/// Decodes the text after DATA (RFC 5321, section 4.5.2): takes off the doubled dot, finds the end.
///
/// Only `CRLF . CRLF` ends a message. Servers that took `LF . LF` or the like for the end as well let a
/// sender smuggle a second mail through a server in front which did not (the "SMTP smuggling" of
/// December 2023). Lone CR and LF are text like any other and are kept as they come: mail with them exists, and a
/// mail server in front that passed it on cannot do anything sensible with a refusal. Postfix came to the
/// same (`smtpd_forbid_bare_newline = normalize`), but for the rewriting, which breaks DKIM signatures.
#[derive(Debug)]
pub(super) struct DataDecoder {
    position: Position,
}

impl DataDecoder {
    pub(super) fn new() -> Self {
        Self {
            position: Position::LineStart,
        }
    }

    /// Takes bytes off `input` into `body`. True when the end of the message was reached; what follows it stays.
    pub(super) fn decode(&mut self, input: &mut &[u8], body: &mut Body) -> bool {
        while let Some((&byte, rest)) = input.split_first() {
            match (self.position, byte) {
                (Position::LineStart, b'.') => self.position = Position::Dot,
                (Position::Dot, b'\r') => self.position = Position::DotCr,
                (Position::DotCr, b'\n') => {
                    *input = rest;
                    return true;
                }
                (Position::DotCr, _) => {
                    // It was no end after all: the CR is text, and the byte is looked at again.
                    body.push(b"\r");
                    self.position = Position::Cr;
                    continue;
                }
                (Position::Cr, b'\n') => {
                    body.push(b"\n");
                    self.position = Position::LineStart;
                }
                (_, b'\r') => {
                    body.push(b"\r");
                    self.position = Position::Cr;
                }
                _ => {
                    let length = input.iter().position(|&b| b == b'\r').unwrap_or(input.len());
                    let (text, rest) = input.split_at(length);
                    body.push(text);
                    *input = rest;
                    self.position = Position::Middle;
                    continue;
                }
            }
            *input = rest;
        }
        false
    }
}

/// The bytes of one message, bounded by the largest size and by the budget of the door. A large one lies in a file.
#[derive(Debug)]
pub(super) struct Body {
    spool: Spool,
    max_size: usize,
    reservation: Reservation,
    /// Bytes that are reserved.
    reserved: usize,
    refusal: Option<Reply>,
}

/// A finished message, and its share of the door's budget for as long as it is held.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) bytes: RawMail,
    pub(super) reservation: Reservation,
}

/// Bytes that are reserved at once.
const SHARE: usize = 64 * 1024;

impl Body {
    pub(super) fn new(limits: &Limits, reservation: Reservation) -> Self {
        Self {
            spool: Spool::new(Arc::clone(&limits.spool)),
            max_size: limits.max_size,
            reservation,
            reserved: 0,
            refusal: None,
        }
    }

    /// Adds `bytes`; once the message is refused they are thrown away.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.refusal.is_some() {
            return;
        }
        let length = usize::try_from(self.spool.len()).unwrap_or(usize::MAX);
        let needed = length.saturating_add(bytes.len());
        if needed > self.max_size {
            return self.refuse(too_large(self.max_size));
        }
        if needed > self.reserved {
            let more = (needed - self.reserved)
                .next_multiple_of(SHARE)
                .min(self.max_size.saturating_sub(self.reserved));
            if !self.reservation.grow(more) {
                return self.refuse(NO_ROOM);
            }
            self.reserved += more;
        }
        if let Err(error) = self.spool.write(bytes) {
            self.no_file(&error);
        }
    }

    /// Why the message will not be taken, however it goes on.
    pub(super) fn refusal(&self) -> Option<&Reply> {
        self.refusal.as_ref()
    }

    /// The message as a whole.
    pub(super) fn finish(mut self) -> Result<Finished, Reply> {
        let spool = self.take_spool();
        if let Some(refusal) = self.refusal {
            return Err(refusal);
        }
        match spool.finish() {
            Ok(bytes) => Ok(Finished {
                bytes,
                reservation: self.reservation,
            }),
            Err(error) => {
                self.no_file(&error);
                Err(NO_ROOM)
            }
        }
    }

    fn no_file(&mut self, error: &io::Error) {
        tracing::error!(
            %error,
            folder = %self.spool.folder().display(),
            "a large mail was put off: it can't be kept in a file"
        );
        self.refuse(NO_ROOM);
    }

    fn refuse(&mut self, reply: Reply) {
        self.refusal = Some(reply);
        self.take_spool();
        self.reservation.release();
    }

    fn take_spool(&mut self) -> Spool {
        let empty = Spool::new(Arc::clone(self.spool.folder()));
        std::mem::replace(&mut self.spool, empty)
    }
}

/// No room in the budget, or on the disk.
const NO_ROOM: Reply = Reply::new(452, "4.3.1", "Too many messages at once, try again later");

/// 552 5.3.4, with the limit in its text.
pub(super) fn too_large(max_size: usize) -> Reply {
    Reply::with_text(
        552,
        "5.3.4",
        format!("The message is larger than {max_size} bytes"),
    )
}
