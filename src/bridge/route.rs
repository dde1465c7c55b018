//! Which thread an email belongs to.

use ruma::{OwnedUserId, UserId};

use super::receive::{Reading, Refused};
use super::sender_rules::rule_for;
use super::{Bridge, Level, NewThread};
use crate::convert::address::Recipient;
use crate::convert::subject::base_subject;
use crate::convert::to_matrix::Auto;
use crate::model::{EmailAddress, IncomingMail, Refusal};
use crate::store::{Portal, PortalState, SenderRule, StoreError, Strangers, Tx};

/// Where a mail belongs.
pub(super) enum Route {
    /// Into a thread that is there.
    Thread(Box<Portal>),
    /// It begins a thread with this user.
    New(OwnedUserId),
}

impl Route {
    /// The number of the thread, where there is one.
    pub(super) fn portal(&self) -> Option<i64> {
        match self {
            Self::Thread(portal) => Some(portal.id),
            Self::New(_) => None,
        }
    }
}

impl Bridge {
    /// Which thread a mail belongs to: by the token in the recipient's address, else by what it answers, else by
    /// its sender and recipient. Never by its subject alone. `addressed` is the thread to whose reply address it came.
    pub(super) async fn route(
        &self,
        tx: &mut Tx,
        mail: &IncomingMail,
        reading: &Reading,
        recipient: &str,
        addressed: Option<Portal>,
    ) -> Result<Route, Refused> {
        let unknown = || Refusal::unknown_recipient("There is no such mailbox here");
        let user = match self.settings.addresses.classify(recipient).ok_or_else(unknown)? {
            Recipient::Reply { .. } => {
                let portal = addressed.ok_or_else(unknown)?;
                open_thread(&portal)?;
                // The person may show us a bounce; a mail server has nothing to say of what we did not send.
                let foreign = reading.headers.auto == Auto::Bounce && !reading.headers.reported.is_empty();
                if foreign && reading.author.as_ref() != Some(&portal.address) {
                    return Err(
                        Refusal::not_allowed("No message that is reported here was sent from here").into(),
                    );
                }
                return Ok(Route::Thread(Box::new(portal)));
            }
            Recipient::Bounce { token } => {
                // Some servers report in their own name; people have no use for this address.
                if !mail.sender.is_empty() && reading.headers.auto.is_personal() {
                    return Err(Refusal::not_allowed("This address takes delivery reports only").into());
                }
                let portal = self.bounced_thread(tx, &token).await?.ok_or_else(unknown)?;
                open_thread(&portal)?;
                return Ok(Route::Thread(Box::new(portal)));
            }
            Recipient::User(user) => Some(user),
            // Never into the chat of somebody else, whatever it answers.
            Recipient::Postmaster => Some(self.settings.default_user.clone().ok_or_else(unknown)?),
            Recipient::Mailbox => None,
        };
        if let Some(portal) = self.reported_thread(tx, reading, user.as_deref()).await? {
            open_thread(&portal)?;
            return Ok(Route::Thread(Box::new(portal)));
        }
        let author = reading.author.as_ref().ok_or_else(no_machines)?;
        if let Some(portal) = self.answered_thread(tx, reading, author, user.as_deref()).await? {
            open_thread(&portal)?;
            return Ok(Route::Thread(Box::new(portal)));
        }
        let by_machine =
            !matches!(reading.headers.auto, Auto::None | Auto::Calendar) || mail.sender.is_empty();
        let user = user
            .or_else(|| self.settings.default_user.clone())
            .ok_or_else(|| Refusal::not_allowed("This message answers no conversation that is known here"))?;
        // Anybody can bear the address of a contact, or of one who is let in.
        let verified = mail.verdict.vouches_for(author);
        let let_in = verified && rule_for(tx, &user, author).await? == Some(SenderRule::Allow);
        let subscribed = matches!(reading.headers.auto, Auto::List | Auto::Generated);
        if by_machine && !(let_in && subscribed) {
            return Err(no_machines().into());
        }
        // Else who may only answer could write to anybody, after a mail in that person's name.
        let believed = verified || self.settings.permissions.level(&user) > Level::Reply;
        let welcome = match self.strangers_of(tx, &user).await? {
            Strangers::Anyone => true,
            Strangers::Contacts => verified && tx.is_contact(author, &user).await?,
            Strangers::Nobody => false,
        };
        if !(let_in || (welcome && believed)) {
            return Err(Refusal::not_allowed(
                "The recipient does not take new conversations from this sender",
            )
            .into());
        }
        let portals = tx.portals_with(author, Some(&user), 50).await?;
        if by_machine {
            // What it sends is no conversation: one chat holds it all, also after its user has left that.
            let chat = portals
                .into_iter()
                .find(|portal| portal.state != PortalState::Removed);
            return Ok(chat.map_or(Route::New(user), |portal| Route::Thread(Box::new(portal))));
        }
        let open = portals
            .into_iter()
            .find(|portal| portal.state == PortalState::Active);
        Ok(match (self.settings.new_thread, open) {
            (NewThread::Reuse, Some(portal)) => Route::Thread(Box::new(portal)),
            _ => Route::New(user),
        })
    }

    /// Who may start a thread with a user: what they chose, as far as the admin allows it.
    pub(super) async fn strangers_of(&self, tx: &mut Tx, user: &UserId) -> Result<Strangers, StoreError> {
        let chosen = tx.strangers(user).await?.unwrap_or(self.settings.strangers);
        Ok(chosen.at_most(self.settings.strangers_at_most))
    }

    /// The thread of the email that a bounce is about.
    pub(super) async fn bounced_thread(
        &self,
        tx: &mut Tx,
        token: &str,
    ) -> Result<Option<Portal>, StoreError> {
        match tx.email_by_bounce_token(token).await? {
            Some(email) => tx.portal(email.portal).await,
            None => Ok(None),
        }
    }

    /// The thread of the email that a bounce or a read notification is about. With one mailbox for all, this is all that says
    /// where it belongs. Nobody but its recipient and the servers on the way knows the ID of an email.
    async fn reported_thread(
        &self,
        tx: &mut Tx,
        reading: &Reading,
        user: Option<&UserId>,
    ) -> Result<Option<Portal>, StoreError> {
        for message_id in &reading.headers.reported {
            for email in tx.emails_by_id(message_id).await? {
                let Some(portal) = tx.portal(email.portal).await?.filter(|_| email.outgoing) else {
                    continue;
                };
                let has_read = reading.author.as_ref() == Some(&portal.address);
                if user.is_none_or(|user| portal.user == user)
                    && (has_read || reading.headers.auto != Auto::Mdn)
                {
                    return Ok(Some(portal));
                }
            }
        }
        Ok(None)
    }

    /// The thread that a mail answers, as far as its headers tell, among those with its author.
    async fn answered_thread(
        &self,
        tx: &mut Tx,
        reading: &Reading,
        author: &EmailAddress,
        user: Option<&UserId>,
    ) -> Result<Option<Portal>, StoreError> {
        let headers = &reading.headers;
        let answered = headers.in_reply_to.iter().chain(headers.references.iter().rev());
        for message_id in answered.clone().take(100) {
            for email in tx.emails_by_id(message_id).await? {
                let Some(portal) = tx.portal(email.portal).await? else {
                    continue;
                };
                if portal.address == *author && user.is_none_or(|user| portal.user == user) {
                    return Ok(Some(portal));
                }
            }
        }
        // It is an answer, but to an ID that some server on the way has rewritten.
        if answered.count() == 0 {
            return Ok(None);
        }
        let subject = base_subject(&headers.subject);
        let portals = tx.portals_with(author, user, 50).await?;
        // With one mailbox for all, the recipient does not say whose thread it is: a guess could hand a message to somebody else.
        if portals
            .iter()
            .any(|portal| portals.first().is_some_and(|first| first.user != portal.user))
        {
            return Ok(None);
        }
        let same_subject = |portal: &&Portal| {
            portal
                .subject
                .as_deref()
                .is_some_and(|other| base_subject(other).eq_ignore_ascii_case(&subject))
        };
        let takes_mail = |portal: &&Portal| portal.state != PortalState::Removed;
        Ok(portals
            .iter()
            .find(same_subject)
            .or_else(|| portals.iter().find(takes_mail))
            .or(portals.first())
            .cloned())
    }
}

/// Refuses mail for a thread whose puppet was removed from the chat.
pub(super) fn open_thread(portal: &Portal) -> Result<(), Refusal> {
    if portal.state == PortalState::Removed {
        return Err(Refusal::not_allowed("The recipient has ended this conversation"));
    }
    Ok(())
}

pub(super) fn no_machines() -> Refusal {
    Refusal::not_allowed("Automatic messages are taken only in a conversation that is known here")
}
