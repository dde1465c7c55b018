//! Email users who want no more mail of a Matrix user.

use ruma::UserId;

use super::{StoreError, Tx};
use crate::model::{EmailAddress, Timestamp};

impl Tx {
    /// Whether an email user wants no mail of a user.
    pub async fn is_stopped(&mut self, user: &UserId, address: &EmailAddress) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM stops WHERE user_id = $1 AND address = $2")
            .bind(user.as_str())
            .bind(address.as_str())
            .any()
            .await
    }

    /// Notes that an email user wants no more mail of a user, or wants it again. False when that was so already.
    ///
    /// What is being rendered at this moment counts as changed, so that it does not leave after all.
    pub async fn set_stopped(
        &mut self,
        user: &UserId,
        address: &EmailAddress,
        stopped: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if stopped {
            self.sql(
                "UPDATE drafts SET revision = revision + 1 WHERE portal_id IN \
                 (SELECT id FROM portals WHERE user_id = $1 AND address = $2)",
            )
            .bind(user.as_str())
            .bind(address.as_str())
            .later()
            .await?;
        }
        let query = if stopped {
            self.sql(
                "INSERT INTO stops (user_id, address, stopped_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (user_id, address) DO NOTHING RETURNING 1",
            )
            .bind(user.as_str())
            .bind(address.as_str())
            .bind(now.millis())
        } else {
            self.sql("DELETE FROM stops WHERE user_id = $1 AND address = $2 RETURNING 1")
                .bind(user.as_str())
                .bind(address.as_str())
        };
        query.any().await
    }
}
