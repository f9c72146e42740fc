//! Attachments: what tools answered besides text, kept with its conversation and read by its members.
//!
//! Invariant: the same bytes are kept once in a conversation, and never more than
//! [`CONVERSATION_ATTACHMENTS_MAX`] of them. They never change, so their digest is their version.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
    parse_id,
    text::clean,
};
use crate::wire::{
    id::{AttachmentId, ConversationId, UserId},
    limits::CONVERSATION_ATTACHMENTS_MAX,
};
use ring::digest::{SHA256, digest};

/// Bytes to keep.
#[derive(Clone, Copy, Debug)]
pub struct NewAttachment<'a> {
    /// In which conversation.
    pub conversation: ConversationId,
    /// What they are.
    pub media_type: &'a str,
    /// What a download of them is called.
    pub name: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// What is known of bytes that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentRow {
    /// Their conversation.
    pub conversation: ConversationId,
    /// What they are.
    pub media_type: String,
    /// What a download of them is called.
    pub name: String,
    /// Their SHA-256 in hexadecimal.
    pub digest: String,
}

/// An attachment `a` in a conversation where `$1` is a member.
macro_rules! own {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM attachments a
             JOIN members m ON m.conversation_id = a.conversation_id AND m.user_id = $1
             JOIN conversations c ON c.id = a.conversation_id AND c.deleted_at IS NULL
             WHERE a.id = $2"
        )
    };
}

impl Store {
    /// Keeps bytes in a conversation of `by`'s; the id they have there already, if they do.
    ///
    /// # Errors
    /// `Conflict("attachments_full")` beyond [`CONVERSATION_ATTACHMENTS_MAX`].
    pub async fn attach(&self, by: UserId, new: NewAttachment<'_>) -> Result<AttachmentId, StoreError> {
        let digest = hex::encode(digest(&SHA256, new.bytes));
        let (conversation, size) = (new.conversation.to_string(), i64::try_from(new.bytes.len()).unwrap_or(i64::MAX));
        let mut tx = self.begin().await?;
        // Changes nothing: its lock makes one wait for the other, so that both count what is there.
        let locked = execute!(
            &mut tx,
            "UPDATE conversations SET last_seq = last_seq WHERE id = $1 AND deleted_at IS NULL
             AND EXISTS (SELECT 1 FROM members WHERE conversation_id = $1 AND user_id = $2)",
            &conversation,
            by.to_string(),
        )?;
        if locked == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "SELECT id FROM attachments WHERE conversation_id = $1 AND digest = $2";
        if let Some((id,)) = fetch!(&mut tx, fetch_optional, (String,), sql, &conversation, &digest)? {
            return parse_id("attachments", &id);
        }
        let id: AttachmentId = self.inner.clock.id();
        let kept = execute!(
            &mut tx,
            "INSERT INTO attachments (id, conversation_id, digest, media_type, name, size, created_at, bytes)
             SELECT $1, c.id, $3, $4, $5, $6, $7, $8 FROM conversations c
             WHERE c.id = $2
             AND (SELECT COALESCE(SUM(a.size), 0) FROM attachments a WHERE a.conversation_id = $2) + $6 <= $9",
            id.to_string(),
            &conversation,
            &digest,
            clean(new.media_type),
            clean(new.name),
            size,
            self.inner.clock.now().0,
            new.bytes,
            CONVERSATION_ATTACHMENTS_MAX,
        )?;
        if kept == 0 {
            return Err(StoreError::Conflict("attachments_full"));
        }
        self.commit(tx).await?;
        Ok(id)
    }

    /// What is known of an attachment.
    pub async fn attachment(&self, by: UserId, id: AttachmentId) -> Result<AttachmentRow, StoreError> {
        let sql = own!("a.conversation_id, a.media_type, a.name, a.digest");
        let row = read!(self, fetch_optional, (String, String, String, String), sql, by.to_string(), id.to_string())?;
        let (conversation, media_type, name, digest) = row.ok_or(StoreError::NotFound)?;
        Ok(AttachmentRow { conversation: parse_id("attachments", &conversation)?, media_type, name, digest })
    }

    /// An attachment's bytes.
    pub async fn attachment_bytes(&self, by: UserId, id: AttachmentId) -> Result<Vec<u8>, StoreError> {
        let row = read!(self, fetch_optional, (Vec<u8>,), own!("a.bytes"), by.to_string(), id.to_string())?;
        row.map(|(bytes,)| bytes).ok_or(StoreError::NotFound)
    }
}
