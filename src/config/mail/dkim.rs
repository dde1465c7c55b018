//! Sections `mail.dkim` and `mail.domains[].dkim`: the keys that sign what goes out.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::config::error::Problem;
use crate::config::value;
use crate::mail::signing::KeyFile;

/// A key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dkim {
    /// The name under which the DNS has its public half.
    #[serde(deserialize_with = "value::text")]
    pub selector: String,
    /// PEM file with the private key.
    pub key: PathBuf,
}

impl Dkim {
    /// Makes the path absolute. `key` is this entry's.
    pub(in crate::config) fn settle(&mut self, key: &str, folder: &Path) -> Result<(), Problem> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !self.selector.split('.').all(is_label) {
            return Err(Problem::new(
                format!("{key}.selector"),
                format!(
                    "`{}` can't stand in the DNS: use letters, digits and hyphens",
                    self.selector
                ),
            ));
        }
        self.key = folder.join(&self.key);
        Ok(())
    }

    /// For the signatures.
    pub(in crate::config) fn key_file(&self) -> KeyFile {
        KeyFile {
            selector: self.selector.clone(),
            path: self.key.clone(),
        }
    }
}
