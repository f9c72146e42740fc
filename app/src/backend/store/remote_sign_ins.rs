//! What Parley is given by the authorization servers of other MCP servers: as what it is known, tokens, and sign-ins under
//! way. All of it comes sealed and goes sealed: the store has no key. A sign-in under way is taken once.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
};
use crate::wire::{
    id::{Millis, UserId},
    limits::REMOTE_SIGN_IN_MS,
};

/// A sign-in under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSignIn {
    /// The SHA-256 of its `state`.
    pub state_hash: String,
    /// The browser session that began it; empty if none did.
    pub session: String,
    /// To which server.
    pub server: String,
    /// What is needed to end it, sealed.
    pub pending: String,
}

impl Store {
    /// What the authorization server `issuer` knows one as, for that server of theirs.
    pub async fn remote_client(&self, by: UserId, server: &str, issuer: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT client FROM remote_clients WHERE user_id = $1 AND server = $2 AND issuer = $3";
        let found = read!(self, fetch_optional, (String,), sql, by.to_string(), server, issuer)?;
        Ok(found.map(|(client,)| client))
    }

    /// Keeps it; without `client` it is forgotten.
    pub async fn put_remote_client(
        &self,
        by: UserId,
        server: &str,
        issuer: &str,
        client: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if let Some(client) = client {
            execute!(
                &mut tx,
                "INSERT INTO remote_clients (user_id, server, issuer, client)
                 SELECT u.id, $2, $3, $4 FROM users u WHERE u.id = $1
                 ON CONFLICT (user_id, server, issuer) DO UPDATE SET client = excluded.client",
                by.to_string(),
                server,
                issuer,
                client,
            )?;
        } else {
            let sql = "DELETE FROM remote_clients WHERE user_id = $1 AND server = $2 AND issuer = $3";
            execute!(&mut tx, sql, by.to_string(), server, issuer)?;
        }
        self.commit(tx).await
    }

    /// One's tokens for a server.
    pub async fn remote_grant(&self, by: UserId, server: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT tokens FROM remote_grants WHERE user_id = $1 AND server = $2";
        Ok(read!(self, fetch_optional, (String,), sql, by.to_string(), server)?.map(|(tokens,)| tokens))
    }

    /// Keeps them; without `tokens` they are forgotten.
    pub async fn put_remote_grant(&self, by: UserId, server: &str, tokens: Option<&str>) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if let Some(tokens) = tokens {
            execute!(
                &mut tx,
                "INSERT INTO remote_grants (user_id, server, tokens, changed_at)
                 SELECT u.id, $2, $3, $4 FROM users u WHERE u.id = $1
                 ON CONFLICT (user_id, server) DO UPDATE
                 SET tokens = excluded.tokens, changed_at = excluded.changed_at",
                by.to_string(),
                server,
                tokens,
                self.inner.clock.now().0,
            )?;
        } else {
            let sql = "DELETE FROM remote_grants WHERE user_id = $1 AND server = $2";
            execute!(&mut tx, sql, by.to_string(), server)?;
        }
        self.commit(tx).await
    }

    /// Keeps them in place of `before`, which are those that were read; without `tokens` they are forgotten. `false`, and
    /// nothing is changed, if it is others that are kept by now, or none.
    pub async fn replace_remote_grant(
        &self,
        by: UserId,
        server: &str,
        before: &str,
        tokens: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let replaced = if let Some(tokens) = tokens {
            execute!(
                &mut tx,
                "UPDATE remote_grants SET tokens = $4, changed_at = $5
                 WHERE user_id = $1 AND server = $2 AND tokens = $3",
                by.to_string(),
                server,
                before,
                tokens,
                self.inner.clock.now().0,
            )?
        } else {
            let sql = "DELETE FROM remote_grants WHERE user_id = $1 AND server = $2 AND tokens = $3";
            execute!(&mut tx, sql, by.to_string(), server, before)?
        };
        self.commit(tx).await?;
        Ok(replaced > 0)
    }

    /// Keeps a sign-in under way, in place of an earlier one to that server; what lapsed is removed.
    pub async fn begin_remote_sign_in(&self, by: UserId, new: &StoredSignIn) -> Result<(), StoreError> {
        let Millis(now) = self.inner.clock.now();
        let mut tx = self.begin().await?;
        execute!(&mut tx, "DELETE FROM remote_sign_ins WHERE expires_at <= $1", now)?;
        let sql = "DELETE FROM remote_sign_ins WHERE user_id = $1 AND server = $2";
        execute!(&mut tx, sql, by.to_string(), &new.server)?;
        execute!(
            &mut tx,
            "INSERT INTO remote_sign_ins (state_hash, user_id, session, server, pending, expires_at)
             SELECT $1, u.id, $3, $4, $5, $6 FROM users u WHERE u.id = $2",
            &new.state_hash,
            by.to_string(),
            &new.session,
            &new.server,
            &new.pending,
            now + REMOTE_SIGN_IN_MS,
        )?;
        self.commit(tx).await
    }

    /// Takes one's own sign-in under way, begun in that browser session: the second time there is none.
    ///
    /// # Errors
    /// `NotFound` if it is another's, another session's, taken, or too old.
    pub async fn take_remote_sign_in(
        &self,
        by: UserId,
        session: &str,
        state_hash: &str,
    ) -> Result<StoredSignIn, StoreError> {
        let mut tx = self.begin().await?;
        let (server, pending) = fetch!(
            &mut tx,
            fetch_optional,
            (String, String),
            "DELETE FROM remote_sign_ins
             WHERE state_hash = $1 AND user_id = $2 AND session = $3 AND expires_at > $4
             RETURNING server, pending",
            state_hash,
            by.to_string(),
            session,
            self.inner.clock.now().0,
        )?
        .ok_or(StoreError::NotFound)?;
        self.commit(tx).await?;
        Ok(StoredSignIn { state_hash: state_hash.to_owned(), session: session.to_owned(), server, pending })
    }

    /// Forgets everything that belongs to a server of one's own.
    pub async fn forget_remote_sign_ins(&self, by: UserId, server: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for sql in [
            "DELETE FROM remote_clients WHERE user_id = $1 AND server = $2",
            "DELETE FROM remote_grants WHERE user_id = $1 AND server = $2",
            "DELETE FROM remote_sign_ins WHERE user_id = $1 AND server = $2",
        ] {
            execute!(&mut tx, sql, by.to_string(), server)?;
        }
        self.commit(tx).await
    }
}
