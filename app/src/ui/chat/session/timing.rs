//! When a session asks whether it is still heard, and when it tries again. Without a browser: what time it is and what
//! chance says, it is told.

use crate::wire::{id::Millis, limits::PING_MS};
use std::mem;

/// Pings that a socket may leave unanswered; then it is dead.
const UNANSWERED_MAX: u32 = 2;
/// Milliseconds after which a beat is late: the tab's timers were slowed down, or slept.
const LATE_MS: i64 = 2 * PING_MS as i64;
/// Milliseconds before an attempt, at least.
const BACK_OFF_MIN: f64 = 300.0;
/// Milliseconds before the first attempt, at most.
const BACK_OFF_FIRST: f64 = 1_500.0;
/// Milliseconds between attempts, at most.
const BACK_OFF_MAX: f64 = 30_000.0;

/// What is to be done at a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Ask whether the socket still works, and look for the answer at later beats.
    Ask,
    /// Ask, and look for the answer soon: what time has passed says nothing of the socket.
    Probe,
    /// The socket is dead.
    GiveUp,
}

/// What is known of an open socket: how often it was asked, and whether it answered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heartbeat {
    /// Events heard, counted round.
    heard: u32,
    /// Beats that asked since the last of them: whoever asks in between may ask twice within one round trip.
    unanswered: u32,
    /// When the last beat was.
    beat: Millis,
}

impl Heartbeat {
    /// One whose first beat is to come.
    pub(super) fn new(now: Millis) -> Self {
        Self { beat: now, ..Self::default() }
    }

    /// Something was heard.
    pub(super) fn hear(&mut self) {
        self.heard = self.heard.wrapping_add(1);
        self.unanswered = 0;
    }

    /// How many events were heard, counted round.
    pub(super) fn heard(&self) -> u32 {
        self.heard
    }

    /// Whether nothing was heard since [`Heartbeat::heard`] said `heard`.
    pub(super) fn is_silent_since(&self, heard: u32) -> bool {
        self.heard == heard
    }

    /// It is time for a beat.
    pub(super) fn beat(&mut self, now: Millis) -> Beat {
        let since = now.0 - mem::replace(&mut self.beat, now).0;
        let beat = if since > LATE_MS {
            Beat::Probe
        } else if self.unanswered >= UNANSWERED_MAX {
            Beat::GiveUp
        } else {
            Beat::Ask
        };
        if beat != Beat::GiveUp {
            self.unanswered += 1;
        }
        beat
    }
}

/// Milliseconds before an attempt: exponential back-off with full jitter, so that the tabs which a server lets go together
/// do not come back together. `random` is at least 0 and below 1.
pub(super) fn back_off(attempt: u32, random: f64) -> u32 {
    let doubled = 2_f64.powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX));
    let most = (BACK_OFF_FIRST * doubled).min(BACK_OFF_MAX);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 300 and 30,000")]
    ((BACK_OFF_MIN + (most - BACK_OFF_MIN) * random) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: i64 = PING_MS as i64;

    #[test]
    fn a_socket_that_answers_is_kept_however_rarely_the_timers_come() {
        for pause in [PING, 60_000, 3_600_000] {
            let mut heart = Heartbeat::new(Millis(0));
            for beat in 1..100 {
                assert_ne!(heart.beat(Millis(beat * pause)), Beat::GiveUp, "every {pause} ms");
                let asked = heart.heard();
                assert!(heart.is_silent_since(asked));
                heart.hear();
                assert!(!heart.is_silent_since(asked));
            }
        }
    }

    #[test]
    fn two_pings_without_an_answer_are_enough_and_any_event_is_one() {
        let mut heart = Heartbeat::new(Millis(0));
        let mut beat = 0;
        let mut next = |heart: &mut Heartbeat| {
            beat += 1;
            heart.beat(Millis(beat * PING))
        };
        assert_eq!(next(&mut heart), Beat::Ask);
        assert_eq!(next(&mut heart), Beat::Ask);
        heart.hear();
        for _ in 0..2 {
            assert_eq!(next(&mut heart), Beat::Ask);
        }
        assert_eq!(next(&mut heart), Beat::GiveUp);
    }

    #[test]
    fn a_beat_that_comes_late_probes_whatever_was_asked_before() {
        let mut heart = Heartbeat::new(Millis(0));
        assert_eq!(heart.beat(Millis(PING)), Beat::Ask);
        assert_eq!(heart.beat(Millis(2 * PING)), Beat::Ask);
        assert_eq!(heart.beat(Millis(2 * PING + 60_000)), Beat::Probe);
        assert_eq!(heart.beat(Millis(3 * PING + 60_000)), Beat::GiveUp);
        // A clock that was put back says nothing.
        heart.hear();
        assert_eq!(heart.beat(Millis(0)), Beat::Ask);
    }

    #[test]
    fn the_back_off_is_spread_from_the_first_attempt_on_grows_and_has_a_cap() {
        let spread = |attempt| [0.0, 0.25, 0.5, 0.75, 0.999].map(|random| back_off(attempt, random));
        assert_eq!(spread(1), [300, 600, 900, 1_200, 1_498]);
        assert_eq!(spread(3), [300, 1_725, 3_150, 4_575, 5_994]);
        for attempt in [6, 60, u32::MAX] {
            assert_eq!(spread(attempt), [300, 7_725, 15_150, 22_575, 29_970], "attempt {attempt}");
        }
    }
}
