//! What people's apps told the model, as it waits for its person's next message.
//!
//! Invariant: of each app there is its last word only, and of each person at most [`APP_CONTEXTS_MAX`] in a
//! conversation; the newest stay. Whoever takes words away names their version: what an app said meanwhile stays.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
    parse_id,
    text::{clean, to_json},
};
use crate::wire::{
    id::{CallId, ConversationId, MessageId, UserId},
    limits::APP_CONTEXTS_MAX,
    message::Resource,
};
use uuid::Uuid;

/// An app's word that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppContext {
    /// The reply with the app's call.
    pub message: MessageId,
    /// The call.
    pub call: CallId,
    /// Which of its words.
    pub version: String,
    /// What the model is to be given.
    pub material: Resource,
}

impl Store {
    /// Keeps what an app of `by`'s told the model in place of what it told before; `server` is whose app it is. The
    /// conversation it is in.
    ///
    /// # Errors
    /// `NotFound` for a message that `by` may not read.
    pub async fn keep_app_context(
        &self,
        by: UserId,
        server: &str,
        (message, call): (MessageId, &CallId),
        material: &Resource,
    ) -> Result<ConversationId, StoreError> {
        let version: Uuid = self.inner.clock.id();
        let mut tx = self.begin().await?;
        let kept = fetch!(
            &mut tx,
            fetch_optional,
            (String,),
            "INSERT INTO app_contexts (user_id, message_id, call_id, conversation_id, server, version, material)
             SELECT a.user_id, m.id, $3, m.conversation_id, $4, $5, $6 FROM messages m
             JOIN members a ON a.conversation_id = m.conversation_id AND a.user_id = $1
             JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
             WHERE m.id = $2
             ON CONFLICT (user_id, message_id, call_id) DO UPDATE SET server = excluded.server,
                 version = excluded.version, material = excluded.material
             RETURNING conversation_id",
            by.to_string(),
            message.to_string(),
            clean(&call.0),
            clean(server),
            version.to_string(),
            to_json(material)?,
        )?;
        let (conversation,) = kept.ok_or(StoreError::NotFound)?;
        execute!(
            &mut tx,
            "DELETE FROM app_contexts WHERE user_id = $1 AND conversation_id = $2 AND version < (SELECT MIN(k.version)
                 FROM (SELECT version FROM app_contexts WHERE user_id = $1 AND conversation_id = $2
                       ORDER BY version DESC LIMIT $3) k)",
            by.to_string(),
            &conversation,
            i64::from(APP_CONTEXTS_MAX),
        )?;
        tx.commit().await?;
        parse_id("app_contexts", &conversation)
    }

    /// What an app of `by`'s told the model and waits.
    pub async fn app_context(
        &self,
        by: UserId,
        (message, call): (MessageId, &CallId),
    ) -> Result<Option<Resource>, StoreError> {
        let sql = "SELECT material FROM app_contexts WHERE user_id = $1 AND message_id = $2 AND call_id = $3";
        let found = read!(self, fetch_optional, (String,), sql, by.to_string(), message.to_string(), clean(&call.0))?;
        found.map(|(material,)| read_material(&material, message)).transpose()
    }

    /// Everything that apps of `by`'s in a conversation told the model and that waits, in the order they told it.
    pub async fn app_contexts(&self, by: UserId, c: ConversationId) -> Result<Vec<AppContext>, StoreError> {
        let sql = "SELECT message_id, call_id, version, material FROM app_contexts
                   WHERE user_id = $1 AND conversation_id = $2 ORDER BY version";
        let rows = read!(self, fetch_all, (String, String, String, String), sql, by.to_string(), c.to_string())?;
        let waiting = |(message, call, version, material): (String, String, String, String)| {
            let message = parse_id("app_contexts", &message)?;
            Ok(AppContext { message, call: CallId(call), version, material: read_material(&material, message)? })
        };
        rows.into_iter().map(waiting).collect()
    }

    /// Takes away what an app of `by`'s told the model, whatever it is by now.
    pub async fn withdraw_app_context(
        &self,
        by: UserId,
        (message, call): (MessageId, &CallId),
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM app_contexts WHERE user_id = $1 AND message_id = $2 AND call_id = $3";
        execute!(&mut tx, sql, by.to_string(), message.to_string(), clean(&call.0))?;
        tx.commit().await
    }

    /// Takes away what went with a message of `by`'s, unless its app has said something newer.
    pub async fn forget_app_contexts(&self, by: UserId, gone: &[AppContext]) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for AppContext { message, call, version, .. } in gone {
            let sql = "DELETE FROM app_contexts
                       WHERE user_id = $1 AND message_id = $2 AND call_id = $3 AND version = $4";
            execute!(&mut tx, sql, by.to_string(), message.to_string(), call.0.as_str(), version.as_str())?;
        }
        tx.commit().await
    }

    /// In whose conversations something waits. Asks nobody's leave: for the server itself.
    pub async fn conversations_with_app_contexts(&self) -> Result<Vec<(UserId, ConversationId)>, StoreError> {
        let sql = "SELECT DISTINCT user_id, conversation_id FROM app_contexts ORDER BY user_id, conversation_id";
        let rows = read!(self, fetch_all, (String, String), sql)?;
        let pair = |(user, c): (String, String)| Ok((parse_id("users", &user)?, parse_id("conversations", &c)?));
        rows.into_iter().map(pair).collect()
    }
}

fn read_material(json: &str, message: MessageId) -> Result<Resource, StoreError> {
    serde_json::from_str(json).map_err(|_| StoreError::Corrupt { table: "app_contexts", id: message.to_string() })
}
