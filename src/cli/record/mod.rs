//! `penpal record`: what the homeserver sends, as a file that can be replayed.

mod file;
mod live;
mod rooms;

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};

use super::database::with_store;
use super::{ConfigFile, Failure};
use crate::config::{Config, parse_duration, parse_size};
use crate::convert::address::{AddressBook, AddressScheme};
use crate::model::{PuppetNamespace, SystemRandom};
use crate::replay::pseudonyms::{Pseudonyms, Removal};
use crate::replay::recording::{Recording, first_line};
use file::RecordingFile;
use live::Session;

/// Writes what the homeserver sends to the running Penpal into a file for `penpal replay`, to find out what went wrong or to
/// attach it to a report.
#[derive(Debug, Args)]
#[command(after_help = "\
Penpal goes on as ever meanwhile; all processes that use the same database are recorded. It ends by Ctrl-C, after --for, or when the \
file has --max-size. FILE must not be there yet; only its owner can read it.

Tokens and keys are never in it. What else is not to be there --remove says: contents (what people write, names of rooms and files, \
places, words and numbers that no specification has), addresses (of email users, also in puppets), names (users, servers, rooms, \
display names), or all. Each gives way to a pseudonym, the same one everywhere, so that the same things happen in a replay. When, in \
which order and in answer to what somebody wrote, how long it was, types and sizes of files, and reactions stay. Files and emails are in no recording.

Chats that are older than the recording begin with their state. What Penpal reads back from a room's history is not recorded.

Examples:
  penpal record --for 10m --remove all report.jsonl
  penpal record --from mine.jsonl --remove all report.jsonl      (the same of a recording that is there)
  penpal replay report.jsonl")]
pub(super) struct Record {
    #[command(flatten)]
    config: ConfigFile,
    /// The file to write.
    file: PathBuf,
    /// End after this time, such as 30s or 10m.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    time: Option<Duration>,
    /// End when the file has this size.
    #[arg(long, value_name = "SIZE", default_value = "100 MB", value_parser = size)]
    max_size: u64,
    /// What is not to be in it; several by commas.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    remove: Vec<Part>,
    /// Take a recording that is there, instead of what comes.
    #[arg(long, value_name = "RECORDING", conflicts_with_all = ["time", "max_size"])]
    from: Option<PathBuf>,
}

/// What can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What people write, names of rooms and files, places.
    Contents,
    /// Email addresses.
    Addresses,
    /// Users, servers, rooms, events, files and display names.
    Names,
    /// All of these.
    All,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "give a number and a unit, such as 30s, 3m, 2h or 2d".to_owned())
}

fn size(text: &str) -> Result<u64, String> {
    parse_size(text).ok_or_else(|| "give a number and a unit, such as 500 KB, 50 MB or 64 MiB".to_owned())
}

impl Record {
    pub(super) fn run(self) -> Result<(), Failure> {
        if let Some(from) = &self.from {
            return self.rewrite(&Recording::read(from).context("the recording can't be read")?);
        }
        let config = self.config.load_alone()?;
        let pseudonyms = Pseudonyms::new(
            self.removal(),
            config.puppets.clone(),
            config.addresses.clone(),
            config.secrets(),
            &SystemRandom,
        );
        with_store(&config, async |store| {
            let file = RecordingFile::create(&self.file, self.max_size, &first_line(pseudonyms.namespace()))?;
            let begun = Session::begin(store, &config.puppets, pseudonyms, file).await;
            let mut session = begun.inspect_err(|_| {
                // There is nothing in it.
                let _removed = std::fs::remove_file(&self.file);
            })?;
            let ended = session.run(self.time).await;
            // Nobody is to go on recording for us, whatever happened.
            let file = session.end().await;
            ended?;
            self.tell(&file?)
        })
    }

    /// Writes what is in another recording.
    fn rewrite(&self, recording: &Recording) -> Result<(), Failure> {
        // The configuration, where there is one, knows tokens and mail domains. One that is named has to be there.
        let config = if self.config.is_usual() && !self.config.config.exists() {
            None
        } else {
            Some(self.config.load_alone()?)
        };
        let namespace = recording.context.namespace.clone();
        let addresses = match &config {
            Some(config) => config.addresses.clone(),
            None => usual_addresses(&namespace)?,
        };
        let secrets = config.as_ref().map(Config::secrets).unwrap_or_default();
        let mut pseudonyms = Pseudonyms::new(self.removal(), namespace, addresses, secrets, &SystemRandom);
        let recording = pseudonyms.recording(recording);
        let mut file = RecordingFile::create(&self.file, u64::MAX, "")?;
        file.add_all(&recording)?;
        file.finish()?;
        Ok(self.tell(&file)?)
    }

    fn removal(&self) -> Removal {
        let removed = |part| self.remove.contains(&part) || self.remove.contains(&Part::All);
        Removal {
            contents: removed(Part::Contents),
            addresses: removed(Part::Addresses),
            names: removed(Part::Names),
        }
    }

    /// Says what is in the file, and what is not.
    fn tell(&self, file: &RecordingFile) -> anyhow::Result<()> {
        let removal = self.removal();
        let parts = [
            ("contents", removal.contents),
            ("addresses", removal.addresses),
            ("names", removal.names),
        ];
        let list = |wanted: bool| {
            let parts = parts.iter().filter(|(_, removed)| *removed == wanted);
            parts.map(|(part, _)| format!(", {part}")).collect::<String>()
        };
        writeln!(
            stdout(),
            "{} has {} transactions with {} events.\nRemoved: tokens, keys, files{}.\nStill in it: times, order, lengths, types and \
             sizes of files, reactions{}.",
            self.file.display(),
            file.transactions,
            file.events,
            list(true),
            list(false)
        )?;
        Ok(())
    }
}

/// The addresses that a replay takes.
fn usual_addresses(namespace: &PuppetNamespace) -> anyhow::Result<AddressBook> {
    let server = namespace.server_name();
    let domain = format!("mail.{}", server.host());
    AddressBook::new(&domain, AddressScheme::Plus, server.to_owned())
        .map_err(|error| anyhow!("the homeserver's name makes no mail domain: {error}"))
}
