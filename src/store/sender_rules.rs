//! Whose mail a Matrix user does not want, and whose they want although a machine writes it.

use ruma::UserId;

use super::query::{Statement, read_all};
use super::{Row, StoreError, Tx, parse, stored_words};
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
        let rows = self.fetch(rules_of("$1").bind(user.as_str())).await?;
        read_all(&rows, rule)
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

/// The rules of a user, who is written in SQL with a parameter.
pub(super) fn rules_of(user: &str) -> Statement {
    Statement::new(format!(
        "SELECT pattern, rule FROM sender_rules WHERE user_id = {user} ORDER BY pattern LIMIT {MOST_RULES}"
    ))
}

pub(super) fn rule(row: &Row) -> Result<(AddressPattern, SenderRule), StoreError> {
    Ok((
        parse(row, "sender_rules", "pattern")?,
        parse(row, "sender_rules", "rule")?,
    ))
}
