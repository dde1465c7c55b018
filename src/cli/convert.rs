//! `penpal convert`: one message, offline.

use std::fs;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::Failure;
use crate::convert::to_email::{self, FromJsonError};
use crate::convert::to_matrix;

/// Shows what becomes of one message, without homeserver, mail server or configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  penpal convert email mail.eml
  penpal convert event event.json

The help of each says what is printed.")]
pub(super) struct Convert {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints the Matrix events that an email becomes, as one JSON object: `from`, `to`, `subject`, `date`,
    /// `message_id`, `in_reply_to`, `references`, `auto` (what kind of machine wrote it, or none), `events`, and
    /// `quoted` (what was left out).
    #[command(after_help = "\
Examples:
  penpal convert email mail.eml
  penpal convert email - < mail.eml")]
    Email {
        /// The email as it came in (RFC 5322); - for standard input.
        file: PathBuf,
    },
    /// Prints the email that a Matrix event becomes, or a list of events that leave together. The same input always gives the
    /// same bytes. Exit code 3, with the reason, when there is nothing to mail.
    #[command(after_help = "\
The context is what the bridge would know, every key optional:
  {\"domain\", \"from\": {\"address\", \"name\"}, \"to\": [{\"address\", \"name\"}], \"subject\", \"room\": {\"id\", \"name\", \"topic\"},
   \"events\": {EVENT_ID: {\"message_id\", \"references\", \"sender_name\", \"body\", \"date\"}},
   \"media\": {MXC_URI: {\"base64\"} or {\"file\"}}, \"first\": true or false}

Example:
  penpal convert event event.json --context context.json")]
    Event {
        /// The event, or a list of events, as JSON; - for standard input.
        file: PathBuf,
        /// What the bridge would know; without it placeholders serve. Files that it names are looked for beside it.
        #[arg(long, value_name = "FILE")]
        context: Option<PathBuf>,
    },
}

impl Convert {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Email { file } => {
                let report = to_matrix::report(&read(&file)?);
                writeln!(stdout(), "{report:#}").context("standard output is closed")?;
                Ok(())
            }
            What::Event { file, context } => {
                let events = json(&file)?;
                let folder = context.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
                let context = context.as_deref().map_or(Ok(Value::Null), json)?;
                let email = to_email::from_json(&events, &context, &|name| fs::read(folder.join(name)));
                let email = email.map_err(|error| match error {
                    FromJsonError::NoEmail { .. } => Failure::Nothing(error.to_string()),
                    error => Failure::Usage(error.to_string()),
                })?;
                stdout()
                    .write_all(&email.bytes)
                    .context("standard output is closed")?;
                Ok(())
            }
        }
    }
}

/// A JSON file that was named on the command line.
fn json(file: &Path) -> Result<Value, Failure> {
    serde_json::from_slice(&read(file)?)
        .map_err(|error| Failure::Usage(format!("{}: is not JSON ({error})", file.display())))
}

/// The bytes of a file that was named on the command line.
fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    read.map_err(|error| Failure::Usage(format!("{}: can't be read ({error})", file.display())))
}
