//! Acquaintances: whether two people have written to each other, as their portals tell.

use ruma::UserId;

use super::{StoreError, Tx};
use crate::model::EmailAddress;

impl Tx {
    /// Whether the user has ever written to this person.
    pub async fn is_contact(&mut self, address: &EmailAddress, user: &UserId) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM portals WHERE address = $1 AND user_id = $2 AND contacted = 1 LIMIT 1")
            .bind(address.as_str())
            .bind(user.as_str())
            .any()
            .await
    }

    /// Whether this person has ever written to the user, verified.
    pub async fn has_written(&mut self, address: &EmailAddress, user: &UserId) -> Result<bool, StoreError> {
        self.sql("SELECT 1 AS one FROM portals WHERE address = $1 AND user_id = $2 AND wrote = 1 LIMIT 1")
            .bind(address.as_str())
            .bind(user.as_str())
            .any()
            .await
    }

    /// Whether the two have never written to each other.
    pub async fn is_stranger(&mut self, address: &EmailAddress, user: &UserId) -> Result<bool, StoreError> {
        let known = self
            .sql("SELECT 1 AS one FROM portals WHERE address = $1 AND user_id = $2 AND (introduced = 1 OR wrote = 1) LIMIT 1")
            .bind(address.as_str())
            .bind(user.as_str())
            .any()
            .await?;
        Ok(!known)
    }

    /// True when the user has a portal with anybody, or talks to the bot.
    pub async fn knows_user(&mut self, user: &UserId) -> Result<bool, StoreError> {
        self.sql(
            "SELECT 1 AS one FROM portals WHERE user_id = $1 \
             UNION ALL SELECT 1 AS one FROM bot_rooms WHERE user_id = $1 LIMIT 1",
        )
        .bind(user.as_str())
        .any()
        .await
    }
}
