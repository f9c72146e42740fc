//! From what changed in the state to the signals that draw it.

use super::{Room, Row};
use crate::{
    ui::{
        chat::state::{ChatState, Effects},
        kit::time::day_of,
    },
    wire::{error::ApiError, id::MessageId, message::Role},
};
use leptos::prelude::*;

impl Room {
    pub(super) fn settle(self, fx: Effects) {
        if let Some(grown) = fx.grown {
            self.paint_later(grown);
        }
        for id in &fx.changed {
            self.draw_message(*id);
        }
        if fx.rows {
            self.draw_rows();
            self.keep_outbox();
        }
        if !fx.changed.is_empty() || fx.rows {
            self.draw_turns();
        }
        if fx.members {
            self.members.set(self.state.with_value(|state| state.members().to_vec()));
        }
        if fx.typing {
            self.draw_typing();
        }
        if fx.summary {
            self.summary.set(self.state.with_value(|state| state.summary().clone()));
        }
        if fx.words {
            self.words.update(|n| *n = n.wrapping_add(1).max(1));
        }
        if let Some(reply) = fx.finished {
            self.announce(reply);
        }
        if let Some(refusal) = fx.refused {
            // It left the configuration since the page was opened: the next try is the default one's.
            if matches!(&refusal.error, ApiError::Invalid { field, .. } if field == "model") {
                self.model.set(None);
            }
            self.refused.set(Some(refusal));
        }
        if fx.gone {
            self.gone();
        }
        if let Some(say) = fx.say {
            self.session.post(say);
        }
    }

    fn announce(self, reply: MessageId) {
        let text = self.text(reply);
        let words: String = text.chars().take(500).collect();
        self.announced.set(format!("The assistant says: {words}"));
    }

    /// Growing text is painted with the next frame, however many pieces of it come until then.
    fn paint_later(self, grown: (MessageId, u32)) {
        let first = self.grown.try_update_value(|waiting| {
            let first = waiting.is_empty();
            if !waiting.contains(&grown) {
                waiting.push(grown);
            }
            first
        });
        if first == Some(true) {
            request_animation_frame(move || self.paint());
        }
    }

    fn paint(self) {
        let Some(waiting) = self.grown.try_update_value(std::mem::take) else { return };
        for (id, part) in waiting {
            let cell = self.cells.with_value(|cells| cells.get(&id).cloned());
            if let Some(cell) = cell {
                self.state.with_value(|state| cell.grow(state, id, part));
            }
        }
        self.painted.update(|n| *n = n.wrapping_add(1));
    }

    fn draw_message(self, id: MessageId) {
        if let Some(cell) = self.cells.with_value(|cells| cells.get(&id).cloned()) {
            self.state.with_value(|state| cell.refresh(state, id));
            self.painted.update(|n| *n = n.wrapping_add(1));
        }
    }

    pub(super) fn draw_typing(self) {
        self.typing.set(self.state.with_value(|state| state.typing().to_vec()));
    }

    pub(super) fn draw_turns(self) {
        let turns: Vec<_> = self
            .state
            .with_value(|state| state.live_turns().into_iter().map(|(turn, live)| (turn, live.state)).collect());
        if self.turns.with_untracked(|old| *old != turns) {
            self.turns.set(turns);
        }
    }

    pub(super) fn draw_rows(self) {
        let local = self.local.get_untracked();
        let rows = self.state.with_value(|state| rows_of(state, local));
        if self.rows.with_untracked(|old| *old != rows) {
            self.rows.set(rows);
        }
    }
}

fn rows_of(state: &ChatState, local: bool) -> Vec<Row> {
    let mut rows = Vec::with_capacity(state.path().len() + 4);
    let mut day = None;
    for message in state.path().iter().filter_map(|id| state.message(*id)) {
        let today = day_of(message.created_at, local);
        // A reply stands with its question, even past midnight.
        if day != Some(today) && (day.is_none() || message.role == Role::User) {
            rows.push(Row::Day(today, message.id));
            day = Some(today);
        }
        rows.push(Row::Message(message.id));
    }
    rows.extend(state.pending().iter().map(|pending| Row::Pending(pending.client_id)));
    rows
}
