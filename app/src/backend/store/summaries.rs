//! Summaries of the beginnings of branches, for models whose window they no longer fit.
//!
//! Invariant: a summary covers all messages from the branch's first to the one it is kept with (`upto`), so it is valid
//! for a branch exactly if that message is on it; of several the one furthest along counts. Those before it stay, for
//! branches that leave this one earlier.

use super::{
    Store, StoreError,
    db::{execute, read},
    messages::{MessageRow, for_member, message_columns},
    parse_id,
    text::clean,
};
use crate::wire::{
    id::{MessageId, ModelId, UserId},
    message::Message,
};

/// What a branch's beginning comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The newest message it covers.
    pub upto: MessageId,
    /// What the model wrote.
    pub text: String,
}

impl Store {
    /// The summary that covers most of the branch that ends in `leaf`; `None` too for a branch that `by` may not read.
    pub async fn summary(&self, by: UserId, leaf: MessageId) -> Result<Option<Summary>, StoreError> {
        // From the leaf on to the first message that has one.
        let row = read!(
            self,
            fetch_optional,
            (String, String),
            concat!(
                "WITH RECURSIVE branch (id, parent_id) AS (
                     SELECT m.id, m.parent_id FROM messages m WHERE m.id = $2
                     UNION ALL
                     SELECT p.id, p.parent_id FROM branch b JOIN messages p ON p.id = b.parent_id
                     WHERE NOT EXISTS (SELECT 1 FROM summaries k WHERE k.upto_id = b.id))
                 SELECT s.upto_id, s.text FROM branch JOIN summaries s ON s.upto_id = branch.id
                 JOIN messages ON messages.id = s.upto_id WHERE ",
                for_member!()
            ),
            by.to_string(),
            leaf.to_string(),
        )?;
        row.map(|(upto, text)| Ok(Summary { upto: parse_id("summaries", &upto)?, text })).transpose()
    }

    /// The oldest `limit` messages after `after` (`None`: from the first on) of the branch that ends in `leaf`, oldest
    /// first; if `after` is not on it, they begin with the first.
    ///
    /// # Errors
    /// `NotFound` for a branch that `by` may not read, and where nothing comes after `after`.
    pub async fn branch_after(
        &self,
        by: UserId,
        leaf: MessageId,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            MessageRow,
            concat!(
                "WITH RECURSIVE branch (id, parent_id) AS (
                     SELECT m.id, m.parent_id FROM messages m WHERE m.id = $2 AND m.id <> $3
                     UNION ALL
                     SELECT p.id, p.parent_id FROM branch b JOIN messages p ON p.id = b.parent_id AND p.id <> $3)
                 SELECT ",
                message_columns!(),
                " FROM messages WHERE id IN (SELECT branch.id FROM branch) AND ",
                for_member!(),
                " ORDER BY position LIMIT $4"
            ),
            by.to_string(),
            leaf.to_string(),
            after.map(|after| after.to_string()).unwrap_or_default(),
            i64::from(limit),
        )?;
        if rows.is_empty() && limit > 0 {
            return Err(StoreError::NotFound);
        }
        rows.into_iter().map(MessageRow::read).collect()
    }

    /// Keeps what `model` wrote of a branch from its first message to `upto`, in place of what was kept there before.
    ///
    /// # Errors
    /// `NotFound` for a message that `by` may not read.
    pub async fn keep_summary(
        &self,
        by: UserId,
        upto: MessageId,
        text: &str,
        model: &ModelId,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let kept = execute!(
            &mut tx,
            concat!(
                "INSERT INTO summaries (upto_id, conversation_id, text, model, created_at)
                 SELECT messages.id, messages.conversation_id, $3, $4, $5 FROM messages
                 WHERE messages.id = $2 AND ",
                for_member!(),
                " ON CONFLICT (upto_id) DO UPDATE SET text = excluded.text, model = excluded.model,
                      created_at = excluded.created_at"
            ),
            by.to_string(),
            upto.to_string(),
            clean(text),
            clean(&model.0),
            self.inner.clock.now().0,
        )?;
        if kept == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }
}
