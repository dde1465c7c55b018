//! The log on standard error, and the metrics.

mod flood;

use std::io::{IsTerminal, stderr};
use std::panic;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use flood::Flood;

use crate::config::{Format, Logging};

/// Why log or metrics can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter can't be read.
    #[error(
        "the filter of the log, `{filter}`, can't be read ({reason}): write PENPAL_LOG as in `info,penpal::matrix=debug`"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It was set up before in this process.
    #[error("log and metrics are set up already: {0}")]
    Twice(String),
}

/// Starts the log: text on a terminal, otherwise one JSON object a line, unless the configuration says which. `filter`
/// (`PENPAL_LOG` or `RUST_LOG`) goes before the configured level, which is Penpal's own: libraries warn at most, since
/// what they say below that is about connections and threads. Whoever holds the answer calls its `report` every minute.
pub fn start_log(settings: &Logging, filter: Option<&str>) -> Result<Flood, TelemetryError> {
    let level = settings.level.as_str();
    let filter = filter.map_or_else(|| format!("warn,penpal={level}"), ToOwned::to_owned);
    let filter = EnvFilter::try_new(&filter).map_err(|error| TelemetryError::Filter {
        filter,
        reason: error.to_string(),
    })?;
    let text = match settings.format {
        Format::Text => true,
        Format::Json => false,
        Format::Auto => stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr);
    let flood = Flood::default();
    let started = if text {
        let log = log.with_ansi(stderr().is_terminal()).finish();
        log.with(flood.clone()).try_init()
    } else {
        let log = log.json().flatten_event(true).finish();
        log.with(flood.clone()).try_init()
    };
    started.map_err(|error| TelemetryError::Twice(error.to_string()))?;
    log_panics();
    Ok(flood)
}

/// Logs where a panic was, and not what it says: that may quote a message.
fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a defect in Penpal: please report it with this line");
    }));
}

/// Starts the metrics. The handle renders them in Prometheus' text format; whoever holds it calls its `run_upkeep` every
/// few seconds, or histograms grow.
pub fn start_metrics() -> Result<PrometheusHandle, TelemetryError> {
    PrometheusBuilder::new()
        .install_recorder()
        .map_err(|error| TelemetryError::Twice(error.to_string()))
}
