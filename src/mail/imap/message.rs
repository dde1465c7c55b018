//! A message comes from the server: a large one in parts, so that no more than one of them is in memory.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::response::{Fetched, Response};
use super::session::Session;
use super::{ImapError, MailboxSettings};
use crate::model::{IN_MEMORY, RawMail, Spool};

/// How long a message may take on its way, or a part of one.
const TIME: Duration = Duration::from_mins(10);

/// Bytes in a part.
const PART: usize = IN_MEMORY;

impl Session {
    /// A message, if it is there. It is not marked as seen by that. `size` is what the server has said of it, which may be wrong: where it says
    /// that the message is large, parts are asked for until no more come.
    pub(super) async fn message(
        &mut self,
        uid: u32,
        size: u64,
        settings: &MailboxSettings,
    ) -> Result<Option<RawMail>, ImapError> {
        let most = settings.max_size;
        if size <= PART as u64 {
            let whole = self.fetch(uid, "BODY.PEEK[]", most).await?;
            return Ok(whole.and_then(|whole| whole.body).map(RawMail::from));
        }
        let unwritable = |error: io::Error| {
            let folder = settings.spool.display();
            ImapError::NoRoom(format!(
                "a large message can't be written to a file in {folder}: {error}"
            ))
        };
        let mut spool = Spool::new(Arc::clone(&settings.spool));
        loop {
            let from = spool.len();
            let wanted = format!("BODY.PEEK[]<{from}.{PART}>");
            // There may be servers that answer with all of it.
            let limit = if from == 0 { most } else { PART };
            let Some(part) = self.fetch(uid, &wanted, limit).await? else {
                return Ok(None);
            };
            let body = match part.body {
                Some(whole) if from == 0 && part.from.is_none() => return Ok(Some(whole.into())),
                Some(body) if part.from == Some(from) => body,
                // NIL behind the end.
                None if from > 0 => Vec::new(),
                _ => return Ok(None),
            };
            spool.write(&body).map_err(unwritable)?;
            if spool.len() > most as u64 {
                return Err(ImapError::TooLarge);
            }
            if body.is_empty() || (body.len() < PART && spool.len() >= size) {
                return Ok(Some(spool.finish().map_err(unwritable)?));
            }
        }
    }

    /// What the server says of a message when it is asked for `wanted`, which has `most` bytes at the most.
    async fn fetch(&mut self, uid: u32, wanted: &str, most: usize) -> Result<Option<Fetched>, ImapError> {
        const COMMAND: &str = "UID FETCH";
        let tag = self.begin(&format!("{COMMAND} {uid} (UID {wanted})")).await?;
        let mut found = None;
        let limits = (most, TIME.max(self.timeout));
        self.end((COMMAND, &tag), limits, |response| {
            if let Response::Fetch(fetched) = response
                && fetched.uid == Some(uid)
                // It may tell of changed flags, too.
                && (fetched.body.is_some() || found.is_none())
            {
                found = Some(fetched);
            }
        })
        .await?;
        Ok(found)
    }
}
