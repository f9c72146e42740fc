//! From a wish to a stored turn, and from there to a live one.
//!
//! Invariant: a turn is stored before anybody hears of it, and none is forgotten between the store and the memory of
//! rooms: whoever ends a turn looks in the store as long as a send is under way. Whoever asked may go at any moment (a
//! tab closes, a program's call is called off): what they began is done to its end by a task of its own.

use super::{Chat, ChatError, NewMessage, live::LiveTurn};
use crate::{
    backend::{
        caller::Caller,
        hub::Topic,
        store::turns::{NewTurn, NewTurnKind, Started},
    },
    wire::{
        error::ApiError,
        event::ChatEvent,
        id::{ConversationId, MessageId, ModelId},
        limits,
        message::{Part, Resource},
    },
};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Chat {
    /// [`Chat::start`] in the conversation of a message.
    pub(super) async fn start_beside(
        self: &Arc<Self>,
        by: &Caller,
        message: MessageId,
        kind: NewTurnKind,
        model: Option<&ModelId>,
    ) -> Result<Started, ChatError> {
        let conversation = self.store.message(by.user, message).await?.conversation;
        self.start(by, kind, model, Some(conversation), Vec::new()).await
    }

    /// Starts a turn. `heard`: the servers whose apps' words its message takes along (`apps::told`).
    pub(super) async fn start(
        self: &Arc<Self>,
        by: &Caller,
        kind: NewTurnKind,
        model: Option<&ModelId>,
        conversation: Option<ConversationId>,
        heard: Vec<String>,
    ) -> Result<Started, ChatError> {
        if self.draining() {
            return Err(ApiError::Unavailable.into());
        }
        let Some(model) = self.models.get(model) else {
            let name = model.map(|id| id.0.as_str()).unwrap_or_default();
            let reason = format!("There is no model «{name}» here. Choose one of the list.");
            return Err(ApiError::invalid("model", reason).into());
        };
        (self.sending)(by.user).map_err(ApiError::too_many)?;
        let new = NewTurn { by: by.user, kind, model: model.id.clone(), scopes: by.scopes() };
        let (tell, answer) = oneshot::channel();
        let (chat, by) = (Arc::clone(self), by.clone());
        self.tasks.spawn("send", async move {
            let _nobody_waits = tell.send(chat.store_and_begin(&by, new, conversation, heard).await);
        });
        // Without an answer the task has panicked; the panic is in the log.
        answer.await.unwrap_or_else(|_| Err(ApiError::Unavailable.into()))
    }

    async fn store_and_begin(
        self: &Arc<Self>,
        by: &Caller,
        new: NewTurn,
        conversation: Option<ConversationId>,
        heard: Vec<String>,
    ) -> Result<Started, ChatError> {
        let sending = conversation.map(|id| Sending::new(self, id));
        let model = new.model.clone();
        let takes_words = !heard.is_empty();
        let started = self.store.start_turn_hearing(new, heard).await?;
        if !started.duplicate {
            if takes_words {
                self.given(by.user, started.conversation).await;
            }
            self.begin(by, &started, model).await?;
        }
        drop(sending);
        if !started.duplicate {
            self.touched(started.conversation, started.reply.created_at).await;
        }
        Ok(started)
    }

    /// Makes a stored turn live, tells the room, and runs it if it may.
    async fn begin(self: &Arc<Self>, by: &Caller, started: &Started, model: ModelId) -> Result<(), ChatError> {
        let make =
            || LiveTurn::new(self.hub.clone(), by.clone(), model, started.turn, started.untitled, &started.reply);
        let turn = self.rooms.with(started.conversation, |room| room.enter(started.turn, make));
        self.saw(started.conversation, started.reply.seq);
        let topic = Topic::Conversation(started.conversation);
        if let Some(message) = started.message.clone() {
            self.hub.publish(topic, ChatEvent::Message { message });
        }
        self.hub.publish(topic, ChatEvent::Message { message: started.reply.clone() });
        turn.announce();
        if started.running {
            turn.keep_path(started.message.as_ref().and_then(|said| self.paths.with(said)));
            self.launch(turn);
            return Ok(());
        }
        // It waits. By now the one before it may be over, and this one begun and ended by whoever ended that.
        self.forget_if_over(&turn).await;
        // Behind turns that wait for nobody (their beginning failed, or the conversation was away): go on with them.
        if !self.rooms.turns(started.conversation).iter().any(|turn| turn.has_begun()) {
            self.begin_next(started.conversation).await;
        }
        Ok(())
    }
}

impl Chat {
    /// Reads what a message refers to; nothing if it was stored before, or has no text to be sent with.
    pub(super) async fn read(&self, by: &Caller, m: &NewMessage) -> Result<Vec<Resource>, ChatError> {
        if m.references.is_empty() || self.store.was_sent(by.user, m.conversation, m.client_id).await? {
            return Ok(Vec::new());
        }
        text_parts(m.text.clone())?;
        Ok(self.picker.read(by, &m.references).await?)
    }
}

/// Says that a send is between its question to the store and its turn's entry, so that a turn that ends meanwhile
/// looks for it in the store. Dropping it says it is over.
struct Sending<'a> {
    chat: &'a Arc<Chat>,
    conversation: ConversationId,
}

impl<'a> Sending<'a> {
    fn new(chat: &'a Arc<Chat>, conversation: ConversationId) -> Self {
        chat.rooms.with(conversation, |room| room.sending += 1);
        Self { chat, conversation }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.chat.rooms.with(self.conversation, |room| room.sending = room.sending.saturating_sub(1));
    }
}

/// A message's text as its parts. It is kept as it was written, also what nobody sees of it; only NUL, which databases
/// cannot store, and a text of nothing but what nobody sees are refused.
pub(super) fn text_parts(text: String) -> Result<Vec<Part>, ApiError> {
    if let Some((before, _)) = text.split_once('\0') {
        let reason = format!(
            "This message has the character NUL (U+0000) in it, after {} others. Nobody sees it, and it cannot be kept: \
             write the message without it.",
            before.chars().count()
        );
        return Err(ApiError::invalid("text", reason));
    }
    if !text.contains(is_seen) {
        return Err(ApiError::invalid("text", "There is nothing in this message. Write something first."));
    }
    // Counting is only needed where bytes alone do not settle it.
    let length = if text.len() > limits::MESSAGE_MAX { text.chars().count() } else { 0 };
    if length > limits::MESSAGE_MAX {
        let reason = format!(
            "This message has {length} characters; at most {} are possible. Shorten it or send it in pieces.",
            limits::MESSAGE_MAX
        );
        return Err(ApiError::invalid("text", reason));
    }
    Ok(vec![Part::Text { text }])
}

/// Whether a character alone would show: not a space, a control character or a mark without a width.
fn is_seen(c: char) -> bool {
    let widthless =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !(c.is_whitespace() || c.is_control() || widthless)
}
