//! What is done on one connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::session::{Selected, Session};
use super::{After, ImapError, MailboxKeeper, MailboxSettings, Memory, Outcome, login};
use crate::mail::{Inbound, answer};
use crate::model::{IncomingMail, Peer, RawMail};

/// Messages whose sizes are asked for at a time.
const BATCH: usize = 50;

/// How long a server may be silent before it is asked again: routers forget connections after ten minutes, and servers may close
/// those that are idle for half an hour (RFC 2177).
const IDLE: Duration = Duration::from_mins(9);

/// The pause after news that were none, the first time.
const FALSE_ALARM: Duration = Duration::from_secs(1);

/// How often the connection may break while a message is marked, before it is left as it is.
const MARKS: u32 = 3;

/// The keyword of messages that were refused.
const REFUSED: &str = "$PenpalRefused";

/// What a visit works with.
pub(super) struct Visitor {
    pub(super) settings: MailboxSettings,
    pub(super) inbound: Arc<dyn Inbound>,
    pub(super) keeper: Arc<dyn MailboxKeeper>,
}

/// New messages that are known of, and their sizes, where they are known: kept from one connection to the next, so that one
/// command on each is enough to go on.
#[derive(Debug, Default)]
pub(super) struct Pending {
    validity: u32,
    messages: BTreeMap<u32, Option<u64>>,
    /// The one that is in work, and how often the connection broke there.
    at: Option<(u32, u32)>,
    /// Counts what was done: whether the server is of any use.
    pub(super) progress: u64,
    /// An outage was told, so that its end is news.
    pub(super) outage: bool,
}

impl Pending {
    /// Begins with a message; gives how often the connection broke when it was in work last.
    fn begin(&mut self, uid: u32) -> u32 {
        let broke = match self.at {
            Some((other, broke)) if other == uid => broke,
            _ => 0,
        };
        self.at = Some((uid, broke + 1));
        broke
    }

    /// Has done what was to be done with it.
    fn end(&mut self) {
        self.at = None;
        self.progress += 1;
    }
}

impl Visitor {
    /// Connects, works on what is there, and then waits for more until the connection ends; with `once`, leaves.
    pub(super) async fn visit(&self, pending: &mut Pending, once: bool) -> Result<(), ImapError> {
        let mut session = login::open(&self.settings).await?;
        let folder = session.select(&self.settings.folder).await?;
        if std::mem::take(&mut pending.outage) {
            tracing::info!(mailbox = self.settings.label, "the mailbox can be reached again");
        }
        if pending.validity != folder.validity {
            *pending = Pending {
                validity: folder.validity,
                outage: pending.outage,
                progress: pending.progress,
                ..Pending::default()
            };
        }
        let (mut told, mut false_alarms) = (false, 0);
        loop {
            let before = pending.progress;
            let wait = self.work(&mut session, folder, pending).await?;
            if once {
                session.leave().await;
                return Ok(());
            }
            let false_alarm = told && pending.progress == before;
            false_alarms = if false_alarm { false_alarms + 1 } else { 0 };
            sleep(self.pause(false_alarms)).await;
            told = session.wait(wait.min(IDLE), self.settings.poll).await?;
        }
    }

    /// How long a server is left alone that has told of new messages so many times in a row when there were none: some do so with
    /// each answer, and would be asked without end. At last it is as if it told nothing.
    fn pause(&self, false_alarms: u32) -> Duration {
        let Some(doublings) = false_alarms.checked_sub(1) else {
            return Duration::ZERO;
        };
        let doubled = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        FALSE_ALARM.saturating_mul(doubled).min(self.settings.poll)
    }

    /// Works on what is there; gives the time until something is to be tried again.
    async fn work(
        &self,
        session: &mut Session,
        folder: Selected,
        pending: &mut Pending,
    ) -> Result<Duration, ImapError> {
        let (id, validity) = (self.settings.id.as_str(), folder.validity);
        let memory = self.keeper.recall(id, validity, folder.next).await?;
        for message in memory.unfinished.iter().filter(|message| message.wait.is_zero()) {
            let uid = message.uid;
            if message.outcome == Outcome::Later {
                let size = session.sizes(&[uid]).await?;
                let size = size.get(&uid).copied().unwrap_or_default();
                self.try_again(session, folder, uid, size).await?;
            } else if pending.begin(uid) < MARKS {
                self.mark(session, folder, uid, message.outcome).await?;
            } else {
                self.not_marked(uid, &"the connection breaks each time");
                self.keeper.finish(id, validity, uid).await?;
            }
            pending.end();
        }
        self.look(session, &memory, pending).await?;
        while let Some((&uid, &size)) = pending.messages.first_key_value() {
            let Some(size) = size else {
                self.measure(session, pending).await?;
                continue;
            };
            // A message at which the connection broke is put off before it is touched again, so that it does not hold up the others.
            if pending.begin(uid) > 0 {
                self.try_again(session, folder, uid, size).await?;
            } else {
                self.decide(session, folder, uid, size, false).await?;
            }
            pending.messages.remove(&uid);
            pending.end();
        }
        let memory = self.keeper.recall(id, validity, folder.next).await?;
        let waits = memory.unfinished.iter().map(|message| message.wait);
        Ok(waits.min().unwrap_or(Duration::MAX))
    }

    /// Counts the attempt before it begins, and tries again.
    async fn try_again(
        &self,
        session: &mut Session,
        folder: Selected,
        uid: u32,
        size: u64,
    ) -> Result<(), ImapError> {
        let (id, validity) = (self.settings.id.as_str(), folder.validity);
        match self.keeper.note(id, validity, uid, Outcome::Later).await? {
            Outcome::Later => self.decide(session, folder, uid, size, true).await,
            decided => {
                tracing::warn!(
                    mailbox = self.settings.label,
                    uid,
                    "a message could not be taken for too long: it is left in the mailbox"
                );
                self.mark(session, folder, uid, decided).await
            }
        }
    }

    /// Finds new messages.
    async fn look(
        &self,
        session: &mut Session,
        memory: &Memory,
        pending: &mut Pending,
    ) -> Result<(), ImapError> {
        pending.messages.retain(|uid, _| *uid > memory.last);
        if !pending.messages.is_empty() {
            return Ok(());
        }
        let first = memory.last.saturating_add(1);
        if memory.last < memory.history {
            // What was read before Penpal came is nobody's news.
            let unread = format!("UID {first}:{} UNSEEN UNDELETED", memory.history);
            let mut old = session.search(&unread).await?;
            old.retain(|uid| (first..=memory.history).contains(uid));
            if old.is_empty() {
                let (id, validity) = (&self.settings.id, pending.validity);
                self.keeper.pass(id, validity, memory.history).await?;
            }
            pending.messages.extend(old.into_iter().map(|uid| (uid, None)));
        }
        let first = first.max(memory.history.saturating_add(1));
        // `n:*` always means the last message too, whatever its number is.
        let new = session.search(&format!("UID {first}:* UNDELETED")).await?;
        let new = new.into_iter().filter(|uid| *uid >= first);
        pending.messages.extend(new.map(|uid| (uid, None)));
        Ok(())
    }

    /// Asks for the sizes of the next messages. Those of which the server says nothing are looked at as if they were small.
    async fn measure(&self, session: &mut Session, pending: &mut Pending) -> Result<(), ImapError> {
        let uids: Vec<u32> = pending.messages.keys().take(BATCH).copied().collect();
        let sizes = session.sizes(&uids).await?;
        for uid in uids {
            let size = sizes.get(&uid).copied().unwrap_or_default();
            pending.messages.insert(uid, Some(size));
        }
        pending.progress += 1;
        Ok(())
    }

    /// Fetches a message, has it taken, notes what became of it, and marks it. With `counted` it is noted already that it was put off.
    async fn decide(
        &self,
        session: &mut Session,
        folder: Selected,
        uid: u32,
        size: u64,
        counted: bool,
    ) -> Result<(), ImapError> {
        let (id, validity) = (self.settings.id.as_str(), folder.validity);
        let most = self.settings.max_size;
        let too_large = || {
            metrics::counter!("penpal_mails_refused_total", "code" => "5.3.4").increment(1);
            tracing::warn!(
                mailbox = self.settings.label,
                uid,
                "a message of more than {most} bytes (mail.max_size) is left in the mailbox"
            );
        };
        let outcome = if usize::try_from(size).map_or(true, |size| size > most) {
            too_large();
            Outcome::Refused
        } else {
            match session.message(uid, size, &self.settings).await {
                Ok(Some(message)) => self.hand_over(uid, message).await,
                // Somebody else has deleted it, or the server has an off day: only what is not listed any more is gone.
                Ok(None) if session.search(&format!("UID {uid}")).await?.contains(&uid) => Outcome::Later,
                Ok(None) => {
                    self.keeper.finish(id, validity, uid).await?;
                    return Ok(self.keeper.pass(id, validity, uid).await?);
                }
                Err(ImapError::NoRoom(reason)) => {
                    tracing::error!(
                        mailbox = self.settings.label,
                        uid,
                        "a message is put off: {reason}"
                    );
                    Outcome::Later
                }
                // It is larger than the server said. The connection is of no more use.
                Err(ImapError::TooLarge) => {
                    too_large();
                    self.keeper.note(id, validity, uid, Outcome::Refused).await?;
                    return Err(ImapError::TooLarge);
                }
                Err(error) => return Err(error),
            }
        };
        if counted && outcome == Outcome::Later {
            return Ok(());
        }
        match self.keeper.note(id, validity, uid, outcome).await? {
            Outcome::Later => Ok(()),
            decided => self.mark(session, folder, uid, decided).await,
        }
    }

    /// Hands a message to the inbox.
    async fn hand_over(&self, uid: u32, message: RawMail) -> Outcome {
        let envelope = self.keeper.address(&self.settings.username, message.head());
        let nobody = envelope.recipients.is_empty();
        let mail = IncomingMail::new(Peer::default(), envelope.sender, envelope.recipients, message);
        let outcome = match answer::hand_over(&*self.inbound, mail).await {
            Ok(()) if nobody => {
                tracing::warn!(
                    mailbox = self.settings.label,
                    uid,
                    "a message is for nobody here: it is left in the mailbox"
                );
                Outcome::Refused
            }
            Ok(()) => Outcome::Taken,
            Err(refusal) if refusal.is_transient() => Outcome::Later,
            Err(refusal) => {
                tracing::warn!(
                    mailbox = self.settings.label,
                    uid,
                    enhanced = refusal.enhanced,
                    "a message was refused: it is left in the mailbox"
                );
                Outcome::Refused
            }
        };
        let word = match outcome {
            Outcome::Taken => "taken",
            Outcome::Refused => "refused",
            Outcome::Later => "later",
        };
        metrics::counter!("penpal_mailbox_messages_total", "outcome" => word).increment(1);
        outcome
    }

    /// Marks a message on the server, and notes that nothing is left to be done with it. A server that refuses to mark is told to an
    /// admin, and asked no more.
    async fn mark(
        &self,
        session: &mut Session,
        folder: Selected,
        uid: u32,
        outcome: Outcome,
    ) -> Result<(), ImapError> {
        let marked = match (outcome, &self.settings.after, &self.settings.refused) {
            (Outcome::Taken, After::Seen, _) => session.flag(uid, "\\Seen").await,
            (Outcome::Taken, After::Delete, _) => session.delete(uid).await,
            (Outcome::Taken, After::Move(to), _) | (_, _, Some(to)) => move_to(session, uid, to).await,
            _ if folder.keywords => session.flag(uid, &format!("\\Flagged {REFUSED}")).await,
            _ => session.flag(uid, "\\Flagged").await,
        };
        match marked {
            Ok(()) => {}
            Err(error @ ImapError::Refused { .. }) => self.not_marked(uid, &error),
            Err(error) => return Err(error),
        }
        Ok(self
            .keeper
            .finish(&self.settings.id, folder.validity, uid)
            .await?)
    }
}

impl Visitor {
    fn not_marked(&self, uid: u32, reason: &dyn std::fmt::Display) {
        tracing::warn!(
            mailbox = self.settings.label,
            uid,
            "a message could not be marked, and stays in the mailbox as it is: {reason}"
        );
    }
}

/// Moves a message; makes the folder when it is missing. Not all servers say TRYCREATE.
async fn move_to(session: &mut Session, uid: u32, folder: &str) -> Result<(), ImapError> {
    match session.move_to(uid, folder).await {
        Err(ImapError::Refused { .. }) => match session.create(folder).await {
            Ok(()) | Err(ImapError::Refused { .. }) => session.move_to(uid, folder).await,
            Err(error) => Err(error),
        },
        moved => moved,
    }
}
