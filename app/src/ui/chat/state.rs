//! What one tab knows of one conversation: a pure reducer over [`ChatEvent`]s, without leptos and without IO.
//!
//! Invariants: applying an event twice changes nothing; whatever order and duplicates a reconnect brings, after `Ready`
//! the state equals the store's transcript; a delta touches the one part it extends and nothing else. What changed is
//! told in [`Effects`], so that the page wakes only that. Parts: `tree` (branches), `clock` (gaps), `live` (turns),
//! `pending` (messages not yet acknowledged).

pub mod clock;
pub mod live;
pub mod pending;
#[cfg(test)]
mod tests;
pub mod tree;

use crate::wire::{
    conversation::{ConversationSummary, ConversationView, Page},
    error::ApiError,
    event::{ByeReason, ChatEvent, ClientEvent},
    id::{ClientId, ConversationId, MessageId, Millis, ModelId, Seq, TurnId, UserId},
    message::{Message, Role, Status},
    picker::Reference,
    room::Member,
};
use clock::{Clock, Tick};
use live::LiveTurn;
use pending::{Pending, PendingKind};
use std::collections::{HashMap, HashSet};
use tree::Tree;

/// A conversation as this tab sees it.
#[derive(Clone, Debug)]
pub struct ChatState {
    me: UserId,
    summary: ConversationSummary,
    messages: HashMap<MessageId, Message>,
    tree: Tree,
    clock: Clock,
    turns: HashMap<TurnId, LiveTurn>,
    pending: Vec<Pending>,
    members: Vec<Member>,
    typing: Vec<Typist>,
    older: bool,
    follow: HashSet<Option<MessageId>>,
    model: Option<ModelId>,
}

/// Somebody who types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typist {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Until when to show it.
    pub until: Millis,
}

/// A message or frame the server did not take.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The message to give back to its writer, if it was one.
    pub draft: Option<Pending>,
    /// Why.
    pub error: ApiError,
}

/// What an event changed, and what is to be done about it.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each says on its own that one thing changed")]
pub struct Effects {
    /// The shown branch or the unacknowledged messages changed: read [`ChatState::path`] and [`ChatState::pending`].
    pub rows: bool,
    /// Messages to read anew.
    pub changed: Vec<MessageId>,
    /// A text part that only grew at its end: the message and the part's index.
    pub grown: Option<(MessageId, u32)>,
    /// Members changed.
    pub members: bool,
    /// Who types changed.
    pub typing: bool,
    /// Title, pin or size changed.
    pub summary: bool,
    /// What apps told the model changed.
    pub words: bool,
    /// A reply that just ended: to be announced once.
    pub finished: Option<MessageId>,
    /// To be sent now.
    pub say: Option<ClientEvent>,
    /// Something was not accepted.
    pub refused: Option<Refusal>,
    /// The server says good-bye.
    pub bye: Option<ByeReason>,
    /// The conversation is gone.
    pub gone: bool,
}

impl ChatState {
    /// What the server rendered, as seen by `me`, with the messages this browser had not got through.
    pub fn open(me: UserId, view: ConversationView, pending: Vec<Pending>) -> Self {
        let mut state = Self {
            me,
            summary: view.summary,
            messages: HashMap::new(),
            tree: Tree::default(),
            clock: Clock::at(view.seq),
            turns: HashMap::new(),
            pending: Vec::new(),
            members: view.members,
            typing: Vec::new(),
            older: view.messages.more,
            follow: HashSet::new(),
            model: view.model,
        };
        for message in view.messages.items {
            state.place(message);
        }
        state.tree.show(view.head);
        for turn in view.turns {
            state.snapshot(turn, &mut Effects::default());
        }
        state.pending = pending;
        state.drop_acknowledged();
        state
    }

    /// The conversation.
    pub fn id(&self) -> ConversationId {
        self.summary.id
    }
    /// Who looks.
    pub fn me(&self) -> UserId {
        self.me
    }
    /// Its sidebar row.
    pub fn summary(&self) -> &ConversationSummary {
        &self.summary
    }
    /// The shown branch, oldest first.
    pub fn path(&self) -> &[MessageId] {
        self.tree.path()
    }
    /// A message that was loaded.
    pub fn message(&self, id: MessageId) -> Option<&Message> {
        self.messages.get(&id)
    }
    /// The live turn that writes `message`.
    pub fn turn_of(&self, message: MessageId) -> Option<(TurnId, &LiveTurn)> {
        let turn = self.messages.get(&message)?.turn?;
        self.turns.get(&turn).map(|live| (turn, live))
    }
    /// The turns at work or waiting in the shown branch, oldest first.
    pub fn live_turns(&self) -> Vec<(TurnId, &LiveTurn)> {
        self.path().iter().filter_map(|id| self.turn_of(*id)).collect()
    }
    /// Messages not yet acknowledged, in the order they were written.
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }
    /// The people in the room.
    pub fn members(&self) -> &[Member] {
        &self.members
    }
    /// Who types just now, oneself left out.
    pub fn typing(&self) -> &[Typist] {
        &self.typing
    }
    /// Whether older messages can be loaded.
    pub fn has_older(&self) -> bool {
        self.older
    }
    /// The position older pages are asked before.
    pub fn oldest(&self) -> Option<Seq> {
        self.messages.values().map(|m| m.position).min()
    }
    /// The model of the last reply.
    pub fn model(&self) -> Option<&ModelId> {
        self.model.as_ref()
    }
    /// What has been applied without a gap.
    pub fn seq(&self) -> Seq {
        self.clock.seq()
    }
    /// Place of `message` among its alternatives: index from 0, and how many there are.
    pub fn branch(&self, message: MessageId) -> (usize, usize) {
        self.tree.branch(message)
    }

    /// Shows the alternative before (`-1`) or after (`1`) a message of the shown branch.
    pub fn walk(&mut self, message: MessageId, step: isize) -> Effects {
        let moved = self.tree.walk(message, step);
        let changed = if moved { self.path().to_vec() } else { Vec::new() };
        Effects { rows: moved, changed, ..Effects::default() }
    }

    /// Shows the branch that holds `message`, if it is loaded.
    pub fn reveal(&mut self, message: MessageId) -> Effects {
        let rows = self.messages.contains_key(&message) && !self.path().contains(&message);
        if rows {
            self.tree.show_through(message);
        }
        Effects { rows, ..Effects::default() }
    }

    /// The frame that asks for everything since what is here; until `Ready`, gaps are expected.
    pub fn hello(&mut self) -> ClientEvent {
        self.clock.ask();
        ClientEvent::Hello { conversation: Some(self.id()), after: self.clock.seq() }
    }

    /// Adds a page of older messages.
    pub fn prepend(&mut self, page: Page<Message>) -> Effects {
        self.older = page.more;
        for message in page.items {
            if !self.messages.contains_key(&message.id) {
                self.place(message);
            }
        }
        self.tree.refresh();
        Effects { rows: true, ..Effects::default() }
    }

    /// Forgets who has stopped typing; whether somebody had.
    pub fn expire_typing(&mut self, now: Millis) -> bool {
        let before = self.typing.len();
        self.typing.retain(|typist| typist.until > now);
        before != self.typing.len()
    }

    /// The next child of this message's parent will be shown: said before asking for another reply.
    pub fn expect_sibling(&mut self, of: MessageId) {
        if let Some(message) = self.messages.get(&of) {
            self.follow.insert(message.parent);
        }
    }

    /// Takes in one event.
    pub fn apply(&mut self, event: &ChatEvent) -> Effects {
        let mut fx = Effects::default();
        match event {
            ChatEvent::Ready { conversation, seq, .. } => {
                if *conversation == Some(self.id()) {
                    self.clock.ready(*seq);
                }
            }
            ChatEvent::Message { message } => self.take_message(message, &mut fx),
            ChatEvent::Turn { turn } => {
                if turn.conversation == self.id() {
                    self.snapshot(turn.clone(), &mut fx);
                }
            }
            ChatEvent::TurnState { turn, state } => self.turn_state(*turn, *state, &mut fx),
            ChatEvent::Delta { turn, part, offset, kind, text } => {
                self.delta(*turn, *part, *offset, *kind, text, &mut fx);
            }
            ChatEvent::Tool { turn, part, call, state } => self.tool(*turn, *part, call, state, &mut fx),
            ChatEvent::TurnEnded { turn, .. } => self.turn_ended(*turn, &mut fx),
            ChatEvent::Conversation { summary } => self.take_summary(summary, &mut fx),
            ChatEvent::ConversationGone { conversation } => fx.gone = *conversation == self.id(),
            ChatEvent::Members { conversation, members } => {
                if *conversation == self.id() && *members != self.members {
                    self.members.clone_from(members);
                    fx.members = true;
                }
            }
            ChatEvent::Typing { conversation, user, name, until } => {
                if *conversation == self.id() && *user != self.me {
                    self.typing.retain(|typist| typist.user != *user);
                    self.typing.push(Typist { user: *user, name: name.clone(), until: *until });
                    fx.typing = true;
                }
            }
            ChatEvent::AppWords { conversation } => fx.words = *conversation == self.id(),
            ChatEvent::Pong { seq } => {
                if *seq > self.clock.seq() {
                    self.ask_again(&mut fx);
                }
            }
            ChatEvent::Refused { reply_to, error } => self.refuse(*reply_to, error, &mut fx),
            ChatEvent::Bye { reason } => fx.bye = Some(*reason),
        }
        fx
    }

    fn take_message(&mut self, message: &Message, fx: &mut Effects) {
        if message.conversation != self.id() {
            return;
        }
        if self.clock.tick(message.seq) == Tick::Gap {
            self.ask_again(fx);
        }
        let known = self.messages.get(&message.id).map(|old| (old.seq, old.status));
        // A reply that could not be stored has no new place on the clock, and is to be seen all the same.
        let unsaved = known == Some((message.seq, Status::Pending)) && message.status == Status::Failed;
        if !unsaved && known.is_some_and(|(seq, _)| seq >= message.seq) {
            return;
        }
        let mine = message.client_id.is_some_and(|key| self.acknowledge(key, fx));
        let mut message = message.clone();
        if let (Status::Pending, Some(old)) = (message.status, self.messages.get(&message.id))
            && old.status == Status::Pending
        {
            message.parts = live::further(old.parts.clone(), message.parts);
        }
        self.note_author(&message, fx);
        let (id, over) = (message.id, message.status != Status::Pending);
        if let (true, Some(turn)) = (over, message.turn) {
            self.turns.remove(&turn);
        }
        if message.role == Role::Assistant {
            self.model.clone_from(&message.model);
            if over && known.is_some_and(|(_, status)| status == Status::Pending) {
                fx.finished = Some(id);
            }
        }
        let follows = known.is_none() && self.follows(&message, mine);
        let turn = message.turn;
        self.place(message);
        if let Some(turn) = turn {
            self.catch_up(turn);
        }
        if known.is_none() {
            self.tree.refresh();
            if follows {
                self.tree.show_through(id);
            }
            fx.rows = true;
            fx.changed.extend(self.tree.siblings(id));
        } else {
            fx.changed.push(id);
        }
    }

    /// Whether a message just heard of belongs to what the reader looks at.
    fn follows(&mut self, message: &Message, mine: bool) -> bool {
        let leaf = self.path().last().copied();
        let shown = message.parent.is_none_or(|parent| self.path().contains(&parent));
        let asked = self.follow.remove(&message.parent);
        let own = mine || message.author.as_ref().is_some_and(|author| author.id == self.me);
        let sibling = leaf.and_then(|leaf| self.messages.get(&leaf)).is_some_and(|leaf| leaf.parent == message.parent);
        shown && (message.parent == leaf || asked || own || (sibling && message.role == Role::Assistant))
    }

    fn place(&mut self, message: Message) {
        self.tree.insert(message.id, message.parent, message.position);
        self.messages.insert(message.id, message);
    }

    /// Somebody whose message is here types no more.
    fn note_author(&mut self, message: &Message, fx: &mut Effects) {
        let Some(author) = &message.author else { return };
        let before = self.typing.len();
        self.typing.retain(|typist| typist.user != author.id);
        fx.typing |= before != self.typing.len();
    }

    fn take_summary(&mut self, summary: &ConversationSummary, fx: &mut Effects) {
        if summary.id == self.id() && *summary != self.summary {
            self.summary = summary.clone();
            fx.summary = true;
        }
    }

    fn ask_again(&mut self, fx: &mut Effects) {
        if !self.clock.asking() {
            fx.say = Some(self.hello());
        }
    }

    /// Puts a new message of one's own at the end, and tells how to send it.
    pub fn write(
        &mut self,
        client_id: ClientId,
        text: String,
        references: Vec<Reference>,
        model: Option<ModelId>,
    ) -> (Pending, Effects) {
        let parent = self.next_parent();
        self.keep(Pending { client_id, kind: PendingKind::Send { parent }, text, references, model })
    }

    /// The message that the next one is to follow; `None` for the newest of all.
    pub fn next_parent(&self) -> Option<MessageId> {
        if self.pending.is_empty() { self.tree.explicit_leaf() } else { None }
    }

    /// Puts a new version of one's own message beside it, and tells how to send it.
    pub fn rewrite(
        &mut self,
        client_id: ClientId,
        message: MessageId,
        text: String,
        model: Option<ModelId>,
    ) -> (Pending, Effects) {
        self.keep(Pending { client_id, kind: PendingKind::Edit { message }, text, references: Vec::new(), model })
    }

    fn keep(&mut self, pending: Pending) -> (Pending, Effects) {
        self.pending.push(pending.clone());
        let say = Some(pending.frame(self.id()));
        (pending, Effects { rows: true, say, ..Effects::default() })
    }
}
