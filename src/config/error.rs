//! What is wrong with a configuration, in one message for the admin.

/// Why a configuration can't be used. The message names the file or environment variable, the key, the value
/// unless it is a secret, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file can't be read, or is not YAML.
    #[error("{file}: {problem}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it, and the mend.
        problem: String,
    },
    /// A key is unknown, missing, or has a value of no use.
    #[error("{place}: {key}: {problem}")]
    Key {
        /// The file or the environment variable in which the value stands, or should stand.
        place: String,
        /// The key, with its sections: `mail.relay.port`.
        key: String,
        /// What is wrong with it, and the mend.
        problem: String,
    },
}

/// What is wrong with one key, before it is known where the key was set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) key: String,
    pub(super) text: String,
}

impl Problem {
    pub(super) fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            text: text.into(),
        }
    }
}
