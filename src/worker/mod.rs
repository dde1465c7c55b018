//! Workers: lease lanes, work their jobs one after another, put off what failed, give up what has no hope.
//!
//! Imports: `bridge`, `store`, `model`.

mod backoff;
mod clock;
mod held;
mod retention;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::held::{Held, HeldLane};
use crate::bridge::{Bridge, Failure, LEASE};
use crate::model::Timestamp;
use crate::store::{Expired, Job, Lane, LaneClass, Leased, StoreError};

/// Lanes that are worked at the same time, for each class: enough to keep a homeserver or relay busy while others wait for
/// the disk, few enough for a small machine's memory.
const LANES_AT_ONCE: usize = 32;

/// Jobs worked in a lane before others get their turn.
const JOBS_IN_A_ROW: usize = 50;

/// Jobs of a lane that are begun together, where they can be worked in one transaction.
const JOBS_AT_ONCE: usize = 16;

/// The longest that a worker sleeps: what an admin's command has added is seen at least this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// The pause before looking again for what another process has a lock on.
const SOON: Duration = Duration::from_millis(50);

/// For how long after trouble with the store leases that ran out meanwhile are left alone: those who have them met the same trouble, and may
/// have sent what others would then send once more.
const SPARED: Duration = Duration::from_secs(30);

/// The pause after trouble with the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// How long jobs that are under way may take to end once the process is to stop. What is done with the homeserver may be done
/// again without harm; an email that the relay is just taking would arrive twice.
const STOP_TIME: Duration = Duration::from_secs(2);
const STOP_TIME_AT_RELAY: Duration = Duration::from_secs(6);

/// How long it may take to give leases back at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How often a job may meet a defect: some come from what happens to go on at the same time, the others would hold up the
/// lane as long as an outage does.
const DEFECTS: u32 = 5;

/// What became of a lane.
#[derive(Clone, Copy, Debug)]
struct Worked {
    /// Jobs begun.
    begun: usize,
    /// Whether there may be work left in it.
    left: bool,
}

/// Works the jobs of a bridge.
#[derive(Clone)]
pub struct Worker {
    bridge: Arc<Bridge>,
}

impl Worker {
    /// A worker for this bridge.
    pub fn new(bridge: Arc<Bridge>) -> Self {
        Self { bridge }
    }

    /// Works everything that is due now, one job after another in an order that depends on nothing but the
    /// store: for tests and replays. Answers how many jobs it has begun.
    pub async fn run_due(&self) -> Result<usize, StoreError> {
        let mut begun = 0;
        loop {
            let mut leased = Vec::new();
            for class in [LaneClass::Homeserver, LaneClass::Relay] {
                leased.extend(self.lease(class, 1, Expired::Taken).await?.0);
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
        let mut trouble: Option<Instant> = None;
        while !stop.is_cancelled() {
            if let Some(step) = watch.step(self.bridge.now(), Instant::now()) {
                self.set_back(step).await;
                look = true;
            }
            let free = LANES_AT_ONCE.saturating_sub(lanes.len());
            if look && free > 0 {
                let expired = match trouble {
                    Some(at) if at.elapsed() < SPARED => Expired::Spared,
                    _ => Expired::Taken,
                };
                let (leased, next) = match self.lease(class, free, expired).await {
                    Ok(leased) => leased,
                    Err(error) => {
                        trouble = Some(Instant::now());
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
        class: LaneClass,
        limit: usize,
        expired: Expired,
    ) -> Result<(Vec<Leased>, Option<Timestamp>), StoreError> {
        let tx = self.bridge.store().begin_work().await?;
        let (owner, now) = (self.bridge.owner(), self.bridge.now());
        tx.lease_lanes(class, owner, limit, now, LEASE, expired).await
    }

    /// Works a leased lane until it is empty, not due, or others have waited long enough; first what was `begun` of it already. The lease
    /// began at `renewed`; `None` when that is not known.
    async fn work_lane(
        &self,
        lane: &Lane,
        mut renewed: Option<Instant>,
        mut begun: Option<Job>,
        stop: &CancellationToken,
    ) -> Result<Worked, StoreError> {
        let (mut count, mut at_once) = (0, JOBS_AT_ONCE);
        while count < JOBS_IN_A_ROW && !stop.is_cancelled() {
            let jobs = match begun.take() {
                Some(job) => vec![job],
                None => {
                    let limit = if lane.is_room() { at_once } else { 1 };
                    match self.begin(lane, limit, &mut renewed).await? {
                        Some(jobs) => jobs,
                        None => {
                            return Ok(Worked {
                                begun: count,
                                left: false,
                            });
                        }
                    }
                }
            };
            at_once = JOBS_AT_ONCE;
            match jobs.as_slice() {
                [] => break,
                [job] => {
                    count += 1;
                    if !self.work_job(job).await? {
                        return Ok(Worked {
                            begun: count,
                            left: true,
                        });
                    }
                }
                jobs => {
                    let worked = self.work_together(jobs).await?;
                    count += worked;
                    if worked < jobs.len() {
                        at_once = 1;
                    }
                }
            }
        }
        let left = self.leave(lane).await?;
        Ok(Worked { begun: count, left })
    }

    /// Begins the first jobs of a leased lane; `None` when there are none, and the lane is gone. Each job keeps the lease alive from its
    /// own beginning on.
    async fn begin(
        &self,
        lane: &Lane,
        limit: usize,
        renewed: &mut Option<Instant>,
    ) -> Result<Option<Vec<Job>>, StoreError> {
        let renew = renewed
            .is_none_or(|at| at.elapsed() >= LEASE / 3)
            .then_some(LEASE);
        if renew.is_some() {
            *renewed = Some(Instant::now());
        }
        let tx = self.bridge.store().begin_work().await?;
        tx.begin_jobs(lane, self.bridge.owner(), limit, self.bridge.now(), renew)
            .await
    }

    /// Gives a lane back, unless another process has it. After a lost lease as well: when a job was done but the database's answer lost,
    /// the lane is still this process's. True when it is still there.
    async fn leave(&self, lane: &Lane) -> Result<bool, StoreError> {
        let tx = self.bridge.store().begin_work().await?;
        tx.leave_lane(lane, self.bridge.owner(), self.bridge.now()).await
    }

    /// Works the first of some jobs, as many as can be worked in one transaction, and answers how many. The others were not begun.
    async fn work_together(&self, jobs: &[Job]) -> Result<usize, StoreError> {
        let worked = match guarded(self.bridge.work_together(jobs)).await {
            Ok(worked) => worked,
            Err(Failure::Store(error @ StoreError::LeaseLost { .. })) => return Err(error),
            // Which one it was shows when they are worked one by one.
            Err(failure) => {
                tracing::debug!(%failure, "the jobs of a lane will be worked one by one");
                0
            }
        };
        let rest = jobs.get(worked..).unwrap_or_default();
        if let Some(job) = rest.first() {
            let mut tx = self.bridge.store().begin_work().await?;
            tx.assert_lease(job, self.bridge.owner()).await?;
            tx.uncount_attempts(rest).await?;
            tx.commit_relaxed().await?;
        }
        Ok(worked)
    }

    /// Works a job, and keeps its lane's lease alive meanwhile. True when the lane can go on with the next one.
    async fn work_job(&self, job: &Job) -> Result<bool, StoreError> {
        let mut work = pin!(guarded(self.bridge.work(job)));
        let outcome = loop {
            tokio::select! {
                outcome = &mut work => break outcome,
                // The work goes on meanwhile: it may have the right to write, for which this waits.
                () = async {
                    tokio::time::sleep(LEASE / 3).await;
                    self.renew(&job.lane).await;
                } => {}
            }
        };
        let Err(failure) = outcome else { return Ok(true) };
        match failure {
            Failure::Later(at) => {
                let mut tx = self.bridge.store().begin_work().await?;
                tx.assert_lease(job, self.bridge.owner()).await?;
                tx.put_back(job, self.bridge.owner(), at).await?;
                tx.commit_relaxed().await?;
                Ok(false)
            }
            Failure::Retry { after, reason } => self.retry(job, after.unwrap_or_default(), &reason).await,
            Failure::Fail(reason) => self.give_up(job, &reason).await,
            Failure::Defect if job.attempts + 1 >= DEFECTS => self.give_up(job, &failure.to_string()).await,
            Failure::Defect => self.retry(job, Duration::ZERO, &failure.to_string()).await,
            Failure::Store(error @ StoreError::LeaseLost { .. }) => {
                tracing::warn!(job = job.id, "{error}");
                self.leave(&job.lane).await?;
                Ok(false)
            }
            // A job that the store can't swallow must not come back at once, for ever.
            Failure::Store(error) => self.retry(job, Duration::ZERO, &error.to_string()).await,
        }
    }

    /// Puts a job off, or gives it up when it has been tried for long enough.
    async fn retry(&self, job: &Job, after: Duration, reason: &str) -> Result<bool, StoreError> {
        let (now, settings) = (self.bridge.now(), self.bridge.settings());
        // The age alone says little: the clock may have stepped forward, or Penpal was not running.
        let tried = backoff::tried(job.attempts, settings.first_retry, settings.longest_retry);
        if now.since(job.created_at) >= settings.give_up_after && tried >= settings.give_up_after / 2 {
            return self.give_up(job, reason).await;
        }
        // One line for each attempt would drown the log in an outage: the first failure is news, the rest is not.
        if job.attempts == 0 {
            tracing::warn!(job = job.id, kind = job.kind.as_str(), lane = %job.lane, "will be tried again: {reason}");
        } else {
            tracing::debug!(
                job = job.id,
                attempts = job.attempts + 1,
                "will be tried again: {reason}"
            );
        }
        let jitter = |bound| self.bridge.jitter(bound);
        let wait = backoff::wait(job.attempts, settings.first_retry, settings.longest_retry, jitter);
        let mut tx = self.bridge.store().begin_work().await?;
        tx.assert_lease(job, self.bridge.owner()).await?;
        tx.postpone_job(job, self.bridge.owner(), reason, now + wait.max(after))
            .await?;
        tx.commit().await?;
        Ok(false)
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Result<bool, StoreError> {
        tracing::error!(job = job.id, kind = job.kind.as_str(), lane = %job.lane,
            "given up: {reason}. `penpal queue retry {}` tries again", job.id);
        self.bridge.give_up(job, reason).await?;
        Ok(true)
    }

    /// Keeps a lane's lease alive.
    async fn renew(&self, lane: &Lane) {
        let renew = async || {
            let mut tx = self.bridge.store().begin_work().await?;
            tx.renew_lease(lane, self.bridge.owner(), self.bridge.now(), LEASE)
                .await?;
            tx.commit_relaxed().await
        };
        let mut told = false;
        while let Err(error) = renew().await {
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(%lane, %error, "the lease could not be renewed, trying again");
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}

/// Works once. A panic is a failure like others: it would end the lane's task, and the job come back for ever.
async fn guarded<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    // On the heap: it is large, and would be a part of everything that works.
    let mut work = Box::pin(work);
    poll_fn(|context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or(Poll::Ready(Err(Failure::Defect)))
    })
    .await
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
