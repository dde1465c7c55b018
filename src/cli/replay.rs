//! `penpal replay`: recorded transactions through the whole bridge, offline.

use std::io::{IsTerminal as _, Stderr, Write as _, stderr, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::Failure;
use crate::replay::golden::{self, Outcome};
use crate::replay::recording::Recording;
use crate::replay::run::replay;

/// How often the progress is shown.
const PROGRESS: Duration = Duration::from_millis(100);

/// Runs recorded transactions through the whole bridge, with a virtual clock and with homeserver and mail
/// relay in memory, and prints what came out: every homeserver request and every email.
#[derive(Debug, Args)]
#[command(after_help = "\
A recording is a file of JSON lines, one transaction each, with context.json and media/ beside it. \
The same recording gives the same output, byte for byte, on every machine.

GOLDEN is a file, or a folder in which each recording has its NAME.txt.

Example:
  penpal replay tests/fixtures/transactions/*.jsonl --check tests/golden")]
pub(super) struct Replay {
    /// Recordings.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare what comes out with what was stored; exit code 1 when it differs.
    #[arg(long, value_name = "GOLDEN", conflicts_with = "update")]
    check: Option<PathBuf>,
    /// Store what comes out.
    #[arg(long, value_name = "GOLDEN")]
    update: Option<PathBuf>,
}

impl Replay {
    pub(super) fn run(self) -> Result<(), Failure> {
        let recordings = self
            .files
            .iter()
            .map(|path| Recording::read(path))
            .collect::<Result<Vec<_>, _>>()
            .context("the recording can't be read")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime can't be started")?;
        let mut progress = Progress::new(recordings.iter().map(|recording| recording.exchanges.len()).sum());
        let mut outcomes = Vec::new();
        for recording in &recordings {
            let text = runtime
                .block_on(replay(recording, &mut || progress.step()))
                .with_context(|| format!("{} can't be replayed", recording.name))?;
            let name = recording.name.clone();
            outcomes.push(Outcome { name, text });
        }
        progress.end();
        self.show(&outcomes)
    }

    fn show(&self, outcomes: &[Outcome]) -> Result<(), Failure> {
        if let Some(golden) = &self.update {
            golden::update(golden, outcomes).context("the golden file can't be written")?;
        } else if let Some(golden) = &self.check {
            let differences = golden::check(golden, outcomes)
                .context("the golden file can't be read; --update writes it")?;
            if !differences.is_empty() {
                write(&differences)?;
                let count = differences.len();
                return Err(anyhow!(
                    "{count} differ. If this is what people should get, store it with --update"
                )
                .into());
            }
        } else {
            write(
                &outcomes
                    .iter()
                    .map(|outcome| outcome.text.clone())
                    .collect::<Vec<_>>(),
            )?;
        }
        Ok(())
    }
}

fn write(texts: &[String]) -> Result<(), Failure> {
    let text = texts.join("\n");
    stdout()
        .write_all(text.as_bytes())
        .context("standard output can't be written")?;
    Ok(())
}

/// How far the replay is, on a terminal.
struct Progress {
    terminal: Option<Stderr>,
    total: usize,
    done: usize,
    begun: Instant,
    shown: Instant,
}

impl Progress {
    fn new(total: usize) -> Self {
        let now = Instant::now();
        Self {
            terminal: Some(stderr()).filter(Stderr::is_terminal),
            total,
            done: 0,
            begun: now,
            shown: now,
        }
    }

    fn step(&mut self) {
        self.done += 1;
        let Some(terminal) = &mut self.terminal else {
            return;
        };
        if self.shown.elapsed() < PROGRESS {
            return;
        }
        self.shown = Instant::now();
        let millis = self.begun.elapsed().as_millis().max(1);
        let rate = u128::try_from(self.done)
            .unwrap_or(u128::MAX)
            .saturating_mul(1000)
            / millis;
        // Progress that can't be shown is no reason to stop.
        let _shown = write!(
            terminal,
            "\r{} of {} transactions, {rate} per second\x1b[K",
            self.done, self.total
        );
    }

    fn end(&mut self) {
        if let Some(terminal) = &mut self.terminal {
            let _shown = write!(terminal, "\r\x1b[K");
        }
    }
}
