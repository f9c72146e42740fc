//! Messages this browser wrote and the server has not acknowledged: shown as bubbles, kept over a reload, sent again
//! with the same key until `Message` or `Refused` answers.

use super::{ChatState, Effects, Refusal};
use crate::wire::{
    error::ApiError,
    event::ClientEvent,
    id::{ClientId, ConversationId, MessageId, ModelId},
    picker::Reference,
};
use serde::{Deserialize, Serialize};

/// One message under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Its key.
    pub client_id: ClientId,
    /// Where it goes.
    pub kind: PendingKind,
    /// Markdown.
    pub text: String,
    /// What it refers to; none for an edit, which refers to what it did before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The model to answer.
    pub model: Option<ModelId>,
}

/// Where a message under way goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingKind {
    /// After a message; `None` for the newest.
    Send {
        /// The message to follow.
        parent: Option<MessageId>,
    },
    /// Beside one's own message.
    Edit {
        /// The message to make a sibling of.
        message: MessageId,
    },
}

impl Pending {
    /// The frame that sends it.
    pub fn frame(&self, conversation: ConversationId) -> ClientEvent {
        let (client_id, text, model) = (self.client_id, self.text.clone(), self.model.clone());
        match self.kind {
            PendingKind::Send { parent } => {
                let (files, references) = (Vec::new(), self.references.clone());
                ClientEvent::Send { client_id, conversation, parent, text, files, references, model }
            }
            PendingKind::Edit { message } => ClientEvent::Edit { client_id, message, text, model },
        }
    }
}

impl ChatState {
    /// Everything to send again after a reconnect, in order.
    pub fn resend(&self) -> Vec<ClientEvent> {
        self.pending.iter().map(|pending| pending.frame(self.id())).collect()
    }

    /// Takes up messages kept from before a reload or by another tab; the frames that send those not seen before.
    pub fn restore(&mut self, kept: Vec<Pending>) -> Vec<ClientEvent> {
        let here: Vec<ClientId> = self.pending.iter().map(|pending| pending.client_id).collect();
        self.pending.extend(kept.into_iter().filter(|pending| !here.contains(&pending.client_id)));
        // Whichever tab wrote them: keys sort by their birth.
        self.pending.sort_by_key(|pending| pending.client_id);
        self.drop_acknowledged();
        let new = self.pending.iter().filter(|pending| !here.contains(&pending.client_id));
        new.map(|pending| pending.frame(self.id())).collect()
    }

    /// Takes back a message that was not acknowledged.
    pub fn withdraw(&mut self, key: ClientId) -> Option<Pending> {
        let at = self.pending.iter().position(|pending| pending.client_id == key)?;
        Some(self.pending.remove(at))
    }

    pub(super) fn acknowledge(&mut self, key: ClientId, fx: &mut Effects) -> bool {
        let mine = self.withdraw(key).is_some();
        fx.rows |= mine;
        mine
    }

    pub(super) fn refuse(&mut self, key: Option<ClientId>, error: &ApiError, fx: &mut Effects) {
        let draft = key.and_then(|key| self.withdraw(key));
        fx.rows |= draft.is_some();
        fx.refused = Some(Refusal { draft, error: error.clone() });
    }

    pub(super) fn drop_acknowledged(&mut self) {
        let messages = &self.messages;
        self.pending.retain(|pending| !messages.values().any(|m| m.client_id == Some(pending.client_id)));
    }
}
