//! What is remembered of mailboxes from which mail is fetched, and for whom a message in one is.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use super::{Bridge, LEASE};
use crate::convert::address::AddressScheme;
use crate::convert::envelope;
use crate::mail::imap::{Addressed, KeeperError, MailboxKeeper, Memory, Outcome, Unfinished};
use crate::store::{MailboxMessage, MailboxState, MessageOutcome, StoreError, Tx};

impl From<StoreError> for KeeperError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

#[async_trait]
impl MailboxKeeper for Bridge {
    async fn hold(&self, mailbox: &str) -> Result<bool, KeeperError> {
        let mut tx = self.store.begin().await?;
        let held = tx.lease_mailbox(mailbox, &self.owner, self.now(), LEASE).await?;
        tx.commit_relaxed().await?;
        Ok(held)
    }

    async fn let_go(&self, mailbox: &str) -> Result<(), KeeperError> {
        let mut tx = self.store.begin().await?;
        tx.release_mailbox(mailbox, &self.owner).await?;
        Ok(tx.commit_relaxed().await?)
    }

    async fn recall(&self, mailbox: &str, validity: u32, next: u32) -> Result<Memory, KeeperError> {
        let mut tx = self.store.begin().await?;
        let state = tx.mailbox(mailbox, &self.owner).await?.ok_or(KeeperError::Lost)?;
        if state.uid_validity != validity {
            if state.uid_validity != 0 {
                tracing::warn!(
                    "a mailbox has numbered its messages anew (UIDVALIDITY): what is unread in it is looked at again"
                );
            }
            let history = next.saturating_sub(1);
            let state = MailboxState {
                uid_validity: validity,
                history,
                last_uid: 0,
            };
            tx.reset_mailbox(mailbox, state).await?;
            tx.commit().await?;
            return Ok(Memory {
                last: 0,
                history,
                unfinished: Vec::new(),
            });
        }
        let messages = tx.unfinished_messages(mailbox).await?;
        tx.commit_relaxed().await?;
        let now = self.now();
        Ok(Memory {
            last: state.last_uid,
            history: state.history,
            unfinished: messages
                .iter()
                .map(|message| Unfinished {
                    uid: message.uid,
                    outcome: outcome(message.outcome),
                    wait: message.due_at.since(now),
                })
                .collect(),
        })
    }

    async fn pass(&self, mailbox: &str, validity: u32, uid: u32) -> Result<(), KeeperError> {
        let mut tx = self.held_mailbox(mailbox, validity).await?;
        tx.pass_mailbox(mailbox, uid).await?;
        Ok(tx.commit().await?)
    }

    async fn note(
        &self,
        mailbox: &str,
        validity: u32,
        uid: u32,
        outcome: Outcome,
    ) -> Result<Outcome, KeeperError> {
        let now = self.now();
        let mut tx = self.held_mailbox(mailbox, validity).await?;
        let known = tx.unfinished_message(mailbox, uid).await?;
        let since = known.map_or(now, |known| known.since);
        let attempts = known.map_or(0, |known| known.attempts);
        let outcome = match outcome {
            Outcome::Later if now.since(since) >= self.settings.give_up_after => Outcome::Refused,
            other => other,
        };
        let (attempts, wait) = match outcome {
            Outcome::Later => (attempts.saturating_add(1), self.wait_for_message(attempts)),
            Outcome::Taken | Outcome::Refused => (attempts, Duration::ZERO),
        };
        let message = MailboxMessage {
            uid,
            outcome: match outcome {
                Outcome::Taken => MessageOutcome::Taken,
                Outcome::Refused => MessageOutcome::Refused,
                Outcome::Later => MessageOutcome::Later,
            },
            since,
            attempts,
            due_at: now + wait,
        };
        tx.keep_message(mailbox, &message).await?;
        tx.pass_mailbox(mailbox, uid).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    async fn finish(&self, mailbox: &str, validity: u32, uid: u32) -> Result<(), KeeperError> {
        let mut tx = self.held_mailbox(mailbox, validity).await?;
        tx.finish_message(mailbox, uid).await?;
        Ok(tx.commit_relaxed().await?)
    }

    fn address(&self, owner: &str, message: &[u8]) -> Addressed {
        let addresses = &self.settings.addresses;
        let found = envelope::read(message);
        // That a message lies in this mailbox says nothing of where it was to go.
        let is_owner = |address: &str| address.eq_ignore_ascii_case(owner);
        // Anybody can name somebody by as many sub-addresses as fit into a header: each recipient counts once.
        let ours = |candidates: &[String]| -> Vec<String> {
            let mut known = BTreeSet::new();
            let mut kept = candidates.to_vec();
            kept.retain(|candidate| {
                let ours = addresses.classify(candidate).filter(|_| !is_owner(candidate));
                ours.is_some_and(|recipient| known.insert(recipient))
            });
            kept
        };
        // With one mailbox for all, the servers' fields only name that mailbox.
        let single = match addresses.scheme() {
            AddressScheme::Single { mailbox } => Some(mailbox.to_string()),
            AddressScheme::Plus | AddressScheme::CatchAll => None,
        };
        let recipients = found
            .delivered
            .iter()
            .map(|field| ours(std::slice::from_ref(field)))
            .chain([ours(&found.named), ours(&found.received)])
            .find(|recipients| !recipients.is_empty())
            .unwrap_or_else(|| single.into_iter().collect());
        Addressed {
            sender: found.sender,
            recipients,
        }
    }
}

impl Bridge {
    /// A transaction on a mailbox that is this process's, and whose messages are still numbered as they were.
    async fn held_mailbox(&self, mailbox: &str, validity: u32) -> Result<Tx, KeeperError> {
        let mut tx = self.store.begin().await?;
        match tx.mailbox(mailbox, &self.owner).await? {
            Some(state) if state.uid_validity == validity => Ok(tx),
            _ => Err(KeeperError::Lost),
        }
    }

    /// How long a message that was put off waits: as long as other work, spread a little.
    fn wait_for_message(&self, attempts: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempts.min(20));
        let wait = self
            .settings
            .first_retry
            .saturating_mul(doubled)
            .min(self.settings.longest_retry);
        let spread = u64::try_from(wait.as_millis() / 4).unwrap_or(u64::MAX);
        wait + Duration::from_millis(self.jitter(spread))
    }
}

fn outcome(stored: MessageOutcome) -> Outcome {
    match stored {
        MessageOutcome::Taken => Outcome::Taken,
        MessageOutcome::Refused => Outcome::Refused,
        MessageOutcome::Later => Outcome::Later,
    }
}
