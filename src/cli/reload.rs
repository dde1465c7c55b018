//! SIGHUP: certificates and the level of the log are read anew while Penpal runs. Everything else takes a restart.

use std::path::{Path, PathBuf};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::environment;
use crate::config::Config;
use crate::mail::listener::{Door, Renewal};
use crate::telemetry::LogLevel;

/// What is read anew, and when.
pub(super) struct Reloads {
    signal: Signal,
    config: PathBuf,
    level: LogLevel,
}

impl Reloads {
    /// From now on SIGHUP does not end the process.
    pub(super) fn new(config: &Path, level: LogLevel) -> anyhow::Result<Self> {
        Ok(Self {
            signal: signal(SignalKind::hangup())?,
            config: config.to_owned(),
            level,
        })
    }

    /// Resolves at the next SIGHUP.
    pub(super) async fn wanted(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Reads everything before anything changes: whatever is wrong, all stays as it is, and the log says why.
    pub(super) fn reload(&self, doors: &[Door]) {
        match self.read(doors) {
            Ok(renewals) => {
                let certificates = renewals.len();
                renewals.into_iter().for_each(Renewal::apply);
                tracing::info!(
                    certificates,
                    "SIGHUP: certificates and the level of the log were read anew; other changes take a restart"
                );
            }
            Err(reason) => {
                tracing::error!("SIGHUP: nothing was changed, and Penpal goes on with what it has: {reason}");
            }
        }
    }

    fn read(&self, doors: &[Door]) -> Result<Vec<Renewal>, String> {
        let config = Config::load(&self.config, &environment()).map_err(|error| error.to_string())?;
        let mut renewals = Vec::new();
        for settings in config.listener_settings() {
            let Some(files) = &settings.tls else { continue };
            let Some(door) = doors.iter().find(|door| door.address == settings.address) else {
                return Err(format!(
                    "mail.listen has a new door at {}, which takes a restart",
                    settings.address
                ));
            };
            renewals.extend(door.renewal(files).map_err(|error| error.to_string())?);
        }
        self.level
            .change(&config.logging)
            .map_err(|error| error.to_string())?;
        Ok(renewals)
    }
}
