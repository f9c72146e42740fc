//! The one source of time, ids and secrets, so that tests can hold the time still.

use crate::wire::id::Millis;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use uuid::{ContextV7, Timestamp, Uuid};

/// System time, or a time that only a test moves.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// Milliseconds since the epoch, moved by [`Clock::advance`].
    Manual(Arc<AtomicI64>),
}

/// Keeps ids made within one millisecond in order (RFC 9562 6.2, method 1).
static ORDER: std::sync::Mutex<ContextV7> = std::sync::Mutex::new(ContextV7::new());

impl Clock {
    /// A clock that stands at `start`.
    pub fn manual(start: Millis) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.0)))
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may read the system's time")]
    pub fn now(&self) -> Millis {
        match self {
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Manual(at) => Millis(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock; the system's does not move.
    pub fn advance(&self, ms: i64) {
        if let Self::Manual(at) = self {
            at.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// A new UUIDv7-based id at this clock's time; later ids of this process sort after earlier ones.
    pub fn id<T: From<Uuid>>(&self) -> T {
        let ms = u64::try_from(self.now().0).unwrap_or_default();
        let order = ORDER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let subsec = u32::try_from(ms % 1000).unwrap_or_default() * 1_000_000;
        T::from(Uuid::new_v7(Timestamp::from_unix(&*order, ms / 1000, subsec)))
    }
}
