//! Trouble with the store: lanes whose leases run out meanwhile are left to those who have them, for a while after it as well. They met the
//! same trouble, and may have sent what others would then send once more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::{Expired, StoreError};

/// For how long they are left to them after it: what waits for the store tries again each second.
const SPARED: Duration = Duration::from_secs(30);

/// A store that takes so long to answer was away.
const SLOW: Duration = Duration::from_secs(10);

/// What this process has met, whoever of it did: one that has its hands full of lanes asks for no others meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Arc<Mutex<State>>);

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    None,
    Lasts,
    Over(Instant),
}

impl Trouble {
    /// Asks the store for something, and notes how that goes.
    pub(super) async fn watch<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let begin = Instant::now();
        let answer = asked.await;
        let mut state = self.state();
        *state = match (&answer, *state) {
            (Err(error), _) if !matches!(error, StoreError::LeaseLost { .. }) => State::Lasts,
            (_, State::Lasts) => State::Over(Instant::now()),
            _ if begin.elapsed() >= SLOW => State::Over(Instant::now()),
            (_, state) => state,
        };
        answer
    }

    /// What becomes of lanes whose lease has run out.
    pub(super) fn expired(&self) -> Expired {
        match *self.state() {
            State::Lasts => Expired::Spared,
            State::Over(at) if at.elapsed() < SPARED => Expired::Spared,
            _ => Expired::Taken,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lanes_are_spared_until_the_trouble_is_over_for_a_while() {
        let trouble = Trouble::default();
        let answer = async |after: Duration, outcome: Result<(), StoreError>| {
            let asked = async {
                tokio::time::sleep(after).await;
                outcome
            };
            let _ = trouble.watch(asked).await;
            trouble.expired()
        };
        let at_once = Duration::ZERO;
        assert_eq!(answer(at_once, Ok(())).await, Expired::Taken);
        assert_eq!(answer(at_once, Err(StoreError::TakenBack)).await, Expired::Spared);
        tokio::time::advance(SPARED * 2).await;
        assert_eq!(trouble.expired(), Expired::Spared, "it still lasts");
        assert_eq!(answer(at_once, Ok(())).await, Expired::Spared);
        tokio::time::advance(SPARED).await;
        assert_eq!(answer(at_once, Ok(())).await, Expired::Taken);
        assert_eq!(
            answer(SLOW, Ok(())).await,
            Expired::Spared,
            "it was away meanwhile"
        );
    }
}
