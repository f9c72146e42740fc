//! When to try again: waits that double, with jitter, up to a single probe now and then.
//!
//! Invariant: after [`TRIES`] failures the breaker is open, and one attempt in each `probe` is all there is, until a
//! connection has lived long enough to be trusted. A server that comes and goes counts as one that is away.

use std::time::Duration;

/// Failures after which only single probes are made.
const TRIES: u32 = 6;

/// The failures of one server in a row.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
}

impl Breaker {
    /// A failure; how long to wait until the next attempt. `chance` from 0 to 1 spreads the attempts of many.
    pub(super) fn failed(&mut self, retry: Duration, probe: Duration, chance: f64) -> Duration {
        let open = self.failures >= TRIES;
        let wait = if open { probe } else { retry.saturating_mul(1 << self.failures).min(probe) };
        self.failures = self.failures.saturating_add(1);
        // From two thirds to four thirds of it: the mean stays, the herd scatters.
        wait.mul_f64((2.0 + 2.0 * chance.clamp(0.0, 1.0)) / 3.0)
    }

    /// A connection lived long enough, or a person asked for a fresh start.
    pub(super) fn close(&mut self) {
        self.failures = 0;
    }

    /// Whether only probes are made.
    pub(super) fn is_open(&self) -> bool {
        self.failures >= TRIES
    }
}

/// A number from 0 to 1; a half where the system has no random numbers.
pub(super) fn chance() -> f64 {
    let mut bytes = [0_u8; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_then_probe_and_begin_anew_after_a_good_connection() {
        let (retry, probe) = (Duration::from_millis(500), Duration::from_secs(45));
        let mut breaker = Breaker::default();
        let waits: Vec<u128> = (0..9).map(|_| breaker.failed(retry, probe, 0.5).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 45_000, 45_000, 45_000]);
        assert!(breaker.is_open());
        breaker.close();
        assert!(!breaker.is_open());
        let low = breaker.failed(retry, probe, 0.0);
        breaker.close();
        let high = breaker.failed(retry, probe, 1.0);
        assert!(low < retry && high > retry && high.as_millis() < 2 * low.as_millis() + 2);
        assert!((0.0..=1.0).contains(&chance()));
    }

    #[test]
    fn a_server_that_returns_is_found_within_a_minute() {
        let mut breaker = Breaker::default();
        let longest = (0..100).map(|_| breaker.failed(Duration::from_millis(500), Duration::from_secs(45), 1.0)).max();
        assert!(longest.is_some_and(|wait| wait <= Duration::from_mins(1)));
    }
}
