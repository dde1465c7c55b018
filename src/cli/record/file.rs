//! The file of a recording while it is written.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use crate::replay::recording::{Exchange, Recording};

/// Readable for its owner alone.
const PRIVATE: u32 = 0o600;

/// A file that grows.
pub(super) struct RecordingFile {
    path: PathBuf,
    out: BufWriter<File>,
    size: u64,
    max_size: u64,
    /// Transactions in it.
    pub(super) transactions: usize,
    /// Events in these.
    pub(super) events: usize,
}

impl RecordingFile {
    /// Makes the file, which must not be there, with its first line.
    pub(super) fn create(path: &Path, max_size: u64, first_line: &str) -> anyhow::Result<Self> {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE)
            .open(path);
        let made = made.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => {
                anyhow!("it exists already and is not overwritten: name another file")
            }
            _ => error.into(),
        });
        let made = made.with_context(|| format!("{} can't be made", path.display()))?;
        let mut file = Self {
            path: path.to_owned(),
            out: BufWriter::new(made),
            size: 0,
            max_size,
            transactions: 0,
            events: 0,
        };
        file.write(first_line)?;
        file.flush()?;
        Ok(file)
    }

    /// Adds a line. False when it would make the file too large: then it is not in it.
    pub(super) fn add(&mut self, exchange: &Exchange) -> anyhow::Result<bool> {
        let line = exchange.to_line();
        if self.size + line.len() as u64 > self.max_size {
            return Ok(false);
        }
        self.write(&line)?;
        self.count(exchange);
        Ok(true)
    }

    /// Writes a whole recording.
    pub(super) fn add_all(&mut self, recording: &Recording) -> anyhow::Result<()> {
        self.write(&recording.to_text())?;
        recording
            .exchanges
            .iter()
            .for_each(|exchange| self.count(exchange));
        Ok(())
    }

    fn count(&mut self, exchange: &Exchange) {
        if let Exchange::Transaction { body, .. } = exchange {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            self.transactions += 1;
            self.events += body.get("events").and_then(Value::as_array).map_or(0, Vec::len);
        }
    }

    fn write(&mut self, text: &str) -> anyhow::Result<()> {
        self.size += text.len() as u64;
        self.out
            .write_all(text.as_bytes())
            .map_err(|error| self.trouble(&error))
    }

    /// Hands what was written to the system.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush().map_err(|error| self.trouble(&error))
    }

    /// Sees that all of it is on the disk.
    pub(super) fn finish(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.out
            .get_ref()
            .sync_all()
            .map_err(|error| self.trouble(&error))
    }

    fn trouble(&self, error: &std::io::Error) -> anyhow::Error {
        anyhow!("{} can't be written: {error}", self.path.display())
    }
}
