//! The conversation's clock as this tab has followed it: what it has without a gap, and what it saw beyond.
//!
//! Invariant: `seq` only grows. While an answer to `Hello` is under way, gaps are expected and not asked about again.

use crate::wire::id::Seq;
use std::collections::BTreeSet;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    seq: Seq,
    ahead: BTreeSet<Seq>,
    asking: bool,
}

/// What an event's clock value tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Seen before, or the very next.
    InOrder,
    /// Something in between is missing.
    Gap,
}

impl Clock {
    /// Everything up to `seq` is here.
    pub fn at(seq: Seq) -> Self {
        Self { seq, ..Self::default() }
    }

    /// What is here without a gap.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Whether an answer to `Hello` is awaited.
    pub fn asking(&self) -> bool {
        self.asking
    }

    /// `Hello` is being said.
    pub fn ask(&mut self) {
        self.asking = true;
    }

    /// Notes a durable event.
    pub fn tick(&mut self, seq: Seq) -> Tick {
        if seq > self.seq {
            self.ahead.insert(seq);
        }
        self.settle();
        if self.ahead.is_empty() { Tick::InOrder } else { Tick::Gap }
    }

    /// Everything up to `seq` has been sent.
    pub fn ready(&mut self, seq: Seq) {
        self.asking = false;
        self.seq = self.seq.max(seq);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(first) = self.ahead.first().copied() {
            if first.0 > self.seq.0 + 1 {
                break;
            }
            self.seq = self.seq.max(first);
            self.ahead.pop_first();
        }
    }
}
