//! What was refused lately, for the person concerned: a program that cannot sign in seldom shows its own log.
//!
//! Invariant: each sees their own alone. In memory, and little of it: it is about the last minutes.

use super::refusal::Refusal;
use crate::wire::{
    id::{Millis, UserId},
    oauth::Trouble,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Refusals that are remembered, of everybody.
const MOST: usize = 200;
/// Of those, how many of one person are shown.
const SHOWN: usize = 10;
/// Characters of a program's name.
const NAME_MAX: usize = 100;

/// The last refusals; cloning it is cheap.
#[derive(Clone, Debug, Default)]
pub(super) struct Lately(Arc<Mutex<VecDeque<(UserId, Trouble)>>>);

impl Lately {
    /// Remembers that `program` was refused when it did `what`.
    pub(super) fn add(&self, user: UserId, at: Millis, program: &str, what: &'static str, refusal: &Refusal) {
        let program = program.chars().take(NAME_MAX).collect();
        let trouble = Trouble { at, program, what, reason: refusal.reason.clone() };
        let mut all = self.lock();
        all.truncate(MOST - 1);
        all.push_front((user, trouble));
    }

    /// One person's, the latest first.
    pub(super) fn of(&self, user: UserId) -> Vec<Trouble> {
        let all = self.lock();
        all.iter().filter(|(whose, _)| *whose == user).take(SHOWN).map(|(_, trouble)| trouble.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(UserId, Trouble)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::refusal::Code, *};
    use crate::backend::clock::Clock;

    #[test]
    fn each_sees_their_own_and_nobody_fills_the_memory() {
        let (lately, clock) = (Lately::default(), Clock::System);
        let (ada, eve): (UserId, UserId) = (clock.id(), clock.id());
        let refusal = Refusal::new(Code::InvalidScope, "No.");
        lately.add(eve, Millis(0), "hers", "asked", &refusal);
        for n in 1..=12 {
            lately.add(ada, Millis(n), &"x".repeat(500), "asked", &refusal);
        }
        let shown = lately.of(ada);
        assert_eq!((shown.len(), shown[0].at, shown[0].program.len()), (SHOWN, Millis(12), NAME_MAX));
        assert_eq!(lately.of(eve)[0].program, "hers");
        for n in 0..300 {
            lately.add(ada, Millis(n), "x", "asked", &refusal);
        }
        assert!(lately.of(eve).is_empty());
        assert_eq!(lately.lock().len(), MOST);
    }
}
