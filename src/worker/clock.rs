//! A clock that is set back: what is to be done at a time of the old clock must not wait until the new one gets there.

use std::time::Duration;

use tokio::time::Instant;

use super::Worker;
use crate::bridge::LEASE;
use crate::model::Timestamp;

/// By how much the clock must go back to count as set back: less happens all the time, and nobody notices.
const LEAST: Duration = Duration::from_secs(2);

/// After what time it is looked once more for times of the old clock: some were just being written when it was set.
const ONCE_MORE: Duration = Duration::from_secs(2);

/// Notices steps back.
#[derive(Debug)]
pub(super) struct Watch {
    latest: Timestamp,
    once_more: Option<(Instant, Duration)>,
}

impl Watch {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            latest: now,
            once_more: None,
        }
    }

    /// By how much what waits is to be set back at `now`, when the time that nobody sets is `at`.
    pub(super) fn step(&mut self, now: Timestamp, at: Instant) -> Option<Duration> {
        let before = std::mem::replace(&mut self.latest, now);
        if now + LEAST < before {
            let step = before.since(now);
            tracing::warn!(seconds = step.as_secs(), "the clock was set back");
            self.once_more = Some((at + ONCE_MORE, step));
            return Some(step);
        }
        let (_, step) = self.once_more.take_if(|(due, _)| *due <= at)?;
        Some(step)
    }
}

impl Worker {
    /// Follows a clock that was set back while nobody watched it: work may not be newer than now.
    pub(super) async fn follow_a_former_clock(&self) {
        let newest = async { self.bridge.store().read().await?.newest_job().await };
        match newest.await {
            Ok(Some(made)) if made > self.bridge.now() + LEAST => {
                let step = made.since(self.bridge.now());
                tracing::warn!(
                    seconds = step.as_secs(),
                    "the clock was set back since the last work came in"
                );
                self.set_back(step).await;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "what waits is taken to be of this clock"),
        }
    }

    /// Sets back what waits. That both classes of lanes see to it, twice, and several processes, does no harm: it makes some work
    /// due early.
    pub(super) async fn set_back(&self, step: Duration) {
        let followed = async {
            let now = self.bridge.now();
            let mut tx = self.bridge.store().begin().await?;
            tx.set_back(step, now, LEASE).await?;
            tx.commit().await
        };
        if let Err(error) = followed.await {
            tracing::error!(%error, "what waits could not be set to the new time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_back_is_followed_at_once_and_once_more() {
        let (noon, begin) = (Timestamp(1_795_262_400_000), Instant::now());
        let hour = Duration::from_hours(1);
        let mut watch = Watch::new(noon + hour);
        for (now, after, step) in [
            (noon + hour, 0, None),
            (noon, 1, Some(hour)),
            (noon, 2, None),
            (noon, 3, Some(hour)),
            (noon + hour, 9, None),
            (noon, 10, Some(hour)),
        ] {
            let at = begin + Duration::from_secs(after);
            assert_eq!(watch.step(now, at), step, "after {after} s");
        }
        let little = Timestamp(noon.millis() - 1000);
        assert_eq!(watch.step(little, begin), None, "nobody notices");
    }
}
