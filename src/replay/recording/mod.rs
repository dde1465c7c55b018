//! Recordings: transactions as a homeserver sent them, one a line, and what is known about them.
//!
//! A recording is a file of JSON lines with `context.json` and a folder `media/` beside it;
//! `tests/fixtures/transactions/README.md` describes the format. One that stands alone, as `penpal record` writes them, begins with
//! a line `{"context": …}` in place of the two, and says of each transaction when it arrived (`at`); files of which only type and size are known are then full of zeros,
//! 256 MiB of them in all.

mod context;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::model::{PuppetNamespace, RoomEvent, Timestamp};
use context::Header;
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
        /// When it arrived; `None` where the recording does not say so, and it is taken to be the time of its latest event.
        at: Option<Timestamp>,
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
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    txn_id: Option<String>,
    at: Option<i64>,
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
        let mut header = None;
        let mut exchanges = Vec::new();
        // Not `str::lines`: it would be right as well, but says nothing of U+2028, which some bodies hold.
        for (index, line) in text.split('\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            match read_line(line) {
                Ok(Read::Header(context)) if index == 0 => header = Some(context),
                Ok(Read::Exchange(exchange)) => exchanges.push(exchange),
                Ok(Read::Header(_)) => {
                    return Err(wrong_line(path, index, "only the first line can be the context"));
                }
                Err(reason) => return Err(wrong_line(path, index, &reason)),
            }
        }
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let (context, unpushed) = if let Some(header) = header {
            Context::of_header(*header, &exchanges).map_err(|reason| wrong_line(path, 0, &reason))?
        } else {
            let context = Context::read(&path.with_file_name("context.json"))?;
            let unpushed = context.unpushed(&file_name);
            (context, unpushed)
        };
        Ok(Self {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            exchanges,
            unpushed,
            context,
        })
    }

    /// What was said in a room after an invite and before the puppet joined, which stands in the room's history but was not pushed.
    pub fn unpushed_after(&self, invite: &Value) -> Vec<Value> {
        let Ok(invite) = RoomEvent::from_json(invite) else {
            return Vec::new();
        };
        if invite.event_type != "m.room.member" || invite.text("membership") != Some("invite") {
            return Vec::new();
        }
        let in_room = self
            .unpushed
            .iter()
            .filter(|message| message.room == invite.room_id);
        let event = |(message, number): (&Unpushed, i64)| {
            json!({
                "event_id": format!("{}-unpushed-{number}", invite.event_id),
                "room_id": invite.room_id, "sender": invite.sender, "type": "m.room.message",
                "origin_server_ts": invite.timestamp.millis() + number,
                "content": {"msgtype": "m.text", "body": message.body},
            })
        };
        in_room.zip(1..).map(event).collect()
    }

    /// The recording as a file that stands alone, without the bytes of its media.
    pub fn to_text(&self) -> String {
        let header = json!({"context": self.context.header(&self.unpushed)});
        let lines = self.exchanges.iter().map(Exchange::to_line);
        std::iter::once(format!("{header}\n")).chain(lines).collect()
    }
}

/// The first line of a recording that is written while things happen.
pub fn first_line(namespace: &PuppetNamespace) -> String {
    format!("{}\n", json!({"context": Context::header_of(namespace)}))
}

impl Exchange {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn parse(line: &str) -> Result<Self, String> {
        match read_line(line)? {
            Read::Exchange(exchange) => Ok(exchange),
            Read::Header(_) => Err("only the first line can be the context".to_owned()),
        }
    }

    /// The line, with its line feed.
    pub fn to_line(&self) -> String {
        match self {
            // By hand, because the body is kept as it is.
            Self::Transaction { txn_id, at, body } => {
                let path = json!(format!("/_matrix/app/v1/transactions/{txn_id}"));
                let at = at
                    .map(|at| format!("\"at\":{},", at.millis()))
                    .unwrap_or_default();
                let txn_id = Value::from(txn_id.as_str());
                format!("{{\"txn_id\":{txn_id},{at}\"path\":{path},\"body\":{body}}}\n")
            }
            Self::Query { method, path, answer } => {
                format!("{}\n", json!({"method": method, "path": path, "answer": answer}))
            }
        }
    }
}

/// What a line holds.
enum Read {
    Header(Box<Header>),
    Exchange(Exchange),
}

fn wrong_line(path: &Path, index: usize, reason: &str) -> RecordingError {
    RecordingError::Line {
        path: path.to_owned(),
        line: index + 1,
        reason: reason.to_owned(),
    }
}

fn read_line(line: &str) -> Result<Read, String> {
    let line: Line<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if let Some(context) = line.context {
        let header = serde_json::from_str(context.get()).map_err(|error| format!("context: {error}"))?;
        return Ok(Read::Header(Box::new(header)));
    }
    exchange(line).map(Read::Exchange)
}

fn exchange(line: Line<'_>) -> Result<Exchange, String> {
    let path = line.path.ok_or("`path` is missing")?;
    if let Some(txn_id) = line.txn_id {
        let body = line.body.ok_or("`body` is missing")?;
        return Ok(Exchange::Transaction {
            txn_id,
            at: line.at.map(Timestamp),
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
