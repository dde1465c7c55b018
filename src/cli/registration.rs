//! `penpal registration`: the registration that belongs to a configuration.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use super::{ConfigFile, Failure};
use crate::config::Registration;

/// Prints the registration that belongs to the configuration, or checks the homeserver's copy of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  penpal registration > registration.yaml
  penpal registration check --config /etc/penpal/config.yaml /etc/matrix-synapse/penpal.yaml")]
pub(super) struct RegistrationCommand {
    #[command(flatten)]
    config: ConfigFile,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Says in what the homeserver's copy differs from what it should be; exit code 1 when it does.
    Check {
        /// The homeserver's copy. Default: `appservice.registration` of the configuration.
        registration: Option<PathBuf>,
    },
}

impl RegistrationCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.action {
            None => print(&self.config),
            Some(Action::Check { registration }) => check(&self.config, registration),
        }
    }
}

fn print(config: &ConfigFile) -> Result<(), Failure> {
    let yaml = Registration::of(&config.load_alone()?).to_yaml();
    stdout()
        .write_all(yaml.as_bytes())
        .context("standard output is closed")?;
    Ok(())
}

fn check(file: &ConfigFile, registration: Option<PathBuf>) -> Result<(), Failure> {
    let config = file.load_alone()?;
    let path = registration
        .or_else(|| config.appservice.registration.clone())
        .ok_or_else(|| {
            Failure::Usage(
                "which registration? Name it: penpal registration check FILE, or set appservice.registration"
                    .into(),
            )
        })?;
    let theirs = Registration::read(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    let differences = Registration::of(&config).differences(&theirs);
    if !differences.is_empty() {
        return Err(anyhow!(
            "{} does not fit {}:\n  {}\nWrite it anew with `penpal registration`, give it to the homeserver, and restart that.",
            path.display(),
            file.config.display(),
            differences.join("\n  ")
        )
        .into());
    }
    writeln!(stdout(), "{} fits {}.", path.display(), file.config.display())
        .context("standard output is closed")?;
    Ok(())
}
