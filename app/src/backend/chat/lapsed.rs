//! Turns that another process left: at a program's pipe (`parley mcp-stdio`) replies run too, and such a process may end
//! at any moment.
//!
//! Rule: the serving process looks now and then. A running turn whose lease lapsed, and that is not one of its own, is
//! closed as interrupted, or gone on with if it waited; what waits behind turns that are over begins, whoever was to
//! begin it. Invariant: a process that lives keeps its turns, except when the serving process starts
//! ([`Chat::recover`]), which closes what runs anywhere. Whoever runs one renews its lease several times within it
//! and also between two looks, so a machine that slept has not killed it: only what was lapsed at the last look too is
//! taken over.

use super::Chat;
use crate::{
    backend::store::StoreError,
    wire::{
        id::{ConversationId, TurnId},
        message::{Status, TurnEnd},
    },
};
use std::{collections::HashSet, sync::Arc};

impl Chat {
    /// From now on, until the drain, looks after what other processes leave. For the process that serves the pages.
    pub fn look_after_others(self: &Arc<Self>) {
        let chat = Arc::clone(self);
        self.tasks.spawn("lapsed turns", async move {
            let mut lapsed = HashSet::new();
            while chat.stopping.run_until_cancelled(tokio::time::sleep(chat.options.look)).await.is_some() {
                if let Err(error) = chat.take_over(&mut lapsed).await {
                    tracing::warn!(%error, "what other processes left cannot be looked after yet");
                }
            }
        });
    }

    /// One look; `lapsed`: what the last one found, and then what this one did.
    pub(super) async fn take_over(self: &Arc<Self>, lapsed: &mut HashSet<TurnId>) -> Result<(), StoreError> {
        let found = self.store.lapsed_turns(self.clock.now()).await?;
        let own = self.own();
        let found: HashSet<TurnId> = found.into_iter().filter(|turn| !own.contains(turn)).collect();
        let left: Vec<TurnId> = found.intersection(lapsed).copied().collect();
        *lapsed = found;
        if !left.is_empty() {
            for message in self.store.reap_lapsed(self.clock.now(), &left).await? {
                tracing::info!(message.id = %message.id, "closed a turn that another process left running");
                self.tell(message);
            }
            let waiting = self.store.suspended_turns().await?;
            for turn in waiting.into_iter().filter(|turn| left.contains(&turn.row.id)) {
                let conversation = turn.row.conversation;
                self.resume_one(turn).await;
                self.show_queue(conversation).await;
            }
        }
        self.forget_what_others_ended().await;
        for conversation in self.store.waiting_conversations().await? {
            self.show_queue(conversation).await;
            self.begin_next(conversation).await;
        }
        Ok(())
    }

    /// The turns that this process runs, or whose end it has yet to store.
    fn own(&self) -> HashSet<TurnId> {
        let running = self.running().into_iter().map(|turn| turn.id);
        let unsaved = super::lock(&self.unsaved).clone();
        running.chain(unsaved).collect()
    }

    /// Takes what waits in a conversation into memory, and tells its tabs of it: they may not know it.
    async fn show_queue(self: &Arc<Self>, id: ConversationId) {
        self.adopt_queue(id).await;
        for turn in self.rooms.turns(id).iter().filter(|turn| !turn.has_begun()) {
            turn.announce();
        }
    }

    /// Tells the end of turns that waited here and that another process ran to their end.
    async fn forget_what_others_ended(&self) {
        for turn in self.rooms.all_turns().into_iter().filter(|turn| !turn.has_begun()) {
            match self.store.message(turn.by.user, turn.message).await {
                Ok(message) => {
                    if let Some(end) = end_of(message.status).filter(|_| turn.close_once()) {
                        self.saw(turn.conversation, message.seq);
                        turn.end(Some(message), end);
                        self.rooms.with(turn.conversation, |room| room.leave(turn.id));
                    }
                }
                Err(StoreError::NotFound) => {}
                Err(error) => tracing::debug!(%error, turn.id = %turn.id, "a turn that waits cannot be looked up"),
            }
        }
    }
}

/// How the turn of a reply with that status ended.
fn end_of(status: Status) -> Option<TurnEnd> {
    match status {
        Status::Pending => None,
        Status::Complete => Some(TurnEnd::Complete),
        Status::Stopped => Some(TurnEnd::Stopped),
        Status::Interrupted => Some(TurnEnd::Interrupted),
        Status::Failed => Some(TurnEnd::Failed),
    }
}
