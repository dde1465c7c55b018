//! Chat messages on their way to email: gathered into drafts, changed there by edits and redactions.

use ruma::{EventId, OwnedEventId, OwnedUserId, RoomId};
use serde_json::{Map, Value};

use super::Bridge;
use super::questions::Question;
use crate::convert::relation::{self, Relation};
use crate::convert::{thread, to_email};
use crate::model::{RoomEvent, Timestamp};
use crate::store::{Chat, Draft, JobKind, Lane, Message, Portal, StoreError, Tx};

/// Messages in one email at most, and bytes of their contents: what comes then begins another email.
const MOST_MESSAGES: usize = 200;
const MOST_BYTES: usize = 512 * 1024;

const UNREADABLE: &str = "I can't read encrypted messages yet: this one does not reach the email side.";
const TOO_LATE: &str = "That message has already left as an email. A sent email can't be taken back.";
const LINK_ENDED: &str = "That message has already left as an email, which can't be taken back. It held a link to the file, not \
                          the file: the link leads nowhere from now on.";

impl Bridge {
    /// A message event of a chat, by somebody who is not ours.
    pub(super) async fn apply_message(
        &self,
        tx: &mut Tx,
        chat: Chat,
        event: &RoomEvent,
    ) -> Result<(), StoreError> {
        let portal = &chat.portal;
        if event.event_type == "m.room.redaction" {
            return self.apply_redaction(tx, portal, event).await;
        }
        if event.event_type == "m.room.encrypted" {
            metrics::counter!("penpal_events_encrypted_total").increment(1);
            if !portal.encrypted {
                self.add_notice(tx, portal.id, UNREADABLE, Some(&event.event_id))
                    .await?;
            }
            return Ok(());
        }
        if let Some(target) = edit_target(&event.content) {
            return self.apply_edit(tx, chat, event, &target).await;
        }
        if let Some(question) = Question::read(&event.event_type, &event.content) {
            return self
                .answer_question(tx, portal, question, &event.sender, &event.content)
                .await;
        }
        if self.count_vote(tx, portal, event).await? || self.try_again(tx, portal, event).await? {
            return Ok(());
        }
        if !to_email::is_mailable(&event.event_type, &event.content) {
            metrics::counter!("penpal_events_without_text_total").increment(1);
            tracing::debug!(event_id = %event.event_id, event_type = event.event_type, "nothing in it to mail");
            return Ok(());
        }
        if self.is_known_beacon(tx, portal, event).await? {
            return Ok(());
        }
        if event.text("msgtype") == Some("m.notice") && !self.pass_notice(tx, portal.id).await? {
            return Ok(());
        }
        self.gather(tx, chat, event).await
    }

    /// Whether an event is a further step of a live location. Clients send one every few seconds, for hours: the first
    /// says where somebody is, and the others would be nothing but mails.
    async fn is_known_beacon(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        event: &RoomEvent,
    ) -> Result<bool, StoreError> {
        if !matches!(
            event.event_type.as_str(),
            "m.beacon" | "org.matrix.msc3672.beacon"
        ) {
            return Ok(false);
        }
        let Some(shared) = relation::referred(&event.content) else {
            return Ok(false);
        };
        let key = format!("beacon:{shared}");
        let lane = Lane::thread(portal.id);
        let fresh = tx.remember_key(&lane, JobKind::Email, &key, self.now()).await?;
        Ok(!fresh)
    }

    /// Keeps a vote with its poll, whose end tells how it came out. False when the event is no vote on a poll of this chat.
    async fn count_vote(&self, tx: &mut Tx, portal: &Portal, event: &RoomEvent) -> Result<bool, StoreError> {
        let Some(target) = referred(&event.content) else {
            return Ok(false);
        };
        let Some(poll) = tx.message(&target).await?.filter(|poll| poll.portal == portal.id) else {
            return Ok(false);
        };
        let voted = poll
            .content
            .and_then(|content| to_email::with_vote(&content, event.sender.as_str(), &event.content));
        let Some(voted) = voted else {
            return Ok(false);
        };
        tx.set_content(&target, Some(&voted)).await?;
        if let Some(body) = &poll.body {
            tx.set_body(&target, body).await?;
        }
        Ok(true)
    }

    /// Puts a message into the chat's open draft, or opens one, unless it may not go out, or did before.
    async fn gather(&self, tx: &mut Tx, chat: Chat, event: &RoomEvent) -> Result<(), StoreError> {
        let Chat {
            portal,
            known,
            draft: newest,
            sender_name,
        } = chat;
        if !self.may_go(tx, &portal, event).await? {
            return Ok(());
        }
        if known {
            // A homeserver whose database was restored sends again what was done with so long ago that its job is gone.
            tracing::info!(event_id = %event.event_id, "a message that was bridged before comes again, and is left out");
            return Ok(());
        }
        let now = self.now();
        let lane = Lane::thread(portal.id);
        let mut open = None;
        if let Some(draft) = newest {
            if self.has_room(tx, &draft, event, now).await? {
                open = Some(draft);
            } else if draft.due_at > now {
                // Somebody else speaks, or it is full: nobody will add to it.
                tx.set_due(draft.job, &lane, now).await?;
            }
        }
        let message_id = if let Some(draft) = &open {
            draft.message_id.clone()
        } else {
            let domain = self.mail_domain(&portal);
            thread::message_id(&self.instance, event.event_id.as_str(), domain)
        };
        let message = Message {
            portal: portal.id,
            event_id: event.event_id.clone(),
            message_id,
            outgoing: true,
            sender: event.sender.clone(),
            sender_name,
            event_type: event.event_type.clone(),
            content: Some(event.content.clone()),
            body: None,
            sent_at: event.timestamp,
            left_out: None,
        };
        match open {
            Some(draft) => {
                // Sending ends the typing, also where the homeserver has not told so.
                tx.set_due(draft.job, &lane, self.quiet_at(&draft, now)).await?;
                tx.revise_draft(draft.job).await?;
                tx.add_message(&message, draft.job).await?;
            }
            None => tx.open_draft(&message, now + self.settings.settle, now).await?,
        }
        tx.touch_portal(portal.id, now).await?;
        if event.sender == portal.user && !portal.contacted {
            tx.set_contacted(portal.id).await?;
        }
        Ok(())
    }

    /// Whether a draft takes another message.
    async fn has_room(
        &self,
        tx: &mut Tx,
        draft: &Draft,
        event: &RoomEvent,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if self.settings.settle.is_zero()
            || draft.frozen.is_some()
            || draft.sender != event.sender
            || (now >= draft.first_at + self.settings.settle_max && !is_held(draft, now))
        {
            return Ok(false);
        }
        let (messages, bytes) = tx.job_size(draft.job).await?;
        Ok(messages < MOST_MESSAGES && bytes < MOST_BYTES)
    }

    /// When a draft leaves, if its sender is quiet from now on.
    fn quiet_at(&self, draft: &Draft, now: Timestamp) -> Timestamp {
        let quiet = (now + self.settings.settle).min(draft.first_at + self.settings.settle_max);
        draft.held_until.map_or(quiet, |held| held.max(quiet))
    }

    /// Who is typing has changed. While the sender of the open draft types, it waits for what comes; once that is over,
    /// for the usual while. Homeservers tell changes alone: somebody who types for a minute is named once.
    pub(super) async fn heed_typing(
        &self,
        tx: &mut Tx,
        room: &RoomId,
        users: &[OwnedUserId],
    ) -> Result<(), StoreError> {
        let Some(portal) = tx.portal_by_room(room).await? else {
            return Ok(());
        };
        tx.lock_lane(&Lane::thread(portal.id)).await?;
        let Some(draft) = tx
            .newest_draft(portal.id)
            .await?
            .filter(|draft| draft.frozen.is_none())
        else {
            return Ok(());
        };
        let due = draft.due_at;
        let changed = if users.contains(&draft.sender) {
            due.max(draft.first_at + self.settings.settle_max)
        } else {
            // Another one's typing does not hold it back.
            due.min(self.quiet_at(&draft, self.now()))
        };
        if changed != due {
            tx.set_due(draft.job, &Lane::thread(portal.id), changed).await?;
        }
        Ok(())
    }

    /// Nothing more will be added to the portal's open draft.
    pub(super) async fn close_draft(&self, tx: &mut Tx, portal: i64) -> Result<(), StoreError> {
        tx.lock_lane(&Lane::thread(portal)).await?;
        match tx.newest_draft(portal).await? {
            Some(draft) => tx.set_due(draft.job, &Lane::thread(portal), self.now()).await,
            None => Ok(()),
        }
    }

    /// An edit: before the email has left it changes the email, afterwards it is sent as a correction. Only the
    /// sender's own messages can be edited (Matrix 1.19, "Validity of replacement events").
    async fn apply_edit(
        &self,
        tx: &mut Tx,
        chat: Chat,
        event: &RoomEvent,
        target: &EventId,
    ) -> Result<(), StoreError> {
        let portal = &chat.portal;
        let Some(message) = tx.message(target).await? else {
            return Ok(());
        };
        let own = message.outgoing && message.sender == event.sender && message.portal == portal.id;
        let edited = message
            .content
            .as_ref()
            .and_then(|content| relation::edited(content, &event.content));
        let Some(edited) = edited.filter(|edited| own && to_email::is_mailable(&message.event_type, edited))
        else {
            return Ok(());
        };
        let draft = tx
            .draft_with(target)
            .await?
            .filter(|draft| draft.frozen.is_none());
        let question = Question::read(&message.event_type, &edited);
        if let Some(draft) = draft {
            // A question that was first mistyped is none of the mail's.
            let kept = question.is_none().then_some(&edited);
            tx.set_content(target, kept).await?;
            tx.revise_draft(draft.job).await?;
            if question.is_none() {
                return Ok(());
            }
        }
        if let Some(question) = question {
            return self
                .answer_question(tx, portal, question, &event.sender, &edited)
                .await;
        }
        // The email has left. An earlier correction that has not is replaced: one message, one correction.
        if let Some(draft) = chat.draft.as_ref().filter(|draft| draft.frozen.is_none()) {
            let gathered = tx.messages_of_job(draft.job).await?;
            let earlier = gathered.iter().find(|message| {
                message
                    .content
                    .as_ref()
                    .and_then(edit_target)
                    .is_some_and(|corrected| corrected == target)
            });
            if let Some(earlier) = earlier {
                tx.set_content(&earlier.event_id, Some(&event.content)).await?;
                return tx.revise_draft(draft.job).await;
            }
        }
        self.gather(tx, chat, event).await
    }

    /// A redaction: before the email has left it takes the message out, afterwards the user is told that it can't be.
    async fn apply_redaction(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        event: &RoomEvent,
    ) -> Result<(), StoreError> {
        let Some(target) = &event.redacts else {
            return Ok(());
        };
        let Some(message) = tx.message(target).await? else {
            return Ok(());
        };
        if !message.outgoing || message.portal != portal.id || message.content.is_none() {
            return Ok(());
        }
        if let Some(draft) = tx
            .draft_with(target)
            .await?
            .filter(|draft| draft.frozen.is_none())
        {
            tx.set_content(target, None).await?;
            return tx.revise_draft(draft.job).await;
        }
        let words = if tx.forget_files_of(target).await? {
            LINK_ENDED
        } else {
            TOO_LATE
        };
        if message.event_type != "m.reaction" {
            self.add_notice(tx, portal.id, words, Some(target)).await?;
        }
        Ok(())
    }
}

/// Whether an email waits for its sender's limits; what is written meanwhile goes along.
fn is_held(draft: &Draft, now: Timestamp) -> bool {
    draft.held_until.is_some_and(|held| now < held)
}

/// The event that an edit replaces; `None` when the content is no edit.
fn edit_target(content: &Map<String, Value>) -> Option<OwnedEventId> {
    if relation::relation(content) != Relation::Edit {
        return None;
    }
    relation::referred(content)?.try_into().ok()
}

/// The event that a content refers to in any way.
pub(super) fn referred(content: &Map<String, Value>) -> Option<OwnedEventId> {
    relation::referred(content)?.try_into().ok()
}
