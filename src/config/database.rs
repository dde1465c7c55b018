//! Section `database`: where everything is kept.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::Problem;
use super::value;

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
