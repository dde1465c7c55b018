//! How long to wait before the next attempt: a pure schedule.

use std::time::Duration;

/// The wait after an attempt that failed, `attempts` having been begun before it: doubling from `first` to `longest`, less up
/// to a quarter, so that what failed together does not come back together. `jitter` gives a number below its argument.
pub(super) fn wait(
    attempts: u32,
    first: Duration,
    longest: Duration,
    jitter: impl Fn(u64) -> u64,
) -> Duration {
    let doubled = first
        .saturating_mul(2_u32.saturating_pow(attempts.min(30)))
        .min(longest);
    let spread = u64::try_from(doubled.as_millis() / 4).unwrap_or(u64::MAX);
    doubled.saturating_sub(Duration::from_millis(jitter(spread)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let (first, longest) = (Duration::from_secs(5), Duration::from_mins(30));
        for (attempts, seconds) in [
            (0, 5),
            (1, 10),
            (2, 20),
            (8, 1280),
            (9, 1800),
            (10, 1800),
            (u32::MAX, 1800),
        ] {
            assert_eq!(
                wait(attempts, first, longest, |_| 0),
                Duration::from_secs(seconds)
            );
        }
    }

    #[test]
    fn what_failed_together_is_spread() {
        let (first, longest) = (Duration::from_secs(100), Duration::from_secs(100));
        assert_eq!(
            wait(0, first, longest, |bound| bound - 1),
            Duration::from_millis(75_001)
        );
        assert_eq!(wait(0, Duration::ZERO, Duration::ZERO, |_| 0), Duration::ZERO);
    }
}
