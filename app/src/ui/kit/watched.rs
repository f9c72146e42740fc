//! A value whose readers run again when it changes: what `RwSignal` is, with one kind of signal behind all types.
//!
//! Leptos compiles the keeping of a signal's readers anew for every type of value. Here the value is stored apart and
//! a [`Trigger`] tells of its changes. It is read and set in the same way; where a component wants a `Signal` of a
//! `bool` or a `String`, `RwSignal` itself serves.

use leptos::prelude::*;
use std::ops::Deref;

/// See the module. A handle, free to copy.
#[derive(Debug)]
pub struct Watched<T: 'static> {
    value: StoredValue<T>,
    changed: Trigger,
}

impl<T> Clone for Watched<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Watched<T> {}

impl<T: Send + Sync + 'static> Watched<T> {
    /// Begins with that value.
    pub fn new(value: T) -> Self {
        Self { value: StoredValue::new(value), changed: Trigger::new() }
    }

    /// Makes the one who reads run again at the next change.
    pub fn track(self) {
        self.changed.track();
    }

    /// Looks at it; tracked.
    pub fn with<U>(self, look: impl FnOnce(&T) -> U) -> U {
        self.track();
        self.value.with_value(look)
    }

    /// Looks at it.
    pub fn with_untracked<U>(self, look: impl FnOnce(&T) -> U) -> U {
        self.value.with_value(look)
    }

    /// Borrows it; tracked.
    pub fn read(self) -> impl Deref<Target = T> {
        self.track();
        self.value.read_value()
    }

    /// Borrows it.
    pub fn read_untracked(self) -> impl Deref<Target = T> {
        self.value.read_value()
    }

    /// Changes it; nothing happens once its owner is gone.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        if self.value.try_update_value(change).is_some() {
            self.changed.notify();
        }
    }

    /// Replaces it; nothing happens once its owner is gone.
    pub fn set(self, value: T) {
        self.update(|held| *held = value);
    }
}

impl<T: Clone + Send + Sync + 'static> Watched<T> {
    /// A copy of it; tracked.
    pub fn get(self) -> T {
        self.with(T::clone)
    }

    /// A copy of it.
    pub fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }

    /// A copy of it, unless its owner is gone.
    pub fn try_get_untracked(self) -> Option<T> {
        self.value.try_get_value()
    }
}
