//! Secrets that the store keeps: random, made at the first start.

use data_encoding::HEXLOWER;

use crate::model::Random;
use crate::store::{StoreError, Tx};

/// The key of this name, one block of SHA-256 long.
pub(super) async fn kept_key(tx: &mut Tx, name: &str, random: &dyn Random) -> Result<[u8; 64], StoreError> {
    let mut fresh = [0; 64];
    random.fill(&mut fresh);
    let kept = tx.keep_setting(name, &HEXLOWER.encode(&fresh)).await?;
    let key = HEXLOWER.decode(kept.as_bytes()).ok();
    key.and_then(|key| key.try_into().ok())
        .ok_or_else(|| StoreError::Corrupt {
            table: "settings",
            column: "value",
            reason: format!("{name} is not 64 bytes in hexadecimal"),
        })
}
