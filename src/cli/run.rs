//! `penpal run`: everything put together.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use secrecy::ExposeSecret as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::database::take_store;
use super::reload::Reloads;
use super::{ConfigFile, Failure, environment};
use crate::bridge::Bridge;
use crate::config::Config;
use crate::mail::authentication::Gate;
use crate::mail::outgoing::Outgoing;
use crate::mail::{imap, listener};
use crate::matrix::client::HttpHomeserver;
use crate::model::{SystemClock, SystemRandom};
use crate::telemetry::Flood;
use crate::worker::Worker;
use crate::{appservice, telemetry};

/// How often the metrics are tidied up.
const UPKEEP: Duration = Duration::from_secs(5);

/// After how many rounds of that the log says what it has left out: every minute.
const LOG_REPORT: u64 = 12;

/// How long work that is under way may take once the process is told to stop: less than the ten seconds after which containers are
/// killed. What takes longer is left as after a crash: it is in the store, and the next start goes on with it.
const STOP_TIME: Duration = Duration::from_secs(8);

/// The last of that is for threads that can't be stopped in between.
const LAST_THREADS: Duration = Duration::from_secs(1);

/// Runs the bridge until it is stopped by SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "\
Listens for the homeserver (appservice.listen) and for mail (mail.listen), and logs to standard error. SIGHUP has it read the \
certificates of mail.listen and logging.level anew.
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
        let (flood, level) = telemetry::start_log(&config.logging, filter.map(String::as_str))
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let appservice = &config.appservice;
        if appservice.as_token.expose_secret() == appservice.hs_token.expose_secret() {
            return Err(Failure::Usage(
                "appservice.as_token and appservice.hs_token are the same: each side would take the other's word for its own. \
                 `penpal init` makes fresh ones; give the homeserver the registration that it writes"
                    .to_owned(),
            ));
        }
        warn_of_readers(&self.config.config);
        if let Some(registration) = &config.appservice.registration {
            warn_of_readers(registration);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("the runtime can't be started")?;
        let ended = runtime.block_on(async {
            let mut reloads = Reloads::new(&self.config.config, level)?;
            serve(&config, flood, &mut reloads).await
        });
        // What did not end in time has had its time.
        runtime.shutdown_timeout(LAST_THREADS);
        ended?;
        tracing::info!("stopped");
        Ok(())
    }
}

/// Says so when every user of this machine can read the secrets in a file.
fn warn_of_readers(path: &Path) {
    const OTHERS_READ: u32 = 0o004;
    if fs::metadata(path).is_ok_and(|file| file.mode() & OTHERS_READ != 0) {
        let path = path.display();
        tracing::warn!("every user of this machine can read the secrets in {path}: chmod 600 {path}");
    }
}

async fn serve(config: &Config, flood: Flood, reloads: &mut Reloads) -> anyhow::Result<()> {
    let metrics = telemetry::start_metrics()?;
    let (_claim, store) = take_store(config).await?;
    let homeserver = Arc::new(HttpHomeserver::new(config.client_settings())?);
    let outgoing = Arc::new(Outgoing::new(config.relay_settings(), config.ways_out())?);
    let bridge = Bridge::open(
        store.clone(),
        homeserver,
        outgoing.clone(),
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        config.bridge_settings(),
    );
    let bridge = Arc::new(bridge.await?);

    // Before anybody can see that it runs, and stop it.
    let mut signals = Signals::new()?;
    let stop = CancellationToken::new();
    let mut server = appservice::serve(
        &config.server_settings(),
        bridge.clone(),
        metrics.clone(),
        stop.clone(),
    )?;
    tracing::info!(address = %server.address(), "listening for the homeserver");
    let inbound = Arc::new(Gate::new(config.authentication(), bridge.clone())?);
    let mut doors = Vec::new();
    for settings in config.listener_settings() {
        doors.push(listener::serve(settings, inbound.clone(), stop.clone()).await?);
    }
    let mut mailboxes = Vec::new();
    for settings in config.mailbox_settings() {
        tracing::info!(mailbox = settings.label, "fetching mail");
        mailboxes.push(imap::serve(
            settings,
            inbound.clone(),
            bridge.clone(),
            stop.clone(),
        ));
    }
    let worker = tokio::spawn({
        let (worker, stop) = (Worker::new(bridge.clone()), stop.clone());
        async move { Box::pin(worker.run(stop)).await }
    });
    let recorder = tokio::spawn({
        let bridge = bridge.clone();
        async move { bridge.watch_recorder().await }
    });
    let way = tokio::spawn(async move { bridge.watch_the_way().await });
    let upkeep = tokio::spawn(async move {
        for round in 1_u64.. {
            tokio::time::sleep(UPKEEP).await;
            metrics.run_upkeep();
            if round.is_multiple_of(LOG_REPORT) {
                flood.report();
            }
        }
    });

    let ended = loop {
        tokio::select! {
            () = reloads.wanted() => reloads.reload(&doors),
            name = signals.next() => {
                tracing::info!("{name}: finishing what is under way, for at most {} s; once more ends at once", STOP_TIME.as_secs());
                break Ok(());
            }
            ended = server.ended() => break Err(ended.err().map_or_else(|| anyhow!("it stopped"), anyhow::Error::from)
                .context("the appservice's endpoint has ended")),
            // Whatever is under way can't be noted any more: nothing is worth waiting for.
            reason = store.failed() => return Err(reason.into()),
        }
    };
    stop.cancel();
    outgoing.close();
    upkeep.abort();
    recorder.abort();
    way.abort();
    let finish = async {
        // Until then, who comes is told to come back.
        worker.await.context("the worker has crashed")?;
        for mailbox in mailboxes {
            mailbox.await.context("fetching mail has crashed")?;
        }
        for door in doors {
            door.close().await.context("a door for mail has crashed")?;
        }
        if ended.is_ok() {
            let closed = server.close().await;
            closed.context("the appservice's endpoint did not end well")?;
        }
        store.close().await;
        ended
    };
    tokio::select! {
        ended = finish => ended,
        name = signals.next() => Err(anyhow!("{name} once more: stopped at once; what was under way is done again at the next start")),
        () = tokio::time::sleep(STOP_TIME.saturating_sub(LAST_THREADS)) => {
            tracing::warn!("stopped; what still was under way is done again at the next start");
            Ok(())
        }
    }
}

/// The signals that stop the process.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
