//! The command line: one file for each command.
//!
//! Imports: everything.

mod backup;
mod convert;
mod database;
mod deliver;
mod doctor;
mod failure;
mod forget;
mod init;
mod listing;
mod queue;
mod record;
mod registration;
mod reload;
mod replay;
mod run;
mod threads;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};

pub use failure::Failure;

use crate::config::{Config, ConfigError};

/// A Matrix application service that maps direct chats to one-to-one email threads.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Start with `penpal init`, which writes a configuration and the registration for the homeserver.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration; `penpal deliver` has its own."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Registration(registration::RegistrationCommand),
    Run(run::Run),
    Doctor(doctor::Doctor),
    Deliver(deliver::Deliver),
    Queue(queue::Queue),
    Threads(threads::Threads),
    Backup(backup::Backup),
    Forget(forget::Forget),
    Convert(convert::Convert),
    Record(record::Record),
    Replay(replay::Replay),
}

impl Cli {
    /// The command line of this process; ends it when that is wrong, or asks for help.
    pub fn of_process() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            let delivers = std::env::args_os()
                .nth(1)
                .is_some_and(|command| command == "deliver");
            if error.use_stderr() && delivers {
                deliver::end_by_usage(&error)
            }
            error.exit()
        })
    }

    /// Does what the command line says.
    pub fn run(self) -> Result<(), Failure> {
        match self.command {
            Command::Init(command) => command.run(),
            Command::Registration(command) => command.run(),
            Command::Run(command) => command.run(),
            Command::Doctor(command) => command.run(),
            Command::Deliver(command) => command.run(),
            Command::Queue(command) => command.run(),
            Command::Threads(command) => command.run(),
            Command::Backup(command) => command.run(),
            Command::Forget(command) => command.run(),
            Command::Convert(command) => command.run(),
            Command::Record(command) => command.run(),
            Command::Replay(command) => command.run(),
        }
    }
}

/// Where the configuration is: an option of most commands.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = USUAL_CONFIG, global = true)]
    config: PathBuf,
}

/// Where the configuration is unless somebody says otherwise.
const USUAL_CONFIG: &str = "config.yaml";

impl ConfigFile {
    fn is_usual(&self) -> bool {
        self.config == Path::new(USUAL_CONFIG)
    }

    /// The configuration, without a look at the registration.
    fn load_alone(&self) -> Result<Config, ConfigError> {
        Config::load_alone(&self.config, &environment())
    }
}

/// The variables of the environment that are text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
