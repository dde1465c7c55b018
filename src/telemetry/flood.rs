//! Keeps the log readable in an outage, when every message of everybody fails again and again: of each place in the code
//! that warns, some lines a minute are shown, and then how many more there were.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that one place in the code may write between two reports.
const LINES: u64 = 10;

/// Counts warnings and errors, and leaves out those that come too often.
#[derive(Clone, Debug, Default)]
pub struct Flood(Arc<Mutex<BTreeMap<Place, u64>>>);

/// A place in the code: the module, and `event FILE:LINE`.
type Place = (String, &'static str);

impl Flood {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<Place, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called every minute: says what was left out, and counts anew.
    pub fn report(&self) {
        let counts = std::mem::take(&mut *self.counts());
        for ((target, place), count) in counts {
            if let Some(left_out) = count.checked_sub(LINES).filter(|left_out| *left_out > 0) {
                tracing::warn!(
                    of = target,
                    left_out,
                    "the last minute had more lines like those above ({place}); PENPAL_LOG=debug shows each attempt"
                );
            }
        }
    }

    /// Whether one more line of this place is shown.
    fn passes(&self, place: Place) -> bool {
        let mut counts = self.counts();
        let count = counts.entry(place).or_default();
        *count += 1;
        *count <= LINES
    }
}

impl<S: Subscriber> Layer<S> for Flood {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        // The report itself goes round the count, whose lock is free by then.
        if *metadata.level() > Level::WARN || metadata.target() == module_path!() {
            return true;
        }
        self.passes((metadata.target().to_owned(), metadata.name()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_outage_is_some_lines_and_a_number() {
        let (flood, lines) = (Flood::default(), Lines::default());
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log.with(flood.clone()), || {
            for minute in 0..2 {
                for job in 0..1000 {
                    tracing::warn!(job, minute, "will be tried again");
                    tracing::info!(job, "delivered");
                }
                tracing::error!(minute, "something else");
                flood.report();
            }
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!(count("will be tried again"), 20);
        assert_eq!(count("delivered"), 2000, "what goes well is not held back");
        assert_eq!(count("something else"), 2);
        assert_eq!(count("left_out=990"), 2, "{text}");
    }
}
