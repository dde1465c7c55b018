//! What keeps a Matrix user from writing to somebody: the admin's permissions, the addresses that the admin allows, and that person's own
//! will.

use ruma::UserId;

use super::receive::Refused;
use super::sender_rules::rule_for;
use super::{Bridge, Failure, Level};
use crate::model::{AddressPattern, EmailAddress, Refusal, RoomEvent};
use crate::store::{Job, Outgoing, Portal, SenderRule, StoreError, Tx};

/// To which addresses mail may go.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// To no others.
    pub allowed: Vec<AddressPattern>,
    /// Not to these, whatever is allowed.
    pub denied: Vec<AddressPattern>,
}

impl Default for Addresses {
    fn default() -> Self {
        let everybody = AddressPattern::parse("*");
        Self {
            allowed: everybody.into_iter().collect(),
            denied: Vec::new(),
        }
    }
}

impl Addresses {
    fn allow(&self, address: &EmailAddress) -> bool {
        let fits = |patterns: &[AddressPattern]| patterns.iter().any(|pattern| pattern.fits(address));
        fits(&self.allowed) && !fits(&self.denied)
    }
}

/// Why nothing goes from somebody to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    /// The sender may not use Penpal.
    NotAllowed,
    /// The sender may answer alone, and this person has not written.
    NotFirst,
    /// No mail goes to this address.
    Denied,
    /// This person wants no more mail of the user.
    Stopped,
    /// The user takes no mail of this person, who could not even ask for an end of it.
    Blocked,
}

impl Hindrance {
    /// One word, for metrics.
    fn as_str(self) -> &'static str {
        match self {
            Self::NotAllowed => "permission",
            Self::NotFirst => "not_first",
            Self::Denied => "address",
            Self::Stopped => "stopped",
            Self::Blocked => "blocked",
        }
    }

    /// Why, in words for the one who is refused.
    fn words(self, address: &EmailAddress) -> String {
        match self {
            Self::NotAllowed => "The admin of this server does not let you write emails.".to_owned(),
            Self::NotFirst => format!(
                "The admin of this server lets you answer emails, but not write first, and {address} has not written to you."
            ),
            Self::Denied => format!("The admin of this server lets no email go to {address}."),
            Self::Stopped => format!("{address} has asked for no more email from you."),
            Self::Blocked => {
                format!(
                    "You block {address}, who could not answer. To take their mail again, and to write: !unblock"
                )
            }
        }
    }
}

impl Bridge {
    /// What keeps `sender` from writing to `address` in a chat of `user`, when that person has, or has not, stopped the user's emails.
    async fn hindrance(
        &self,
        tx: &mut Tx,
        user: &UserId,
        sender: &UserId,
        address: &EmailAddress,
        stopped: bool,
    ) -> Result<Option<Hindrance>, StoreError> {
        let level = self.settings.permissions.level(user);
        // Others in the room, such as assistants, write by the leave of the one whose chat it is, unless they are shut out.
        if level == Level::None || self.settings.permissions.level(sender) == Level::None {
            return Ok(Some(Hindrance::NotAllowed));
        }
        if !self.settings.recipients.allow(address) {
            return Ok(Some(Hindrance::Denied));
        }
        if stopped {
            return Ok(Some(Hindrance::Stopped));
        }
        if level == Level::Reply && !tx.has_written(address, user).await? {
            return Ok(Some(Hindrance::NotFirst));
        }
        Ok(None)
    }

    /// The same for a chat that is there.
    pub(super) async fn hindrance_in(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        sender: &UserId,
    ) -> Result<Option<Hindrance>, StoreError> {
        self.hindrance(tx, &portal.user, sender, &portal.address, portal.stopped)
            .await
    }

    /// What keeps an email from leaving, when its time has come.
    pub(super) async fn hindrance_at_leave(
        &self,
        tx: &mut Tx,
        outgoing: &Outgoing,
    ) -> Result<Option<Hindrance>, StoreError> {
        let portal = &outgoing.portal;
        if let Some(hindrance) = self.hindrance_in(tx, portal, &outgoing.draft.sender).await? {
            return Ok(Some(hindrance));
        }
        if !outgoing.has_rules {
            return Ok(None);
        }
        let rule = rule_for(tx, &portal.user, &portal.address).await?;
        Ok((rule == Some(SenderRule::Block)).then_some(Hindrance::Blocked))
    }

    /// Why a user may not begin a chat with somebody, in words.
    pub(super) async fn no_chat(
        &self,
        user: &UserId,
        address: &EmailAddress,
    ) -> Result<Option<String>, Failure> {
        let mut tx = self.store.read().await?;
        let stopped = tx.is_stopped(user, address).await?;
        let hindrance = self.hindrance(&mut tx, user, user, address, stopped).await?;
        Ok(hindrance.map(|hindrance| {
            count_refused(hindrance);
            hindrance.words(address)
        }))
    }

    /// Whether a message of a chat may go out; else the chat is told why not, on the message.
    pub(super) async fn may_go(
        &self,
        tx: &mut Tx,
        portal: &Portal,
        event: &RoomEvent,
    ) -> Result<bool, StoreError> {
        let Some(hindrance) = self.hindrance_in(tx, portal, &event.sender).await? else {
            return Ok(true);
        };
        count_refused(hindrance);
        tracing::info!(portal = portal.id, event_id = %event.event_id, reason = hindrance.as_str(), "a message was not sent");
        // Programs write notices, and one that answers notices would go on for ever.
        if event.text("msgtype") != Some("m.notice") {
            let text = format!("This was not sent. {}", hindrance.words(&portal.address));
            self.add_notice(tx, portal.id, &text, Some(&event.event_id))
                .await?;
        }
        Ok(false)
    }

    /// Ends the job of an email that may not go out any more, and says so.
    pub(super) async fn drop_email(
        &self,
        job: &Job,
        outgoing: &Outgoing,
        hindrance: Hindrance,
    ) -> Result<(), Failure> {
        let Outgoing {
            draft,
            portal,
            messages,
            ..
        } = outgoing;
        count_refused(hindrance);
        tracing::info!(
            job = job.id,
            portal = portal.id,
            reason = hindrance.as_str(),
            "an email was not sent"
        );
        let mut tx = self.settle(job).await?;
        tx.remove_draft(job.id).await?;
        let what = if draft.frozen.is_some() {
            "This was perhaps delivered, and will not be sent again."
        } else {
            // What comes later must not answer an email that nobody has.
            tx.remove_email(&draft.message_id, portal.id).await?;
            tx.unspend(&portal.user, job.id).await?;
            "This was not sent."
        };
        let text = format!("{what} {}", hindrance.words(&portal.address));
        let about = messages.first().map(|message| &*message.event_id);
        self.add_notice(&mut tx, portal.id, &text, about).await?;
        self.finish(tx, job).await
    }

    /// Refuses mail for somebody who may not be written to.
    pub(super) fn takes_mail(&self, user: &UserId) -> Result<(), Refused> {
        if self.settings.permissions.level(user) == Level::None {
            return Err(Refusal::unknown_recipient("There is no such mailbox here").into());
        }
        Ok(())
    }
}

/// Counts what was not sent, or not begun.
fn count_refused(hindrance: Hindrance) {
    metrics::counter!("penpal_messages_refused_total", "reason" => hindrance.as_str()).increment(1);
}
