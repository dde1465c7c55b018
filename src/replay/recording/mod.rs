//! Recordings: transactions as a homeserver sent them, one a line, and what is known about them.
//!
//! A recording is a file of JSON lines with `context.json` and a folder `media/` beside it;
//! `tests/fixtures/transactions/README.md` describes the format.

mod context;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

pub use context::{Context, Unpushed};

/// A recording in memory.
#[derive(Debug)]
pub struct Recording {
    /// The file's name without its ending.
    pub name: String,
    /// What the homeserver asked, in the order of arrival.
    pub exchanges: Vec<Exchange>,
    /// What is known about homeserver, users and media.
    pub context: Context,
    /// Messages that were never pushed, but stand in the rooms' history.
    pub unpushed: Vec<Unpushed>,
}

/// One request of the homeserver to the appservice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// `PUT /_matrix/app/v1/transactions/{txnId}`.
    Transaction {
        /// The transaction's ID, which alone identifies nothing.
        txn_id: String,
        /// The body, byte for byte.
        body: String,
    },
    /// Anything else: whether a user or an alias exists, a third-party look-up, a ping.
    Query {
        /// The HTTP method.
        method: String,
        /// The path with its query.
        path: String,
        /// What the recording's own service answered: the HTTP status.
        answer: u16,
    },
}

/// Why a recording can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file is missing or unreadable.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        error: std::io::Error,
    },
    /// A line is not what the format says.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// `context.json` is not what the format says.
    #[error("{}: {reason}", path.display())]
    Context {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A line, before it is known which kind it is.
#[derive(Deserialize)]
struct Line<'a> {
    txn_id: Option<String>,
    method: Option<String>,
    path: Option<String>,
    answer: Option<u16>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

impl Recording {
    /// Reads a recording, the `context.json` beside it and its media.
    pub fn read(path: &Path) -> Result<Self, RecordingError> {
        let text = read_text(path)?;
        let context = Context::read(&path.with_file_name("context.json"))?;
        let mut exchanges = Vec::new();
        // Not `str::lines`: it would be right as well, but says nothing of U+2028, which some bodies hold.
        for (index, line) in text.split('\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let exchange = exchange(line).map_err(|reason| RecordingError::Line {
                path: path.to_owned(),
                line: index + 1,
                reason,
            })?;
            exchanges.push(exchange);
        }
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            exchanges,
            unpushed: context.unpushed(&file_name),
            context,
        })
    }
}

fn exchange(line: &str) -> Result<Exchange, String> {
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let path = line.path.ok_or("`path` is missing")?;
    if let Some(txn_id) = line.txn_id {
        let body = line.body.ok_or("`body` is missing")?;
        return Ok(Exchange::Transaction {
            txn_id,
            body: body.get().to_owned(),
        });
    }
    Ok(Exchange::Query {
        method: line
            .method
            .ok_or("neither `txn_id` (a transaction) nor `method` (another request) is there")?,
        path,
        answer: line.answer.ok_or("`answer` is missing")?,
    })
}

fn read_text(path: &Path) -> Result<String, RecordingError> {
    std::fs::read_to_string(path).map_err(|error| RecordingError::Unreadable {
        path: path.to_owned(),
        error,
    })
}
