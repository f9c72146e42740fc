//! Signed-in browsers. Only the SHA-256 of a token is stored.

use super::{
    Store, StoreError,
    db::{execute, read},
    parse_id,
    text::clean,
    users::User,
};
use crate::wire::{
    account::SessionRow,
    id::{Millis, SessionId, UserId},
    limits::SESSION_MS,
};

/// A live session and whose it is.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// The account.
    pub user: UserId,
    /// Its display name.
    pub name: String,
    /// Whether it is an administrator.
    pub admin: bool,
    /// When it was last seen.
    pub seen_at: Millis,
}

#[derive(sqlx::FromRow)]
struct Found {
    id: String,
    user_id: String,
    name: String,
    admin: bool,
    seen_at: i64,
}

#[derive(sqlx::FromRow)]
struct Own {
    id: String,
    agent: String,
    address: String,
    created_at: i64,
    seen_at: i64,
}

impl Store {
    /// Records a sign-in, and drops the account's lapsed sessions. `NotFound` if the account's password is no longer the
    /// one that `user` has: by that they were let in, and whoever changed it has ended every session of the old one.
    pub async fn create_session(
        &self,
        user: &User,
        token_hash: &str,
        agent: &str,
        address: &str,
    ) -> Result<SessionId, StoreError> {
        let id: SessionId = self.inner.clock.id();
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        // It changes nothing; it locks the account, so that a change of the password comes before it or ends what is made.
        let sql = "UPDATE users SET password_hash = $2 WHERE id = $1 AND password_hash = $2";
        if execute!(&mut tx, sql, user.id.to_string(), &user.password_hash)? == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND seen_at <= $2";
        execute!(&mut tx, sql, user.id.to_string(), now - SESSION_MS)?;
        execute!(
            &mut tx,
            "INSERT INTO sessions (id, user_id, token_hash, agent, address, created_at, seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)",
            id.to_string(),
            user.id.to_string(),
            token_hash,
            clean(agent),
            clean(address),
            now,
        )?;
        self.commit(tx).await?;
        Ok(id)
    }

    /// The session of that token, unless it has lapsed ([`crate::wire::limits::SESSION_MS`] since last seen).
    pub async fn session_by_token(&self, token_hash: &str) -> Result<Option<Session>, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            Found,
            "SELECT s.id, s.user_id, u.name, u.admin, s.seen_at FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.token_hash = $1 AND s.seen_at > $2",
            token_hash,
            self.inner.clock.now().0 - SESSION_MS,
        )?;
        found
            .map(|row| {
                Ok(Session {
                    id: parse_id("sessions", &row.id)?,
                    user: parse_id("users", &row.user_id)?,
                    name: row.name,
                    admin: row.admin,
                    seen_at: Millis(row.seen_at),
                })
            })
            .transpose()
    }

    /// Notes that a session is in use.
    pub async fn touch_session(&self, id: SessionId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at > $3";
        let now = self.inner.clock.now().0;
        if execute!(&mut tx, sql, id.to_string(), now, now - SESSION_MS)? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// One's own sessions, newest first; `current` is marked.
    pub async fn sessions(&self, by: UserId, current: Option<SessionId>) -> Result<Vec<SessionRow>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            Own,
            "SELECT id, agent, address, created_at, seen_at FROM sessions WHERE user_id = $1 AND seen_at > $2
             ORDER BY created_at DESC, id DESC",
            by.to_string(),
            self.inner.clock.now().0 - SESSION_MS,
        )?;
        let read = |row: Own| {
            let id = parse_id("sessions", &row.id)?;
            Ok(SessionRow {
                id,
                agent: row.agent,
                address: row.address,
                created_at: Millis(row.created_at),
                seen_at: Millis(row.seen_at),
                current: current == Some(id),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Ends one of one's own sessions.
    pub async fn revoke_session(&self, by: UserId, id: SessionId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM sessions WHERE id = $1 AND user_id = $2";
        if execute!(&mut tx, sql, id.to_string(), by.to_string())? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }
}
