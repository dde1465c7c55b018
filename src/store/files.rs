//! Files: what the links in emails lead to.

use ruma::{EventId, OwnedMxcUri};

use super::{Row, StoreError, Tx, get};
use crate::model::Timestamp;

/// A file that was too large for an email.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedFile {
    /// Its name in the link.
    pub id: String,
    /// Where it is on the homeserver.
    pub uri: OwnedMxcUri,
    /// Its file name, safe.
    pub name: String,
    /// Its media type, checked.
    pub content_type: String,
    /// When its link ends.
    pub expires_at: Timestamp,
}

impl Tx {
    /// Keeps a file of a message, or keeps it longer when it is known.
    pub async fn keep_file(&mut self, event: &EventId, file: &LinkedFile) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO files (id, event_id, uri, name, content_type, expires_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (id) DO UPDATE SET expires_at = $6",
        )
        .bind(&file.id)
        .bind(event.as_str())
        .bind(file.uri.as_str())
        .bind(&file.name)
        .bind(&file.content_type)
        .bind(file.expires_at.millis())
        .later()
        .await
    }

    /// A file by its name in the link.
    pub async fn file(&mut self, id: &str) -> Result<Option<LinkedFile>, StoreError> {
        self.sql("SELECT * FROM files WHERE id = $1")
            .bind(id)
            .one(file)
            .await
    }

    /// Forgets the files of a message; says whether there were any.
    pub async fn forget_files_of(&mut self, event: &EventId) -> Result<bool, StoreError> {
        self.sql("DELETE FROM files WHERE event_id = $1 RETURNING 1")
            .bind(event.as_str())
            .any()
            .await
    }

    /// Forgets the files whose links have ended.
    pub async fn forget_expired_files(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.sql("DELETE FROM files WHERE expires_at < $1")
            .bind(now.millis())
            .later()
            .await
    }
}

fn file(row: &Row) -> Result<LinkedFile, StoreError> {
    Ok(LinkedFile {
        id: get(row, "files", "id")?,
        uri: OwnedMxcUri::from(get::<String>(row, "files", "uri")?),
        name: get(row, "files", "name")?,
        content_type: get(row, "files", "content_type")?,
        expires_at: Timestamp(get(row, "files", "expires_at")?),
    })
}
