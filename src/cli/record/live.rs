//! Recording while Penpal runs: its processes hand over what comes, by way of the store.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};

use super::file::RecordingFile;
use super::rooms::Rooms;
use crate::model::{PuppetNamespace, Random as _, SystemRandom};
use crate::replay::pseudonyms::Pseudonyms;
use crate::replay::recording::Exchange;
use crate::store::{Recorded, Store};

/// How often what was recorded is fetched.
const FETCH: Duration = Duration::from_millis(500);

/// Lines that are fetched at a time.
const AT_ONCE: i64 = 50;

/// How long somebody else who records takes at most to show a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// When it is worth saying that nobody has answered.
const NO_ANSWER: Duration = Duration::from_secs(10);

const NOBODY: &str = "No running Penpal has answered yet: is there one that uses the same database?";

/// A year: for as long as nobody ends it.
const FOR_EVER: Duration = Duration::from_hours(24 * 365);

pub(super) struct Session<'a> {
    store: &'a Store,
    /// Who we are, for others who record.
    name: String,
    /// Signs of life so far.
    signs: u64,
    processes: BTreeSet<String>,
    rooms: Rooms<'a>,
    pseudonyms: Pseudonyms,
    file: RecordingFile,
}

impl<'a> Session<'a> {
    /// Asks the processes to record.
    pub(super) async fn begin(
        store: &'a Store,
        namespace: &'a PuppetNamespace,
        pseudonyms: Pseudonyms,
        file: RecordingFile,
    ) -> anyhow::Result<Self> {
        let found = store.read().await?.recorder().await?;
        if found.is_some() {
            sleep(SIGN_OF_LIFE).await;
            if store.read().await?.recorder().await? != found {
                bail!("another `penpal record` is at work: end it first");
            }
        }
        let mut name = [0; 8];
        SystemRandom.fill(&mut name);
        let mut session = Self {
            store,
            name: data_encoding::HEXLOWER.encode(&name),
            signs: 0,
            processes: BTreeSet::new(),
            rooms: Rooms::new(store, namespace),
            pseudonyms,
            file,
        };
        let mut tx = store.begin().await?;
        tx.forget_recorded().await?;
        tx.commit().await?;
        session.give_sign().await?;
        Ok(session)
    }

    /// Records until it is told to end, or the time is over, or the file is full.
    pub(super) async fn run(&mut self, time: Option<Duration>) -> anyhow::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let begun = Instant::now();
        let end = begun + time.unwrap_or(FOR_EVER).min(FOR_EVER);
        let mut warned = false;
        loop {
            let goes_on = tokio::select! {
                _ = terminate.recv() => false,
                _ = interrupt.recv() => false,
                () = sleep_until(end) => false,
                () = sleep(FETCH) => true,
            };
            if !self.fetch().await? {
                eprint_line("The file has the size that --max-size allows.");
                return Ok(());
            }
            if !goes_on {
                if self.processes.is_empty() && !warned {
                    eprint_line(NOBODY);
                }
                return Ok(());
            }
            self.give_sign().await?;
            if !warned && self.processes.is_empty() && begun.elapsed() > NO_ANSWER {
                warned = true;
                eprint_line(NOBODY);
            }
        }
    }

    /// Tells the processes to end it, takes away what is left, and gives the file.
    pub(super) async fn end(mut self) -> anyhow::Result<RecordingFile> {
        let mut tx = self.store.begin().await?;
        // Another one may have begun meanwhile.
        if tx
            .recorder()
            .await?
            .is_none_or(|found| found.starts_with(&self.name))
        {
            tx.end_recording().await?;
        }
        tx.commit().await?;
        self.file.finish()?;
        Ok(self.file)
    }

    async fn give_sign(&mut self) -> anyhow::Result<()> {
        let mut tx = self.store.begin().await?;
        let found = tx.recorder().await?;
        if self.signs > 0 && found.is_none_or(|found| !found.starts_with(&self.name)) {
            bail!(
                "this is not the recording that goes on: another `penpal record` has begun, or this one gave no sign of life for too long"
            );
        }
        self.signs += 1;
        tx.set_recorder(&format!("{} {}", self.name, self.signs)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes what was recorded since. False when the file is full. Nobody waits for that: the store is free meanwhile.
    async fn fetch(&mut self) -> anyhow::Result<bool> {
        loop {
            let recorded = self.store.read().await?.recorded(AT_ONCE).await?;
            if recorded.is_empty() {
                return Ok(true);
            }
            let ids: Vec<i64> = recorded.iter().map(|one| one.id).collect();
            for one in recorded {
                if !self.take(one).await? {
                    return Ok(false);
                }
            }
            self.file.flush()?;
            let mut tx = self.store.begin().await?;
            for id in ids {
                tx.remove_recorded(id).await?;
            }
            tx.commit_relaxed().await?;
        }
    }

    /// Writes one line. False when the file is full.
    async fn take(&mut self, recorded: Recorded) -> anyhow::Result<bool> {
        let Some(line) = recorded.line else {
            if self.processes.insert(recorded.process) {
                eprint_line(&format!(
                    "Recording {} of Penpal; Ctrl-C ends it.",
                    processes(self.processes.len())
                ));
            }
            return Ok(true);
        };
        let Ok(exchange) = Exchange::parse(&line) else {
            bail!("a line that was recorded is none");
        };
        if let Exchange::Transaction { at, body, .. } = &exchange {
            let body: Value = serde_json::from_str(body)?;
            if let Some(state) = self.rooms.state_before(*at, &body, &mut self.pseudonyms).await?
                && !self.write(&state)?
            {
                return Ok(false);
            }
        }
        self.write(&exchange)
    }

    fn write(&mut self, exchange: &Exchange) -> anyhow::Result<bool> {
        match self.pseudonyms.exchange(exchange) {
            Some(exchange) => self.file.add(&exchange),
            None => Ok(true),
        }
    }
}

fn processes(count: usize) -> String {
    match count {
        1 => "one process".to_owned(),
        count => format!("{count} processes"),
    }
}

#[expect(clippy::print_stderr, reason = "for whoever waits at the terminal")]
fn eprint_line(text: &str) {
    eprintln!("{text}");
}
