//! `penpal convert`: the conversion alone, offline.

use std::io::{Read as _, Write as _, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::Failure;
use crate::convert::to_matrix;

/// Converts one email or event, without homeserver, mail server or database.
#[derive(Debug, Args)]
pub(super) struct Convert {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows what an email becomes: a JSON object with its headers, the events, and what was left out.
    Email {
        /// The email, as a mail server stores it; `-` for standard input.
        file: PathBuf,
    },
}

impl Convert {
    pub(super) fn run(self) -> Result<(), Failure> {
        let What::Email { file } = self.what;
        let report = to_matrix::report(&read(&file)?);
        let text = serde_json::to_string(&report).context("the result can't be written as JSON")?;
        writeln!(stdout(), "{text}").context("standard output is closed")?;
        Ok(())
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        stdin().read_to_end(&mut bytes).context("standard input can't be read")?;
        return Ok(bytes);
    }
    std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))
}
