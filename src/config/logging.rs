//! Section `logging`.

use serde::Deserialize;

/// The log, on standard error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// How much is logged. `PENPAL_LOG` and `RUST_LOG` go before it. Default `info`.
    pub level: Level,
    /// In which form. Default `auto`.
    pub format: Format,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What needs an admin.
    Error,
    /// And what may need one.
    Warn,
    /// And one line for each unit of work.
    #[default]
    Info,
    /// And its steps.
    Debug,
    /// And everything else.
    Trace,
}

impl Level {
    /// The level's name, as a filter of the log understands it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// In which form the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}
