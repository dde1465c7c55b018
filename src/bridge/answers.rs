//! What a mail answers, and how the chat shows it: as a reply, in a Matrix thread, or not at all.

use ruma::{EventId, OwnedEventId};
use serde_json::{Value, json};

use super::{Bridge, Failure, NewThread};
use crate::convert::subject::base_subject;
use crate::convert::to_matrix::{self, Auto, Converted, EmailHeaders};
use crate::store::{Message, Portal, StoreError, Tx};

/// How many of the IDs that a mail names are looked up.
const LOOKED_UP: usize = 20;

/// What a mail answers.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The event, to be marked as read.
    pub(super) event: Option<OwnedEventId>,
    /// The event, where the chat should show that it is answered.
    pub(super) shown: Option<OwnedEventId>,
    /// The first event of the Matrix thread in which it lies.
    thread: Option<OwnedEventId>,
    /// It begins something new in a chat that is there: a Matrix thread of its own.
    opens_thread: bool,
}

impl Bridge {
    /// What a mail answers, in a thread with this newest event.
    pub(super) async fn answers(
        &self,
        portal: &Portal,
        headers: &EmailHeaders,
        last: Option<&EventId>,
    ) -> Result<Answers, Failure> {
        let mut tx = self.store.read().await?;
        let named = headers.in_reply_to.iter().chain(headers.references.iter().rev());
        for message_id in headers.reported.iter().chain(named).take(LOOKED_UP) {
            let Some(message) = tx.message_of_email(message_id, portal.id).await? else {
                continue;
            };
            let event = message.event_id.clone();
            // An answer to the last message needs no pointer: nobody writes chats that way. A bounce says what did not arrive.
            let shown = last
                .is_some_and(|last| last != event || headers.auto == Auto::Bounce)
                .then(|| event.clone());
            return Ok(Answers {
                thread: self.thread_of(&mut tx, portal, message).await?,
                event: Some(event),
                shown,
                opens_thread: false,
            });
        }
        let opens_thread =
            self.settings.new_thread == NewThread::Reuse && changes_subject(portal, &headers.subject);
        Ok(Answers {
            opens_thread,
            ..Answers::default()
        })
    }

    /// The first event of the Matrix thread in which a message lies, or which it has begun.
    async fn thread_of(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        message: Message,
    ) -> Result<Option<OwnedEventId>, StoreError> {
        let relation = message
            .content
            .as_ref()
            .and_then(|content| content.get("m.relates_to"))
            .filter(|relation| relation.get("rel_type").and_then(Value::as_str) == Some("m.thread"));
        if let Some(root) = relation.and_then(|relation| relation.get("event_id")?.as_str()) {
            return Ok(root.try_into().ok());
        }
        if self.settings.new_thread != NewThread::Reuse || message.outgoing {
            return Ok(None);
        }
        let email = tx.email(&message.message_id, portal.id).await?;
        let began =
            email.is_some_and(|email| email.chain.is_empty() && changes_subject(portal, &email.subject));
        Ok(began.then_some(message.event_id))
    }
}

impl Answers {
    /// Relates the events of a mail to what it answers: in its Matrix thread, else as a reply where that should show; or puts
    /// the subject above a thread that it begins. Reactions keep the relation that makes them what they are.
    pub(super) fn place(&self, converted: &mut Converted, subject: &str) {
        if self.opens_thread {
            to_matrix::put_subject(converted, subject);
        }
        for (index, (event_type, content)) in converted.events.iter_mut().enumerate() {
            if let (Some(root), Some(answered)) = (&self.thread, &self.event) {
                relate(event_type, content, root, answered, self.shown.is_none());
            } else if let Some(fields) = content.as_object_mut().filter(|_| event_type == "m.room.message") {
                fields.remove("m.relates_to");
                if let Some(shown) = self.shown.as_ref().filter(|_| index == 0) {
                    fields.insert(
                        "m.relates_to".to_owned(),
                        json!({"m.in_reply_to": {"event_id": shown}}),
                    );
                }
            }
        }
    }

    /// Puts what follows the first event of a mail that begins a Matrix thread into that thread.
    pub(super) fn follow(&self, event_type: &str, content: &mut Value, first: Option<&EventId>) {
        if let Some(first) = first.filter(|_| self.opens_thread) {
            relate(event_type, content, first, first, true);
        }
    }
}

/// Puts a message into a Matrix thread (client-server API, "Threading"). A reaction has a relation of its own.
fn relate(event_type: &str, content: &mut Value, root: &EventId, answered: &EventId, falling_back: bool) {
    if let Some(fields) = content.as_object_mut().filter(|_| event_type == "m.room.message") {
        let relation = json!({
            "rel_type": "m.thread", "event_id": root, "is_falling_back": falling_back,
            "m.in_reply_to": {"event_id": answered},
        });
        fields.insert("m.relates_to".to_owned(), relation);
    }
}

/// Whether a subject is not that of the portal's own thread.
fn changes_subject(portal: &Portal, subject: &str) -> bool {
    let base = base_subject(subject);
    !base.is_empty()
        && portal
            .subject
            .as_deref()
            .is_some_and(|own| !base_subject(own).eq_ignore_ascii_case(&base))
}
