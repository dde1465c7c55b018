//! An email is handed to the relay, and what came of it is noted.

use std::time::Duration;

use async_trait::async_trait;

use super::email_bytes::EmailBytes;
use super::freeze::Finished;
use super::{Bridge, Failure};
use crate::mail::{Accepted, Leave, SendError};
use crate::store::{Job, Portal, StoreError, Tx};

/// How long to wait for a store in trouble.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long the leave for a message holds once it was asked for; the lease runs for longer.
const LEAVE: Duration = Duration::from_secs(10);

/// A message may leave while its lane is this process's.
struct Lease<'a> {
    bridge: &'a Bridge,
    job: &'a Job,
}

#[async_trait]
impl Leave for Lease<'_> {
    async fn is_given(&self) -> bool {
        let store = &self.bridge.store;
        if store.is_single_process() {
            return true;
        }
        let asked = self.bridge.now();
        let held = async {
            let mut tx = store.read().await?;
            tx.holds_lease(self.job, &self.bridge.owner, LEAVE).await
        };
        match held.await {
            // A process that stood still between question and answer knows what was so then.
            Ok(held) => held && (asked..asked + LEAVE).contains(&self.bridge.now()),
            Err(error) => {
                tracing::warn!(job = self.job.id, %error, "an email waits: the store does not say whether it is still to be sent");
                false
            }
        }
    }
}

impl Bridge {
    pub(super) async fn work_email(&self, job: &Job) -> Result<(), Failure> {
        let Some(finished) = self.freeze(job).await? else {
            return Ok(());
        };
        self.store.settled().await?;
        match self.hand_over(job, &finished).await {
            Ok(accepted) => {
                metrics::counter!("penpal_emails_sent_total").increment(1);
                tracing::info!(
                    job = job.id,
                    portal = job.portal,
                    reply = accepted.reply,
                    "email sent"
                );
                self.end_sent(job).await?;
                self.remove_files(&finished).await;
                Ok(())
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
                self.remove_files(&finished).await;
                Err(error.into())
            }
        }
    }

    /// Removes the files of an email, unless it stays frozen.
    async fn remove_files(&self, finished: &Finished<'_>) {
        for (_, content) in &finished.email.files {
            self.remove_content(*content).await;
        }
    }

    /// Gives an email to the relay: a large one in pieces.
    async fn hand_over(&self, job: &Job, finished: &Finished<'_>) -> Result<Accepted, SendError> {
        let Finished { envelope, email, .. } = finished;
        let leave = Lease { bridge: self, job };
        if email.files.is_empty() {
            return self.mail.send(envelope, &email.text, &leave).await;
        }
        let mut bytes = EmailBytes::new(&self.store, email);
        self.mail.send_large(envelope, bytes.message(), &leave).await
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

    pub(super) async fn portal_in(&self, tx: &mut Tx, job: &Job) -> Result<Option<Portal>, StoreError> {
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
        self.add_given_up(
            tx,
            portal.id,
            &text,
            messages.first().map(|message| &*message.event_id),
            job.id,
        )
        .await
    }
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
