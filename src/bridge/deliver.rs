//! An email becomes events in the portal's room, sent by the puppet.

use std::sync::Arc;

use ruma::{OwnedEventId, OwnedMxcUri, OwnedRoomId};
use serde_json::{Value, json};

use super::{Bridge, Failure};
use crate::convert::to_matrix::{self, Auto, Converted, EmailHeaders, ThreadContext};
use crate::matrix::NewRoom;
use crate::store::{Job, Message, Portal, PortalState};

/// How many of our own messages are compared with a quotation.
const QUOTABLE: i64 = 50;

impl Bridge {
    pub(super) async fn work_mail(&self, job: &Job) -> Result<(), Failure> {
        let portal = self.portal_of(job).await?;
        let raw: Arc<[u8]> = job.payload.as_slice().into();
        let headers = to_matrix::headers(&raw);
        // Only the thread's own person gives the puppet its name.
        let own = headers
            .from
            .first()
            .is_some_and(|from| from.address == portal.address);
        let name = headers.from.first().filter(|_| own && headers.auto == Auto::None);
        self.ensure_puppet(
            &portal.puppet,
            &portal.address,
            name.and_then(|from| from.name.as_deref()),
        )
        .await?;
        let room = self.ensure_room(job, &portal).await?;
        let answers = self.answered_event(&portal, &headers).await?;
        let mut converted = self.convert_mail(&portal, raw, answers.shown).await?;
        label(&mut converted, &headers, &portal);
        let uris = self.upload_all(job, &portal, &mut converted).await?;
        if let Err(error) = self
            .send_all(job, &portal, &room, &headers, converted, &uris)
            .await
        {
            return Err(self.room_lost(job, &portal, error).await?);
        }
        if let Some(read) = answers.event {
            // A courtesy: the message is delivered, whatever becomes of this.
            if let Err(error) = self.homeserver.read_receipt(&portal.puppet, &room, &read).await {
                tracing::debug!(job = job.id, %error, "no read receipt");
            }
        }
        let mut tx = self.settle(job).await?;
        tx.remove_uploads(job.id).await?;
        metrics::counter!("penpal_mails_delivered_total").increment(1);
        tracing::info!(job = job.id, portal = portal.id, room_id = %room, "email delivered to the chat");
        self.finish(tx, job).await
    }

    /// The portal's room; a new one when there is none or the user has left it.
    async fn ensure_room(&self, job: &Job, portal: &Portal) -> Result<OwnedRoomId, Failure> {
        if let (Some(room), PortalState::Active) = (&portal.room, portal.state) {
            return Ok(room.clone());
        }
        let name = portal.subject.clone().or_else(|| portal.name.clone());
        let new = NewRoom {
            name: name.clone(),
            invite: portal.user.clone(),
        };
        let room = self.homeserver.create_room(&portal.puppet, &new).await?;
        let mut tx = self.settle(job).await?;
        let mut portal = Portal {
            name,
            ..portal.clone()
        };
        self.move_portal(&mut tx, &mut portal, &room).await?;
        tx.update_portal(&portal).await?;
        tx.commit().await?;
        tracing::info!(portal = portal.id, room_id = %room, "direct chat created");
        if self.acts_for(&portal.user)
            && let Err(error) = self.homeserver.join(&portal.user, &room).await
        {
            tracing::warn!(portal = portal.id, %error, "the user could not be joined, and must accept the invite");
        }
        Ok(room)
    }

    /// The event that a mail answers.
    async fn answered_event(&self, portal: &Portal, headers: &EmailHeaders) -> Result<Answers, Failure> {
        let mut tx = self.store.read().await?;
        for message_id in headers
            .in_reply_to
            .iter()
            .chain(headers.references.iter().rev())
            .take(20)
        {
            if let Some(event) = tx.event_of_email(message_id, portal.id).await? {
                let last = tx.last_message(portal.id).await?;
                // An answer to the last message needs no pointer: nobody writes chats that way.
                let shown = last
                    .is_some_and(|last| last.event_id != event)
                    .then(|| event.clone());
                return Ok(Answers {
                    event: Some(event),
                    shown,
                });
            }
        }
        Ok(Answers {
            event: None,
            shown: None,
        })
    }

    async fn convert_mail(
        &self,
        portal: &Portal,
        raw: Arc<[u8]>,
        answers: Option<OwnedEventId>,
    ) -> Result<Converted, Failure> {
        let sent = self.store.read().await?.sent_texts(portal.id, QUOTABLE).await?;
        let context = ThreadContext { sent, answers };
        // Off the workers' threads: a large mail takes a while, and a hostile one longer.
        tokio::task::spawn_blocking(move || to_matrix::convert(&raw, &context))
            .await
            .map_err(|error| Failure::Fail(format!("the mail could not be converted: {error}")))
    }

    /// Uploads what the events show, each attachment once, also over several attempts.
    async fn upload_all(
        &self,
        job: &Job,
        portal: &Portal,
        converted: &mut Converted,
    ) -> Result<Vec<OwnedMxcUri>, Failure> {
        let mut uris = Vec::with_capacity(converted.uploads.len());
        for (position, upload) in converted.uploads.drain(..).enumerate() {
            let known = self.store.read().await?.upload(job.id, position).await?;
            let uri = if let Some(uri) = known {
                uri
            } else {
                let uri = self
                    .homeserver
                    .upload(&portal.puppet, &upload.name, &upload.content_type, upload.bytes)
                    .await?;
                let mut tx = self.settle(job).await?;
                tx.add_upload(job.id, position, uri.as_str()).await?;
                tx.commit().await?;
                uri
            };
            uris.push(uri);
        }
        Ok(uris)
    }

    /// Sends the events in order; those that an earlier attempt has sent are left out.
    async fn send_all(
        &self,
        job: &Job,
        portal: &Portal,
        room: &OwnedRoomId,
        headers: &EmailHeaders,
        converted: Converted,
        uris: &[OwnedMxcUri],
    ) -> Result<(), Failure> {
        let (sent, _) = self.store.read().await?.job_size(job.id).await?;
        for (part, (event_type, mut content)) in converted.events.into_iter().enumerate().skip(sent) {
            to_matrix::place_uploads(&mut content, uris);
            let txn_id = self.txn_id(job.id, part);
            let event_id = self
                .homeserver
                .send(&portal.puppet, room, &event_type, &txn_id, &content, headers.date)
                .await?;
            let body = content.get("body").and_then(Value::as_str).map(str::to_owned);
            let message = Message {
                portal: portal.id,
                event_id,
                message_id: headers.message_id.clone().unwrap_or_default(),
                job: job.id,
                outgoing: false,
                sender: portal.puppet.clone(),
                sender_name: headers
                    .from
                    .first()
                    .and_then(|from| from.name.clone())
                    .unwrap_or_else(|| portal.address.to_string()),
                event_type,
                content: content.as_object().cloned(),
                body,
                sent_at: headers.date.unwrap_or_else(|| self.now()),
            };
            let mut tx = self.settle(job).await?;
            tx.add_message(&message).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The homeserver does not let the puppet write into its room any more: the next attempt makes a new one. Once; when
    /// the user can't be invited either, the mail is kept as failed.
    async fn room_lost(&self, job: &Job, portal: &Portal, failure: Failure) -> Result<Failure, Failure> {
        if !matches!(failure, Failure::Fail(_)) || job.attempts > 0 {
            return Ok(failure);
        }
        let mut tx = self.settle(job).await?;
        tx.update_portal(&Portal {
            state: PortalState::Closed,
            ..portal.clone()
        })
        .await?;
        tx.commit().await?;
        Ok(Failure::Retry {
            after: None,
            reason: failure.to_string(),
        })
    }
}

/// What a mail answers.
struct Answers {
    /// The event, to be marked as read.
    event: Option<OwnedEventId>,
    /// The event, where the chat should show the relation.
    shown: Option<OwnedEventId>,
}

/// Says who wrote what did not come from the thread's person, and never lets it, or a machine's words, look like the
/// person's own.
fn label(converted: &mut Converted, headers: &EmailHeaders, portal: &Portal) {
    let author = headers.from.first().map(|from| from.address.as_str());
    let own = author == Some(portal.address.as_str());
    if own && headers.auto == Auto::None {
        return;
    }
    let mut prefix = (!own).then(|| format!("{} wrote:", author.unwrap_or("A mail server")));
    for (event_type, content) in &mut converted.events {
        let Some(content) = content.as_object_mut().filter(|_| event_type == "m.room.message") else {
            continue;
        };
        if matches!(
            content.get("msgtype").and_then(Value::as_str),
            Some("m.text" | "m.emote")
        ) {
            content.insert("msgtype".into(), json!("m.notice"));
        }
        let Some(prefix) = prefix.take() else { continue };
        if let Some(Value::String(body)) = content.get_mut("body") {
            *body = format!("{prefix}\n\n{body}");
        }
        if let Some(Value::String(html)) = content.get_mut("formatted_body") {
            // The prefix holds an address that was parsed, so no markup.
            *html = format!("<p><em>{prefix}</em></p>{html}");
        }
    }
}
