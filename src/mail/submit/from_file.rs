//! Large messages for relays without CHUNKING: by DATA, out of a file without a name.
//!
//! lettre takes a message of any size from an iterator, which can't wait for the store. What the system has just written to a file,
//! it reads at once.

use std::io::Read as _;
use std::sync::Arc;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::sync::Notify;

use super::failure::Failure;
use super::large::{CHUNK, read};
use super::{Accepted, LineEnds, Relay};
use crate::mail::{LargeMessage, Leave, Pieces};
use crate::model::{Envelope, RawMail, RawReader, Spool};

impl Relay {
    /// Hands over a message by DATA. It is in the file before the relay hears of it.
    pub(super) async fn submit_from_file(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        message: &mut LargeMessage<'_>,
        leave: &dyn Leave,
    ) -> Result<Accepted, Failure> {
        let (file, length) = self.spooled(message.pieces).await?;
        self.begin_data(connection, envelope, message.text, leave).await?;
        self.data(connection, &file, length).await
    }

    /// The message itself.
    pub(super) async fn data(
        &self,
        connection: &mut AsyncSmtpConnection,
        file: &RawMail,
        length: u64,
    ) -> Result<Accepted, Failure> {
        let unreadable = Arc::new(Notify::new());
        let blocks = Blocks {
            reader: file.reader(0),
            left: length,
            unreadable: Arc::clone(&unreadable),
        };
        tokio::select! {
            biased;
            () = unreadable.notified() => Err(Failure::torn("a large email can't be read from its file")),
            submitted = self.end_data(connection.message_iter(blocks)) => submitted,
        }
    }

    /// The message in a file, and how many bytes of it lettre is to get: it writes the end of the last line itself.
    async fn spooled(&self, pieces: &mut dyn Pieces) -> Result<(RawMail, u64), Failure> {
        let unwritable = |error: std::io::Error| {
            let folder = self.spool.display();
            Failure::unreadable(format!(
                "a large email can't be written to a file in {folder}: {error}"
            ))
        };
        let mut spool = Spool::new(Arc::clone(&self.spool));
        let mut lines = LineEnds::default();
        while let Some(piece) = read(pieces).await? {
            if !lines.hold(&piece) {
                return Err(Failure::unfit());
            }
            spool.write(&piece).map_err(unwritable)?;
        }
        if lines.are_torn() {
            return Err(Failure::unfit());
        }
        let file = spool.finish().map_err(unwritable)?;
        let line_end = if lines.at_end() { 2 } else { 0 };
        let length = file.len().saturating_sub(line_end);
        Ok((file, length))
    }
}

/// A message, block by block.
///
/// When it can't be read, lettre must not come to its end, which would make half a message a whole one: it gets blanks until the relay's
/// side, or the runtime, has it wait, and it is dropped.
struct Blocks<'a> {
    reader: RawReader<'a>,
    left: u64,
    unreadable: Arc<Notify>,
}

impl Iterator for Blocks<'_> {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.left == 0 {
            return None;
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK);
        let mut block = vec![b' '; wanted];
        if self.reader.read_exact(&mut block).is_ok() {
            self.left -= block.len() as u64;
        } else {
            block.fill(b' ');
            self.unreadable.notify_one();
        }
        Some(block)
    }
}
