//! How one server's calls went: counted since it was connected first, and timed for the last [`LAST`] of them.
//!
//! Invariant: it stays small, however many calls there are.

use crate::wire::connection::CallTally;
use std::{collections::VecDeque, time::Duration};

/// Calls whose times are kept.
const LAST: usize = 100;

/// The calls of one server.
#[derive(Debug, Default)]
pub(super) struct Tally {
    calls: u64,
    failed: u64,
    /// Milliseconds, the newest last.
    took: VecDeque<u64>,
}

impl Tally {
    /// Counts a call; `answered`: whether the server gave a result, be it a tool's own error.
    pub(super) fn add(&mut self, took: Duration, answered: bool) {
        self.calls += 1;
        self.failed += u64::from(!answered);
        if self.took.len() == LAST {
            self.took.pop_front();
        }
        self.took.push_back(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// What the page shows of it; `None` before the first call.
    pub(super) fn told(&self) -> Option<CallTally> {
        let mut took: Vec<u64> = self.took.iter().copied().collect();
        took.sort_unstable();
        let (median_ms, slow_ms) = (rank(&took, 50)?, rank(&took, 95)?);
        let timed = u32::try_from(took.len()).unwrap_or(u32::MAX);
        Some(CallTally { calls: self.calls, failed: self.failed, timed, median_ms, slow_ms })
    }
}

/// The smallest of the sorted times that at least `percent` of them do not go beyond.
fn rank(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get((sorted.len() * percent).div_ceil(100).checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(times: impl Iterator<Item = u64>) -> Option<CallTally> {
        let mut tally = Tally::default();
        for (n, ms) in times.enumerate() {
            tally.add(Duration::from_millis(ms), n % 10 != 0);
        }
        tally.told()
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        assert_eq!(tally(std::iter::empty()), None);
        let one = CallTally { calls: 1, failed: 1, timed: 1, median_ms: 7, slow_ms: 7 };
        assert_eq!(tally(std::iter::once(7)), Some(one));
        let twenty = CallTally { calls: 20, failed: 2, timed: 20, median_ms: 10, slow_ms: 19 };
        assert_eq!(tally((1..=20).rev()), Some(twenty));
    }

    #[test]
    fn only_the_last_are_timed_and_all_are_counted() {
        let told = CallTally { calls: 1_000, failed: 100, timed: 100, median_ms: 950, slow_ms: 995 };
        assert_eq!(tally(1..=1_000), Some(told));
    }
}
