//! What is known of rooms in memory: live turns, who has them open, the members' sidebar rows, the clock.
//!
//! Invariant: an entry exists only while a turn lives, a send is under way or a tab has the room open. Everything here
//! can be lost and read again from the store. Locked for a moment only, never across an await; [`Rooms::telling`] alone is
//! held over one.

use super::{live::LiveTurn, lock};
use crate::wire::{
    conversation::ConversationSummary,
    id::{ConversationId, Seq, TurnId, UserId},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

const SHARDS: usize = 16;

/// One room's memory.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Queued and running turns, in order.
    pub(super) turns: Vec<Arc<LiveTurn>>,
    /// Sends between their question to the store and their turn's entry here.
    pub(super) sending: u32,
    /// Tabs per person.
    present: Vec<(UserId, u32)>,
    /// Each member's own sidebar row.
    rows: Option<Vec<(UserId, ConversationSummary)>>,
    /// Grows when `rows` become stale, so that an older reading is not kept.
    stale: u64,
    /// The newest clock seen.
    pub(super) seq: Seq,
}

/// All rooms with something going on.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    shards: [Mutex<HashMap<ConversationId, Room>>; SHARDS],
    telling: [tokio::sync::Mutex<()>; SHARDS],
}

impl Rooms {
    /// Looks at a room's memory; it is forgotten afterwards if nothing goes on there.
    pub(super) fn with<R>(&self, id: ConversationId, look: impl FnOnce(&mut Room) -> R) -> R {
        let mut shard = lock(self.shard(id));
        let room = shard.entry(id).or_default();
        let seen = look(room);
        if room.turns.is_empty() && room.sending == 0 && room.present.is_empty() {
            shard.remove(&id);
        }
        seen
    }

    /// The live turns of a room, in order.
    pub(super) fn turns(&self, id: ConversationId) -> Vec<Arc<LiveTurn>> {
        lock(self.shard(id)).get(&id).map(|room| room.turns.clone()).unwrap_or_default()
    }

    /// Every live turn.
    pub(super) fn all_turns(&self) -> Vec<Arc<LiveTurn>> {
        self.shards.iter().flat_map(|s| lock(s).values().flat_map(|r| r.turns.clone()).collect::<Vec<_>>()).collect()
    }

    /// The live turn of that id, of whatever room.
    pub(super) fn turn(&self, id: TurnId) -> Option<Arc<LiveTurn>> {
        self.shards.iter().find_map(|s| lock(s).values().flat_map(|r| &r.turns).find(|t| t.id == id).cloned())
    }

    /// To be held from reading a room's rows until they are told: an older reading is never told after a newer one.
    pub(super) async fn telling(&self, id: ConversationId) -> tokio::sync::MutexGuard<'_, ()> {
        self.telling[shard(id)].lock().await
    }

    fn shard(&self, id: ConversationId) -> &Mutex<HashMap<ConversationId, Room>> {
        &self.shards[shard(id)]
    }
}

fn shard(id: ConversationId) -> usize {
    // The last eight bytes of a UUIDv7 are random.
    usize::from(id.0.as_bytes()[15]) % SHARDS
}

impl Room {
    /// The turn's entry, made if it is not there yet.
    pub(super) fn enter(&mut self, id: TurnId, make: impl FnOnce() -> LiveTurn) -> Arc<LiveTurn> {
        if let Some(turn) = self.turns.iter().find(|t| t.id == id) {
            return Arc::clone(turn);
        }
        let turn = Arc::new(make());
        self.turns.push(Arc::clone(&turn));
        turn
    }

    /// Forgets a turn; whether another one may wait in the store.
    pub(super) fn leave(&mut self, id: TurnId) -> bool {
        self.turns.retain(|t| t.id != id);
        self.sending > 0 || !self.turns.is_empty()
    }

    /// A tab opened the room; whether it is its person's first.
    pub(super) fn open(&mut self, user: UserId) -> bool {
        if let Some((_, tabs)) = self.present.iter_mut().find(|(u, _)| *u == user) {
            *tabs += 1;
            return false;
        }
        self.present.push((user, 1));
        true
    }

    /// A tab left the room; whether it was its person's last.
    pub(super) fn close(&mut self, user: UserId) -> bool {
        let Some(at) = self.present.iter().position(|(u, _)| *u == user) else { return false };
        self.present[at].1 -= 1;
        let last = self.present[at].1 == 0;
        if last {
            self.present.swap_remove(at);
        }
        last
    }

    /// Who has it open.
    pub(super) fn present(&self) -> HashSet<UserId> {
        self.present.iter().map(|(user, _)| *user).collect()
    }

    /// The members' rows, if known, and otherwise what to pass to [`Room::keep_rows`].
    pub(super) fn rows(&self) -> Result<&[(UserId, ConversationSummary)], u64> {
        self.rows.as_deref().ok_or(self.stale)
    }

    /// Keeps rows read from the store, unless they changed since `stale` was seen.
    pub(super) fn keep_rows(&mut self, stale: u64, rows: Vec<(UserId, ConversationSummary)>) {
        if stale == self.stale {
            self.rows = Some(rows);
        }
    }

    /// Forgets the rows: a title, a pin or the members changed.
    pub(super) fn forget_rows(&mut self) {
        self.stale += 1;
        self.rows = None;
    }

    /// The rows for changing their time.
    pub(super) fn rows_mut(&mut self) -> Option<&mut Vec<(UserId, ConversationSummary)>> {
        self.rows.as_mut()
    }
}
