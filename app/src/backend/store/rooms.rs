//! Members and invitations.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
    parse_id,
};
use crate::wire::{
    id::{ConversationId, Millis, UserId},
    limits::MEMBERS_MAX,
    room::{Invited, Member},
};

impl Store {
    /// The people of a room, its owner first; `present` is not the store's to say.
    pub async fn members(&self, by: UserId, id: ConversationId) -> Result<Vec<Member>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            (String, String, bool),
            "SELECT u.id, u.name, c.owner_id = u.id FROM members n
             JOIN users u ON u.id = n.user_id JOIN conversations c ON c.id = n.conversation_id
             JOIN members a ON a.conversation_id = c.id AND a.user_id = $1
             WHERE n.conversation_id = $2 AND c.deleted_at IS NULL
             ORDER BY CASE WHEN c.owner_id = u.id THEN 0 ELSE 1 END, n.joined_at, u.id",
            by.to_string(),
            id.to_string(),
        )?;
        if rows.is_empty() {
            return Err(StoreError::NotFound);
        }
        let read = |(id, name, owner): (String, String, bool)| {
            Ok(Member { id: parse_id("users", &id)?, name, owner, present: false })
        };
        rows.into_iter().map(read).collect()
    }

    /// The ids of a room's members, without asking who asks: for fan-out. None for a deleted one.
    pub async fn member_ids(&self, id: ConversationId) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT n.user_id FROM members n JOIN conversations c ON c.id = n.conversation_id
                   WHERE n.conversation_id = $1 AND c.deleted_at IS NULL ORDER BY n.joined_at, n.user_id";
        let rows = read!(self, fetch_all, (String,), sql, id.to_string())?;
        rows.into_iter().map(|(id,)| parse_id("members", &id)).collect()
    }

    /// Whether `by` is in the room (and it is not deleted).
    pub async fn is_member(&self, by: UserId, id: ConversationId) -> Result<bool, StoreError> {
        let sql = "SELECT n.joined_at FROM members n JOIN conversations c ON c.id = n.conversation_id
                   WHERE n.user_id = $1 AND n.conversation_id = $2 AND c.deleted_at IS NULL";
        Ok(read!(self, fetch_optional, (i64,), sql, by.to_string(), id.to_string())?.is_some())
    }

    /// Whether `by` owns the room (and it is not deleted).
    pub(super) async fn must_own(&self, by: UserId, id: ConversationId) -> Result<(), StoreError> {
        let sql = "SELECT created_at FROM conversations WHERE id = $2 AND owner_id = $1 AND deleted_at IS NULL";
        let found = read!(self, fetch_optional, (i64,), sql, by.to_string(), id.to_string())?;
        found.map(drop).ok_or(StoreError::NotFound)
    }

    /// Records an invitation by the SHA-256 of its token; owner only. Drops the room's lapsed ones.
    pub async fn create_invitation(
        &self,
        by: UserId,
        id: ConversationId,
        token_hash: &str,
        expires_at: Millis,
    ) -> Result<(), StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let made = execute!(
            &mut tx,
            "INSERT INTO invitations (token_hash, conversation_id, created_at, expires_at)
             SELECT $3, id, $4, $5 FROM conversations WHERE id = $2 AND owner_id = $1 AND deleted_at IS NULL",
            by.to_string(),
            id.to_string(),
            token_hash,
            now,
            expires_at.0,
        )?;
        if made == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "DELETE FROM invitations WHERE conversation_id = $1 AND expires_at <= $2";
        execute!(&mut tx, sql, id.to_string(), now)?;
        self.commit(tx).await
    }

    /// Revokes every invitation of a room; owner only; how many.
    pub async fn revoke_invitations(&self, by: UserId, id: ConversationId) -> Result<u64, StoreError> {
        self.must_own(by, id).await?;
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM invitations WHERE conversation_id = $1";
        let revoked = execute!(&mut tx, sql, id.to_string())?;
        self.commit(tx).await?;
        Ok(revoked)
    }

    /// Live invitations of a room: when each lapses; owner only.
    pub async fn invitations(&self, by: UserId, id: ConversationId) -> Result<Vec<Millis>, StoreError> {
        self.must_own(by, id).await?;
        let sql = "SELECT expires_at FROM invitations WHERE conversation_id = $1 AND expires_at > $2
                   ORDER BY expires_at, token_hash";
        let rows = read!(self, fetch_all, (i64,), sql, id.to_string(), self.inner.clock.now().0)?;
        Ok(rows.into_iter().map(|(at,)| Millis(at)).collect())
    }

    /// What an invitation says. `NotFound` exactly where [`Store::join`] says it: never made, revoked, lapsed, deleted.
    pub async fn invitation(&self, token_hash: &str) -> Result<Invited, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            (String, String, i64),
            "SELECT c.title, u.name, (SELECT COUNT(*) FROM members n WHERE n.conversation_id = c.id)
             FROM invitations i JOIN conversations c ON c.id = i.conversation_id JOIN users u ON u.id = c.owner_id
             WHERE i.token_hash = $1 AND i.expires_at > $2 AND c.deleted_at IS NULL",
            token_hash,
            self.inner.clock.now().0,
        )?;
        let (title, by, members) = found.ok_or(StoreError::NotFound)?;
        Ok(Invited { title, by, members: u32::try_from(members).unwrap_or(u32::MAX) })
    }

    /// Joins by an invitation; joining twice changes nothing. `Conflict("members_full")`; `NotFound` if revoked or lapsed.
    pub async fn join(&self, by: UserId, token_hash: &str) -> Result<ConversationId, StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        // The UPDATE changes nothing; it locks the room, so that two who join at once are counted one after the other.
        let room = fetch!(
            &mut tx,
            fetch_optional,
            (String,),
            "UPDATE conversations SET deleted_at = NULL WHERE deleted_at IS NULL AND id =
                 (SELECT i.conversation_id FROM invitations i WHERE i.token_hash = $1 AND i.expires_at > $2)
             RETURNING id",
            token_hash,
            now,
        )?;
        let (room,) = room.ok_or(StoreError::NotFound)?;
        // Again, now that the room is locked: whoever was removed meanwhile took the link with them.
        let sql = "SELECT expires_at FROM invitations WHERE token_hash = $1 AND expires_at > $2";
        if fetch!(&mut tx, fetch_optional, (i64,), sql, token_hash, now)?.is_none() {
            return Err(StoreError::NotFound);
        }
        let joined = execute!(
            &mut tx,
            "INSERT INTO members (conversation_id, user_id, joined_at) SELECT $1, id, $3 FROM users WHERE id = $2
             ON CONFLICT (conversation_id, user_id) DO NOTHING",
            room.clone(),
            by.to_string(),
            now,
        )?;
        let sql = "SELECT COUNT(*) FROM members WHERE conversation_id = $1";
        let (members,) = fetch!(&mut tx, fetch_one, (i64,), sql, room.clone())?;
        if joined == 1 && members > i64::from(MEMBERS_MAX) {
            return Err(StoreError::Conflict("members_full"));
        }
        self.commit(tx).await?;
        parse_id("conversations", &room)
    }

    /// Removes a member: the owner anybody but themself, anybody themself. The owner cannot leave (`Conflict("owner")`).
    /// Whoever is removed knows the invitation links, which would let them in again, so they end with it; how many that
    /// still worked. They stay good where somebody leaves by themself.
    pub async fn remove_member(&self, by: UserId, id: ConversationId, member: UserId) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        // Like `join`'s it changes nothing: whoever joins at once does so before this, and is removed, or after it.
        let sql = "UPDATE conversations SET deleted_at = NULL WHERE id = $2 AND deleted_at IS NULL
                   AND EXISTS (SELECT 1 FROM members a WHERE a.conversation_id = $2 AND a.user_id = $1)
                   RETURNING owner_id";
        let found = fetch!(&mut tx, fetch_optional, (String,), sql, by.to_string(), id.to_string())?;
        let (owner,) = found.ok_or(StoreError::NotFound)?;
        if member.to_string() == owner && by == member {
            return Err(StoreError::Conflict("owner"));
        }
        if by != member && by.to_string() != owner {
            return Err(StoreError::NotFound);
        }
        let sql = "DELETE FROM members WHERE conversation_id = $1 AND user_id = $2";
        if execute!(&mut tx, sql, id.to_string(), member.to_string())? == 0 {
            return Err(StoreError::NotFound);
        }
        let revoked = if by == member {
            0
        } else {
            let sql = "DELETE FROM invitations WHERE conversation_id = $1 AND expires_at > $2";
            execute!(&mut tx, sql, id.to_string(), self.inner.clock.now().0)?
        };
        self.commit(tx).await?;
        Ok(revoked)
    }
}
