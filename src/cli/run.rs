//! `penpal run`: everything put together.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{ConfigFile, Failure, environment};
use crate::bridge::Bridge;
use crate::config::Config;
use crate::mail::listener;
use crate::mail::submit::Relay;
use crate::matrix::client::HttpHomeserver;
use crate::model::{SystemClock, SystemRandom};
use crate::store::Store;
use crate::worker::Worker;
use crate::{appservice, telemetry};

/// How often the metrics are tidied up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Runs the bridge until it is stopped by SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Listens for the homeserver (appservice.listen) and for mail (mail.listen), and logs to standard error.
PENPAL_LOG=penpal=debug shows more.

Example: penpal run --config /etc/penpal/config.yaml")]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    pub(super) fn run(self) -> Result<(), Failure> {
        let environment = environment();
        let config = Config::load(&self.config.config, &environment)?;
        let filter = environment
            .get("PENPAL_LOG")
            .or_else(|| environment.get("RUST_LOG"));
        telemetry::start_log(&config.logging, filter.map(String::as_str))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the runtime can't be started")?;
        Ok(runtime.block_on(serve(&config))?)
    }
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let metrics = telemetry::start_metrics()?;
    let store = open_store(config).await?;
    let homeserver = Arc::new(HttpHomeserver::new(config.client_settings())?);
    let relay = Arc::new(Relay::new(config.relay_settings())?);
    let bridge = Bridge::open(
        store.clone(),
        homeserver,
        relay,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        config.bridge_settings(),
    );
    let bridge = Arc::new(bridge.await?);

    let stop = CancellationToken::new();
    let server = appservice::serve(
        &config.server_settings(),
        bridge.clone(),
        metrics.clone(),
        stop.clone(),
    )?;
    tracing::info!(address = %server.address(), "listening for the homeserver");
    let mut doors = Vec::new();
    for settings in config.listener_settings() {
        doors.push(listener::serve(settings, bridge.clone(), stop.clone()).await?);
    }
    let worker = tokio::spawn({
        let (worker, stop) = (Worker::new(bridge.clone()), stop.clone());
        async move { worker.run(stop).await }
    });
    let way = tokio::spawn({
        let (bridge, stop) = (bridge, stop.clone());
        async move { bridge.watch_the_way(&stop).await }
    });
    let upkeep = tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
        }
    });

    let mut endpoint = pin!(server.ended());
    let ended = tokio::select! {
        signal = stopped() => signal.map(|name| tracing::info!("{name}: finishing what is under way")),
        ended = &mut endpoint => Err(ended.err().map_or_else(|| anyhow!("it stopped"), anyhow::Error::from)
            .context("the appservice's endpoint has ended")),
    };
    stop.cancel();
    if ended.is_ok() {
        endpoint
            .await
            .context("the appservice's endpoint did not end well")?;
    }
    upkeep.abort();
    for door in doors {
        door.task.await.context("a door for mail has crashed")?;
    }
    worker.await.context("the worker has crashed")?;
    way.await.context("the watch on the homeserver has crashed")?;
    store.close().await;
    ended
}

/// Opens the store; its URL may hold a password, so the error names the key only.
pub(super) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let opened = Store::connect(config.database.url.expose_secret()).await;
    opened.context("the database that database.url names can't be opened")
}

/// The name of the signal that ended the process.
async fn stopped() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
