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

/// Gives the log another filter. What is behind it has a type for each form of the log.
type SetFilter = Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>;

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

/// How much the log shows, to be changed while it is written.
pub struct LogLevel {
    set: SetFilter,
    /// What goes before the configured level.
    filter: Option<String>,
}

impl LogLevel {
    /// Takes another level from the configuration. As at the start, `PENPAL_LOG` and `RUST_LOG` go before it.
    pub fn change(&self, settings: &Logging) -> Result<(), TelemetryError> {
        let (text, filter) = filter_of(settings, self.filter.as_deref())?;
        (self.set)(filter).map_err(|reason| TelemetryError::Filter { filter: text, reason })
    }
}

/// The filter in words, and as it works. The level is Penpal's own: libraries warn at most.
fn filter_of(settings: &Logging, filter: Option<&str>) -> Result<(String, EnvFilter), TelemetryError> {
    let level = settings.level.as_str();
    let text = filter.map_or_else(|| format!("warn,penpal={level}"), ToOwned::to_owned);
    match EnvFilter::try_new(&text) {
        Ok(filter) => Ok((text, filter)),
        Err(error) => Err(TelemetryError::Filter {
            filter: text,
            reason: error.to_string(),
        }),
    }
}

/// Starts the log: text on a terminal, otherwise one JSON object a line, unless the configuration says which. `filter`
/// (`PENPAL_LOG` or `RUST_LOG`) goes before the configured level, which is Penpal's own: libraries warn at most, since
/// what they say below that is about connections and threads. Whoever holds the answer calls its `report` every minute.
pub fn start_log(settings: &Logging, filter: Option<&str>) -> Result<(Flood, LogLevel), TelemetryError> {
    let text = match settings.format {
        Format::Text => true,
        Format::Json => false,
        Format::Auto => stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter_of(settings, filter)?.1)
        .with_writer(stderr);
    let flood = Flood::default();
    let (set, started): (SetFilter, _) = if text {
        let log = log.with_ansi(stderr().is_terminal()).with_filter_reloading();
        let handle = log.reload_handle();
        let set = move |filter| handle.reload(filter).map_err(|error| error.to_string());
        (Box::new(set), log.finish().with(flood.clone()).try_init())
    } else {
        let log = log.json().flatten_event(true).with_filter_reloading();
        let handle = log.reload_handle();
        let set = move |filter| handle.reload(filter).map_err(|error| error.to_string());
        (Box::new(set), log.finish().with(flood.clone()).try_init())
    };
    started.map_err(|error| TelemetryError::Twice(error.to_string()))?;
    log_panics();
    let filter = filter.map(ToOwned::to_owned);
    Ok((flood, LogLevel { set, filter }))
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
