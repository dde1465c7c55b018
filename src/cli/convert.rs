//! `penpal convert`: one message, offline.

use std::fs;
use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::Failure;
use crate::convert::to_matrix;

/// Shows what becomes of one message, without homeserver, mail server or configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  penpal convert email mail.eml

Run `penpal convert email --help` for what is printed.")]
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
}

impl Convert {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Email { file } => {
                let report = to_matrix::report(&read(&file)?);
                writeln!(stdout(), "{report:#}").context("standard output is closed")?;
                Ok(())
            }
        }
    }
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
