//! `Hello`, and what follows it: everything the tab misses, the live turns as they are, `Ready`.
//!
//! Invariant: it listens first, reads the store then, takes the live turns' snapshots and what was heard until then
//! under those turns' locks, and drops of the latter what the snapshots hold.

use super::{Event, Open, Socket};
use crate::{
    backend::{chat::ChatError, hub::Topic},
    wire::{
        event::{ByeReason, ChatEvent},
        id::{ConversationId, MessageId, Seq, TurnId},
    },
};
use std::{collections::HashSet, sync::Arc};

/// Messages read from the store at a time while a tab is brought up.
const PAGE: u32 = 100;
/// How far bringing the tab up has come.
pub(super) struct CatchUp {
    after: Seq,
    seq: Seq,
    head: Option<MessageId>,
}

impl Socket {
    pub(super) async fn hello(&mut self, conversation: Option<ConversationId>, after: Seq) {
        if self.room.as_ref().map(|room| room.id) != conversation {
            self.leave();
        }
        let Some(id) = conversation else {
            let ready = ChatEvent::Ready { conversation: None, seq: Seq(0), head: None };
            self.out.push_back(Arc::new(ready));
            return;
        };
        self.listener.subscribe(Topic::Conversation(id));
        let unknown = self.chat.rooms.with(id, |room| room.rows().err());
        match self.chat.store.conversation(self.by.user, id).await {
            Ok(row) => {
                if let Some(stale) = unknown {
                    self.chat.know_row(self.by.user, &row.summary, stale);
                }
                let entered = self.room.as_ref().is_some_and(|room| room.entered);
                self.room = Some(Open { id, floor: after, told: after, entered });
                self.behind = Some(CatchUp { after, seq: row.seq, head: row.head });
            }
            Err(error) => {
                self.leave();
                self.listener.unsubscribe(Topic::Conversation(id));
                let told = ChatError::from(error).told(&self.chat.clock);
                self.refuse(None, told);
            }
        }
    }

    /// One page of what the tab misses or, after the last, the live turns and `Ready`.
    pub(super) async fn catch_up(&mut self) {
        let (Some(behind), Some(room)) = (&mut self.behind, &self.room) else {
            self.behind = None;
            return;
        };
        let id = room.id;
        if behind.after < behind.seq {
            let page = match self.chat.store.since(self.by.user, id, behind.after, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    self.behind = None;
                    self.leave();
                    let told = ChatError::from(error).told(&self.chat.clock);
                    self.refuse(None, told);
                    return self.bye(ByeReason::Behind);
                }
            };
            if let Some(last) = page.items.last() {
                behind.after = behind.after.max(last.seq);
            }
            let more = page.more && !page.items.is_empty();
            self.out.extend(page.items.into_iter().map(|message| Arc::new(ChatEvent::Message { message })));
            if more {
                return;
            }
        }
        self.ready(id).await;
    }

    async fn ready(&mut self, id: ConversationId) {
        let Some(behind) = self.behind.take() else { return };
        let mut seq = behind.seq.max(behind.after);
        let mut head = behind.head;
        if behind.after > behind.seq
            && let Ok(row) = self.chat.store.conversation(self.by.user, id).await
        {
            head = row.head;
        }
        if behind.after > behind.seq && self.out.is_empty() {
            // The tab claims more than there is: a database that was put back. It learns the true clock from `Ready`.
            seq = behind.seq;
        }
        let (snapshots, pending, lagged) = self.live_now(id);
        if let Some((topic, bye)) = pending.iter().find(|(_, e)| matches!(**e, ChatEvent::Bye { .. })) {
            // What was read here may have been said after the goodbye, and is no longer for this socket.
            self.out.clear();
            return self.heard(*topic, Arc::clone(bye));
        }
        if lagged {
            // Something may have been stored after it was read here. Only a goodbye is not lost.
            for (topic, event) in pending {
                self.heard(topic, event);
            }
            if !self.over {
                self.hello(Some(id), behind.after).await;
            }
            return;
        }
        let live: HashSet<TurnId> = snapshots.iter().filter_map(|e| turn_of(e)).collect();
        let ended: HashSet<TurnId> = pending
            .iter()
            .filter(|(_, e)| matches!(**e, ChatEvent::TurnEnded { .. }))
            .filter_map(|(_, e)| turn_of(e))
            .collect();
        if let Some(room) = &mut self.room {
            (room.floor, room.told) = (seq, seq);
        }
        self.chat.saw(id, seq);
        self.out.extend(snapshots);
        for (topic, event) in pending {
            let stale = turn_of(&event).is_some_and(|turn| {
                live.contains(&turn) || (ended.contains(&turn) && !matches!(*event, ChatEvent::TurnEnded { .. }))
            });
            if !stale {
                self.heard(topic, event);
            }
        }
        if self.over {
            return;
        }
        self.out.push_back(Arc::new(ChatEvent::Ready { conversation: Some(id), seq, head }));
        self.enter(id).await;
    }

    /// The live turns as they are, and what was heard up to that very moment, and whether some of that was lost.
    fn live_now(&mut self, id: ConversationId) -> (Vec<Event>, Vec<(Topic, Event)>, bool) {
        let turns = self.chat.rooms.turns(id);
        let mut bodies: Vec<_> = turns.iter().map(|turn| turn.body()).collect();
        let snapshots: Vec<Event> = turns
            .iter()
            .zip(&mut bodies)
            .filter_map(|(turn, body)| turn.snapshot_of(body))
            .map(|turn| Arc::new(ChatEvent::Turn { turn }))
            .collect();
        let (pending, lagged) = self.listener.take_all();
        (snapshots, pending, lagged)
    }

    /// Counts the tab as present; a room of several learns who is there, the tab itself too.
    async fn enter(&mut self, id: ConversationId) {
        let first = match &mut self.room {
            Some(room) if !room.entered => {
                room.entered = true;
                true
            }
            _ => false,
        };
        let told = first && self.chat.came(id, self.by.user).await;
        if !told
            && self.chat.hub.listeners(Topic::Conversation(id)) > 1
            && let Ok(members) = self.chat.members(self.by.user, id).await
            && members.len() > 1
        {
            self.out.push_back(Arc::new(ChatEvent::Members { conversation: id, members }));
        }
    }

    pub(super) fn leave(&mut self) {
        self.behind = None;
        if let Some(room) = self.room.take() {
            self.listener.unsubscribe(Topic::Conversation(room.id));
            if room.entered {
                self.chat.went(room.id, self.by.user);
            }
        }
    }
}

/// The turn an event belongs to, for those that a snapshot replaces and for its end.
fn turn_of(event: &ChatEvent) -> Option<TurnId> {
    match event {
        ChatEvent::Turn { turn } => Some(turn.turn),
        ChatEvent::TurnState { turn, .. }
        | ChatEvent::Delta { turn, .. }
        | ChatEvent::Tool { turn, .. }
        | ChatEvent::TurnEnded { turn, .. } => Some(*turn),
        _ => None,
    }
}
