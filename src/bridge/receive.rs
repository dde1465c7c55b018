//! An email is routed to its thread and committed. The mail server gets its 250 when, and only when, this has returned.

use async_trait::async_trait;
use ruma::UserId;
use sha2::{Digest, Sha256};

use super::Bridge;
use super::admission::Admission;
use super::contents::{in_file, read_in_blocks, skeleton_of};
use super::machines::Passage;
use super::route::{Route, no_machines, open_thread};
use super::sender_rules::{Blocked, blocked, refuse_blocked};
use crate::convert::address::{Recipient, new_token};
use crate::convert::subject::base_subject;
use crate::convert::to_matrix::{self, EmailHeaders, Skeleton};
use crate::convert::trace;
use crate::mail::Inbound;
use crate::matrix::MatrixError;
use crate::model::{EmailAddress, IncomingMail, Refusal};
use crate::store::{Addressed, Content, Email, JobKind, Lane, NewJob, NewPortal, Portal, StoreError, Tx};

/// Why a mail is not taken, or could not be.
pub(super) enum Refused {
    By(Refusal),
    Store(StoreError),
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::By(refusal)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refused {
    fn into_refusal(self) -> Refusal {
        match self {
            Self::By(refusal) => refusal,
            Self::Store(error) => {
                tracing::error!(%error, "a mail was put off");
                Refusal::try_again("Penpal's database is in trouble, please try again later")
            }
        }
    }
}

/// What is read of a mail before it is committed.
pub(super) struct Reading {
    pub(super) headers: EmailHeaders,
    /// The one author; `None` for a delivery report, which speaks for a machine.
    pub(super) author: Option<EmailAddress>,
    /// What it says, in a hash; see [`to_matrix::gist`].
    pub(super) gist: Option<String>,
    /// What is read of a large mail.
    skeleton: Option<Skeleton>,
    /// What makes it the same mail when it is delivered again.
    digest: String,
}

impl Reading {
    /// What is read of the mail: all of it, unless it is large.
    pub(super) fn text<'a>(&'a self, mail: &'a IncomingMail) -> &'a [u8] {
        self.skeleton.as_ref().map_or(mail.bytes.head(), Skeleton::bytes)
    }
}

#[async_trait]
impl Inbound for Bridge {
    async fn check_recipient(&self, sender: &str, recipient: &str) -> Result<(), Refusal> {
        let checked = self.recipient_exists(sender, recipient).await;
        if checked.is_err() {
            metrics::counter!("penpal_recipients_refused_total").increment(1);
        }
        checked.map_err(Refused::into_refusal)
    }

    async fn accept(&self, mail: &IncomingMail) -> Vec<Result<(), Refusal>> {
        let reading = self.read_mail(mail).await;
        let mut answers = Vec::with_capacity(mail.recipients.len());
        for recipient in &mail.recipients {
            let answer = match &reading {
                Ok(reading) => match self.admit(mail, &reading.headers, recipient) {
                    Admission::Taken => self
                        .take_in(mail, reading, recipient)
                        .await
                        .map_err(Refused::into_refusal),
                    Admission::Dropped => Ok(()),
                    Admission::Refused(refusal) => Err(refusal),
                },
                Err(refusal) => Err(refusal.clone()),
            };
            match &answer {
                Ok(()) => metrics::counter!("penpal_mails_accepted_total").increment(1),
                Err(refusal) => {
                    metrics::counter!("penpal_mails_refused_total", "code" => refusal.enhanced).increment(1);
                    tracing::info!(
                        code = refusal.code,
                        enhanced = refusal.enhanced,
                        "mail refused: {}",
                        refusal.text
                    );
                }
            }
            answers.push(answer);
        }
        answers
    }
}

impl Bridge {
    async fn recipient_exists(&self, sender: &str, recipient: &str) -> Result<(), Refused> {
        let Some(target) = self.settings.addresses.classify(recipient) else {
            return Err(Refusal::unknown_recipient("There is no such mailbox here").into());
        };
        let mut tx = self.store.read().await?;
        match target {
            Recipient::Reply { token, .. } => match tx.addressed(&token).await? {
                Some(Addressed { portal, rules }) => {
                    open_thread(&portal)?;
                    self.takes_mail(&portal.user)?;
                    refuse_blocked(sender, &rules)?;
                }
                None => return Err(Refusal::unknown_recipient("There is no such conversation").into()),
            },
            Recipient::Bounce { token } => match self.bounced_thread(&mut tx, &token).await? {
                Some(portal) => open_thread(&portal)?,
                None => return Err(Refusal::unknown_recipient("There is no such message").into()),
            },
            Recipient::User(user) => {
                self.takes_mail(&user)?;
                refuse_blocked(sender, &tx.sender_rules(&user).await?)?;
                let known = tx.knows_user(&user).await?;
                drop(tx);
                if !known && !self.user_exists(&user).await? {
                    return Err(Refusal::unknown_recipient("There is no such user").into());
                }
            }
            Recipient::Mailbox => {}
            Recipient::Postmaster if self.settings.default_user.is_some() => {}
            Recipient::Postmaster => {
                return Err(Refusal::unknown_recipient("Mail for the postmaster is not handled here").into());
            }
        }
        Ok(())
    }

    /// Whether the homeserver knows a user of its own. Users of other servers exist here once they use Penpal.
    async fn user_exists(&self, user: &UserId) -> Result<bool, Refusal> {
        let namespace = &self.settings.namespace;
        if namespace.is_ours(user) || user.server_name() != namespace.server_name() {
            return Ok(false);
        }
        match self.homeserver.profile(namespace.bot(), user).await {
            Ok(profile) => Ok(profile.is_some()),
            Err(MatrixError::Transient { .. }) => Err(Refusal::try_again(
                "The homeserver can't be asked right now, please try again later",
            )),
            Err(error) => {
                tracing::warn!(
                    %error,
                    "the homeserver would not say whether a user exists, so mail to who never used Penpal is refused: \
                     let the bot see profiles, or have users start a chat with it"
                );
                Ok(false)
            }
        }
    }

    /// Reads the headers, and refuses what has no one author (RFC 5322, section 3.6.2).
    async fn read_mail(&self, mail: &IncomingMail) -> Result<Reading, Refusal> {
        let skeleton = skeleton_of(&mail.bytes).await.map_err(Refused::into_refusal)?;
        let text = skeleton.as_ref().map_or(mail.bytes.head(), Skeleton::bytes);
        let headers = to_matrix::arriving_headers(text, &mail.sender);
        let author = match headers.from.as_slice() {
            [author] => Some(author.address.clone()),
            _ if mail.sender.is_empty() => None,
            [] => return Err(malformed("The message needs a valid address in From")),
            _ => {
                return Err(malformed(
                    "The message must have one address in From, not several",
                ));
            }
        };
        let ours = |author: &EmailAddress| self.settings.addresses.is_ours(author);
        if author.as_ref().is_some_and(ours) && !mail.sender.is_empty() {
            return Err(Refusal::not_allowed(
                "Mail from this domain does not come in from outside",
            ));
        }
        // With the null reverse-path it is a report of our own mail server, which speaks for no user.
        let author = author.filter(|author| !ours(author));
        let digest = digest(mail, &headers, author.as_ref())
            .await
            .map_err(Refused::into_refusal)?;
        let gist = to_matrix::gist(text);
        Ok(Reading {
            headers,
            author,
            gist,
            skeleton,
            digest,
        })
    }

    /// Takes a mail for one recipient: a large one is written before anybody has to wait for its commit.
    async fn take_in(&self, mail: &IncomingMail, reading: &Reading, recipient: &str) -> Result<(), Refused> {
        let content = self.write_apart(mail).await?;
        let taken = self.accept_for(mail, reading, recipient, content).await;
        if let Some(content) = content {
            self.remove_content(content).await;
        }
        taken
    }

    /// The emails with a mail's own `Message-ID`, and the thread to whose reply address it came.
    async fn look_up(
        &self,
        tx: &mut Tx,
        reading: &Reading,
        recipient: &str,
    ) -> Result<(Vec<Email>, Option<Portal>), StoreError> {
        // An empty one is nobody's.
        let message_id = reading.headers.message_id.as_deref().unwrap_or_default();
        match self.settings.addresses.classify(recipient) {
            Some(Recipient::Reply { token, .. }) => tx.emails_and_portal(message_id, &token).await,
            _ => Ok((tx.emails_by_id(message_id).await?, None)),
        }
    }

    /// Routes and commits a mail for one recipient.
    async fn accept_for(
        &self,
        mail: &IncomingMail,
        reading: &Reading,
        recipient: &str,
        content: Option<Content>,
    ) -> Result<(), Refused> {
        let mut tx = self.store.begin().await?;
        let (same, addressed) = self.look_up(&mut tx, reading, recipient).await?;
        self.refuse_loops(mail, &same)?;
        if self.unsubscribed_by(&mut tx, &reading.headers.subject).await? {
            return Ok(tx.commit().await?);
        }
        if self.note_report(&mut tx, mail, reading, recipient).await? {
            return Ok(tx.commit().await?);
        }
        let route = self.route(&mut tx, mail, reading, recipient, addressed).await?;
        let (user, person) = match &route {
            Route::Thread(portal) => (&portal.user, Some(&portal.address)),
            Route::New(user) => (user, reading.author.as_ref()),
        };
        self.takes_mail(user)?;
        let key = format!("mail:{user}:{}", reading.digest);
        let met = tx.met(route.portal(), user, &key).await?;
        match blocked(mail, reading, &met.rules) {
            Some(Blocked::Refused(refusal)) => return Err(refusal.into()),
            Some(Blocked::Dropped) => return Ok(tx.commit().await?),
            None => {}
        }
        // What a machine or somebody else says is shown, but the thread goes on from the last word of its person.
        let by_the_person = person == reading.author.as_ref() && reading.headers.auto.is_personal();
        if met.known {
            // Its first delivery may have been committed this moment: 250 waits until it is on the disk.
            return Ok(tx.commit().await?);
        }
        let now = self.now();
        let subject = base_subject(&reading.headers.subject);
        let portal = match route {
            Route::Thread(portal) => portal.id,
            Route::New(user) => {
                let author = reading.author.as_ref().ok_or_else(no_machines)?;
                let puppet = self
                    .puppet_of(author)
                    .ok_or_else(|| Refusal::not_allowed("The address in From is too long for a chat"))?;
                let new = NewPortal {
                    user: &user,
                    address: author,
                    puppet: &puppet,
                    room: None,
                    token: &new_token(&*self.random),
                    domain: self.settings.addresses.domain_reached(recipient, &user),
                    subject: Some(subject.as_str()).filter(|subject| !subject.is_empty()),
                };
                tx.create_portal(&new, now).await?
            }
        };
        let passage = self
            .pass_mail(&mut tx, portal, met.machines, mail, reading)
            .await?;
        if passage != Passage::Open {
            tx.commit().await?;
            return passage.outcome();
        }
        let mut payload = trace::stamp(mail, recipient, now);
        if content.is_none() {
            payload.extend_from_slice(mail.bytes.head());
        }
        let job = NewJob {
            lane: Lane::portal(portal),
            kind: JobKind::Mail,
            key: Some(key),
            portal: Some(portal),
            payload: &payload,
            due_at: now,
        };
        tx.wake_lane(&job.lane, now).await?;
        if let Some(message_id) = reading.headers.message_id.as_ref().filter(|_| by_the_person) {
            let email = came(message_id, portal, subject, &reading.headers.references);
            tx.add_email(&email, now).await?;
        }
        if by_the_person
            && reading
                .author
                .as_ref()
                .is_some_and(|author| mail.verdict.vouches_for(author))
        {
            tx.set_wrote(portal).await?;
            if met.delays {
                self.note_answered(&mut tx, portal, &reading.headers.in_reply_to)
                    .await?;
            }
        }
        tx.touch_portal(portal, now).await?;
        // Delivered twice at once, the other one has committed it, and nothing of this one may stay.
        let Some(content) = content else {
            tx.commit_job(&job, now).await?;
            return Ok(());
        };
        if let Some(job) = tx.enqueue(&job, now).await? {
            tx.own_content(content, job).await?;
            tx.commit().await?;
        }
        Ok(())
    }
}

/// What makes a mail the same when it is delivered again. Not its bytes as a whole: each server on the way puts its own trace fields on top.
async fn digest(
    mail: &IncomingMail,
    headers: &EmailHeaders,
    author: Option<&EmailAddress>,
) -> Result<String, Refused> {
    let mut digest = Sha256::new();
    for part in [
        headers.message_id.as_deref(),
        Some(headers.subject.as_str()),
        author.map(EmailAddress::as_str),
    ] {
        digest.update(part.unwrap_or_default());
        digest.update([0]);
    }
    digest.update(
        headers
            .date
            .map_or(0, crate::model::Timestamp::millis)
            .to_le_bytes(),
    );
    let end = |head: &[u8]| head.windows(4).position(|window| window == b"\r\n\r\n");
    // Without an ID, "yes" and another "yes" differ in nothing but the trace fields.
    let has_id = headers.message_id.is_some();
    let body = end(mail.bytes.head()).filter(|_| has_id).unwrap_or(0);
    if let Some(whole) = mail.bytes.whole() {
        digest.update(whole.get(body..).unwrap_or_default());
    } else {
        digest = in_file(&mail.bytes, move |mail| {
            read_in_blocks(mail, body as u64, |block| digest.update(block))?;
            Ok(digest)
        })
        .await?;
    }
    Ok(data_encoding::HEXLOWER.encode(&digest.finalize()))
}

/// An email that came in.
fn came(message_id: &str, portal: i64, subject: String, chain: &[String]) -> Email {
    let known = chain.len().saturating_sub(20);
    Email {
        message_id: message_id.to_owned(),
        portal,
        outgoing: false,
        subject,
        chain: chain.iter().skip(known).cloned().collect(),
        bounce_token: None,
    }
}

fn malformed(text: &str) -> Refusal {
    Refusal {
        code: 550,
        enhanced: "5.6.0",
        text: text.into(),
    }
}
