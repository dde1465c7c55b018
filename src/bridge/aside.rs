//! Work that may take a while is done off the workers' threads, and not waited for without end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::Failure;

/// How long such work may take: the longest that is known takes seconds. What takes longer than this does not end.
const LONGEST: Duration = Duration::from_mins(1);

/// How many threads do such work at once, those included that nobody waits for any more: no thread can be stopped. More than there are
/// workers, who therefore have to wait for a place only where some do not end.
const THREADS: usize = 40;

/// How long they wait then.
const PAUSE: Duration = Duration::from_secs(10);

/// Where that work is done.
pub(super) struct Aside {
    places: Arc<Semaphore>,
    longest: Duration,
}

impl Default for Aside {
    fn default() -> Self {
        Self::new(THREADS, LONGEST)
    }
}

impl Aside {
    fn new(threads: usize, longest: Duration) -> Self {
        let places = Arc::new(Semaphore::new(threads));
        Self { places, longest }
    }

    /// Does work that computes alone. What is small takes less time than going there and back.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        small: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        if small {
            return Ok(work());
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| Failure::Retry {
            after: Some(PAUSE),
            reason: "too many conversions do not end: only a restart of Penpal ends them".into(),
        })?;
        let worked = tokio::task::spawn_blocking(move || {
            let _place = place;
            work()
        });
        let Ok(worked) = tokio::time::timeout(self.longest, worked).await else {
            let seconds = self.longest.as_secs();
            tracing::error!("a conversion takes longer than {seconds} s, and is not waited for");
            return Err(Failure::Defect);
        };
        worked.map_err(|_panicked| Failure::Defect)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn what_does_not_end_is_not_waited_for_and_keeps_its_place() {
        let aside = Aside::new(1, Duration::from_millis(1));
        let (end, ended) = mpsc::channel();
        let endless = aside.run(false, move || ended.recv()).await;
        assert!(matches!(endless, Err(Failure::Defect)), "{endless:?}");
        let next = aside.run(false, || ()).await;
        assert!(matches!(next, Err(Failure::Retry { .. })), "{next:?}");
        assert!(
            aside.run(true, || ()).await.is_ok(),
            "what is small needs no place"
        );
        end.send(()).unwrap();
        let free = aside.places.acquire().await;
        assert!(free.is_ok());
    }

    #[tokio::test]
    async fn a_panic_is_a_defect_and_leaves_its_place() {
        let aside = Aside::new(1, LONGEST);
        for _ in 0..2 {
            let worked = aside.run(false, || assert_eq!(1, 2, "a defect")).await;
            assert!(matches!(worked, Err(Failure::Defect)), "{worked:?}");
        }
    }
}
