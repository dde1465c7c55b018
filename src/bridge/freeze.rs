//! A draft becomes an email for good: rendered, committed, and never changed while the relay may have it.

use std::time::Duration;

use tokio::sync::SemaphorePermit;

use super::fetch::Fetched;
use super::files::shows_files;
use super::{Bridge, Failure, HEAVY};
use crate::model::Envelope;
use crate::store::{FrozenEmail, Job, Outgoing};

/// How often a draft is rendered again because it changed meanwhile, before its job steps back for a moment.
const RENDERINGS: usize = 5;

/// An email ready to be handed over.
pub(super) struct Finished<'a> {
    pub(super) envelope: Envelope,
    pub(super) email: FrozenEmail,
    /// An earlier attempt has frozen it, and did not find out what became of it: the relay may have it.
    pub(super) perhaps_taken: bool,
    /// When it is large.
    _place: Option<SemaphorePermit<'a>>,
}

/// What became of a draft.
enum Frozen<'a> {
    Email(Finished<'a>),
    /// There is nothing to send, and the job is finished.
    Nothing,
    /// It changed while it was rendered.
    Changed,
}

impl Bridge {
    /// Renders the draft and commits the result. `None` when there is nothing to send; the job is then finished.
    pub(super) async fn freeze(&self, job: &Job) -> Result<Option<Finished<'_>>, Failure> {
        for _ in 0..RENDERINGS {
            let mut fetched = Fetched::new(self.settings.max_attachment);
            let frozen = self.freeze_with(job, &mut fetched).await;
            for content in fetched.contents {
                // Those that the job owns now stay.
                self.remove_content(content).await;
            }
            match frozen? {
                Frozen::Email(finished) => return Ok(Some(finished)),
                Frozen::Nothing => return Ok(None),
                Frozen::Changed => {}
            }
        }
        Err(Failure::Retry {
            after: Some(Duration::from_secs(1)),
            reason: "the message kept changing".into(),
        })
    }

    async fn freeze_with(&self, job: &Job, fetched: &mut Fetched) -> Result<Frozen<'_>, Failure> {
        let mut tx = self.store.read().await?;
        let Some(mut outgoing) = tx.outgoing(job.id).await? else {
            drop(tx);
            let tx = self.settle(job).await?;
            self.finish(tx, job).await?;
            return Ok(Frozen::Nothing);
        };
        let hindrance = self.hindrance_at_leave(&mut tx, &outgoing).await?;
        if let Some(hindrance) = hindrance.filter(|_| outgoing.draft.due_at <= self.now()) {
            drop(tx);
            self.drop_email(job, &outgoing, hindrance).await?;
            return Ok(Frozen::Nothing);
        }
        let frozen = outgoing.draft.frozen.take();
        let Outgoing {
            draft,
            portal,
            messages,
            ..
        } = &outgoing;
        if let Some(frozen) = frozen {
            let email = tx.email(&draft.message_id, portal.id).await?;
            let token = email.and_then(|email| email.bounce_token).unwrap_or_default();
            let heavy = frozen.text.len() > HEAVY || !frozen.files.is_empty();
            return Ok(Frozen::Email(Finished {
                envelope: self.envelope(portal, &token)?,
                email: frozen,
                perhaps_taken: true,
                _place: heavy.then(|| self.place(&self.heavy_emails)).transpose()?,
            }));
        }
        if draft.due_at > self.now() {
            return Err(Failure::Later(draft.due_at));
        }
        let files = messages
            .iter()
            .any(|message| message.content.as_ref().is_some_and(shows_files));
        let place = files.then(|| self.place(&self.heavy_emails)).transpose()?;
        let rendered = self.compose(tx, &outgoing, fetched).await?;
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
                return Ok(Frozen::Nothing);
            }
            return Ok(Frozen::Changed);
        };
        if let Some(wait) = self
            .count_email(
                &mut tx,
                draft,
                portal,
                self.settings.max_attachment.saturating_sub(fetched.room),
            )
            .await?
        {
            self.hold(&mut tx, draft, portal, &wait).await?;
            tx.commit().await?;
            return Err(Failure::Later(wait.until));
        }
        if !tx.freeze_draft(job.id, draft.revision, &rendered.email).await? {
            return Ok(Frozen::Changed);
        }
        if !rendered.links.is_empty() {
            tx.forget_expired_files(self.now()).await?;
        }
        for (event, file) in &rendered.links {
            tx.keep_file(event, file).await?;
        }
        for (message, text) in messages.iter().zip(&rendered.texts) {
            tx.set_body(&message.event_id, text).await?;
        }
        // Durable: what goes to the relay again after a power cut is the same email, byte for byte. A retry finds the row of its
        // first attempt, with the token that may be on its way back already.
        let noted = tx
            .commit_email(&rendered.row, portal.subject.is_none(), self.now())
            .await?;
        let row = noted.unwrap_or(rendered.row);
        let envelope = self.envelope(portal, row.bounce_token.as_deref().unwrap_or_default())?;
        Ok(Frozen::Email(Finished {
            envelope,
            email: rendered.email,
            perhaps_taken: false,
            _place: place,
        }))
    }
}
