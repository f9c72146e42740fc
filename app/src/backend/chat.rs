//! The chat's use cases: send, edit, make anew, go on, stop, decide; and [`Chat::converse`], one tab's socket.
//!
//! Invariant: what was acknowledged is stored, and what is stored is told after its commit. A turn belongs to the
//! process, not to the socket that asked for it; one runs per conversation, the others wait in the store. What a process
//! that is gone left there, `lapsed` looks after.
//! Rule: any member of a room may stop a turn of it. Deciding about tools is `approval`'s, keeping what other servers
//! work at `keeping`'s, and going on with turns that waited for either when the process ended is `resume`'s.

mod approval;
mod apps;
mod aside;
mod context;
mod converse;
mod create;
mod finish;
mod keeping;
mod lapsed;
mod live;
mod paths;
mod pictures;
mod programs;
mod publish;
mod refusal;
mod relay;
mod resume;
mod rooms;
mod setup;
mod start;
mod summary;
mod title;
mod turn;

#[cfg(test)]
mod tests;

pub use crate::backend::store::turns::Started;
pub use apps::AppCall;
pub use programs::Programs;
pub use refusal::ChatError;
pub use setup::{Budget, Options, Setup};

use crate::{
    backend::{
        caller::Caller,
        clock::Clock,
        hub::Hub,
        llm::Models,
        store::{Store, StoreError, turns::NewTurnKind},
        task::Tasks,
        tools::{ToolRegistry, picker::Picker},
    },
    wire::{
        error::ApiError,
        event::{ByeReason, ChatEvent},
        id::{ClientId, ConversationId, FileId, MessageId, Millis, ModelId, Seq, TurnId, UserId},
        message::{Part, Resource, TurnEnd, TurnSnapshot},
        picker::Reference,
    },
};
use finish::Outcome;
use live::LiveTurn;
use start::text_parts;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// A message to send.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The room.
    pub conversation: ConversationId,
    /// What to follow; `None` for the newest leaf.
    pub parent: Option<MessageId>,
    /// The sender's key.
    pub client_id: ClientId,
    /// Markdown.
    pub text: String,
    /// Files to attach.
    pub files: Vec<FileId>,
    /// What to read and send with it.
    pub references: Vec<Reference>,
    /// The model to answer; `None` for the default.
    pub model: Option<ModelId>,
}

/// The chat of this process.
pub struct Chat {
    store: Store,
    hub: Hub,
    models: Models,
    tools: ToolRegistry,
    picker: Picker,
    tasks: Tasks,
    clock: Clock,
    sending: Budget<UserId>,
    creating: Budget<UserId>,
    frames: Box<dyn Fn() -> Budget<()> + Send + Sync>,
    options: Options,
    rooms: rooms::Rooms,
    paths: paths::Paths,
    /// Nothing new is taken; turns that wait for a person or for another server's task rest.
    closed: CancellationToken,
    /// In whose conversations apps told the model something for the next message.
    waiting: apps::told::Waiting,
    /// Turns that are over and whose end is yet to be stored.
    unsaved: Mutex<HashSet<TurnId>>,
    summarising: Mutex<summary::Summarising>,
    /// A turn ended.
    quiet: Notify,
    stopping: CancellationToken,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chat").field("options", &self.options).field("rooms", &self.rooms).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chat {
    /// A chat without live turns; [`Chat::recover`] is next.
    pub fn new(setup: Setup) -> Arc<Self> {
        let Setup { store, hub, models, tools, tasks, clock, sending, creating, frames, options } = setup;
        let stopping = tasks.stopping();
        let picker = Picker::new(store.clone(), clock.clone(), tools.remote().cloned());
        let (rooms, closed, quiet) = (rooms::Rooms::default(), CancellationToken::new(), Notify::new());
        let chat = Arc::new(Self {
            store,
            hub,
            models,
            tools,
            picker,
            tasks,
            clock,
            sending,
            creating,
            frames,
            options,
            rooms,
            paths: paths::Paths::default(),
            closed,
            waiting: apps::told::Waiting::default(),
            unsaved: Mutex::default(),
            summarising: Mutex::default(),
            quiet,
            stopping,
        });
        chat.react_to_changes();
        chat
    }

    /// Stores a message and the reply-to-be, and begins or queues the reply.
    ///
    /// # Errors
    /// What is wrong with the message or cannot be read of what it refers to; `TooMany`; `NotFound`; a full queue;
    /// `Unavailable` at drain.
    pub async fn send(self: &Arc<Self>, by: &Caller, m: NewMessage) -> Result<Started, ChatError> {
        let read = self.read(by, &m).await?;
        self.send_read(by, m, read, Vec::new()).await
    }

    /// [`Chat::send`] once everything the message refers to was read, with what apps of the servers `heard` told the
    /// model.
    async fn send_read(
        self: &Arc<Self>,
        by: &Caller,
        m: NewMessage,
        read: Vec<Resource>,
        heard: Vec<String>,
    ) -> Result<Started, ChatError> {
        if !m.files.is_empty() {
            return Err(
                ApiError::invalid("files", "This server does not take files yet. Send the text without them.").into()
            );
        }
        // What is referred to stands before what is asked about it.
        let parts = read.into_iter().map(Part::Resource).chain(text_parts(m.text)?).collect();
        let NewMessage { conversation, parent, client_id, model, .. } = m;
        let kind = NewTurnKind::Send { conversation, parent, client_id, parts };
        self.start(by, kind, model.as_ref(), Some(conversation), heard).await
    }

    /// Stores a new version of one's own message, and begins or queues its reply.
    ///
    /// # Errors
    /// As [`Chat::send`].
    pub async fn edit(
        self: &Arc<Self>,
        by: &Caller,
        message: MessageId,
        client_id: ClientId,
        text: String,
        model: Option<&ModelId>,
    ) -> Result<Started, ChatError> {
        let text = text_parts(text)?;
        // The new version refers to what the old one did, as it was read then.
        let old = self.store.message(by.user, message).await?.parts;
        let parts = old.into_iter().filter(|part| matches!(part, Part::Resource(_))).chain(text).collect();
        let kind = NewTurnKind::Edit { message, client_id, parts };
        self.start_beside(by, message, kind, model).await
    }

    /// Begins or queues another reply to the same message.
    ///
    /// # Errors
    /// As [`Chat::send`].
    pub async fn regenerate(
        self: &Arc<Self>,
        by: &Caller,
        message: MessageId,
        model: Option<&ModelId>,
    ) -> Result<Started, ChatError> {
        self.start_beside(by, message, NewTurnKind::Regenerate { message }, model).await
    }

    /// Begins or queues a reply that goes on where the given one ended, with the same model.
    ///
    /// # Errors
    /// As [`Chat::send`].
    pub async fn continue_reply(self: &Arc<Self>, by: &Caller, message: MessageId) -> Result<Started, ChatError> {
        let model = self.store.message(by.user, message).await?.model;
        let model = model.filter(|id| self.models.get(Some(id)).is_some());
        self.start_beside(by, message, NewTurnKind::Continue { message }, model.as_ref()).await
    }

    /// Ends a turn, queued or running; what it wrote is kept.
    ///
    /// # Errors
    /// `NotFound` if it is over, or in a room `by` is not in.
    pub async fn stop(self: &Arc<Self>, by: &Caller, turn: TurnId) -> Result<(), ChatError> {
        let row = self.store.turn(by.user, turn).await?;
        let Some(turn) = self.rooms.turns(row.conversation).into_iter().find(|t| t.id == turn) else {
            return Err(StoreError::NotFound.into());
        };
        turn.stop_as(TurnEnd::Stopped);
        if !turn.has_begun() {
            self.finish(&turn, Outcome::asked(TurnEnd::Stopped), "", Instant::now()).await;
        }
        Ok(())
    }

    /// The turns of a conversation that wait or run, in order, each with all it wrote so far.
    pub fn live(&self, conversation: ConversationId) -> Vec<TurnSnapshot> {
        self.rooms.turns(conversation).iter().filter_map(|turn| turn.snapshot()).collect()
    }

    /// Who has the room open in some tab.
    pub fn present(&self, conversation: ConversationId) -> HashSet<UserId> {
        self.rooms.with(conversation, |room| room.present())
    }

    /// At the start of the process: closes what a crash left running, asks again what was asked, and begins what waits.
    pub async fn recover(self: &Arc<Self>) {
        match self.store.reap_turns(Millis(i64::MAX)).await {
            Ok(messages) if messages.is_empty() => {}
            Ok(messages) => tracing::info!(turns = messages.len(), "closed turns that a stop left running"),
            Err(error) => tracing::error!(%error, "turns left running cannot be closed"),
        }
        self.resume().await;
        match self.store.waiting_conversations().await {
            Ok(waiting) => {
                for conversation in waiting {
                    self.adopt_queue(conversation).await;
                    self.begin_next(conversation).await;
                }
            }
            Err(error) => tracing::error!(%error, "waiting turns cannot be begun"),
        }
    }

    /// Takes nothing new from now on, and tells every tab.
    pub fn close(&self) {
        self.closed.cancel();
        self.hub.publish_everywhere(ChatEvent::Bye { reason: ByeReason::Draining });
    }

    /// Takes nothing new, tells every tab, lets running turns end within `grace` and interrupts the others. Turns that
    /// wait, for others or for a person, stay in the store.
    pub async fn drain(&self, grace: Duration) {
        self.close();
        if tokio::time::timeout(grace, self.turns_over()).await.is_ok() {
            return;
        }
        for turn in self.running() {
            turn.stop_as(TurnEnd::Interrupted);
        }
        // Longer than writing ever waits, so that nothing hangs here for ever.
        if tokio::time::timeout(Duration::from_secs(40), self.turns_over()).await.is_err() {
            tracing::error!("turns are still running at the end of the drain");
        }
    }

    async fn turns_over(&self) {
        loop {
            let quiet = self.quiet.notified();
            tokio::pin!(quiet);
            quiet.as_mut().enable();
            if self.running().is_empty() {
                return;
            }
            quiet.await;
        }
    }

    fn running(&self) -> Vec<Arc<LiveTurn>> {
        self.rooms.all_turns().into_iter().filter(|turn| turn.has_begun()).collect()
    }

    fn draining(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Notes how far a conversation's clock is.
    fn saw(&self, conversation: ConversationId, seq: Seq) {
        self.rooms.with(conversation, |room| room.seq = room.seq.max(seq));
    }
}
