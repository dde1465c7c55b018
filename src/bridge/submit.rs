//! A draft becomes an email and is handed to the relay.

use std::sync::Arc;
use std::time::Duration;

use ruma::OwnedEventId;
use tokio::sync::SemaphorePermit;

use super::files::shows_files;
use super::messages::referred;
use super::{Bridge, Failure, HEAVY};
use crate::convert::address::new_token;
use crate::convert::thread;
use crate::convert::to_email::{self, ChatMessage, EmailDraft, Intro, Quoted, RenderOptions, RenderedEmail};
use crate::mail::SendError;
use crate::model::{Envelope, Mailbox, Timestamp};
use crate::store::{Draft, Email, Job, LinkedFile, Message, Portal, StoreError, Tx};

/// How often a draft is rendered again because it changed meanwhile, before its job steps back for a moment.
const RENDERINGS: usize = 5;

/// How long to wait for a store in trouble.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// An email ready to be handed over.
struct Finished<'a> {
    envelope: Envelope,
    bytes: Vec<u8>,
    /// An earlier attempt has frozen it, and did not find out what became of it: the relay may have it.
    perhaps_taken: bool,
    /// When it is large.
    _place: Option<SemaphorePermit<'a>>,
}

impl Bridge {
    pub(super) async fn work_email(&self, job: &Job) -> Result<(), Failure> {
        let Some(finished) = self.freeze(job).await? else {
            return Ok(());
        };
        self.store.settled().await?;
        match self.mail.send(&finished.envelope, &finished.bytes).await {
            Ok(accepted) => {
                metrics::counter!("penpal_emails_sent_total").increment(1);
                tracing::info!(
                    job = job.id,
                    portal = job.portal,
                    reply = accepted.reply,
                    "email sent"
                );
                self.end_sent(job).await
            }
            Err(error) => {
                let mut tx = self.settle(job).await?;
                // What may have been taken stays as it is, whatever this attempt has come to: sent again, it must be
                // recognisably the same email.
                let uncertain = matches!(error, SendError::Transient { uncertain: true, .. });
                if !uncertain && !finished.perhaps_taken {
                    tx.thaw_draft(job.id).await?;
                }
                tx.commit().await?;
                Err(error.into())
            }
        }
    }

    /// Ends the job of an email that the relay has taken. A store in trouble, as on a full disk, is waited for: begun once more,
    /// the job would send a second copy.
    async fn end_sent(&self, job: &Job) -> Result<(), Failure> {
        loop {
            let ended = async {
                let mut tx = self.settle(job).await?;
                tx.remove_draft(job.id).await?;
                if let Some(portal) = job.portal {
                    tx.set_introduced(portal).await?;
                }
                self.finish(tx, job).await
            };
            match ended.await {
                Err(Failure::Store(error)) if !matches!(error, StoreError::LeaseLost { .. }) => {
                    tracing::error!(job = job.id, %error, "the store can't note that an email was sent, trying again");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                ended => return ended,
            }
        }
    }

    /// Renders the draft and commits the result. `None` when there is nothing to send; the job is then finished.
    async fn freeze(&self, job: &Job) -> Result<Option<Finished<'_>>, Failure> {
        for _ in 0..RENDERINGS {
            let mut tx = self.store.read().await?;
            let (Some(draft), Some(portal)) = (tx.draft(job.id).await?, self.portal_in(&mut tx, job).await?)
            else {
                drop(tx);
                let tx = self.settle(job).await?;
                self.finish(tx, job).await?;
                return Ok(None);
            };
            let due = tx.job_due(job.id).await?.unwrap_or(job.due_at);
            let messages = tx.messages_of_job(job.id).await?;
            let hindrance = self.hindrance_at_leave(&mut tx, &portal, &draft.sender).await?;
            if let Some(hindrance) = hindrance.filter(|_| due <= self.now()) {
                drop(tx);
                self.drop_email(job, &draft, &portal, hindrance, &messages)
                    .await?;
                return Ok(None);
            }
            if let Some(bytes) = draft.frozen {
                let email = tx.email(&draft.message_id, portal.id).await?;
                let token = email.and_then(|email| email.bounce_token).unwrap_or_default();
                let heavy = bytes.len() > HEAVY;
                return Ok(Some(Finished {
                    envelope: self.envelope(&portal, &token)?,
                    bytes,
                    perhaps_taken: true,
                    _place: heavy.then(|| self.place(&self.heavy_emails)).transpose()?,
                }));
            }
            drop(tx);
            if due > self.now() {
                return Err(Failure::Later(due));
            }
            let files = messages
                .iter()
                .any(|message| message.content.as_ref().is_some_and(shows_files));
            let place = files.then(|| self.place(&self.heavy_emails)).transpose()?;
            let rendered = self.compose(&draft, &portal, &messages).await?;
            let mut tx = self.settle(job).await?;
            let Some(rendered) = rendered else {
                // Unless a message was added meanwhile.
                if tx
                    .draft(job.id)
                    .await?
                    .is_none_or(|now| now.revision == draft.revision)
                {
                    tx.remove_draft(job.id).await?;
                    tx.unspend(&portal.user, job.id).await?;
                    self.finish(tx, job).await?;
                    return Ok(None);
                }
                continue;
            };
            if let Some(wait) = self.count_email(&mut tx, &draft, &portal, rendered.files).await? {
                self.hold(&mut tx, &draft, &portal, &wait).await?;
                tx.commit().await?;
                return Err(Failure::Later(wait.until));
            }
            if !tx
                .freeze_draft(job.id, draft.revision, &rendered.email.bytes)
                .await?
            {
                continue;
            }
            tx.add_email(&rendered.row, self.now()).await?;
            if !rendered.links.is_empty() {
                tx.forget_expired_files(self.now()).await?;
            }
            for (event, file) in &rendered.links {
                tx.keep_file(event, file).await?;
            }
            // A retry finds the row of its first attempt, with the token that may be on its way back already.
            let row = tx
                .email(&draft.message_id, portal.id)
                .await?
                .unwrap_or(rendered.row);
            for (message, text) in messages.iter().zip(&rendered.email.texts) {
                tx.set_body(&message.event_id, text).await?;
            }
            if portal.subject.is_none() {
                tx.fix_subject(portal.id, &row.subject).await?;
            }
            // Durable: what goes to the relay again after a power cut is the same email, byte for byte.
            tx.commit().await?;
            let envelope = self.envelope(&portal, row.bounce_token.as_deref().unwrap_or_default())?;
            return Ok(Some(Finished {
                envelope,
                bytes: rendered.email.bytes,
                perhaps_taken: false,
                _place: place,
            }));
        }
        Err(Failure::Retry {
            after: Some(Duration::from_secs(1)),
            reason: "the message kept changing".into(),
        })
    }

    /// Renders the messages of a draft; `None` when they show nothing.
    async fn compose(
        &self,
        draft: &Draft,
        portal: &Portal,
        messages: &[Message],
    ) -> Result<Option<Composed>, Failure> {
        let Some(email) = self.email_draft(draft, portal, messages).await? else {
            return Ok(None);
        };
        let row = Email {
            message_id: draft.message_id.clone(),
            portal: portal.id,
            outgoing: true,
            subject: email.draft.subject.clone(),
            chain: email.draft.references.clone(),
            bounce_token: Some(new_token(&*self.random)),
        };
        // Off the workers' threads: an email with large attachments takes a while to encode.
        let (mail, loop_key) = (Arc::clone(&self.mail), self.loop_key.clone());
        let domain = self.mail_domain(portal).to_owned();
        let rendered = tokio::task::spawn_blocking(move || {
            to_email::render_with(&email.draft, &email.options).map(|mut rendered| {
                loop_key.mark(&mut rendered.bytes, &email.draft.message_id);
                rendered.bytes = mail.sign(rendered.bytes, &domain);
                rendered
            })
        });
        match rendered.await {
            Ok(Ok(rendered)) => Ok(Some(Composed {
                email: rendered,
                row,
                links: email.links,
                files: email.files,
            })),
            Ok(Err(nothing)) => {
                tracing::info!(job = draft.job, portal = portal.id, "no email: {nothing}");
                Ok(None)
            }
            Err(_panicked) => Err(Failure::Defect),
        }
    }

    /// Everything that the email is made of; `None` when all its messages were taken back.
    async fn email_draft(
        &self,
        draft: &Draft,
        portal: &Portal,
        messages: &[Message],
    ) -> Result<Option<Unrendered>, Failure> {
        let Some(last) = messages.last() else {
            return Ok(None);
        };
        let mut tx = self.store.read().await?;
        let parent = self.parent(&mut tx, draft, portal, messages).await?;
        let puppet_name = tx.puppet_name(&portal.puppet).await?;
        let wishes = tx.mail_wishes(&portal.user).await?;
        let mut chat = Vec::with_capacity(messages.len());
        for message in messages {
            chat.push(self.chat_message(&mut tx, message).await?);
        }
        drop(tx);
        let waited = self.now().since(draft.first_at);
        let files = self
            .download_all(&portal.puppet, messages, &mut chat, waited)
            .await?;
        let from = Mailbox {
            name: Some(last.sender_name.clone()),
            address: self.address_of(&draft.sender, self.mail_domain(portal))?,
        };
        let subject = parent
            .as_ref()
            .map(|parent| parent.subject.clone())
            .filter(|subject| !subject.is_empty())
            .or_else(|| portal.subject.clone())
            .or_else(|| portal.name.clone())
            .unwrap_or_else(|| format!("Chat with {}", last.sender_name));
        let (in_reply_to, references) = match parent {
            Some(parent) => {
                let references = thread::references_after(&parent.chain, &parent.message_id);
                (Some(parent.message_id), references)
            }
            None => (None, Vec::new()),
        };
        let intro = (!portal.introduced).then(|| Intro {
            matrix_id: draft.sender.to_string(),
            topic: portal.topic.clone(),
        });
        let domain = self.mail_domain(portal);
        let reply_to = self
            .settings
            .addresses
            .reply_address(&portal.user, &portal.token, domain);
        let unsubscribe = self.unsubscribe(portal, reply_to.as_ref().unwrap_or(&from.address));
        let draft = EmailDraft {
            from,
            reply_to,
            to: Mailbox {
                name: puppet_name.filter(|name| name != portal.address.as_str()),
                address: portal.address.clone(),
            },
            subject,
            message_id: draft.message_id.clone(),
            in_reply_to,
            references,
            date: messages
                .iter()
                .map(|message| message.sent_at)
                .max()
                .unwrap_or(Timestamp(0)),
            ask_receipt: wishes.asks_receipts,
            signature: wishes.signature,
            unsubscribe: Some(unsubscribe),
            intro,
            messages: chat,
        };
        Ok(Some(Unrendered {
            draft,
            options: files.options,
            links: files.links,
            files: files.bytes,
        }))
    }

    /// The email that a draft answers: the one that a message refers to, else the last one of the thread.
    async fn parent(
        &self,
        tx: &mut Tx,
        draft: &Draft,
        portal: &Portal,
        messages: &[Message],
    ) -> Result<Option<Email>, StoreError> {
        for event in messages
            .iter()
            .filter_map(|message| message.content.as_ref().and_then(referred))
        {
            let Some(answered) = tx.message(&event).await? else {
                continue;
            };
            if answered.portal == portal.id
                && answered.message_id != draft.message_id
                && let Some(email) = tx.email(&answered.message_id, portal.id).await?
            {
                return Ok(Some(email));
            }
        }
        tx.last_email(portal.id, &draft.message_id).await
    }

    async fn chat_message(&self, tx: &mut Tx, message: &Message) -> Result<ChatMessage, StoreError> {
        let content = message.content.clone().unwrap_or_default();
        let about = match referred(&content) {
            Some(event) => tx.message(&event).await?.map(|about| {
                let unsent = || Some(about.content.as_ref()?.get("body")?.as_str()?.to_owned());
                Quoted {
                    sender_name: about.sender_name,
                    text: about.body.or_else(unsent).unwrap_or_default(),
                    timestamp: about.sent_at,
                    content: about.content,
                }
            }),
            None => None,
        };
        Ok(ChatMessage {
            event_type: message.event_type.clone(),
            content,
            sender: message.sender.to_string(),
            sender_name: message.sender_name.clone(),
            timestamp: message.sent_at,
            about,
            media: None,
        })
    }

    async fn portal_in(&self, tx: &mut Tx, job: &Job) -> Result<Option<Portal>, StoreError> {
        match job.portal {
            Some(portal) => tx.portal(portal).await,
            None => Ok(None),
        }
    }

    /// Tells the user that an email did not arrive, with the server's words, on the very message.
    pub(super) async fn tell_undelivered(
        &self,
        tx: &mut Tx,
        job: &Job,
        reason: &str,
    ) -> Result<(), StoreError> {
        let Some(portal) = self.portal_in(tx, job).await? else {
            return Ok(());
        };
        if let Some(draft) = tx.draft(job.id).await? {
            tx.remove_email(&draft.message_id, portal.id).await?;
            tx.thaw_draft(job.id).await?;
        }
        let messages = tx.messages_of_job(job.id).await?;
        let what = if messages.len() > 1 {
            "These messages"
        } else {
            "This message"
        };
        let text = format!(
            "{what} could not be delivered to {}. {}",
            portal.address,
            one_line(reason)
        );
        self.add_failure(
            tx,
            portal.id,
            &text,
            messages.first().map(|message| &*message.event_id),
        )
        .await
    }
}

/// An email before it is rendered.
struct Unrendered {
    draft: EmailDraft,
    options: RenderOptions,
    links: Vec<(OwnedEventId, LinkedFile)>,
    /// Bytes of files that it encloses.
    files: u64,
}

/// An email, and what is noted of it.
struct Composed {
    email: RenderedEmail,
    row: Email,
    /// The files to which it links.
    links: Vec<(OwnedEventId, LinkedFile)>,
    /// Bytes of files that it encloses.
    files: u64,
}

/// A server's words on one line, bounded.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(500)
        .collect()
}
