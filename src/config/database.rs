//! Section `database`: where everything is kept.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::Problem;
use super::value;
use crate::store::folder_of;

/// The database.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/NAME`: a secret, because of the password. Default
    /// `sqlite:penpal.db`.
    #[serde(deserialize_with = "value::secret")]
    pub url: SecretString,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: "sqlite:penpal.db".into(),
        }
    }
}

impl Database {
    /// The folder for what is too large for memory and not in the database yet: that of an SQLite file, whose disk must have room for it
    /// anyhow; beside PostgreSQL that of the system (`TMPDIR`), by default one that outlives a restart, because the other may be memory.
    pub fn spool_folder(&self) -> PathBuf {
        folder_of(self.url.expose_secret()).unwrap_or_else(|| {
            let lasting = Path::new("/var/tmp");
            if std::env::var_os("TMPDIR").is_none() && lasting.is_dir() {
                lasting.to_owned()
            } else {
                std::env::temp_dir()
            }
        })
    }

    /// Makes the path of an SQLite file absolute.
    pub(super) fn settle(&mut self, folder: &Path) -> Result<(), Problem> {
        let url = self.url.expose_secret();
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return match url::Url::parse(url) {
                Ok(_) => Ok(()),
                Err(error) => Err(Problem::new(
                    "database.url",
                    format!(
                        "is not a URL ({error}): give postgres://USER:PASSWORD@HOST/NAME, special characters as %hh"
                    ),
                )),
            };
        }
        let Some(path) = url.strip_prefix("sqlite:") else {
            return Err(Problem::new(
                "database.url",
                "names neither SQLite nor PostgreSQL: give sqlite:FILE or postgres://USER:PASSWORD@HOST/NAME",
            ));
        };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err(Problem::new(
                "database.url",
                "names no file: give sqlite:penpal.db",
            ));
        }
        if !path.starts_with([':', '/']) {
            // In a URL these three mean something else than themselves.
            let folder = folder.display().to_string();
            let folder = folder.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let separator = if folder.is_empty() { "" } else { "/" };
            self.url = format!("sqlite:{folder}{separator}{path}").into();
        }
        Ok(())
    }
}
