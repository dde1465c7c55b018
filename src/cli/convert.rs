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
Examples:
  penpal convert email mail.eml
  penpal convert event event.json

Run `penpal convert email --help` or `penpal convert event --help` for what is printed.")]
pub(super) struct Convert {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints the Matrix events that an email becomes, as one JSON object: `from`, `to`, `subject`, `date`,
    /// `message_id`, `in_reply_to`, `references`, `auto` (what kind of machine wrote it, or none), `events`, and
    /// `quoted` (what was left out, which the chat's user asks for with `!quoted`).
    #[command(after_help = "\
Examples:
  penpal convert email mail.eml
  penpal convert email - < mail.eml")]
    Email {
        /// The email as it came in (RFC 5322); - for standard input.
        file: PathBuf,
    },
    /// Prints the email that a Matrix event becomes, or a list of events that make one email: with CRLF line ends, and
    /// for the same input always the same bytes.
    #[command(after_help = "\
The context is one JSON object, of which every key is optional; one that is unknown is an error:
  domain    the mail domain
  from      {address, name} of the sender
  to        [{address, name}] of the recipient
  subject   the subject of the thread
  room      {id, name, topic}
  events    {EVENT_ID: {message_id, references: [id], sender_name, body, date}} of earlier events
  media     {MXC_URI: {base64: text} or {file: path}}; paths start at the folder of the context
  signature the lines below the sender's mails
  first     true for the first email of a thread
  enclose   how many bytes of files the email encloses; the others are linked to

Exit codes: 0 with an email, 3 when the events make no email (the reason is on standard error), 1 or 2 on errors.

Examples:
  penpal convert event event.json
  penpal convert event burst.json --context thread.json > mail.eml")]
    Event {
        /// The event, or a list of events, as JSON; - for standard input.
        file: PathBuf,
        /// What the bridge would know of the thread, as JSON; placeholders serve without it.
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
            What::Event { file, context } => event(&file, context.as_deref()),
        }
    }
}

fn event(file: &Path, context_file: Option<&Path>) -> Result<(), Failure> {
    let events = json(file)?;
    let context = context_file.map_or(Ok(Value::Null), json)?;
    let folder = context_file.and_then(Path::parent).unwrap_or(Path::new(""));
    let email = to_email::from_json(&events, &context, &|path| fs::read(folder.join(path)));
    let email = email.map_err(|error| match error {
        FromJsonError::NoEmail { .. } => Failure::Nothing(error.to_string()),
        FromJsonError::File { .. } => Failure::Failed(error.into()),
        FromJsonError::Event { .. } => Failure::Usage(format!("{}: {error}", file.display())),
        FromJsonError::Context(_) => {
            Failure::Usage(format!("{}: {error}", context_file.unwrap_or(file).display()))
        }
    })?;
    stdout()
        .write_all(&email.bytes)
        .context("standard output is closed")?;
    Ok(())
}

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
