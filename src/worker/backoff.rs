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

/// How long a job has been tried at the least, after so many attempts that failed: the sum of its waits, which neither a
/// clock that steps nor a process that does not run can lengthen.
pub(super) fn tried(attempts: u32, first: Duration, longest: Duration) -> Duration {
    let mut sum = Duration::ZERO;
    let mut next = first.min(longest);
    for attempt in 0..attempts {
        if next >= longest {
            return sum.saturating_add(longest.saturating_mul(attempts - attempt)) * 3 / 4;
        }
        sum = sum.saturating_add(next);
        next = next.saturating_mul(2).min(longest);
    }
    sum * 3 / 4
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
    fn the_time_tried_is_the_sum_of_the_shortest_waits() {
        let (first, longest) = (Duration::from_secs(5), Duration::from_mins(30));
        for attempts in [0, 1, 2, 9, 10, 100] {
            let shortest = |attempt| wait(attempt, first, longest, |bound| bound);
            let sum: Duration = (0..attempts).map(shortest).sum();
            assert_eq!(tried(attempts, first, longest), sum, "{attempts}");
        }
        assert_eq!(tried(u32::MAX, longest, first), first * u32::MAX * 3 / 4);
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
