//! The file of a SQLite database: that it can be worked with, and who may read it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

/// With what every SQLite database begins ([file format, section 1.3]); one that was only created is empty.
///
/// [file format, section 1.3]: https://www.sqlite.org/fileformat.html#the_database_header
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Readable for the user of penpal alone: the database holds private conversations. SQLite gives the files beside it (`-wal`,
/// `-shm`) the same mode.
const PRIVATE: u32 = 0o600;

/// Makes sure that the file is there and can be worked with, so that what is wrong with it is said in the system's words and not in
/// SQLite's. It is made, when that is allowed and it is missing.
pub(super) fn prepare(path: &Path, create: bool) -> io::Result<()> {
    let mut file = open(path, create)?;
    let mut head = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut head)?;
    if head.is_empty() || head == MAGIC {
        Ok(())
    } else {
        Err(io::Error::new(
            ErrorKind::InvalidData,
            "it is not a SQLite database",
        ))
    }
}

/// Opens a file that is readable for its owner alone when it is made. What root makes belongs to the owner of the folder: an admin
/// may have looked before penpal ran for the first time, and must not lock it out.
pub(super) fn open(path: &Path, create: bool) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(create)
        .truncate(false)
        .mode(PRIVATE)
        .open(path)?;
    let (made, folder) = (
        file.metadata()?,
        path.parent().and_then(|folder| folder.metadata().ok()),
    );
    if let Some(folder) = folder.filter(|folder| made.len() == 0 && made.uid() == 0 && folder.uid() != 0) {
        fchown(&file, Some(folder.uid()), Some(folder.gid()))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use crate::store::Store;

    use super::*;

    fn url(folder: &Path, name: &str) -> String {
        format!("sqlite:{}", folder.join(name).display())
    }

    #[tokio::test]
    async fn nobody_else_can_read_what_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::connect(&url(folder.path(), "penpal.db")).await.unwrap();
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{entry:?}");
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort();
        assert_eq!(names, ["penpal.db", "penpal.db-shm", "penpal.db-wal"]);
        store.close().await;
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_file_is_said_in_plain_words() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("text.db"), "this is a text, and no database").unwrap();
        let away = Store::connect(&url(folder.path(), "nowhere/penpal.db")).await;
        let missing = Store::connect_existing(&url(folder.path(), "penpal.db")).await;
        let text = Store::connect(&url(folder.path(), "text.db")).await;
        for (outcome, said) in [
            (away, "nowhere/penpal.db: No such file or directory"),
            (missing, "penpal.db: No such file or directory"),
            (text, "text.db: it is not a SQLite database"),
        ] {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        assert!(!folder.path().join("penpal.db").exists(), "a look makes no file");
    }
}
