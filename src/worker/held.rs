//! The lanes that this process works on.
//!
//! A lease tells processes apart, not the tasks of one: when the clock steps forward, or the machine wakes from sleep, the
//! leases of jobs under way have run out, and this process would take the same lanes a second time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::store::Lane;

/// The lanes in work, and for each whether it was leased once more meanwhile.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<Mutex<BTreeMap<Lane, bool>>>);

/// A lane in work, until it is dropped.
#[derive(Debug)]
pub(super) struct HeldLane {
    pub(super) lane: Lane,
    all: Held,
    ended: bool,
}

impl Held {
    /// Takes a lane that was leased; `None` when a task has it already, which then goes on with it.
    pub(super) fn take(&self, lane: Lane) -> Option<HeldLane> {
        let mut lanes = self.lanes();
        if let Some(again) = lanes.get_mut(&lane) {
            *again = true;
            return None;
        }
        lanes.insert(lane.clone(), false);
        drop(lanes);
        let (all, ended) = (self.clone(), false);
        Some(HeldLane { lane, all, ended })
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<Lane, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldLane {
    /// True when there is nothing more to do with the lane; false when it was leased once more since it was taken, or since
    /// this was last asked.
    pub(super) fn ends(&mut self) -> bool {
        let mut lanes = self.all.lanes();
        if lanes.get(&self.lane) == Some(&true) {
            lanes.insert(self.lane.clone(), false);
            return false;
        }
        lanes.remove(&self.lane);
        self.ended = true;
        true
    }
}

impl Drop for HeldLane {
    fn drop(&mut self) {
        // Ended, it may be in the hands of another task already.
        if !self.ended {
            self.all.lanes().remove(&self.lane);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_is_leased_twice_is_worked_by_one_task() {
        let held = Held::default();
        let mut first = held.take(Lane::portal(1)).unwrap();
        assert!(held.take(Lane::portal(2)).is_some());
        assert!(held.take(Lane::portal(1)).is_none());
        assert!(!first.ends(), "it was leased once more: the task goes on");
        assert!(first.ends());
        assert!(held.take(Lane::portal(1)).is_some());
    }
}
