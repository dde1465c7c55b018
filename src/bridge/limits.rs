//! How much a Matrix user may write. What is over a limit waits for its time, which the chat is told; counts are in the store, so they
//! outlive a restart, and each email counts once.

use std::time::Duration;

use super::{Bridge, Level};
use crate::convert::to_email;
use crate::model::Timestamp;
use crate::store::{Draft, Portal, Resource, StoreError, Tx, Use};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The longest time that a limit reaches back.
pub(crate) const LONGEST: Duration = DAY;

/// How much a Matrix user may write; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// To how many people within 24 hours to whom they have not written, and who have not written to them.
    pub new_correspondents: u32,
    /// How many emails within an hour.
    pub messages: u32,
    /// How many bytes of files within 24 hours; an email with more goes when there was no other.
    pub attachments: u64,
}

/// An email that has to wait.
pub(super) struct Wait {
    pub(super) until: Timestamp,
    words: String,
}

impl Bridge {
    /// Counts an email with so many bytes of files against the limits; `Some` when it has to wait.
    ///
    /// What has the longest wait comes first: an email that waits for one limit uses up nothing of those after it.
    pub(super) async fn count_email(
        &self,
        tx: &mut Tx,
        draft: &Draft,
        portal: &Portal,
        files: u64,
    ) -> Result<Option<Wait>, StoreError> {
        if self.settings.permissions.level(&portal.user) >= Level::Admin {
            return Ok(None);
        }
        let (now, limits) = (self.now(), self.settings.limits);
        let job = draft.job.to_string();
        let most = u64::from(limits.new_correspondents);
        let correspondent = Use {
            user: &portal.user,
            resource: Resource::Correspondent,
            key: portal.address.as_str(),
            amount: 1,
            most,
            within: DAY,
        };
        if most > 0 && !portal.introduced && tx.is_stranger(&portal.address, &portal.user).await? {
            let until = tx.spend(&correspondent, now).await?;
            if until > now {
                let words = format!("You have begun to write to {most} new people within 24 hours");
                return Ok(Some(Wait { until, words }));
            }
        }
        let enclosed = Use {
            resource: Resource::File,
            key: &job,
            amount: files,
            most: limits.attachments,
            ..correspondent
        };
        if enclosed.most > 0 && files > 0 {
            let until = tx.spend(&enclosed, now).await?;
            if until > now {
                let most = limits.attachments / 1_000_000;
                let words = format!("The files that you send would be more than {most} MB within 24 hours");
                return Ok(Some(Wait { until, words }));
            }
        }
        let most = u64::from(limits.messages);
        if most == 0 {
            return Ok(None);
        }
        let message = Use {
            resource: Resource::Message,
            amount: 1,
            most,
            within: HOUR,
            ..enclosed
        };
        let until = tx.spend(&message, now).await?;
        let words = || format!("You have sent {most} emails within an hour");
        Ok((until > now).then(|| Wait {
            until,
            words: words(),
        }))
    }

    /// Puts an email off until its time, and tells the chat: once for each time.
    pub(super) async fn hold(
        &self,
        tx: &mut Tx,
        draft: &Draft,
        portal: &Portal,
        wait: &Wait,
    ) -> Result<(), StoreError> {
        tx.hold_draft(draft.job, wait.until).await?;
        if draft.held_until == Some(wait.until) {
            return Ok(());
        }
        metrics::counter!("penpal_emails_held_total").increment(1);
        tracing::info!(job = draft.job, portal = portal.id, until = %wait.until, "an email waits for its sender's limits");
        let text = format!(
            "{}, which is as much as the admin of this server allows. Nothing is lost: this goes out by itself at {}, in {}.",
            wait.words,
            to_email::time_for_people(minute_after(wait.until)),
            duration(wait.until.since(self.now()))
        );
        let messages = tx.messages_of_job(draft.job).await?;
        let about = messages.first().map(|message| &*message.event_id);
        self.add_notice(tx, portal.id, &text, about).await
    }
}

/// The full minute at which a time is over.
fn minute_after(time: Timestamp) -> Timestamp {
    Timestamp(time.millis().saturating_add(59_999) / 60_000 * 60_000)
}

/// A time of waiting as people say it.
fn duration(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60).max(1);
    match minutes {
        1 => "a minute".to_owned(),
        2..100 => format!("{minutes} minutes"),
        _ => format!("about {} hours", (minutes + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_as_people_say_them() {
        for (seconds, words) in [
            (0, "a minute"),
            (60, "a minute"),
            (61, "2 minutes"),
            (3600, "60 minutes"),
            (86_400, "about 24 hours"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), words);
        }
        assert_eq!(minute_after(Timestamp(60_001)), Timestamp(120_000));
        assert_eq!(minute_after(Timestamp(120_000)), Timestamp(120_000));
    }
}
