//! Summaries of what a model's window no longer holds, made after the turn that left it out.
//!
//! A turn that left something out has the model of that turn summarise it, in the background: the last summary on its
//! branch and what follows. The next turns of that branch read it in place of what is left out (`turn::asking`). Rule: no
//! reply waits for one, a conversation that fits never costs one, and one is made at a time for a conversation. What fails
//! is tried again after the next turn. The transcript does not change. Which messages, and what is read of them, is
//! `context::summary`'s.
//!
//! Two processes on one database (`parley mcp-stdio` beside the server) may each make one: both are valid, and one stays.

use super::{
    Chat,
    aside::{self, Aside},
    context::summary,
    live::LiveTurn,
    lock,
};
use crate::{
    backend::{
        llm::{Model, StopReason},
        store::StoreError,
    },
    wire::id::ConversationId,
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// Tokens a model may write, thought included; what is kept of it is bounded besides (`summary::written`).
const OUTPUT: u32 = 4_000;
/// How long it may take: a model on the server's own machine reads half a window slowly.
const PATIENCE: Duration = Duration::from_mins(3);

/// The conversations that are being summarised.
pub(super) type Summarising = std::sync::Mutex<HashSet<ConversationId>>;

/// Says that a conversation is being summarised, until it is dropped.
struct Busy(Arc<Chat>, ConversationId);

impl Busy {
    /// `None` if it is already.
    fn new(chat: &Arc<Chat>, conversation: ConversationId) -> Option<Self> {
        lock(&chat.summarising).insert(conversation).then(|| Self(Arc::clone(chat), conversation))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&self.0.summarising).remove(&self.1);
    }
}

impl Chat {
    /// Has what a turn left out summarised, unless that is done or under way.
    pub(super) fn summarise(self: &Arc<Self>, turn: &Arc<LiveTurn>) {
        let Some(room) = turn.crowded() else { return };
        if !self.options.summaries || self.stopping.is_cancelled() {
            return;
        }
        let model = self.models.get(Some(&turn.model)).filter(|model| aside::is_asked(model));
        let Some(model) = model.cloned() else { return };
        let Some(busy) = Busy::new(self, turn.conversation) else { return };
        let turn = Arc::clone(turn);
        self.tasks.spawn("summary", async move {
            let Busy(chat, _) = &busy;
            match chat.make_summary(&turn, &model, room).await {
                // Its person left, or it was deleted.
                Ok(()) | Err(StoreError::NotFound) => {}
                Err(error) => tracing::warn!(%error, turn.id = %turn.id, "what a turn left out cannot be summarised"),
            }
        });
    }

    async fn make_summary(&self, turn: &LiveTurn, model: &Model, room: usize) -> Result<(), StoreError> {
        let (by, leaf) = (turn.by.user, turn.message);
        let earlier = self.store.summary(by, leaf).await?;
        let upto = earlier.as_ref().map(|earlier| earlier.upto);
        let rest = self.store.branch_after(by, leaf, upto, model.history_messages).await?;
        let ends = rest.last().is_some_and(|newest| newest.id == leaf);
        let due = summary::due(&rest, ends, model, room);
        let earlier = earlier.as_ref().map(|earlier| earlier.text.as_str());
        let (text, read) = summary::material(earlier, &rest[..due], room);
        let Some(newest) = rest[..read].last() else { return Ok(()) };
        let (what, system) = ("a summary", summary::SYSTEM);
        let aside = Aside { what, system, text, output: OUTPUT, patience: PATIENCE };
        let Some((text, stop)) = self.ask_aside(turn, model, aside).await else { return Ok(()) };
        // Of one that was too long the beginning serves.
        let ended = matches!(stop, Some(StopReason::EndTurn | StopReason::MaxTokens));
        let written = summary::written(&text, room);
        if !ended || written.is_empty() {
            tracing::info!(turn.id = %turn.id, ?stop, "the model wrote no summary");
            return Ok(());
        }
        self.store.keep_summary(by, newest.id, &written, &model.id).await
    }
}
