//! One open conversation as signals: [`ChatState`] decides, this wakes what changed and nothing else.
//!
//! Here are its signals and what one does with it; `draw` turns the state's [`Effects`](super::state::Effects) into
//! signals, `outbox` keeps what was not acknowledged. Invariant: every change of the state goes through
//! [`Room::settle`]. Text that only grew is painted once per frame. Made on the server too, where it never changes.

mod draw;
mod outbox;

use super::{
    browser,
    cell::Cell,
    drafts::Draft,
    session::Session,
    state::{ChatState, Refusal, Typist},
};
use crate::{
    api,
    ui::kit::Watched,
    wire::{
        conversation::{ConversationSummary, ConversationView},
        event::{ChatEvent, ClientEvent},
        id::{ClientId, ConversationId, MessageId, ModelId, Seq, TurnId, UserId},
        message::TurnState,
        room::Member,
    },
};
use leptos::{prelude::*, task::spawn_local};
use std::collections::HashMap;

/// A line of the transcript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// A new day begins: days since 1970, and the first message of it.
    Day(i64, MessageId),
    /// A message of the shown branch.
    Message(MessageId),
    /// One not yet acknowledged.
    Pending(ClientId),
}

/// How the loading of older messages stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// There are none.
    None,
    /// They can be asked for.
    More,
    /// They are under way.
    Loading,
    /// They did not come.
    Failed,
}

/// See the module. A handle, free to copy.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// The conversation.
    pub id: ConversationId,
    /// Who looks.
    pub me: UserId,
    /// The shown lines.
    pub rows: Watched<Vec<Row>>,
    /// Its sidebar row.
    pub summary: Watched<ConversationSummary>,
    /// The people in it.
    pub members: Watched<Vec<Member>>,
    /// Who types.
    pub typing: Watched<Vec<Typist>>,
    /// The turns of the shown branch that wait or run.
    pub turns: Watched<Vec<(TurnId, TurnState)>>,
    /// A message that came back, for the composer or its editor.
    pub refused: Watched<Option<Refusal>>,
    /// What a screen reader is told once.
    pub announced: RwSignal<String>,
    /// Counts what arrives at the end, for the scroll rule.
    pub arrived: Watched<u32>,
    /// Counts what one sends, for the scroll rule.
    pub sent: Watched<u32>,
    /// 0 while no app of one's has told the model anything for the next message; another number whenever that may have
    /// changed.
    pub words: RwSignal<u32>,
    /// Counts paints of growing text, for the scroll rule.
    pub painted: Watched<u32>,
    /// Older messages.
    pub older: Watched<Older>,
    /// The message being edited in place.
    pub editing: Watched<Option<MessageId>>,
    /// The model to answer next; `None` for the default.
    pub model: Watched<Option<ModelId>>,
    /// The conversation is gone, or one is no longer in it.
    pub left: RwSignal<bool>,
    /// Whether times are the reader's own by now.
    pub local: RwSignal<bool>,
    session: Session,
    state: StoredValue<ChatState>,
    cells: StoredValue<HashMap<MessageId, Cell>>,
    grown: StoredValue<Vec<(MessageId, u32)>>,
    /// The messages that this tab keeps in the browser until they are acknowledged.
    kept: StoredValue<Vec<ClientId>>,
}

impl Room {
    /// The room as the server drew it.
    pub fn open(me: UserId, view: ConversationView, session: Session) -> Self {
        let words = RwSignal::new(u32::from(view.words));
        let state = ChatState::open(me, view, Vec::new());
        let older = if state.has_older() { Older::More } else { Older::None };
        let room = Self {
            id: state.id(),
            me,
            rows: Watched::new(Vec::new()),
            summary: Watched::new(state.summary().clone()),
            members: Watched::new(state.members().to_vec()),
            typing: Watched::new(Vec::new()),
            turns: Watched::new(Vec::new()),
            refused: Watched::new(None),
            announced: RwSignal::new(String::new()),
            arrived: Watched::new(0),
            sent: Watched::new(0),
            words,
            painted: Watched::new(0),
            older: Watched::new(older),
            editing: Watched::new(None),
            model: Watched::new(state.model().cloned()),
            left: RwSignal::new(false),
            local: RwSignal::new(false),
            session,
            state: StoredValue::new(state),
            cells: StoredValue::new(HashMap::new()),
            grown: StoredValue::new(Vec::new()),
            kept: StoredValue::new(Vec::new()),
        };
        room.draw_rows();
        room.draw_turns();
        room
    }

    /// Wakes it: takes up what was not acknowledged, follows the socket, localises days. From an effect.
    pub fn wake(self) {
        self.local.set(true);
        self.take_up();
        self.draw_rows();
        self.session.follow(Some(self));
        on_cleanup(move || self.session.unfollow(self));
    }

    /// The signals of a message; made when first asked for.
    pub fn cell(self, id: MessageId) -> Option<Cell> {
        if let Some(cell) = self.cells.with_value(|cells| cells.get(&id).cloned()) {
            return Some(cell);
        }
        let cell = self.state.with_value(|state| Cell::of(state, id))?;
        self.cells.update_value(|cells| {
            cells.insert(id, cell.clone());
        });
        Some(cell)
    }

    /// The text of a loaded message: what is copied and edited.
    pub fn text(self, id: MessageId) -> String {
        self.state.with_value(|state| state.message(id).map(crate::wire::message::Message::text)).unwrap_or_default()
    }

    /// The last message of one's own in the shown branch.
    pub fn last_own(self) -> Option<MessageId> {
        self.state.with_value(|state| {
            let own = |id: &&MessageId| {
                state.message(**id).and_then(|m| m.author.as_ref()).is_some_and(|author| author.id == state.me())
            };
            state.path().iter().rev().find(own).copied()
        })
    }

    /// What to say on a fresh socket.
    pub fn greeting(self) -> Vec<ClientEvent> {
        self.state
            .try_update_value(|state| {
                let mut frames = vec![state.hello()];
                frames.extend(state.resend());
                frames
            })
            .unwrap_or_default()
    }

    /// Takes in an event of the socket.
    pub fn hear(self, event: &ChatEvent) {
        let Some(fx) = self.state.try_update_value(|state| state.apply(event)) else { return };
        let arrives = fx.rows;
        self.settle(fx);
        if arrives {
            self.arrived.update(|n| *n = n.wrapping_add(1));
        }
        if matches!(event, ChatEvent::Ready { conversation, .. } if *conversation == Some(self.id)) {
            self.take_up().into_iter().for_each(|frame| self.session.post(frame));
        }
    }

    /// The message that the next one is to follow; `None` for the newest of all.
    pub fn next_parent(self) -> Option<MessageId> {
        self.state.try_with_value(ChatState::next_parent).flatten()
    }

    /// Sends a new message.
    pub fn send(self, draft: Draft) {
        let (Draft { text, references }, model) = (draft, self.model.get_untracked());
        let fx = self.state.try_update_value(|state| state.write(browser::new_client_id(), text, references, model).1);
        self.settle(fx.unwrap_or_default());
        self.sent.update(|n| *n = n.wrapping_add(1));
    }

    /// Sends a new version of one's own message.
    pub fn edit(self, message: MessageId, text: String) {
        let model = self.model.get_untracked();
        let fx = self.state.try_update_value(|state| state.rewrite(browser::new_client_id(), message, text, model).1);
        self.editing.set(None);
        self.settle(fx.unwrap_or_default());
    }

    /// Asks for another reply beside this one.
    pub fn regenerate(self, message: MessageId) {
        self.ask_for_sibling(message, ClientEvent::Regenerate { message, model: self.model.get_untracked() });
    }

    /// Goes on with a reply that ended early.
    pub fn go_on(self, message: MessageId) {
        self.ask_for_sibling(message, ClientEvent::Continue { message });
    }

    fn ask_for_sibling(self, message: MessageId, event: ClientEvent) {
        if self.session.ask(event) {
            self.state.update_value(|state| state.expect_sibling(message));
        }
    }

    /// Ends the oldest live turn of the shown branch; whether there was one.
    pub fn stop(self) -> bool {
        let first = self.turns.with_untracked(|turns| turns.first().map(|(turn, _)| *turn));
        first.is_some_and(|turn| self.session.ask(ClientEvent::Stop { turn }))
    }

    /// Tells the others that one types.
    pub fn type_(self) {
        self.session.say(ClientEvent::Typing);
    }

    /// Shows the alternative before (`-1`) or after (`1`) a message.
    pub fn walk(self, message: MessageId, step: isize) {
        let fx = self.state.try_update_value(|state| state.walk(message, step)).unwrap_or_default();
        self.settle(fx);
        self.draw_turns();
    }

    /// Shows the branch that holds a message, after loading older pages until it is here; whether it was found.
    pub async fn seek(self, message: MessageId) -> bool {
        loop {
            let here = self.state.try_with_value(|state| state.message(message).is_some());
            let before = self.state.try_with_value(|state| state.oldest().filter(|_| state.has_older())).flatten();
            match (here, before) {
                (None, _) | (Some(false), None) => return false,
                (Some(true), _) => {
                    let fx = self.state.try_update_value(|state| state.reveal(message)).unwrap_or_default();
                    self.settle(fx);
                    return true;
                }
                (Some(false), Some(before)) => {
                    self.older.set(Older::Loading);
                    self.take_older(before).await;
                }
            }
            if self.older.try_get_untracked().is_none_or(|older| older == Older::Failed) {
                return false;
            }
        }
    }

    /// Loads the page before the oldest message, unless that is under way.
    pub fn load_older(self) {
        if !matches!(self.older.get_untracked(), Older::More | Older::Failed) {
            return;
        }
        let Some(before) = self.state.with_value(ChatState::oldest) else { return };
        self.older.set(Older::Loading);
        spawn_local(async move { self.take_older(before).await });
    }

    async fn take_older(self, before: Seq) {
        let Ok(page) = api::conversations::older_messages(self.id, before).await else {
            self.older.set(Older::Failed);
            return;
        };
        let more = page.more;
        if let Some(fx) = self.state.try_update_value(|state| state.prepend(page)) {
            self.settle(fx);
            self.older.set(if more { Older::More } else { Older::None });
        }
    }

    /// The conversation is no longer the viewer's.
    pub fn gone(self) {
        self.left.try_set(true);
    }

    /// Forgets who has stopped typing.
    pub fn expire_typing(self) {
        if self.state.try_update_value(|state| state.expire_typing(browser::now())) == Some(true) {
            self.draw_typing();
        }
    }
}
