//! What comes back about our emails: a delivery report becomes a notice on the message that it is about, a read notification the
//! puppet's read receipt.

use super::label::Authorship;
use super::notices::Delay;
use super::receive::Reading;
use super::submit::one_line;
use super::{Bridge, Failure};
use crate::convert::address::{AddressScheme, Recipient};
use crate::convert::to_matrix::{self, Auto, Delivery, DeliveryReport, Sign};
use crate::matrix::MatrixError;
use crate::model::{EmailAddress, IncomingMail};
use crate::store::{Email, Job, Portal, PortalState, Reported, StoreError, Tx};

/// How many of the emails that a report names are looked up.
const LOOKED_UP: usize = 20;

/// An email of ours that a report is about.
struct About {
    email: Email,
    portal: Portal,
    /// Whether it came to an address that only those know who had the email, or the thread, in their hands.
    by_address: bool,
}

impl Bridge {
    /// Notes what a delivery report says, as a notice on the message that it is about. False when the mail is no report, or is about
    /// nothing that we sent.
    ///
    /// Reports are seldom signed, so nothing is believed but that somebody on the way of this email wrote them: a report is shown
    /// as what it is, it changes nothing else, and each email has at most three (see [`Reported`]).
    pub(super) async fn note_report(
        &self,
        tx: &mut Tx,
        mail: &IncomingMail,
        reading: &Reading,
        recipient: &str,
    ) -> Result<bool, StoreError> {
        let Some(target) = self.settings.addresses.classify(recipient) else {
            return Ok(false);
        };
        let at_bounce_address = matches!(target, Recipient::Bounce { .. });
        if reading.headers.auto != Auto::Bounce && !(at_bounce_address && mail.sender.is_empty()) {
            return Ok(false);
        }
        let Some(about) = self.reported_email(tx, &target, reading).await? else {
            return Ok(false);
        };
        if !is_report(reading, &about.portal.address) {
            return Ok(false);
        }
        let report = to_matrix::delivery_report(reading.text(mail));
        metrics::counter!("penpal_reports_total", "delivery" => word(report.delivery)).increment(1);
        let ours = |address: &EmailAddress| self.settings.addresses.is_ours(address);
        if !report.recipients.is_empty() && report.recipients.iter().all(ours) {
            // A copy that was sent on to us. The person's own may well have arrived.
            tracing::info!(
                portal = about.portal.id,
                "a report about an address of ours tells nothing"
            );
            return Ok(true);
        }
        self.tell_report(tx, &about, &report).await?;
        Ok(true)
    }

    async fn tell_report(
        &self,
        tx: &mut Tx,
        about: &About,
        report: &DeliveryReport,
    ) -> Result<(), StoreError> {
        let About { email, portal, .. } = about;
        let reported = match report.delivery {
            Delivery::Delivered => {
                // That a mail arrived is news only when it was said to be late.
                let late = tx.reported(&email.message_id, portal.id).await? == Some(Reported::Delayed);
                if late {
                    self.tell_arrived(tx, portal, &email.message_id).await?;
                } else {
                    tx.report(&email.message_id, portal.id, Reported::Delivered)
                        .await?;
                }
                return Ok(());
            }
            Delivery::Delayed => Reported::Delayed,
            Delivery::Failed => Reported::Failed,
        };
        if !tx.report(&email.message_id, portal.id, reported).await? {
            return Ok(());
        }
        tracing::info!(
            portal = portal.id,
            reported = reported.as_str(),
            "a mail server reports on an email"
        );
        let events = tx.events_of_email(&email.message_id, portal.id).await?;
        let text = in_words(
            report,
            portal.address.as_str(),
            events.len() > 1,
            about.by_address,
        );
        let event = events.first().map(|event| &**event);
        if reported == Reported::Delayed {
            self.add_delay(tx, portal.id, &text, event, Delay::Begins(&email.message_id))
                .await
        } else {
            self.add_failure(tx, portal.id, &text, event).await
        }
    }

    /// Takes back what was said of an email's delay, when there is something to take back.
    async fn tell_arrived(&self, tx: &mut Tx, portal: &Portal, message_id: &str) -> Result<(), StoreError> {
        if tx.reported(message_id, portal.id).await? != Some(Reported::Delayed)
            || !tx.report(message_id, portal.id, Reported::Delivered).await?
        {
            return Ok(());
        }
        let text = format!("This has reached {} after all.", portal.address);
        let events = tx.events_of_email(message_id, portal.id).await?;
        self.add_delay(
            tx,
            portal.id,
            &text,
            events.first().map(|event| &**event),
            Delay::Ends(message_id),
        )
        .await
    }

    /// Who answers an email, or shows that it was read, has got it.
    pub(super) async fn note_answered(
        &self,
        tx: &mut Tx,
        portal: i64,
        answered: &[String],
    ) -> Result<(), StoreError> {
        let Some(portal) = tx.portal(portal).await? else {
            return Ok(());
        };
        for message_id in answered.iter().take(LOOKED_UP) {
            self.tell_arrived(tx, &portal, message_id).await?;
        }
        Ok(())
    }

    /// The email that a report is about: by the address that it came to, else by what it returns.
    async fn reported_email(
        &self,
        tx: &mut Tx,
        target: &Recipient,
        reading: &Reading,
    ) -> Result<Option<About>, StoreError> {
        let mut candidates = Vec::new();
        if let Recipient::Bounce { token } = target {
            candidates.extend(tx.email_by_bounce_token(token).await?);
        } else {
            for id in reading.headers.reported.iter().take(LOOKED_UP) {
                candidates.extend(tx.emails_by_id(id).await?);
            }
        }
        let single = matches!(self.settings.addresses.scheme(), AddressScheme::Single { .. });
        for email in candidates.into_iter().filter(|email| email.outgoing) {
            let Some(portal) = tx.portal(email.portal).await? else {
                continue;
            };
            let (fits, by_address) = match target {
                Recipient::Bounce { .. } => (true, true),
                Recipient::Reply { token, .. } => (portal.token == *token, true),
                Recipient::User(user) => (portal.user == *user, false),
                Recipient::Mailbox => (true, single),
                Recipient::Postmaster => (self.settings.default_user.as_ref() == Some(&portal.user), false),
            };
            if fits && portal.state != PortalState::Removed {
                return Ok(Some(About {
                    email,
                    portal,
                    by_address,
                }));
            }
        }
        Ok(None)
    }

    /// Turns a read notification into the puppet's read receipt. It is shown nowhere else: one about somebody else's message, or by
    /// somebody else, does nothing.
    pub(super) async fn work_notification(
        &self,
        job: &Job,
        portal: &Portal,
        raw: &[u8],
        authorship: Authorship,
    ) -> Result<(), Failure> {
        let mut tx = self.store.read().await?;
        let mut seen = None;
        for message_id in to_matrix::displayed(raw).iter().take(LOOKED_UP) {
            let email = tx.email(message_id, portal.id).await?;
            if authorship == Authorship::Machine && email.is_some_and(|email| email.outgoing) {
                seen = Some(message_id.clone());
                break;
            }
        }
        let event = match &seen {
            Some(message_id) => tx.message_of_email(message_id, portal.id).await?,
            None => None,
        };
        let event = event.map(|message| message.event_id);
        drop(tx);
        if let (Some(event), Some(room), PortalState::Active) = (&event, &portal.room, portal.state) {
            match self.homeserver.read_receipt(&portal.puppet, room, event).await {
                Ok(()) => {}
                Err(error @ MatrixError::Transient { .. }) => return Err(error.into()),
                // The puppet is not in the room any more, or the event is gone.
                Err(error) => tracing::info!(job = job.id, %error, "no read receipt"),
            }
        }
        let outcome = if event.is_some() { "shown" } else { "ignored" };
        metrics::counter!("penpal_read_notifications_total", "outcome" => outcome).increment(1);
        let mut tx = self.settle(job).await?;
        if let Some(message_id) = seen {
            self.tell_arrived(&mut tx, portal, &message_id).await?;
        }
        self.finish(tx, job).await
    }
}

/// Whether a mail about an email of ours is a delivery report. To the return path other machines write as well: vacation
/// responders, and whatever the person's own programs answer. What nobody can read there is a report.
fn is_report(reading: &Reading, person: &EmailAddress) -> bool {
    let headers = &reading.headers;
    match headers.auto {
        Auto::Bounce => true,
        Auto::None | Auto::Generated => reading.author.as_ref() != Some(person),
        Auto::AutoReply => headers.sign == Sign::NullSender && reading.author.as_ref() != Some(person),
        Auto::List | Auto::Mdn | Auto::Calendar | Auto::Report => false,
    }
}

fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "delivered",
        Delivery::Delayed => "delayed",
        Delivery::Failed => "failed",
    }
}

/// What a report says, for the chat.
fn in_words(report: &DeliveryReport, address: &str, several: bool, by_address: bool) -> String {
    let (what, have, they) = if several {
        ("These messages", "have", "them")
    } else {
        ("This message", "has", "it")
    };
    let because = report
        .reason
        .map_or_else(String::new, |reason| format!(": {reason}"));
    let told = if report.delivery == Delivery::Failed {
        format!("{what} did not reach {address}{because}.")
    } else {
        format!(
            "{what} {have} not reached {address} yet{because}. The mail server goes on trying to deliver {they}."
        )
    };
    let words = report.words.as_deref().map(one_line);
    match (by_address, words) {
        (true, Some(words)) => format!("{told} The mail server said: {words}"),
        (true, None) => told,
        // It names the email, but came to an address that everybody may know.
        (false, Some(words)) => {
            format!("According to a report that could not be verified: {told} The report said: {words}")
        }
        (false, None) => format!("According to a report that could not be verified: {told}"),
    }
}
