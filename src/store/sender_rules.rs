//! Whose mail a Matrix user does not want, and whose they want although a machine writes it.

use ruma::UserId;

use super::{StoreError, Tx, parse, stored_words};
use crate::model::AddressPattern;

stored_words! {
    /// What becomes of a sender's mail.
    SenderRule {
        /// It is not taken.
        Block => "block",
        /// It may begin a chat, also when a machine wrote it.
        Allow => "allow",
    }
}

/// How many rules one user may have.
const MOST_RULES: i64 = 1000;

impl Tx {
    /// A user's rules.
    pub async fn sender_rules(
        &mut self,
        user: &UserId,
    ) -> Result<Vec<(AddressPattern, SenderRule)>, StoreError> {
        self.sql("SELECT pattern, rule FROM sender_rules WHERE user_id = $1 ORDER BY pattern LIMIT $2")
            .bind(user.as_str())
            .bind(MOST_RULES)
            .all(|row| {
                Ok((
                    parse(row, "sender_rules", "pattern")?,
                    parse(row, "sender_rules", "rule")?,
                ))
            })
            .await
    }

    /// Notes a rule, in place of an earlier one for the same pattern. False when the user has as many as there may be.
    pub async fn set_sender_rule(
        &mut self,
        user: &UserId,
        pattern: &AddressPattern,
        rule: SenderRule,
    ) -> Result<bool, StoreError> {
        self.sql(
            "INSERT INTO sender_rules (user_id, pattern, rule) SELECT $1, $2, $3 \
             WHERE (SELECT COUNT(*) FROM sender_rules WHERE user_id = $1 AND pattern <> $2) < $4 \
             ON CONFLICT (user_id, pattern) DO UPDATE SET rule = excluded.rule RETURNING 1",
        )
        .bind(user.as_str())
        .bind(pattern.as_str())
        .bind(rule.as_str())
        .bind(MOST_RULES)
        .any()
        .await
    }

    /// Forgets the rule for a pattern. False when there is none.
    pub async fn remove_sender_rule(
        &mut self,
        user: &UserId,
        pattern: &AddressPattern,
    ) -> Result<bool, StoreError> {
        self.sql("DELETE FROM sender_rules WHERE user_id = $1 AND pattern = $2 RETURNING 1")
            .bind(user.as_str())
            .bind(pattern.as_str())
            .any()
            .await
    }
}
