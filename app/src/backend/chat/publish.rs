//! Telling tabs what changed outside of a turn: sidebar rows, members, presence, removal.
//!
//! Invariant: a row is each member's own (pins, ownership), so rows go to people, never to rooms. Rows are read once
//! per room and kept while something goes on there; whoever changes a title, a pin or the members says so here. One
//! telling of a room's rows ends before the next one reads: what is told last is what was stored last.

use super::Chat;
use crate::{
    backend::{
        hub::{Change, Topic},
        store::{Store, StoreError},
    },
    wire::{
        conversation::ConversationSummary,
        event::ChatEvent,
        id::{ConversationId, Millis, UserId},
        message::TurnEnd,
        room::Member,
    },
};
use std::{collections::HashSet, sync::Arc};

impl Chat {
    /// From now on hears of what tools change beside it.
    pub(super) fn react_to_changes(self: &Arc<Self>) {
        let chat = Arc::downgrade(self);
        self.hub.on_change(move |change| {
            let Some(chat) = chat.upgrade() else { return };
            match change {
                Change::Conversation(id) => {
                    let telling = Arc::clone(&chat);
                    chat.tasks.spawn("rows", async move { telling.conversation_changed(id).await });
                }
                Change::Deleted(id, members) => chat.conversation_deleted(id, members),
                Change::Prompts(_) => {}
            }
        });
    }

    /// A conversation's title, pin or state changed: its members' rows are read and told again.
    pub async fn conversation_changed(&self, id: ConversationId) {
        let _telling = self.rooms.telling(id).await;
        self.rooms.with(id, super::rooms::Room::forget_rows);
        if let Some(rows) = self.rows(id).await {
            self.publish_rows(rows);
        }
    }

    /// A conversation was deleted: its turns end, its members' tabs leave it.
    pub fn conversation_deleted(&self, id: ConversationId, members: &[UserId]) {
        self.rooms.with(id, super::rooms::Room::forget_rows);
        for turn in self.rooms.turns(id) {
            turn.stop_as(TurnEnd::Stopped);
        }
        for user in members {
            self.hub.publish(Topic::User(*user), ChatEvent::ConversationGone { conversation: id });
        }
    }

    /// A conversation is back: what still waited in it when it was deleted comes to its end.
    pub async fn conversation_restored(self: &Arc<Self>, id: ConversationId) {
        self.conversation_changed(id).await;
        self.adopt_queue(id).await;
        self.begin_next(id).await;
    }

    /// Somebody is no longer in a room: their tabs leave it at once, the others are told.
    pub async fn member_removed(&self, id: ConversationId, user: UserId) {
        self.hub.publish(Topic::User(user), ChatEvent::ConversationGone { conversation: id });
        self.members_changed(id).await;
    }

    /// Somebody joined or left a room.
    pub async fn members_changed(&self, id: ConversationId) {
        self.conversation_changed(id).await;
        self.tell_members(id).await;
    }

    /// A session ended: its sockets close.
    pub fn session_ended(&self, session: crate::wire::id::SessionId) {
        let bye = ChatEvent::Bye { reason: crate::wire::event::ByeReason::SignedOut };
        self.hub.publish(Topic::Session(session), bye);
    }

    /// The people of a room as one of them sees it, with who is there.
    pub async fn members(&self, by: UserId, id: ConversationId) -> Result<Vec<Member>, StoreError> {
        let mut members = self.store.members(by, id).await?;
        let present: HashSet<UserId> = self.present(id);
        for member in &mut members {
            member.present = present.contains(&member.id);
        }
        Ok(members)
    }

    /// Tells the room who came or went, unless there is one member and nobody else to hear it.
    async fn tell_presence(&self, id: ConversationId) {
        let Some(rows) = self.rows(id).await else { return };
        let several = rows.first().is_some_and(|(_, row)| row.members > 1);
        if several || self.hub.listeners(Topic::Conversation(id)) > 1 {
            self.tell_members(id).await;
        }
    }

    /// Tells the room who is in it; whoever is left alone, too.
    async fn tell_members(&self, id: ConversationId) {
        let Some(rows) = self.rows(id).await else { return };
        let Some((anybody, _)) = rows.first() else { return };
        match self.members(*anybody, id).await {
            Ok(members) => {
                self.hub.publish(Topic::Conversation(id), ChatEvent::Members { conversation: id, members });
            }
            Err(error) => tracing::warn!(%error, conversation.id = %id, "members cannot be told"),
        }
    }

    /// Tells each member their row: something happened there at that time, and nothing else about it changed.
    pub(super) async fn touched(&self, id: ConversationId, at: Millis) {
        let _telling = self.rooms.telling(id).await;
        let Some(mut rows) = self.rows(id).await else { return };
        let touch = |rows: &mut Vec<(UserId, ConversationSummary)>| {
            for (_, row) in rows {
                row.updated_at = row.updated_at.max(at);
            }
        };
        touch(&mut rows);
        self.rooms.with(id, |room| room.rows_mut().map(touch));
        self.publish_rows(rows);
    }

    fn publish_rows(&self, rows: Vec<(UserId, ConversationSummary)>) {
        for (user, summary) in rows {
            self.hub.publish(Topic::User(user), ChatEvent::Conversation { summary });
        }
    }

    /// Each member's row, from memory if it is there.
    pub(super) async fn rows(&self, id: ConversationId) -> Option<Vec<(UserId, ConversationSummary)>> {
        let stale = match self.rooms.with(id, |room| room.rows().map(<[_]>::to_vec)) {
            Ok(rows) => return Some(rows),
            Err(stale) => stale,
        };
        match read_rows(&self.store, id).await {
            Ok(rows) => {
                self.rooms.with(id, |room| room.keep_rows(stale, rows.clone()));
                Some(rows)
            }
            Err(error) => {
                tracing::warn!(%error, conversation.id = %id, "rows cannot be told");
                None
            }
        }
    }

    /// Keeps the row of the only member, so that nobody has to ask the store for it. `stale` is what the room answered
    /// before the row was read: somebody may have joined since.
    pub(super) fn know_row(&self, user: UserId, row: &ConversationSummary, stale: u64) {
        if row.members == 1 {
            self.rooms.with(row.id, |room| room.keep_rows(stale, vec![(user, row.clone())]));
        }
    }

    /// A tab opened the room; whether everybody was told, because its person was not there.
    pub(super) async fn came(&self, id: ConversationId, user: UserId) -> bool {
        let first = self.rooms.with(id, |room| room.open(user));
        if first {
            self.tell_presence(id).await;
        }
        first
    }

    /// A tab left the room. The others are told a little later, so that a reload does not flicker.
    pub(super) fn went(self: &Arc<Self>, id: ConversationId, user: UserId) {
        if self.hub.listeners(Topic::Conversation(id)) == 0 || tokio::runtime::Handle::try_current().is_err() {
            self.rooms.with(id, |room| room.close(user));
            return;
        }
        let chat = Arc::clone(self);
        self.tasks.spawn("leave", async move {
            tokio::select! {
                () = tokio::time::sleep(chat.options.leave) => {}
                () = chat.stopping.cancelled() => {}
            }
            if chat.rooms.with(id, |room| room.close(user)) {
                chat.tell_presence(id).await;
            }
        });
    }
}

async fn read_rows(store: &Store, id: ConversationId) -> Result<Vec<(UserId, ConversationSummary)>, StoreError> {
    let mut rows = Vec::new();
    for user in store.member_ids(id).await? {
        match store.conversation(user, id).await {
            Ok(row) => rows.push((user, row.summary)),
            Err(StoreError::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rows)
}
