//! How a command ends when it does not succeed.

use std::fmt;

use crate::config::ConfigError;

/// Why a command did not succeed; shown in one message on standard error.
#[derive(Debug)]
pub enum Failure {
    /// The command line or the configuration is wrong.
    Usage(String),
    /// It was tried and failed.
    Failed(anyhow::Error),
    /// It was done, and there is nothing to show for it: events that make no email.
    Nothing(String),
}

impl Failure {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Nothing(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Nothing(message) => f.write_str(message),
            // With all causes, in one line.
            Self::Failed(error) => write!(f, "{error:#}"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}
