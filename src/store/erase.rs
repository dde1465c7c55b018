//! What was removed is overwritten in the file, because somebody asked for it.
//!
//! SQLite only unlinks what is removed. Where that costs no more writing it is overwritten at once (`secure_delete = FAST`); whole pages that
//! become free, as those of a long email, keep their bytes until they are used again. Whoever forgets a person overwrites these as
//! well, and empties the log, in which older states of pages are. PostgreSQL does so in its own time (`VACUUM`).

use super::contents::PIECE;
use super::{Database, Store, StoreError};
use crate::model::Timestamp;

impl Store {
    /// From now on this process overwrites all that it removes, also where that is more to write.
    pub(super) async fn overwrite_removed(&self) -> Result<(), StoreError> {
        match &self.database {
            Database::Sqlite(sqlite) => sqlite.writer.overwrite_removed().await,
            Database::Postgres { .. } => Ok(()),
        }
    }

    /// Overwrites what earlier removals have left in free pages, and empties the log. False when others kept the log in use.
    pub(super) async fn overwrite_free_space(&self, now: Timestamp) -> Result<bool, StoreError> {
        let Database::Sqlite(sqlite) = &self.database else {
            return Ok(true);
        };
        // A content takes free pages first. While others work there may always be some, but not those that were there before.
        let mut left = sqlite.free_bytes().await?;
        if left > 0 {
            let empty = vec![0; PIECE];
            let mut zeros = self.write_content(now).await?;
            while left > 0 && sqlite.free_bytes().await? > 0 {
                zeros.write(&empty).await?;
                left = left.saturating_sub(PIECE as u64);
            }
            let zeros = zeros.finish().await?;
            self.remove_content(zeros).await?;
        }
        sqlite.empty_log().await
    }
}
