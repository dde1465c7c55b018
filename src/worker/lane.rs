//! One lane is worked, job by job; what failed is put off, and what has no hope given up.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{STORE_PAUSE, Worker, backoff};
use crate::bridge::{Failure, LEASE};
use crate::store::{Job, Lane, StoreError};

/// Jobs worked in a lane before others get their turn.
const JOBS_IN_A_ROW: usize = 50;

/// Jobs of a lane that are begun together, where they can be worked in one transaction.
const JOBS_AT_ONCE: usize = 16;

/// How often a job may meet a defect: some come from what happens to go on at the same time, the others would hold up the
/// lane as long as an outage does.
const DEFECTS: u32 = 5;

/// What became of a lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worked {
    /// Jobs begun.
    pub(super) begun: usize,
    /// Whether there may be work left in it.
    pub(super) left: bool,
}

impl Worker {
    /// Works a leased lane until it is empty, not due, or others have waited long enough; first what was `begun` of it already. The lease
    /// began at `renewed`; `None` when that is not known.
    pub(super) async fn work_lane(
        &self,
        lane: &Lane,
        mut renewed: Option<Instant>,
        mut begun: Option<Job>,
        stop: &CancellationToken,
    ) -> Result<Worked, StoreError> {
        let (mut count, mut at_once) = (0, JOBS_AT_ONCE);
        let left = loop {
            if count >= JOBS_IN_A_ROW || stop.is_cancelled() {
                break self.leave(lane).await?;
            }
            let limit = if lane.is_room() { at_once } else { 1 };
            at_once = JOBS_AT_ONCE;
            let jobs = match begun.take() {
                Some(job) => vec![job],
                None => match self.begin(lane, limit, &mut renewed).await? {
                    Some(jobs) => jobs,
                    None => break false,
                },
            };
            match jobs.as_slice() {
                [] => break self.leave(lane).await?,
                [job] => {
                    count += 1;
                    if !self.work_job(job).await? {
                        break true;
                    }
                    if job.ended_its_lane() {
                        break false;
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
        };
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
    pub(super) async fn leave(&self, lane: &Lane) -> Result<bool, StoreError> {
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
            Failure::Defect if self.bridge.simplify(job).await? => {
                self.postpone(job, Duration::ZERO, &failure.to_string()).await
            }
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
        self.postpone(job, after, reason).await
    }

    /// Puts a job off.
    async fn postpone(&self, job: &Job, after: Duration, reason: &str) -> Result<bool, StoreError> {
        let (now, settings) = (self.bridge.now(), self.bridge.settings());
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
        let told = async { Ok(self.bridge.give_up(job, reason).await?) };
        match guarded(told).await {
            Ok(()) => {}
            Err(Failure::Store(error)) => return Err(error),
            // It would come back for ever.
            Err(_defect) => self.bridge.give_up_in_silence(job, reason).await?,
        }
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
        while let Err(error) = self.trouble.watch(renew()).await {
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(%lane, %error, "the lease could not be renewed, trying again");
            }
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}

/// Works once. A panic is a failure like others: it would end the lane's task, and the job come back for ever.
fn guarded<T>(work: impl Future<Output = Result<T, Failure>>) -> impl Future<Output = Result<T, Failure>> {
    // On the heap: it is large, and would be a part of everything that works.
    let mut work = Box::pin(work);
    poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)))
            .unwrap_or(Poll::Ready(Err(Failure::Defect)))
    })
}
