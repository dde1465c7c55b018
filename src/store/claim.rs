//! One process at a time works on a SQLite file.
//!
//! SQLite itself would let several write in turn, but leases there are ended at the start, and work that another process adds
//! is seen late. The claim is a lock on a file beside the database, which the system takes back however the process ends. It
//! can't be on the database itself: SQLite's own locks on a file are lost when the process closes it once.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{StoreError, private_file};

/// The right to work on a store; kept until it is dropped.
#[derive(Debug)]
pub struct Claim {
    _lock: Option<File>,
}

impl Claim {
    /// Claims the store at this URL. PostgreSQL needs none: there lanes are leased.
    pub fn take(url: &str) -> Result<Self, StoreError> {
        let Some(database) = database_file(url) else {
            return Ok(Self { _lock: None });
        };
        let mut path = database.to_path_buf().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let wrong = |source| StoreError::File {
            path: path.clone(),
            source,
        };
        let mut file = private_file::open(&path, true).map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Taken { path }),
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        // For who looks into it; on a full disk the lock alone must do.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self { _lock: Some(file) })
    }
}

/// The file that a URL names; `None` for PostgreSQL, and for a database in memory.
fn database_file(url: &str) -> Option<&Path> {
    let file = url.strip_prefix("sqlite:")?;
    let file = file.strip_prefix("//").unwrap_or(file);
    let file = file.split('?').next().unwrap_or(file);
    (!file.is_empty() && file != ":memory:").then(|| Path::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_claimed_once_and_free_again_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/penpal.db?mode=rwc", folder.path().display());
        let claim = Claim::take(&url).unwrap();
        let refused = Claim::take(&url).unwrap_err();
        assert!(matches!(refused, StoreError::Taken { .. }), "{refused}");
        assert!(refused.to_string().contains("penpal.db.lock"), "{refused}");
        drop(claim);
        Claim::take(&url).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let refused = Claim::take("sqlite:/nowhere/penpal.db").unwrap_err().to_string();
        assert!(refused.contains("/nowhere/penpal.db.lock"), "{refused}");
    }

    #[test]
    fn what_has_no_file_needs_no_claim() {
        for url in ["sqlite::memory:", "postgres://penpal@localhost/penpal"] {
            assert_eq!(database_file(url), None, "{url}");
        }
        assert_eq!(database_file("sqlite://a.db?x"), Some(Path::new("a.db")));
    }
}
