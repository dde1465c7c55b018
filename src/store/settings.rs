//! What holds for the whole store.

use super::{StoreError, Tx, get};

impl Tx {
    /// A setting; `None` when it was never written.
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>, StoreError> {
        self.sql("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .one(|row| get(row, "settings", "value"))
            .await
    }

    /// Writes a setting, whatever it was.
    pub async fn set_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        self.sql(
            "INSERT INTO settings (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(value)
        .later()
        .await
    }

    /// Writes a setting that has no value yet; one that has keeps it. Answers the value that holds.
    pub async fn keep_setting(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        self.sql("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(value)
            .later()
            .await?;
        Ok(self.setting(name).await?.unwrap_or_else(|| value.to_owned()))
    }
}
