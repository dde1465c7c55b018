//! Machines that write into a thread: an automatic reply is shown once a day, and a thread in which too many of them write is stopped for
//! them, so that two machines that answer each other come to an end.

use std::time::Duration;

use super::Bridge;
use super::receive::{Reading, Refused};
use crate::convert::to_matrix::{Auto, Sign};
use crate::model::{IncomingMail, Refusal, Timestamp};
use crate::store::{Machines, StoreError, Tx};

/// How often an automatic reply is shown in a thread.
const AUTO_REPLIES: Duration = Duration::from_hours(24);

/// When a thread is stopped for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineLimits {
    /// How many machine-like messages a thread takes within that time.
    pub messages: u32,
    /// That time; also how long it must be quiet before a thread that was stopped takes the next one.
    pub within: Duration,
}

impl Default for MachineLimits {
    fn default() -> Self {
        Self {
            messages: 20,
            within: Duration::from_hours(1),
        }
    }
}

/// What becomes of a mail because of the machines in its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It is shown.
    Open,
    /// It is an automatic reply, of which this thread has shown one today.
    Silent,
    /// The thread is stopped for it, and that is told now.
    Breaks,
    /// The thread is stopped for it, which was told.
    Stopped,
}

impl Bridge {
    /// Lets a mail pass, or throws it away, as machines must not chatter.
    pub(super) async fn pass_mail(
        &self,
        tx: &mut Tx,
        portal: i64,
        before: Machines,
        mail: &IncomingMail,
        reading: &Reading,
    ) -> Result<Passage, StoreError> {
        let author = reading.author.as_ref();
        let verified = author.is_some_and(|author| mail.verdict.vouches_for(author));
        let mut machines = before.clone();
        let passage = pass(
            &mut machines,
            reading,
            verified,
            self.settings.machines,
            self.now(),
        );
        if machines != before {
            tx.set_machines(portal, &machines).await?;
        }
        self.tell_passage(tx, portal, passage).await?;
        Ok(passage)
    }

    /// Lets a notice of the chat pass on its way to email. Programs write notices; one that answers each mail may have another program
    /// on the other side. One that nothing came before, such as the alarm of a monitor, answers nothing and passes always.
    pub(super) async fn pass_notice(&self, tx: &mut Tx, portal: i64) -> Result<bool, StoreError> {
        let mut machines = tx.machines(portal).await?;
        if !machines.came {
            return Ok(true);
        }
        machines.came = false;
        let passage = count(&mut machines, self.settings.machines, self.now());
        tx.set_machines(portal, &machines).await?;
        self.tell_passage(tx, portal, passage).await?;
        Ok(passage == Passage::Open)
    }

    /// Says in the log, and where a thread is stopped in the chat, what did not pass.
    async fn tell_passage(&self, tx: &mut Tx, portal: i64, passage: Passage) -> Result<(), StoreError> {
        let reason = match passage {
            Passage::Open => return Ok(()),
            Passage::Silent => {
                tracing::info!(
                    portal,
                    "an automatic reply was left out: the chat has shown one today"
                );
                "auto-reply"
            }
            Passage::Breaks | Passage::Stopped => "machines",
        };
        metrics::counter!("penpal_machine_messages_dropped_total", "reason" => reason).increment(1);
        if passage != Passage::Breaks {
            return Ok(());
        }
        metrics::counter!("penpal_circuits_broken_total").increment(1);
        let limit = self.settings.machines.messages;
        tracing::warn!(
            portal,
            limit,
            "too many automatic messages in one thread: it takes no more of them until it has been quiet for mail.automatic.within"
        );
        let text = format!(
            "More than {limit} automatic messages passed here in a short time. Lest two machines answer each other for ever, no more \
             of them are let through until it has been quiet for a while. What people write still arrives."
        );
        self.add_notice(tx, portal, &text, None).await
    }
}

impl Passage {
    /// What its sender is told.
    pub(super) fn outcome(self) -> Result<(), Refused> {
        match self {
            Self::Open | Self::Silent => Ok(()),
            Self::Breaks | Self::Stopped => {
                Err(Refusal::not_allowed("Too many automatic messages in this conversation").into())
            }
        }
    }
}

/// What becomes of a mail, and what is to be remembered of it.
fn pass(
    machines: &mut Machines,
    reading: &Reading,
    verified: bool,
    limits: MachineLimits,
    now: Timestamp,
) -> Passage {
    let headers = &reading.headers;
    // Responders that say nothing of themselves say the same to each mail that they get.
    let answers = headers.in_reply_to.first();
    let repeats = reading.gist.is_some() && machines.gist == reading.gist;
    let repeats = repeats && answers.is_some() && machines.answers.as_ref() != answers;
    let says_so = !matches!(headers.auto, Auto::None | Auto::Calendar | Auto::Mdn);
    if says_so || repeats {
        let counted = count(machines, limits, now);
        if counted != Passage::Open {
            return counted;
        }
    }
    // Not of what was kept out: that is still the same when it is offered once more.
    machines.gist.clone_from(&reading.gist);
    machines.answers = answers.cloned();
    // A subject proves nothing, nor does a reverse-path that anybody can leave out: nothing that a person wrote must get lost.
    let surely = match headers.sign {
        Sign::Declared => true,
        Sign::NullSender => verified,
        Sign::Subject => false,
    };
    if headers.auto == Auto::AutoReply && surely {
        if now < machines.auto_reply_at + AUTO_REPLIES {
            return Passage::Silent;
        }
        machines.auto_reply_at = now;
    }
    machines.came = headers.auto != Auto::Mdn;
    Passage::Open
}

/// Counts a machine-like message.
fn count(machines: &mut Machines, limits: MachineLimits, now: Timestamp) -> Passage {
    if now >= machines.since + limits.within {
        machines.since = now;
        machines.messages = 0;
    }
    machines.messages = machines.messages.saturating_add(1);
    let was_stopped = now < machines.stopped_until;
    if !was_stopped && machines.messages <= limits.messages {
        return Passage::Open;
    }
    machines.stopped_until = now + limits.within;
    if was_stopped {
        Passage::Stopped
    } else {
        Passage::Breaks
    }
}
