//! [`Log`]: how often the log says something about one server: a mad one must not fill it.

use std::time::Duration;
use tokio::time::Instant;

/// Between two lines about one server.
const EVERY: Duration = Duration::from_mins(1);

/// When a server was last written about.
#[derive(Debug, Default)]
pub(super) struct Log {
    at: Option<Instant>,
    left_out: u32,
}

impl Log {
    /// Whether a line is due; then, how many were left out since the last.
    pub(super) fn line(&mut self, now: Instant) -> Option<u32> {
        if self.at.is_some_and(|at| now.duration_since(at) < EVERY) {
            self.left_out += 1;
            return None;
        }
        let left_out = self.left_out;
        *self = Self { at: Some(now), left_out: 0 };
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_one_line_and_says_how_many_it_stands_for() {
        let (mut log, begin) = (Log::default(), Instant::now());
        let lines = (0..180).filter_map(|second| log.line(begin + Duration::from_secs(second)));
        assert_eq!(lines.collect::<Vec<_>>(), [0, 59, 59]);
    }
}
