//! What was read a moment ago, for those who ask many times a second: whose a token is, and what decides about calls.
//!
//! Invariant: nothing is told that was read before this process last wrote anything but turns and records of calls
//! ([`super::writer`]), which change neither; nor what is a second old, for another process may have written since.
//!
//! Decision: a second, because that is what ending a token or a word about a tool may take to reach another process
//! that works on the same database; within one, it counts at once. What is looked up once a minute is simply read.

use super::{Store, StoreError, db::Tx};
use crate::wire::id::Millis;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// How long something counts that this process has not changed, in milliseconds.
const FRESH_MS: i64 = 1_000;
/// Entries that are kept at most; then it begins anew.
const KEPT_MAX: usize = 4_096;

/// When something was read: after how many writes, and at what time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    writes: u64,
    at: Millis,
}

impl Moment {
    /// Whether what was read then still counts at `now`.
    fn counts(self, now: Self) -> bool {
        self.writes == now.writes && (0..FRESH_MS).contains(&(now.at.0 - self.at.0))
    }
}

/// Values that were read lately.
#[derive(Debug)]
pub(super) struct Recent<K, V>(Mutex<HashMap<K, (Moment, V)>>);

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// What was read of `key`, if it counts at `now`.
    pub(super) fn get(&self, key: &K, now: Moment) -> Option<V> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|(read, _)| read.counts(now)).map(|(_, value)| value.clone())
    }

    /// Keeps what was read of `key`, which was begun at `read`.
    pub(super) fn keep(&self, key: K, read: Moment, value: V) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (read, value));
    }
}

impl Store {
    /// To be taken before reading what is kept as [`Recent`].
    pub(super) fn moment(&self) -> Moment {
        Moment { writes: self.inner.writes.load(Ordering::SeqCst), at: self.inner.clock.now() }
    }

    /// Makes a transaction durable; what was read lately no longer counts, however it ended. Where nobody waits for the
    /// end any more, the database may reach it a moment later: then a second is the bound, as for another process.
    pub(super) async fn commit(&self, tx: Tx) -> Result<(), StoreError> {
        let _over = Written(&self.inner.writes);
        tx.commit().await
    }
}

/// Counts a write when it is over or given up.
struct Written<'a>(&'a AtomicU64);

impl Drop for Written<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn at(writes: u64, at: i64) -> Moment {
        Moment { writes, at: Millis(at) }
    }

    #[test]
    fn a_value_counts_for_a_second_and_until_the_next_write() {
        let recent = Recent::default();
        recent.keep("a", at(3, 10_000), 7);
        assert_eq!(recent.get(&"a", at(3, 10_999)), Some(7));
        for (later, why) in
            [(at(4, 10_000), "written since"), (at(3, 11_000), "a second old"), (at(3, 9_999), "the clock went back")]
        {
            assert_eq!(recent.get(&"a", later), None, "{why}");
        }
        assert_eq!(recent.get(&"b", at(3, 10_000)), None);
    }

    #[test]
    fn what_was_begun_to_be_read_before_a_write_never_counts_after_it() {
        let recent = Recent::default();
        recent.keep("a", at(3, 10_000), 7);
        recent.keep("a", at(4, 10_001), 8);
        // A reader that was slow.
        recent.keep("a", at(3, 10_000), 7);
        assert_eq!(recent.get(&"a", at(4, 10_002)), None);
    }

    #[test]
    fn a_write_counts_once_also_if_it_is_given_up() {
        let writes = AtomicU64::default();
        let write = async |end: bool| {
            let _over = Written(&writes);
            if !end {
                std::future::pending::<()>().await;
            }
        };
        assert!(write(true).now_or_never().is_some());
        assert_eq!(writes.load(Ordering::SeqCst), 1);
        assert!(write(false).now_or_never().is_none());
        assert_eq!(writes.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let recent = Recent::default();
        for key in 0..=KEPT_MAX {
            recent.keep(key, at(0, 0), ());
        }
        assert!(recent.0.lock().is_ok_and(|kept| kept.len() == 1));
    }
}
