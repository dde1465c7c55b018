//! How commands show what they list, to people and to programs.

use std::io::{Write as _, stdout};

use clap::Args;
use serde::Serialize;

/// Which of the things that fit are listed, and how.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Listing {
    /// How many at most.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    pub(super) limit: i64,
    /// Go on behind the one of this number.
    #[arg(long, default_value_t = 0, value_name = "ID")]
    pub(super) after: i64,
    /// One JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
}

/// Writes a line about something: as JSON, or in these words.
pub(super) fn write_line(
    about: &impl Serialize,
    json: bool,
    words: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let line = if json {
        serde_json::to_string(about)?
    } else {
        words()
    };
    Ok(writeln!(stdout(), "{line}")?)
}
