//! Beginning conversations and speaking in them, for other programs.
//!
//! Not for the bot: it must not talk to itself. Layer rule: tools do not know the chat, so what they need of it is
//! [`Conversing`], which the chat implements and the composition root hands in. Invariant: what is sent here is what a
//! tab would send, with the same limits, and the tabs of this process see it at once; whoever gives up waiting for the reply (the
//! client cancels, or its connection ends) stops it, as its Stop button would.

mod create;
mod reply;
mod send;

use super::Tool;
use crate::{
    backend::{caller::Caller, hub::Hub},
    wire::{
        conversation::ConversationSummary,
        error::ApiError,
        id::{ClientId, ConversationId, ModelId, TurnId},
        message::Message,
        tool::ToolOutcome,
    },
};
use futures::future::BoxFuture;
use std::{fmt, sync::Arc};

/// What is said.
#[derive(Clone, Debug)]
pub struct Words {
    /// Where.
    pub conversation: ConversationId,
    /// The sender's key: sent again with it, nothing happens twice.
    pub key: ClientId,
    /// Markdown.
    pub text: String,
    /// The model to answer; `None` for the default.
    pub model: Option<ModelId>,
}

/// What came of it so far.
#[derive(Clone, Debug)]
pub struct Said {
    /// The turn that replies.
    pub turn: TurnId,
    /// The reply-to-be; finished already, if the words had been said before.
    pub reply: Message,
    /// The message, unless it had been sent before.
    pub message: Option<Message>,
    /// Whether other replies come first.
    pub waits: bool,
}

/// What tools need of the chat.
pub trait Conversing: Send + Sync {
    /// Makes a conversation, and tells its owner's tabs.
    fn create<'a>(&'a self, by: &'a Caller, title: &'a str) -> BoxFuture<'a, Result<ConversationSummary, ApiError>>;
    /// Sends a message and begins its reply, or puts it into the queue.
    fn say<'a>(&'a self, by: &'a Caller, words: Words) -> BoxFuture<'a, Result<Said, ApiError>>;
    /// Whether its turns are seen, and can be answered, on a page of this process.
    fn has_page(&self) -> bool;
    /// Begins what waits in a conversation, if nothing runs there: whoever was to do it may be another process, or gone.
    fn nudge(&self, conversation: ConversationId);
    /// Ends a turn soon; one that is over stays as it is.
    fn stop(&self, by: &Caller, turn: TurnId);
}

impl fmt::Debug for dyn Conversing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversing").finish_non_exhaustive()
    }
}

/// The toolset; `hub` is where replies are heard.
pub fn tools(chat: Arc<dyn Conversing>, hub: Hub) -> Vec<Arc<dyn Tool>> {
    vec![Arc::new(create::Create::new(Arc::clone(&chat))), Arc::new(send::Send::new(chat, hub))]
}

/// A refusal of the chat's in words for the model.
fn refused(error: &ApiError) -> ToolOutcome {
    match error {
        ApiError::NotFound => ToolOutcome::error("There is no such conversation, or it is not yours."),
        other => ToolOutcome::error(other.to_string()),
    }
}
