//! The store's tests, each on both databases. Its promises are those of the functions' own words.

#![expect(clippy::unwrap_used, reason = "tests end by panicking")]

mod accounts;
mod api_tokens;
mod app_contexts;
mod apps;
mod attachments;
mod collections;
mod connection_inputs;
mod connections;
mod conversations;
mod full_disk;
mod grouping;
mod oauth;
mod opening;
mod ownership;
mod policies;
mod prompts;
mod random;
mod remote_sign_ins;
mod rooms;
mod searching;
mod summaries;
mod tasks;
mod tool_calls;
mod turning;
mod waiting;
mod writing;

use super::{
    StoreError,
    turns::{FinishTurn, NewTurn, NewTurnKind, Started},
};
use crate::{
    backend::test::{TestStore, on_every_backend},
    wire::{
        id::{ClientId, ConversationId, MessageId, ModelId, TurnId, UserId},
        message::{Message, Part, TurnEnd, Usage},
    },
};

impl TestStore {
    /// A conversation of that person's own.
    async fn conversation_of(&self, by: UserId) -> ConversationId {
        self.create_conversation(by, "").await.unwrap().id
    }

    fn client_id(&self) -> ClientId {
        self.clock.id()
    }

    async fn start(&self, by: UserId, kind: NewTurnKind) -> Result<Started, StoreError> {
        self.start_turn(NewTurn { by, kind, model: ModelId("offline/assistant".to_owned()), scopes: None }).await
    }

    async fn send(&self, by: UserId, conversation: ConversationId, words: &str) -> Result<Started, StoreError> {
        let (client_id, parts) = (self.client_id(), text(words));
        self.start(by, NewTurnKind::Send { conversation, parent: None, client_id, parts }).await
    }

    async fn edit(&self, by: UserId, message: MessageId, words: &str) -> Result<Started, StoreError> {
        let (client_id, parts) = (self.client_id(), text(words));
        self.start(by, NewTurnKind::Edit { message, client_id, parts }).await
    }

    async fn end(&self, turn: TurnId, end: TurnEnd, words: &str) -> Result<Message, StoreError> {
        let usage = Usage { input: 10, output: 5, cached: 2 };
        self.finish_turn(FinishTurn { turn, end, parts: text(words), usage, fault: None }).await
    }

    /// A message and its whole reply.
    async fn exchange(&self, by: UserId, c: ConversationId, words: &str, reply: &str) -> (Message, Message) {
        let started = self.send(by, c, words).await.unwrap();
        let reply = self.end(started.turn, TurnEnd::Complete, reply).await.unwrap();
        (started.message.unwrap(), reply)
    }

    /// Runs statements the store itself never would.
    pub(crate) async fn sql(&self, sql: &'static str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        super::db::execute!(&mut tx, sql)?;
        self.commit(tx).await
    }
}

fn text(words: &str) -> Vec<Part> {
    vec![Part::Text { text: words.to_owned() }]
}

fn not_found<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound))
}

fn conflict<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> &'static str {
    match result {
        Err(StoreError::Conflict(rule)) => rule,
        _ => "no conflict",
    }
}
