//! Reading messages. Writing them is `turns`' alone.

use super::{Store, StoreError, db::read, parse_id, tokens};
use crate::wire::{
    conversation::Page,
    id::{ClientId, ConversationId, MessageId, Millis, ModelId, Seq, UserId},
    message::{Author, Message, Role, Status, Usage},
};
use std::str::FromStr;

/// The columns of [`MessageRow`]; needs `messages` without an alias.
macro_rules! message_columns {
    () => {
        $crate::backend::store::messages::message_columns!("parts")
    };
    ($parts:literal) => {
        concat!(
            "id, conversation_id, parent_id, position, seq, role, author_id,
             (SELECT u.name FROM users u WHERE u.id = author_id) AS author_name, ",
            $parts,
            ", status, turn_id, model, usage_input, usage_output, usage_cached, fault, client_id, created_at"
        )
    };
}

/// The columns of a [`MessageRow`] whose parts are known.
macro_rules! reply_columns {
    () => {
        $crate::backend::store::messages::message_columns!("'[]' AS parts")
    };
}

/// Whether `$1` is in the conversation of a row of `messages`, and it is not deleted.
macro_rules! for_member {
    () => {
        "EXISTS (SELECT 1 FROM members a JOIN conversations c ON c.id = a.conversation_id
                 WHERE a.user_id = $1 AND a.conversation_id = messages.conversation_id AND c.deleted_at IS NULL)"
    };
}

pub(super) use {for_member, message_columns, reply_columns};

/// A message as it is stored.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct MessageRow {
    id: String,
    conversation_id: String,
    parent_id: Option<String>,
    position: i64,
    seq: i64,
    role: String,
    author_id: Option<String>,
    author_name: Option<String>,
    parts: String,
    status: String,
    pub(super) turn_id: Option<String>,
    model: Option<String>,
    usage_input: Option<i64>,
    usage_output: Option<i64>,
    usage_cached: Option<i64>,
    fault: Option<String>,
    client_id: Option<String>,
    created_at: i64,
}

impl MessageRow {
    /// The message, or [`StoreError::Corrupt`] for a row that holds anything unknown.
    pub(super) fn read(self) -> Result<Message, StoreError> {
        let corrupt = || StoreError::Corrupt { table: "messages", id: self.id.clone() };
        let author = match (&self.author_id, &self.author_name) {
            (Some(id), Some(name)) => Some(Author { id: parse_id("users", id)?, name: name.clone() }),
            _ => None,
        };
        let usage = self.usage_input.map(|input| Usage {
            input: tokens(input),
            output: tokens(self.usage_output.unwrap_or_default()),
            cached: tokens(self.usage_cached.unwrap_or_default()),
        });
        Ok(Message {
            id: parse_id("messages", &self.id)?,
            conversation: parse_id("conversations", &self.conversation_id)?,
            parent: optional_id(self.parent_id.as_deref())?,
            position: Seq(self.position),
            seq: Seq(self.seq),
            role: if self.role == "user" { Role::User } else { Role::Assistant },
            author,
            parts: serde_json::from_str(&self.parts).map_err(|_| corrupt())?,
            status: read_status(&self.status).ok_or_else(corrupt)?,
            turn: optional_id(self.turn_id.as_deref())?,
            model: self.model.clone().map(ModelId),
            usage,
            fault: self.fault.as_deref().map(serde_json::from_str).transpose().map_err(|_| corrupt())?,
            client_id: optional_id(self.client_id.as_deref())?,
            created_at: Millis(self.created_at),
        })
    }
}

fn optional_id<T: FromStr>(id: Option<&str>) -> Result<Option<T>, StoreError> {
    id.map(|id| parse_id("messages", id)).transpose()
}

fn read_status(text: &str) -> Option<Status> {
    Some(match text {
        "pending" => Status::Pending,
        "complete" => Status::Complete,
        "stopped" => Status::Stopped,
        "interrupted" => Status::Interrupted,
        "failed" => Status::Failed,
        _ => return None,
    })
}

fn read_all(rows: Vec<MessageRow>) -> Result<Vec<Message>, StoreError> {
    rows.into_iter().map(MessageRow::read).collect()
}

impl Store {
    /// Messages changed after `after`, in order of `seq`, and whether more follow.
    pub async fn since(
        &self,
        by: UserId,
        c: ConversationId,
        after: Seq,
        limit: u32,
    ) -> Result<Page<Message>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            MessageRow,
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM messages WHERE conversation_id = $2 AND seq > $3 AND ",
                for_member!(),
                " ORDER BY seq LIMIT $4"
            ),
            by.to_string(),
            c.to_string(),
            after.0,
            i64::from(limit) + 1,
        )?;
        self.page_of(by, c, rows, limit).await
    }

    /// Whether a message of that key of `by`'s is stored in a conversation they are in.
    pub async fn was_sent(&self, by: UserId, c: ConversationId, key: ClientId) -> Result<bool, StoreError> {
        let row = read!(
            self,
            fetch_optional,
            (String,),
            concat!(
                "SELECT id FROM messages WHERE conversation_id = $2 AND client_id = $3 AND author_id = $1 AND ",
                for_member!()
            ),
            by.to_string(),
            c.to_string(),
            key.to_string(),
        )?;
        Ok(row.is_some())
    }

    /// The newest `limit` messages whose position is below `before` (all, for `None`), in order of position.
    pub async fn page(
        &self,
        by: UserId,
        c: ConversationId,
        before: Option<Seq>,
        limit: u32,
    ) -> Result<Page<Message>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            MessageRow,
            concat!(
                "SELECT ",
                message_columns!(),
                " FROM messages WHERE conversation_id = $2 AND position < $3 AND ",
                for_member!(),
                " ORDER BY position DESC LIMIT $4"
            ),
            by.to_string(),
            c.to_string(),
            before.map_or(i64::MAX, |seq| seq.0),
            i64::from(limit) + 1,
        )?;
        let mut page = self.page_of(by, c, rows, limit).await?;
        page.items.reverse();
        Ok(page)
    }

    /// Cuts `rows` to `limit`. No rows is either an empty answer or a foreign conversation.
    async fn page_of(
        &self,
        by: UserId,
        c: ConversationId,
        mut rows: Vec<MessageRow>,
        limit: u32,
    ) -> Result<Page<Message>, StoreError> {
        if rows.is_empty() && !self.is_member(by, c).await? {
            return Err(StoreError::NotFound);
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Page { items: read_all(rows)?, more })
    }

    /// One message.
    pub async fn message(&self, by: UserId, id: MessageId) -> Result<Message, StoreError> {
        let sql = concat!("SELECT ", message_columns!(), " FROM messages WHERE id = $2 AND ", for_member!());
        let row = read!(self, fetch_optional, MessageRow, sql, by.to_string(), id.to_string())?;
        row.ok_or(StoreError::NotFound)?.read()
    }

    /// What `by` said in a conversation under that key, and the first reply to it.
    ///
    /// # Errors
    /// `NotFound`: nothing was said so, or not by them, or they are not in the conversation any more.
    pub async fn said(
        &self,
        by: UserId,
        conversation: ConversationId,
        key: ClientId,
    ) -> Result<(Message, Message), StoreError> {
        let sql = concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages WHERE conversation_id = $2 AND client_id = $3 AND author_id = $1 AND ",
            for_member!()
        );
        let (room, key) = (conversation.to_string(), key.to_string());
        let said = read!(self, fetch_optional, MessageRow, sql, by.to_string(), room, key)?;
        let said = said.ok_or(StoreError::NotFound)?.read()?;
        let sql = concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages WHERE parent_id = $2 AND role = 'assistant' AND ",
            for_member!(),
            " ORDER BY position LIMIT 1"
        );
        let reply = read!(self, fetch_optional, MessageRow, sql, by.to_string(), said.id.to_string())?;
        Ok((said, reply.ok_or(StoreError::NotFound)?.read()?))
    }

    /// The branch that ends in `leaf`: at most `limit` messages, oldest first.
    pub async fn path(&self, by: UserId, leaf: MessageId, limit: u32) -> Result<Vec<Message>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            MessageRow,
            concat!(
                "WITH RECURSIVE branch (id, parent_id, length) AS (
                     SELECT m.id, m.parent_id, 1 FROM messages m WHERE m.id = $2
                     UNION ALL
                     SELECT p.id, p.parent_id, b.length + 1 FROM branch b JOIN messages p ON p.id = b.parent_id
                     WHERE b.length < $3)
                 SELECT ",
                message_columns!(),
                " FROM messages WHERE id IN (SELECT branch.id FROM branch) AND ",
                for_member!(),
                " ORDER BY position"
            ),
            by.to_string(),
            leaf.to_string(),
            i64::from(limit),
        )?;
        if rows.is_empty() && limit > 0 {
            return Err(StoreError::NotFound);
        }
        read_all(rows)
    }
}
