//! An email user stops the emails of a Matrix user, or takes them again: by a word in a mail, by the link in each email, or by the mail that mail
//! programs write for their "unsubscribe" button.

use serde_json::Value;

use super::label::Authorship;
use super::{Bridge, Failure};
use crate::appservice::{Correspondence, NoCorrespondence};
use crate::convert::address::Recipient;
use crate::convert::stop_link::{self, StopTicket};
use crate::convert::to_email::Unsubscribe;
use crate::convert::to_matrix::{self, Auto, Converted, EmailHeaders, Wish};
use crate::convert::trace;
use crate::model::{EmailAddress, Timestamp};
use crate::store::{Job, Portal, StoreError, Tx};

impl Bridge {
    /// How the reader of an email in this thread can stop it, for its header and the first one's text.
    pub(super) fn unsubscribe(&self, portal: &Portal, answers: &EmailAddress) -> Unsubscribe {
        let ticket = StopTicket::new(portal.id, portal.user.as_str(), &portal.address);
        let token = self.stop_key.token(&ticket);
        let base = self.settings.downloads.as_ref().map(|downloads| &downloads.url);
        Unsubscribe {
            url: base.map(|base| stop_link::link(base, &token)),
            mailto: stop_link::mailto(answers, &token),
        }
    }

    /// What a mail of a thread wants besides being shown: only the person's own word counts, or that of somebody who had the thread's reply
    /// address, which no forger knows.
    pub(super) fn wish(
        &self,
        portal: &Portal,
        raw: &[u8],
        headers: &EmailHeaders,
        authorship: Authorship,
        converted: &Converted,
    ) -> Option<Wish> {
        let recipient = || self.settings.addresses.classify(trace::recipient(raw)?);
        let by_token =
            || matches!(recipient(), Some(Recipient::Reply { token, .. }) if token == portal.token);
        let wish = to_matrix::wish(converted)?;
        let believed = match authorship {
            Authorship::Person | Authorship::Misnamed => true,
            // To take mail again is for the person alone: the reply address stands in what is quoted back to the Matrix user.
            Authorship::Unverified | Authorship::Other { .. } => {
                wish == Wish::Stop && headers.auto == Auto::None && by_token()
            }
            Authorship::Machine => false,
        };
        believed.then_some(wish)
    }

    /// Takes the links that stop this user's emails out of what they are shown: a quotation holds them, and who has one could
    /// undo what the email user wants.
    pub(super) fn hide_stop_links(portal: &Portal, converted: &mut Converted) {
        let ticket = StopTicket::new(portal.id, portal.user.as_str(), &portal.address);
        let contents = converted
            .events
            .iter_mut()
            .filter_map(|(_, content)| content.as_object_mut());
        let fields = contents.flat_map(|content| content.values_mut());
        let texts = fields.filter_map(|field| match field {
            Value::String(text) => Some(text),
            _ => None,
        });
        for text in texts.chain(converted.quoted.as_mut()) {
            if let Some(hidden) = ticket.hidden_in(text) {
                *text = hidden;
            }
        }
    }

    /// Ends the job of a mail that wants something in a chat which its user has left: it is done and told elsewhere, and opens no room.
    pub(super) async fn grant_after_the_end(
        &self,
        job: &Job,
        portal: &Portal,
        wish: Wish,
    ) -> Result<(), Failure> {
        let mut tx = self.settle(job).await?;
        self.grant(&mut tx, portal, wish).await?;
        self.finish(tx, job).await
    }

    /// Does what an email user wants, and tells the Matrix user what has changed.
    pub(super) async fn grant(&self, tx: &mut Tx, portal: &Portal, wish: Wish) -> Result<(), StoreError> {
        let stopped = wish == Wish::Stop;
        let now = self.now();
        if !tx
            .set_stopped(&portal.user, &portal.address, stopped, now)
            .await?
        {
            return Ok(());
        }
        let (word, text) = match wish {
            Wish::Stop => (
                "stop",
                format!(
                    "{} has asked for no more email from you. What you write here is not sent, unless they allow it again.",
                    portal.address
                ),
            ),
            Wish::Start => ("start", format!("{} takes email from you again.", portal.address)),
        };
        metrics::counter!("penpal_stops_total", "wish" => word).increment(1);
        tracing::info!(
            portal = portal.id,
            wish = word,
            "an email user decided about a Matrix user's emails"
        );
        // Who clicks to and fro must not fill the chat.
        let key = format!("{word}:{}:{}", portal.id, hour(now));
        self.add_news(tx, portal.id, &text, key).await
    }

    /// Does what a mail asks for whose subject holds the token of a link: it was made for that, and nothing else in it counts.
    /// False when it is no such mail.
    pub(super) async fn unsubscribed_by(&self, tx: &mut Tx, subject: &str) -> Result<bool, StoreError> {
        let Some(ticket) = self.stop_key.in_subject(subject) else {
            return Ok(false);
        };
        let Some(portal) = portal_of_ticket(tx, &ticket).await? else {
            return Ok(false);
        };
        self.grant(tx, &portal, Wish::Stop).await?;
        Ok(true)
    }

    /// What a link is about, after what its page was asked to change.
    pub(super) async fn follow_stop_link(
        &self,
        token: &str,
        change: Option<Wish>,
    ) -> Result<Correspondence, NoCorrespondence> {
        // Only who has a link of ours reaches the database.
        let ticket = self.stop_key.open(token).ok_or(NoCorrespondence::Unknown)?;
        let away = |error: StoreError| NoCorrespondence::Unavailable(error.to_string());
        let found = async {
            let portal = portal_of_ticket(&mut self.store.read().await?, &ticket).await?;
            let Some(mut portal) = portal else {
                return Ok(None);
            };
            // Who presses the button once more keeps nobody from writing.
            if let Some(wish) = change.filter(|wish| portal.stopped != (*wish == Wish::Stop)) {
                let mut tx = self.store.begin().await?;
                self.grant(&mut tx, &portal, wish).await?;
                tx.commit().await?;
                portal.stopped = wish == Wish::Stop;
            }
            Ok(Some(Correspondence {
                user: portal.user.to_string(),
                address: portal.address.to_string(),
                stopped: portal.stopped,
            }))
        };
        found.await.map_err(away)?.ok_or(NoCorrespondence::Unknown)
    }
}

/// The thread that a ticket was made for.
async fn portal_of_ticket(tx: &mut Tx, ticket: &StopTicket) -> Result<Option<Portal>, StoreError> {
    let portal = tx.portal(ticket.thread).await?;
    Ok(portal.filter(|portal| StopTicket::new(portal.id, portal.user.as_str(), &portal.address) == *ticket))
}

/// Which hour a time is in.
fn hour(time: Timestamp) -> i64 {
    time.seconds() / 3600
}
