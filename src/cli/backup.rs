//! `penpal backup`: a consistent copy of the database.

use std::io::{ErrorKind, Write as _, stdout};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::database::with_store;
use super::{ConfigFile, Failure};
use crate::store::StoreError;

/// Writes a consistent copy of the SQLite database, also while Penpal runs.
#[derive(Debug, Args)]
#[command(after_help = "\
FILE must not be there yet; only its owner can read it. To go back to it, stop Penpal and put it in the place of the \
database, without the files beside that end in -wal and -shm. A database in PostgreSQL is backed up with pg_dump.

Example: penpal backup /var/backups/penpal.db")]
pub(super) struct Backup {
    #[command(flatten)]
    config: ConfigFile,
    /// The file to write.
    file: PathBuf,
}

impl Backup {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = self.config.load_alone()?;
        with_store(&config, async |store| {
            let done = store.back_up(&self.file).await.map_err(|error| match error {
                // The copy's disk, not the database's.
                StoreError::Disk(error) if error.kind() == ErrorKind::AlreadyExists => {
                    anyhow!("it exists already and is not overwritten: name another file")
                }
                StoreError::Disk(error) => error.into(),
                error => error.into(),
            });
            done.with_context(|| format!("{} can't be written", self.file.display()))?;
            writeln!(stdout(), "The database is copied to {}.", self.file.display())?;
            Ok(())
        })
    }
}
