//! Summaries of what a model's window no longer holds, made after the turn that left it out.
//!
//! A turn that left something out has the model of that turn summarise it, in the background: the last summary on its
//! branch and what follows. The next turns of that branch read it in place of what is left out (`turn::asking`). Rule: no
//! reply waits for one here (a model's server that answers one request at a time may have the next one wait), a
//! conversation that fits never costs one, and one is made at a time for a conversation. What fails is tried again after
//! the next turn, and then ever more seldom: each try is half a window of input. The transcript does not change. Which
//! messages, and what is read of them, is `context::summary`'s.
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
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

/// Tokens a model may write, thought included; what is kept of it is bounded besides (`summary::written`).
const OUTPUT: u32 = 4_000;
/// How long it may take: a model on the server's own machine reads half a window slowly.
const PATIENCE: Duration = Duration::from_mins(3);

/// How many pieces of a long beginning are read for one summary, one after the other. What is still missing then is
/// summarised after the next turn.
const PIECES: usize = 8;
/// Conversations whose failures are remembered at most; then that begins anew.
const FAILED_MAX: usize = 1_024;

/// The conversations that are being summarised, and those where that failed lately.
#[derive(Debug, Default)]
pub(super) struct Summarising {
    busy: HashSet<ConversationId>,
    failed: HashMap<ConversationId, Failures>,
}

/// What failed one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    /// Turns after which nothing is tried.
    pause: u32,
}

impl Summarising {
    /// Whether a conversation is being summarised.
    #[cfg(test)]
    pub(super) fn is_busy(&self, conversation: ConversationId) -> bool {
        self.busy.contains(&conversation)
    }

    /// Whether a conversation is to be summarised now: it is not already, and it is not one of the turns to be let pass.
    fn begin(&mut self, conversation: ConversationId) -> bool {
        if let Some(failures) = self.failed.get_mut(&conversation)
            && failures.pause > 0
        {
            failures.pause -= 1;
            return false;
        }
        self.busy.insert(conversation)
    }

    /// Notes how it went: after the second failure a turn is let pass, then two, four and so on.
    fn went(&mut self, conversation: ConversationId, well: bool) {
        if well {
            self.failed.remove(&conversation);
            return;
        }
        if self.failed.len() >= FAILED_MAX {
            self.failed.clear();
        }
        let failures = self.failed.entry(conversation).or_default();
        failures.count += 1;
        failures.pause = (1 << failures.count.min(7)) >> 2;
    }
}

/// What became of one piece.
enum Piece {
    /// It is summarised, and there is more.
    More,
    /// All is.
    Last,
    /// The model wrote nothing of use.
    Unwritten,
}

/// Says that a conversation is being summarised, until it is dropped.
struct Busy(Arc<Chat>, ConversationId);

impl Busy {
    /// `None` if it is already, or not to be now.
    fn new(chat: &Arc<Chat>, conversation: ConversationId) -> Option<Self> {
        lock(&chat.summarising).begin(conversation).then(|| Self(Arc::clone(chat), conversation))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        lock(&self.0.summarising).busy.remove(&self.1);
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
            let Busy(chat, conversation) = &busy;
            let mut well = true;
            for _ in 0..PIECES {
                match chat.summarise_piece(&turn, &model, room).await {
                    Ok(Piece::More) => continue,
                    // Not found: its person left, or it was deleted.
                    Ok(Piece::Last) | Err(StoreError::NotFound) => {}
                    Ok(Piece::Unwritten) => well = false,
                    Err(error) => {
                        tracing::warn!(%error, turn.id = %turn.id, "what a turn left out cannot be summarised");
                    }
                }
                break;
            }
            lock(&chat.summarising).went(*conversation, well);
        });
    }

    async fn summarise_piece(&self, turn: &LiveTurn, model: &Model, room: usize) -> Result<Piece, StoreError> {
        let (by, leaf) = (turn.by.user, turn.message);
        let earlier = self.store.summary(by, leaf).await?;
        let upto = earlier.as_ref().map(|earlier| earlier.upto);
        let rest = self.store.branch_after(by, leaf, upto, model.history_messages).await?;
        let ends = rest.last().is_some_and(|newest| newest.id == leaf);
        let due = summary::due(&rest, ends, model, room);
        let earlier = earlier.as_ref().map(|earlier| earlier.text.as_str());
        let (text, read) = summary::material(earlier, &rest[..due], room);
        let Some(newest) = rest[..read].last() else { return Ok(Piece::Last) };
        let (what, system) = ("a summary", summary::SYSTEM);
        let aside = Aside { what, system, text, output: OUTPUT, patience: PATIENCE };
        let Some((text, stop)) = self.ask_aside(turn, model, aside).await else { return Ok(Piece::Unwritten) };
        // Of one that was too long the beginning serves.
        let ended = matches!(stop, Some(StopReason::EndTurn | StopReason::MaxTokens));
        let written = summary::written(&text, room);
        if !ended || written.is_empty() {
            tracing::info!(turn.id = %turn.id, ?stop, "the model wrote no summary");
            return Ok(Piece::Unwritten);
        }
        self.store.keep_summary(by, newest.id, &written, &model.id).await?;
        Ok(if read < due { Piece::More } else { Piece::Last })
    }
}
