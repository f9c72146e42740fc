//! The messages of one's own that the server has not acknowledged: shown by this tab, kept in the browser for every tab.

use super::Room;
use crate::{
    ui::chat::{
        drafts::{Drafts, joined},
        state::pending::Pending,
    },
    wire::{
        event::ClientEvent,
        id::{ClientId, MessageId},
    },
};
use leptos::prelude::*;

impl Room {
    /// A message that was not acknowledged.
    pub fn pending(self, key: ClientId) -> Option<Pending> {
        self.state.with_value(|state| state.pending().iter().find(|pending| pending.client_id == key).cloned())
    }

    /// Takes a stuck message back into its writer's hands.
    pub fn withdraw(self, key: ClientId) -> Option<Pending> {
        let pending = self.state.try_update_value(|state| state.withdraw(key)).flatten();
        self.draw_rows();
        self.keep_outbox();
        pending
    }

    /// Makes a new version that came back the draft of its message. The editor opens where the message is, unless another
    /// one is open: then the draft waits for it.
    pub fn give_back(self, message: MessageId, text: String) {
        let drafts = Drafts::of(self.me);
        let since = drafts.version(message).unwrap_or_default();
        drafts.keep_version(message, &joined(text, &since));
        if self.editing.get_untracked().is_none_or(|open| open == message) {
            self.editing.set(Some(message));
        }
    }

    /// Takes up what this browser kept and no tab has got through; how to send what is new here.
    pub(super) fn take_up(self) -> Vec<ClientEvent> {
        let kept = Drafts::of(self.me).outbox(self.id);
        if kept.is_empty() {
            return Vec::new();
        }
        self.kept.update_value(|keys| keys.extend(kept.iter().map(|pending| pending.client_id)));
        let frames = self.state.try_update_value(|state| state.restore(kept)).unwrap_or_default();
        self.draw_rows();
        self.keep_outbox();
        frames
    }

    /// Keeps what is not acknowledged, and forgets what was. What other tabs keep stays.
    pub(super) fn keep_outbox(self) {
        let drafts = Drafts::of(self.me);
        let before = self.kept.get_value();
        let now = self.state.with_value(|state| {
            let pending = state.pending();
            pending.iter().filter(|one| !before.contains(&one.client_id)).for_each(|one| drafts.post(self.id, one));
            pending.iter().map(|one| one.client_id).collect::<Vec<_>>()
        });
        before.into_iter().filter(|key| !now.contains(key)).for_each(|key| drafts.forget(self.id, key));
        self.kept.set_value(now);
    }
}
