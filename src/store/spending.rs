//! What Matrix users have used of their limits. Each use has a time; one that has to wait is entered with the time at which it will be
//! possible, so that those that come after it wait behind it.

use std::time::Duration;

use ruma::UserId;

use super::{StoreError, Tx, get, stored_words};
use crate::model::Timestamp;

stored_words! {
    /// What is limited.
    Resource {
        /// A person to whom the user has not written before.
        Correspondent => "correspondent",
        /// An email.
        Message => "message",
        /// The files that an email encloses, in bytes.
        File => "file",
    }
}

/// A use of something limited.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    /// Whose.
    pub user: &'a UserId,
    /// Of what.
    pub resource: Resource,
    /// What is counted once, however often it is tried.
    pub key: &'a str,
    /// How much.
    pub amount: u64,
    /// How much may be used within that time.
    pub most: u64,
    /// That time.
    pub within: Duration,
}

impl Tx {
    /// Enters a use, unless it is entered already, and answers its time: now, or when enough of what was used before is as old as the
    /// limit reaches. What is more than the limit by itself has its time when nothing else was used.
    pub async fn spend(&mut self, new: &Use<'_>, now: Timestamp) -> Result<Timestamp, StoreError> {
        if !self.is_sqlite() {
            // Two emails of one user at the same time must see each other.
            self.sql("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(new.user.as_str())
                .rows()
                .await?;
        }
        let amount = i64::try_from(new.amount).unwrap_or(i64::MAX);
        let most = i64::try_from(new.most).unwrap_or(i64::MAX);
        let within = i64::try_from(new.within.as_millis()).unwrap_or(i64::MAX);
        let (entered, full_since) = self
            .sql(
                "SELECT (SELECT spent_at FROM spending WHERE user_id = $1 AND resource = $2 AND key = $3) AS entered, \
                 (SELECT spent_at FROM (SELECT spent_at, SUM(amount) OVER (ORDER BY spent_at DESC, key DESC) AS total \
                 FROM spending WHERE user_id = $1 AND resource = $2 AND spent_at > $4) AS lately \
                 WHERE total > $5 ORDER BY spent_at DESC LIMIT 1) AS full_since",
            )
            .bind(new.user.as_str())
            .bind(new.resource.as_str())
            .bind(new.key)
            .bind(now.millis().saturating_sub(within))
            .bind(most.saturating_sub(amount).max(0))
            .only(|row| {
                Ok((
                    get::<Option<i64>>(row, "spending", "entered")?,
                    get::<Option<i64>>(row, "spending", "full_since")?,
                ))
            })
            .await?;
        if let Some(entered) = entered {
            return Ok(Timestamp(entered));
        }
        let at = full_since.map_or(now.millis(), |since| {
            since.saturating_add(within).max(now.millis())
        });
        self.sql(
            "INSERT INTO spending (user_id, resource, key, amount, spent_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(new.user.as_str())
        .bind(new.resource.as_str())
        .bind(new.key)
        .bind(amount)
        .bind(at)
        .later()
        .await?;
        Ok(Timestamp(at))
    }

    /// Takes back what was entered for an email that does not go out.
    pub async fn unspend(&mut self, user: &UserId, job: i64) -> Result<(), StoreError> {
        self.sql("DELETE FROM spending WHERE user_id = $1 AND resource IN ('message', 'file') AND key = $2")
            .bind(user.as_str())
            .bind(job.to_string())
            .later()
            .await
    }

    /// Forgets what was used before a time that no limit reaches back to.
    pub async fn forget_spending(&mut self, before: Timestamp) -> Result<(), StoreError> {
        self.sql("DELETE FROM spending WHERE spent_at < $1")
            .bind(before.millis())
            .later()
            .await
    }
}
