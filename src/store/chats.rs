//! Chats: what a message meets in its room, in one trip.

use ruma::{EventId, RoomId, UserId};

use super::drafts::{draft, newest_in};
use super::members::{member_name, shown_name};
use super::portals::{by_room, portal};
use super::query::{Statement, read_one};
use super::{Draft, Lane, Portal, StoreError, Tx};

/// A portal's room as a message meets it.
#[derive(Clone, Debug)]
pub struct Chat {
    /// The portal.
    pub portal: Portal,
    /// Whether the message was gathered before.
    pub known: bool,
    /// The newest draft whose job still waits.
    pub draft: Option<Draft>,
    /// The name under which the sender is shown.
    pub sender_name: String,
}

impl Tx {
    /// What a message meets in a room; `None` where that is no portal's. From here on the open draft neither leaves nor changes but by
    /// this transaction.
    pub async fn chat(
        &mut self,
        room: &RoomId,
        event: &EventId,
        sender: &UserId,
    ) -> Result<Option<Chat>, StoreError> {
        if !self.is_sqlite() {
            // Each statement there sees what is committed at its own moment, and the lane has the portal's number in its name.
            let Some(portal) = self.portal_by_room(room).await? else {
                return Ok(None);
            };
            self.lock_lane(&Lane::thread(portal.id)).await?;
        }
        let known = Statement::new("SELECT 1 AS one FROM messages WHERE event_id = $1").bind(event.as_str());
        let statements = [by_room(room), known, newest_in(room), member_name(room, sender)];
        let [portals, known, drafts, names] = self.together(statements).await?;
        read_one(&portals, |row| {
            Ok(Chat {
                portal: portal(row)?,
                known: !known.is_empty(),
                draft: read_one(&drafts, draft)?,
                sender_name: shown_name(&names, sender)?,
            })
        })
    }
}
