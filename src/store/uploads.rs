//! Uploads: attachments of a job's mail on their way to the homeserver, each of which is made there once.

use ruma::{MxcUri, OwnedMxcUri};

use super::{StoreError, Tx, get};

/// Where an attachment is to be, or is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its URI.
    pub uri: OwnedMxcUri,
    /// False while nothing may be there yet.
    pub complete: bool,
}

impl Tx {
    /// The upload of an attachment, by its place in the mail.
    pub async fn upload(&mut self, job: i64, position: usize) -> Result<Option<Upload>, StoreError> {
        self.sql("SELECT uri, complete FROM uploads WHERE job_id = $1 AND position = $2")
            .bind(job)
            .bind(number(position))
            .one(|row| {
                Ok(Upload {
                    uri: get::<String>(row, "uploads", "uri")?.into(),
                    complete: get::<i64>(row, "uploads", "complete")? != 0,
                })
            })
            .await
    }

    /// Notes the upload of an attachment, in place of what was noted of it before.
    pub async fn set_upload(
        &mut self,
        job: i64,
        position: usize,
        uri: &MxcUri,
        complete: bool,
    ) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO uploads (job_id, position, uri, complete) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (job_id, position) DO UPDATE SET uri = excluded.uri, complete = excluded.complete",
        )
        .bind(job)
        .bind(number(position))
        .bind(uri.as_str())
        .bind(i64::from(complete))
        .later()
        .await
    }

    /// Forgets the upload of an attachment whose URI has ended.
    pub async fn remove_upload(&mut self, job: i64, position: usize) -> Result<(), StoreError> {
        self.sql("DELETE FROM uploads WHERE job_id = $1 AND position = $2")
            .bind(job)
            .bind(number(position))
            .later()
            .await
    }

    /// Forgets the uploads of a job that is done.
    pub async fn remove_uploads(&mut self, job: i64) -> Result<(), StoreError> {
        self.sql("DELETE FROM uploads WHERE job_id = $1")
            .bind(job)
            .later()
            .await
    }
}

fn number(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
