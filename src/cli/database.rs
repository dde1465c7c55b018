//! The store, as commands use it.

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use super::Failure;
use crate::config::Config;
use crate::store::{Claim, Store};

/// Its URL may hold a password, so the error names the key only.
const NOT_OPENED: &str = "the database that database.url names can't be opened";

/// Opens the store to work on it, which on SQLite one process at a time may; a SQLite file is made when it is missing.
pub(super) async fn take_store(config: &Config) -> anyhow::Result<(Claim, Store)> {
    let url = config.database.url.expose_secret();
    let claim = Claim::take(url).context(NOT_OPENED)?;
    let store = Store::connect(url).await.context(NOT_OPENED)?;
    Ok((claim, store))
}

/// Does one thing with the store that is there, and closes it.
pub(super) fn with_store(
    config: &Config,
    act: impl AsyncFnOnce(&Store) -> anyhow::Result<()>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime can't be started")?;
    let done = runtime.block_on(async {
        let opened = Store::connect_existing(config.database.url.expose_secret()).await;
        let store = opened.context(NOT_OPENED)?;
        let done = act(&store).await;
        store.close().await;
        done
    });
    Ok(done?)
}
