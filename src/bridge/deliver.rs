//! An email becomes events in the portal's room, sent by the puppet.

use std::sync::Arc;
use std::time::Duration;

use ruma::{OwnedEventId, OwnedMxcUri};
use serde_json::Value;

use super::answers::Answers;
use super::chat_room::ChatRoom;
use super::label::Authorship;
use super::submit::one_line;
use super::{Bridge, Failure, questions};
use crate::convert::to_matrix::{self, Auto, Converted, EmailHeaders, LargeMail, ThreadContext};
use crate::convert::trace;
use crate::store::{Incoming, Job, JobState, Message, Portal, PortalState, StoreError, Tx};

/// How many of our own messages are compared with a quotation.
const QUOTABLE: i64 = 50;

/// How many of the messages that came in are compared with what a mail repeats.
const REPEATABLE: i64 = 20;

/// Up to how many bytes a mail is converted in no time.
const SMALL: usize = 16 * 1024;

/// Behind the positions of all uploads of a mail that can be read.
const AS_IT_CAME: usize = 1_000_000;

/// How far ahead of ours another clock is believed.
const FAST_CLOCK: Duration = Duration::from_hours(1);

impl Bridge {
    pub(super) async fn work_mail(&self, job: &Job) -> Result<(), Failure> {
        let heavy = job.content.is_some();
        let _place = heavy.then(|| self.place(&self.heavy_mails)).transpose()?;
        let incoming = self.incoming(job).await?;
        let portal = incoming.portal.clone();
        let unreadable = self.is_unreadable(job, &incoming).await?;
        let (stored, mail) = self.stored_mail(job, unreadable).await?;
        let raw = mail.bytes();
        let headers = to_matrix::headers(raw);
        let authorship = Authorship::of(&headers, &trace::verdict(raw), &portal);
        if headers.auto == Auto::Mdn {
            return self.work_notification(job, &portal, raw, authorship).await;
        }
        if portal.state == PortalState::Closed && !headers.auto.is_personal() {
            return self.keep_closed(job, &incoming, &mail, headers.auto).await;
        }
        if portal.state == PortalState::Closed && !unreadable {
            let converted = self.convert_mail(job, &incoming, &mail, None).await?;
            if let Some(wish) = self.wish(&portal, raw, &headers, authorship, &converted) {
                return self.grant_after_the_end(job, &portal, wish).await;
            }
        }
        // Only the thread's own person gives the puppet its name.
        let author = headers.author().filter(|_| authorship == Authorship::Person);
        self.name_puppet(
            &portal.puppet,
            &portal.address,
            incoming.puppet_name.clone(),
            author.and_then(|from| from.name.as_deref()),
        )
        .await?;
        let room = self.ensure_room(job, &portal).await?;
        let answers = self
            .answers(&portal, &headers, incoming.last_event.as_deref())
            .await?;
        // A reaction says nothing about its author: somebody else's becomes a text, which is labelled.
        let reacted = answers.event.clone().filter(|_| author.is_some());
        let (mut converted, mut wish) = (to_matrix::unreadable(stored.len()), None);
        if !unreadable {
            converted = self.convert_mail(job, &incoming, &mail, reacted).await?;
            wish = self.wish(&portal, raw, &headers, authorship, &converted);
            Self::hide_stop_links(&portal, &mut converted);
        }
        authorship.put_on(&mut converted, &headers);
        answers.place(&mut converted, &headers.subject);
        let first = if unreadable { AS_IT_CAME } else { 0 };
        let uris = self
            .upload_all(job, &portal, &stored, &mut converted, first)
            .await?;
        let last = self
            .send_all(job, &incoming, &room, &headers, converted, &uris, &answers)
            .await?;
        let room = room.id;
        let own = matches!(authorship, Authorship::Person | Authorship::Machine);
        if let Some(read) = answers.event.filter(|_| own && headers.auto.is_personal()) {
            // A courtesy: the message is delivered, whatever becomes of this.
            if let Err(error) = self.homeserver.read_receipt(&portal.puppet, &room, &read).await {
                tracing::debug!(job = job.id, %error, "no read receipt");
            }
        }
        let mut tx = self.settle(job).await?;
        if let Some(message) = last {
            tx.add_message(&message, job.id).await?;
        }
        tx.remove_uploads(job.id).await?;
        if let Some(wish) = wish {
            self.grant(&mut tx, &portal, wish).await?;
        }
        metrics::counter!("penpal_mails_delivered_total").increment(1);
        tracing::info!(job = job.id, portal = portal.id, room_id = %room, "email delivered to the chat");
        self.finish(tx, job).await
    }

    /// A machine's mail to a chat that its user has left: it opens no room. Of a bounce the user is told elsewhere, because
    /// what it is about did not arrive; the rest is of no interest to one who is not there.
    async fn keep_closed(
        &self,
        job: &Job,
        incoming: &Incoming,
        mail: &Arc<LargeMail>,
        auto: Auto,
    ) -> Result<(), Failure> {
        let portal = &incoming.portal;
        let words = match auto {
            Auto::Bounce => {
                let converted = self.convert_mail(job, incoming, mail, None).await?;
                let body = |content: &Value| Some(content.get("body")?.as_str()?.to_owned());
                converted.events.iter().find_map(|(_, content)| body(content))
            }
            _ => None,
        };
        let mut tx = self.settle(job).await?;
        if let Some(words) = words {
            let text = format!(
                "An email did not arrive. A mail server says: {}",
                one_line(&words)
            );
            self.add_failure(&mut tx, portal.id, &text, None).await?;
        }
        metrics::counter!("penpal_mails_after_the_end_total").increment(1);
        tracing::info!(
            job = job.id,
            portal = portal.id,
            "an automatic mail opens no room anew"
        );
        let why = "an automatic mail to a chat that the user has left";
        tx.finish_job(job.id, JobState::Done, Some(why), self.now())
            .await?;
        Ok(tx.commit().await?)
    }

    /// What the mail of a job meets in the store.
    async fn incoming(&self, job: &Job) -> Result<Incoming, Failure> {
        let id = job
            .portal
            .ok_or_else(|| Failure::Fail("the job names no portal".into()))?;
        let mut tx = self.store.read().await?;
        let incoming = tx.incoming(job.id, id, QUOTABLE, REPEATABLE).await?;
        incoming.ok_or_else(|| Failure::Fail(format!("portal {id} is not there any more")))
    }

    async fn convert_mail(
        &self,
        job: &Job,
        incoming: &Incoming,
        mail: &Arc<LargeMail>,
        answers: Option<OwnedEventId>,
    ) -> Result<Converted, Failure> {
        let context = ThreadContext {
            sent: incoming.sent.clone(),
            received: incoming.received.clone(),
            answers,
        };
        // A large mail takes a while, and a hostile one longer; of one that has been tried before nobody knows how it went.
        let small = mail.is_at_most(SMALL) && job.attempts == 0;
        let mail = Arc::clone(mail);
        let convert = move || to_matrix::convert_large(&mail, &context);
        self.aside.run(small, convert).await
    }

    /// Sends the events in order; those that an earlier attempt has sent are left out. Answers the last one's message, which
    /// is to be committed with the end of the job.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything that was made of the mail before"
    )]
    async fn send_all(
        &self,
        job: &Job,
        incoming: &Incoming,
        room: &ChatRoom,
        headers: &EmailHeaders,
        converted: Converted,
        uris: &[OwnedMxcUri],
        answers: &Answers,
    ) -> Result<Option<Message>, Failure> {
        // A clock may be fast; a date far to come would keep the event before everybody's eyes until then.
        let date = headers.date.filter(|date| *date <= self.now() + FAST_CLOCK);
        let Incoming { portal, earlier, .. } = incoming;
        let sent = earlier.len();
        let mut last = None;
        let mut left_out = converted.quoted.as_deref().map(questions::kept);
        let mut first = earlier.first().map(|message| message.event_id.clone());
        for (part, (event_type, mut content)) in converted.events.into_iter().enumerate().skip(sent) {
            if let Some(message) = last.take() {
                // Taken back by a power cut, the event is sent again under its transaction ID, and made once.
                let mut tx = self.settle(job).await?;
                tx.add_message(&message, job.id).await?;
                tx.commit_relaxed().await?;
            }
            to_matrix::place_uploads(&mut content, uris);
            answers.follow(&event_type, &mut content, first.as_deref());
            let txn_id = self.txn_id(job.id, part);
            let taken = self
                .homeserver
                .send(&portal.puppet, &room.id, &event_type, &txn_id, &content, date)
                .await;
            let event_id = match taken {
                Ok(event_id) => event_id,
                // The very same reaction stands there already, which is all that this one is to bring about.
                Err(error) if error.is("M_DUPLICATE_ANNOTATION") => continue,
                Err(error) => return Err(self.not_sent(job, portal, room, error).await?),
            };
            first.get_or_insert_with(|| event_id.clone());
            let body = content.get("body").and_then(Value::as_str).map(str::to_owned);
            last = Some(Message {
                portal: portal.id,
                event_id,
                message_id: headers.message_id.clone().unwrap_or_default(),
                outgoing: false,
                sender: portal.puppet.clone(),
                sender_name: writer_name(headers, portal),
                event_type,
                content: content.as_object().cloned(),
                body,
                sent_at: date.unwrap_or_else(|| self.now()),
                left_out: left_out.take().filter(|_| part == 0),
            });
        }
        Ok(last)
    }

    /// Tells the user that there is an email which could not be shown: it was acknowledged, so nobody else will.
    pub(super) async fn tell_not_shown(
        &self,
        tx: &mut Tx,
        job: &Job,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(portal) = job.portal else { return Ok(()) };
        let text = format!(
            "An email could not be shown here. It is kept: whoever runs this server finds it as job {} of Penpal. {}",
            job.id,
            one_line(reason)
        );
        self.add_given_up(tx, portal, &text, None, job.id).await
    }
}

/// Who wrote a mail, as answers to it say. Who is not the thread's person is known by the address, which nobody takes for
/// somebody else's, and by which it is found whose words these are when a person is to be forgotten.
fn writer_name(headers: &EmailHeaders, portal: &Portal) -> String {
    match headers.author() {
        Some(author) if author.address != portal.address => author.address.to_string(),
        author => author
            .and_then(|author| author.name.clone())
            .unwrap_or_else(|| portal.address.to_string()),
    }
}
