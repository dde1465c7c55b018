//! Workers: lease lanes, work their jobs one after another, put off what failed, give up what has no hope.
//!
//! Imports: `bridge`, `store`, `model`.

mod backoff;
mod clock;
mod held;
mod lane;
mod retention;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::held::{Held, HeldLane};
use self::trouble::Trouble;
use crate::bridge::{Bridge, LEASE};
use crate::model::Timestamp;
use crate::store::{Expired, Job, LaneClass, Leased, StoreError, Tx};

/// Lanes that are worked at the same time, for each class: enough to keep a homeserver or relay busy while others wait for
/// the disk, few enough for a small machine's memory.
const LANES_AT_ONCE: usize = 32;

/// The longest that a worker sleeps: what an admin's command has added is seen at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The pause before looking again for what another process has a lock on.
const SOON: Duration = Duration::from_millis(50);

/// The pause after trouble with the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long jobs that are under way may take to end once the process is to stop. What is done with the homeserver may be done
/// again without harm; an email that the relay is just taking would arrive twice.
const STOP_TIME: Duration = Duration::from_secs(2);
const STOP_TIME_AT_RELAY: Duration = Duration::from_secs(6);

/// How long it may take to give leases back at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Works the jobs of a bridge.
#[derive(Clone)]
pub struct Worker {
    bridge: Arc<Bridge>,
    trouble: Trouble,
}

impl Worker {
    /// A worker for this bridge.
    pub fn new(bridge: Arc<Bridge>) -> Self {
        Self {
            bridge,
            trouble: Trouble::default(),
        }
    }

    /// Works everything that is due now, one job after another in an order that depends on nothing but the
    /// store: for tests and replays. Answers how many jobs it has begun.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let mut begun = 0;
        loop {
            let mut leased = Vec::new();
            for class in [LaneClass::Homeserver, LaneClass::Relay] {
                let tx = self.bridge.store().begin_work().await?;
                leased.extend(self.lease(tx, class, 1, Expired::Taken).await?.0);
            }
            if leased.is_empty() {
                return Ok(begun);
            }
            for Leased { lane, begun: first } in leased {
                let lease = Some(Instant::now());
                begun += self
                    .work_lane(&lane, lease, first, &CancellationToken::new())
                    .await?
                    .begun;
            }
        }
    }

    /// When something will be due that is not worked yet; `None` when nothing waits.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.bridge.store().read().await?;
        let homeserver = tx.next_due(LaneClass::Homeserver).await?;
        let relay = tx.next_due(LaneClass::Relay).await?;
        Ok(homeserver.into_iter().chain(relay).min())
    }

    /// Works until `stop`; then finishes the jobs under way, within a few seconds: what takes longer is left as a crash leaves
    /// it. To be called when it is certain that this process runs: one
    /// that ends at once, because another has its address, must not take that one's work away.
    pub async fn run(&self, stop: CancellationToken) {
        if let Err(error) = self.take_over().await {
            tracing::error!(%error, "what a former process left undone waits for up to a minute");
        }
        self.follow_a_former_clock().await;
        tokio::join!(
            end_by(&stop, STOP_TIME, self.run_class(LaneClass::Homeserver, &stop)),
            end_by(&stop, STOP_TIME_AT_RELAY, self.run_class(LaneClass::Relay, &stop)),
            end_by(&stop, STOP_TIME, self.run_retention(&stop)),
            end_by(&stop, STOP_TIME, self.run_clearing(&stop)),
            end_by(&stop, Duration::ZERO, self.meet_neighbours())
        );
        self.give_back().await;
    }

    /// Gives back the lanes of jobs that did not end: others, and the next start, need not wait for the leases to run out.
    async fn give_back(&self) {
        let given = async {
            let mut tx = self.bridge.store().begin_work().await?;
            tx.end_leases_of(self.bridge.owner()).await?;
            tx.commit_relaxed().await
        };
        match tokio::time::timeout(LAST_WORDS, given).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "what is not finished may wait for a minute after the next start");
            }
            Err(_) => tracing::warn!(
                "the store is slow: what is not finished may wait for a minute after the next start"
            ),
        }
    }

    async fn meet_neighbours(&self) {
        loop {
            if let Err(error) = self.bridge.store().meet_neighbours().await {
                tracing::warn!(%error, "what other processes add is found every few seconds only, until the database answers");
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// Where no other process can be at work, what a former one had leased is free at once.
    async fn take_over(&self) -> Result<(), StoreError> {
        let store = self.bridge.store();
        if store.is_single_process() {
            let mut tx = store.begin().await?;
            tx.end_all_leases().await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn run_class(&self, class: LaneClass, stop: &CancellationToken) {
        let mut lanes = JoinSet::new();
        let held = Held::default();
        let mut watch = clock::Watch::new(self.bridge.now());
        // Whether there may be a lane to lease, and until when not.
        let (mut look, mut until) = (true, Instant::now());
        while !stop.is_cancelled() {
            if let Some(step) = watch.step(self.bridge.now(), Instant::now()) {
                self.set_back(step).await;
                look = true;
            }
            let free = LANES_AT_ONCE.saturating_sub(lanes.len());
            if look && free > 0 {
                let leased = async {
                    let tx = self.trouble.watch(self.bridge.store().begin_work()).await?;
                    let leased = self.lease(tx, class, free, self.trouble.expired());
                    self.trouble.watch(leased).await
                };
                let (leased, next) = match leased.await {
                    Ok(leased) => leased,
                    Err(error) => {
                        tracing::error!(%error, "no work can be had from the store, trying again");
                        pause(STORE_PAUSE, stop).await;
                        continue;
                    }
                };
                look = leased.len() == free;
                for Leased { lane, begun } in leased {
                    if let Some(lane) = held.take(lane) {
                        lanes.spawn(self.clone().hold(lane, begun, stop.clone()));
                    }
                }
                let patience = next.map_or(LONGEST_SLEEP, |due| due.since(self.bridge.now()));
                // What is due and was not had, somebody else has a lock on.
                let patience = if patience.is_zero() { SOON } else { patience };
                until = Instant::now() + patience.min(LONGEST_SLEEP);
            }
            tokio::select! {
                () = stop.cancelled() => {}
                // A lane that was worked to its end leaves nothing to look for.
                Some(left) = lanes.join_next() => look |= left.unwrap_or(true),
                () = self.bridge.store().work_added(class), if !look => look = true,
                () = tokio::time::sleep_until(until), if !look => look = true,
            }
        }
        while lanes.join_next().await.is_some() {}
    }

    /// Works a lane until it is this process's no more, at first what was begun of it already. True when there is work left in it.
    async fn hold(self, mut held: HeldLane, mut begun: Option<Job>, stop: CancellationToken) -> bool {
        let mut leased = Some(Instant::now());
        loop {
            let lane = &held.lane;
            let left = match self.work_lane(lane, leased.take(), begun.take(), &stop).await {
                Ok(worked) => worked.left,
                Err(StoreError::LeaseLost { .. }) => {
                    if let Err(error) = self.leave(lane).await {
                        tracing::warn!(%lane, %error, "the lane waits until its lease runs out");
                    }
                    true
                }
                // The lane stays this process's: others would have to wait for the lease to run out.
                Err(error) if !stop.is_cancelled() => {
                    tracing::error!(%lane, %error, "the store is in trouble, trying again");
                    pause(STORE_PAUSE, &stop).await;
                    continue;
                }
                Err(_) => true,
            };
            if held.ends() {
                return left;
            }
        }
    }

    /// Leases lanes, and answers when the next one will be due.
    async fn lease(
        &self,
        tx: Tx,
        class: LaneClass,
        limit: usize,
        expired: Expired,
    ) -> Result<(Vec<Leased>, Option<Timestamp>), StoreError> {
        let (owner, now) = (self.bridge.owner(), self.bridge.now());
        tx.lease_lanes(class, owner, limit, now, LEASE, expired).await
    }
}

/// Does something until it ends, for at most `patience` after `stop`.
async fn end_by(stop: &CancellationToken, patience: Duration, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = async {
            stop.cancelled().await;
            tokio::time::sleep(patience).await;
        } => {}
    }
}

/// Waits, but not past `stop`.
async fn pause(duration: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(duration) => {}
        () = stop.cancelled() => {}
    }
}
