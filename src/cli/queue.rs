//! `penpal queue`: what waits and what failed.

use std::io::{Write as _, stdout};

use anyhow::anyhow;
use clap::{Args, Subcommand, ValueEnum};

use super::database::with_store;
use super::listing::{Listing, write_line};
use super::{ConfigFile, Failure};
use crate::model::{Clock as _, SystemClock};
use crate::store::{JobState, JobSummary, Store};

/// Jobs that are read at a time.
const PAGE: i64 = 100;

/// Shows the work that waits or failed, and lets it be tried again or dropped.
#[derive(Debug, Args)]
#[command(after_help = "\
A job is an event, an email or a notice on its way. What failed is kept until it is retried or dropped.

Examples:
  penpal queue list --config /etc/penpal/config.yaml
  penpal queue list --state waiting
  penpal queue retry 17
  penpal queue retry --waiting      (the mail server works again: what waits for it goes now)")]
pub(super) struct Queue {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists jobs, the oldest first.
    List {
        /// Which jobs.
        #[arg(long, value_enum, default_value = "failed")]
        state: State,
        #[command(flatten)]
        listing: Listing,
    },
    /// Shows one job.
    Show {
        /// The job's number.
        id: i64,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lets jobs that failed or wait be tried now, after whatever waits before them in their lanes.
    Retry {
        /// The jobs' numbers.
        #[arg(required_unless_present = "waiting")]
        ids: Vec<i64>,
        /// All jobs that wait because an attempt has failed.
        #[arg(long, conflicts_with = "ids")]
        waiting: bool,
    },
    /// Drops jobs: they will never be worked.
    Drop {
        /// The jobs' numbers.
        #[arg(required = true)]
        ids: Vec<i64>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// Still to be worked.
    Waiting,
    /// Given up.
    Failed,
    /// Dropped by an admin.
    Dropped,
}

impl From<State> for JobState {
    fn from(state: State) -> Self {
        match state {
            State::Waiting => Self::Waiting,
            State::Failed => Self::Failed,
            State::Dropped => Self::Dropped,
        }
    }
}

impl Queue {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load_alone()?;
        with_store(&config, async |store| act(store, self.action).await)
    }
}

async fn act(store: &Store, action: Action) -> anyhow::Result<()> {
    match action {
        Action::List { state, listing } => {
            let Listing { limit, after, json } = listing;
            let jobs = store.read().await?.list_jobs(state.into(), after, limit).await?;
            jobs.iter().try_for_each(|job| show(job, json))?;
            if jobs.is_empty() && !json {
                writeln!(stdout(), "No {} jobs.", JobState::from(state).as_str())?;
                let waiting = store.read().await?.list_jobs(JobState::Waiting, 0, 1).await?;
                if !waiting.is_empty() && !matches!(state, State::Waiting) {
                    writeln!(
                        stdout(),
                        "Some wait: `penpal queue list --state waiting` shows them."
                    )?;
                }
            }
            Ok(())
        }
        Action::Show { id, json } => {
            let job = store.read().await?.show_job(id).await?;
            show(
                &job.ok_or_else(|| {
                    anyhow!("there is no job {id}: `penpal queue list` names those there are")
                })?,
                json,
            )
        }
        Action::Retry { ids, .. } if !ids.is_empty() => {
            for id in ids {
                if !retry(store, id).await? {
                    anyhow::bail!(
                        "job {id} neither waits nor has failed: `penpal queue list` names those that do"
                    );
                }
                writeln!(stdout(), "job {id} is tried again now")?;
            }
            Ok(())
        }
        Action::Retry { .. } => {
            let (mut after, mut retried) = (0, 0);
            loop {
                let jobs = store
                    .read()
                    .await?
                    .list_jobs(JobState::Waiting, after, PAGE)
                    .await?;
                let Some(last) = jobs.last() else { break };
                after = last.id;
                for job in jobs.iter().filter(|job| job.error.is_some()) {
                    retried += u64::from(retry(store, job.id).await?);
                }
            }
            writeln!(stdout(), "jobs that are tried again now: {retried}")?;
            Ok(())
        }
        Action::Drop { ids } => {
            for id in ids {
                let mut tx = store.begin().await?;
                if !tx.drop_job(id, SystemClock.now()).await? {
                    anyhow::bail!(
                        "job {id} neither waits nor has failed: `penpal queue list` names those that do"
                    );
                }
                tx.commit().await?;
                writeln!(stdout(), "job {id} is dropped")?;
            }
            store.remove_unneeded_contents(SystemClock.now()).await?;
            Ok(())
        }
    }
}

async fn retry(store: &Store, id: i64) -> anyhow::Result<bool> {
    let mut tx = store.begin().await?;
    let found = tx.retry_job(id, SystemClock.now()).await?;
    tx.commit().await?;
    Ok(found)
}

fn show(job: &JobSummary, json: bool) -> anyhow::Result<()> {
    write_line(job, json, || {
        let age = SystemClock.now().since(job.created_at).as_secs();
        format!(
            "{:>8}  {:<7} {:<7} {:<40} {:>9} bytes  {age:>8} s old  {} attempts  {}",
            job.id,
            job.state,
            job.kind,
            job.lane,
            job.size,
            job.attempts,
            job.error.as_deref().unwrap_or_default()
        )
    })
}
