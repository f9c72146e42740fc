//! What people's apps told the model, as it waits for its person's next message.
//!
//! Invariant: of each app there is its last word only, and of each person at most [`APP_CONTEXTS_MAX`] in a
//! conversation; the newest stay. What goes with a message is read and taken away in the transaction that stores the
//! message, so it goes once; what an app says meanwhile stays, for whoever takes words away names their version.

use super::{
    Store, StoreError,
    db::{Tx, execute, fetch, read},
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
    /// Whose app it is: a connection's id, or `operator:NAME`.
    pub server: String,
    /// Whether the reply is on the branch that was asked about.
    pub here: bool,
    /// What the model is to be given.
    pub material: Resource,
}

/// One's words in a conversation, in the order they were said; `$3`: the message that one's next would follow, if that
/// is not the newest leaf.
const WAITING: &str = "WITH RECURSIVE branch (id, parent_id) AS (
         SELECT m.id, m.parent_id FROM messages m WHERE m.conversation_id = $2
            AND m.id = COALESCE($3, (SELECT c.head_id FROM conversations c WHERE c.id = $2))
         UNION ALL
         SELECT p.id, p.parent_id FROM branch b JOIN messages p ON p.id = b.parent_id)
     SELECT w.message_id, w.call_id, w.version, w.server, w.material,
            CASE WHEN w.message_id IN (SELECT branch.id FROM branch) THEN TRUE ELSE FALSE END AS here
     FROM app_contexts w WHERE w.user_id = $1 AND w.conversation_id = $2 ORDER BY w.version";

#[derive(sqlx::FromRow)]
struct Row {
    message_id: String,
    call_id: String,
    version: String,
    server: String,
    material: String,
    here: bool,
}

impl Row {
    fn read(self) -> Result<AppContext, StoreError> {
        let message = parse_id("app_contexts", &self.message_id)?;
        let Ok(material) = serde_json::from_str(&self.material) else {
            return Err(StoreError::Corrupt { table: "app_contexts", id: self.message_id });
        };
        let Self { call_id, version, server, here, .. } = self;
        Ok(AppContext { message, call: CallId(call_id), version, server, here, material })
    }
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
        self.commit(tx).await?;
        parse_id("app_contexts", &conversation)
    }

    /// Everything that apps of `by`'s in a conversation told the model and that waits, in the order they told it.
    /// `after`: the message that the next one would follow; `None`: the newest leaf.
    pub async fn app_contexts(
        &self,
        by: UserId,
        c: ConversationId,
        after: Option<MessageId>,
    ) -> Result<Vec<AppContext>, StoreError> {
        let after = after.map(|after| after.to_string());
        let rows = read!(self, fetch_all, Row, WAITING, by.to_string(), c.to_string(), after)?;
        Ok(readable(rows))
    }

    /// Takes away what an app of `by`'s told the model, whatever it is by now; the conversation, if there was anything.
    pub async fn withdraw_app_context(
        &self,
        by: UserId,
        (message, call): (MessageId, &CallId),
    ) -> Result<Option<ConversationId>, StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM app_contexts WHERE user_id = $1 AND message_id = $2 AND call_id = $3
                   RETURNING conversation_id";
        let (by, message, call) = (by.to_string(), message.to_string(), clean(&call.0));
        let gone = fetch!(&mut tx, fetch_optional, (String,), sql, by, message, call)?;
        self.commit(tx).await?;
        gone.map(|(conversation,)| parse_id("app_contexts", &conversation)).transpose()
    }

    /// In whose conversations something waits. Asks nobody's leave: for the server itself.
    pub async fn conversations_with_app_contexts(&self) -> Result<Vec<(UserId, ConversationId)>, StoreError> {
        let sql = "SELECT DISTINCT user_id, conversation_id FROM app_contexts ORDER BY user_id, conversation_id";
        let rows = read!(self, fetch_all, (String, String), sql)?;
        let pair = |(user, c): (String, String)| Ok((parse_id("users", &user)?, parse_id("conversations", &c)?));
        rows.into_iter().map(pair).collect()
    }
}

/// What of `by`'s words goes with a message after `after`: what apps of the servers `heard` said on that branch. Locks
/// the conversation first, so that of two messages sent at once the second sees what the first one took.
pub(super) async fn going(
    tx: &mut Tx,
    by: UserId,
    c: ConversationId,
    after: Option<MessageId>,
    heard: &[String],
) -> Result<Vec<AppContext>, StoreError> {
    let (by, c, after) = (by.to_string(), c.to_string(), after.map(|after| after.to_string()));
    execute!(&mut *tx, "UPDATE conversations SET last_seq = last_seq WHERE id = $1", &c)?;
    let rows = fetch!(tx, fetch_all, Row, WAITING, by, c, after)?;
    let mut words = readable(rows);
    words.retain(|word| word.here && heard.contains(&word.server));
    Ok(words)
}

/// Takes away what went with a message of `by`'s.
pub(super) async fn forget(tx: &mut Tx, by: UserId, gone: &[AppContext]) -> Result<(), StoreError> {
    for AppContext { message, call, version, .. } in gone {
        let sql = "DELETE FROM app_contexts WHERE user_id = $1 AND message_id = $2 AND call_id = $3 AND version = $4";
        execute!(&mut *tx, sql, by.to_string(), message.to_string(), call.0.as_str(), version.as_str())?;
    }
    Ok(())
}

/// The words of rows. One that cannot be read is left out: it must not keep its person from writing.
fn readable(rows: Vec<Row>) -> Vec<AppContext> {
    let unreadable = |error: &StoreError| tracing::warn!(%error, "what an app told the model cannot be read");
    rows.into_iter().filter_map(|row| row.read().inspect_err(unreadable).ok()).collect()
}
