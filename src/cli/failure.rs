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
    /// A mail was not taken: told to a mail server.
    Mail {
        /// By sysexits.h.
        exit_code: u8,
        /// An enhanced status code (RFC 3463).
        status: &'static str,
        /// What is wrong, in one line.
        text: String,
    },
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
            Self::Mail { exit_code, .. } => *exit_code,
        }
    }

    /// The line on standard error. What is for a mail server begins with the status code, and for all others with our name.
    pub fn report(&self) -> String {
        match self {
            Self::Mail { .. } => self.to_string(),
            Self::Usage(_) | Self::Failed(_) | Self::Nothing(_) => format!("penpal: {self}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Nothing(message) => f.write_str(message),
            Self::Failed(error) => f.write_str(&in_one_line(error)),
            Self::Mail { status, text, .. } => {
                // Errors of the system and of the database may have several lines.
                write!(f, "{status} {}", text.lines().collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// An error with all its causes; what an error says already is not said again by its cause.
fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if !line.contains(&text) {
            let separator = if line.is_empty() { "" } else { ": " };
            line = format!("{line}{separator}{text}");
        }
    }
    line
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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn no_cause_is_said_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("the file: {0}")]
        struct Outer(#[from] std::io::Error);
        let inner = || std::io::Error::other("is broken");
        let error = Err::<(), _>(Outer(inner()))
            .context("it can't start")
            .unwrap_err();
        assert_eq!(
            Failure::from(error).to_string(),
            "it can't start: the file: is broken"
        );
        let error = Err::<(), _>(inner()).context("it can't start").unwrap_err();
        assert_eq!(Failure::from(error).to_string(), "it can't start: is broken");
    }
}
