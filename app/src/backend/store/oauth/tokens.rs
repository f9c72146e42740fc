//! Access and refresh tokens.

use super::{
    super::{
        Store, StoreError,
        db::{Tx, execute, read},
        parse_id,
    },
    scopes,
};
use crate::wire::{
    api_token::Scopes,
    id::{Millis, TokenId, UserId},
    limits::{OAUTH_ACCESS_MS, OAUTH_GRANT_MS},
};

/// The hashes of tokens that were just made.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Of the access token.
    pub access: String,
    /// Of the refresh token.
    pub refresh: String,
}

/// An access token that opens something, and whose it is.
#[derive(Clone, Debug)]
pub struct Access {
    /// The grant it was made from.
    pub grant: TokenId,
    /// The account.
    pub user: UserId,
    /// Its display name.
    pub name: String,
    /// Whether it is an administrator.
    pub admin: bool,
    /// What the token may do.
    pub scopes: Scopes,
    /// From when on it opens nothing.
    pub expires_at: Millis,
    /// When the grant was last used.
    pub seen_at: Option<Millis>,
}

/// A refresh token whose grant lives.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The grant.
    pub grant: TokenId,
    /// Who allowed it.
    pub user: UserId,
    /// The program it was given to.
    pub client: String,
    /// What the grant allows.
    pub scopes: Scopes,
    /// What its tokens are for.
    pub resource: String,
    /// Whether it was used before.
    pub used: bool,
}

#[derive(sqlx::FromRow)]
struct AccessRow {
    id: String,
    user_id: String,
    name: String,
    admin: bool,
    scopes: String,
    expires_at: i64,
    seen_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct RefreshRow {
    id: String,
    user_id: String,
    client_id: String,
    scopes: String,
    resource: String,
    used_at: Option<i64>,
}

/// Keeps the tokens of a grant.
pub(super) async fn put_tokens(
    tx: &mut Tx,
    grant: TokenId,
    fresh: &Fresh,
    scopes: Scopes,
    now: i64,
) -> Result<(), StoreError> {
    execute!(
        &mut *tx,
        "INSERT INTO oauth_access_tokens (token_hash, grant_id, scopes, expires_at) VALUES ($1, $2, $3, $4)",
        &*fresh.access,
        grant.to_string(),
        scopes.to_string(),
        now + OAUTH_ACCESS_MS,
    )?;
    let sql = "INSERT INTO oauth_refresh_tokens (token_hash, grant_id) VALUES ($1, $2)";
    execute!(&mut *tx, sql, &*fresh.refresh, grant.to_string())?;
    Ok(())
}

impl Store {
    /// The access token of that hash, if it lives and is for `resource`.
    pub async fn oauth_access(&self, token_hash: &str, resource: &str) -> Result<Option<Access>, StoreError> {
        let (key, moment) = ((token_hash.to_owned(), resource.to_owned()), self.moment());
        if let Some(access) = self.inner.access.get(&key, moment) {
            return Ok((access.expires_at > self.inner.clock.now()).then_some(access));
        }
        let found = self.read_oauth_access(token_hash, resource).await?;
        if let Some(access) = &found {
            self.inner.access.keep(key, moment, access.clone());
        }
        Ok(found)
    }

    async fn read_oauth_access(&self, token_hash: &str, resource: &str) -> Result<Option<Access>, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            AccessRow,
            "SELECT g.id, g.user_id, u.name, u.admin, t.scopes, t.expires_at, g.seen_at
             FROM oauth_access_tokens t JOIN oauth_grants g ON g.id = t.grant_id JOIN users u ON u.id = g.user_id
             WHERE t.token_hash = $1 AND g.resource = $2 AND t.expires_at > $3 AND g.expires_at > $3",
            token_hash,
            resource,
            self.inner.clock.now().0,
        )?;
        found
            .map(|row| {
                Ok(Access {
                    grant: parse_id("oauth_grants", &row.id)?,
                    user: parse_id("users", &row.user_id)?,
                    name: row.name,
                    admin: row.admin,
                    scopes: scopes("oauth_access_tokens", &row.id, &row.scopes)?,
                    expires_at: Millis(row.expires_at),
                    seen_at: row.seen_at.map(Millis),
                })
            })
            .transpose()
    }

    /// The refresh token of that hash, used or not, if its grant lives.
    pub async fn oauth_refresh(&self, token_hash: &str) -> Result<Option<Refresh>, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            RefreshRow,
            "SELECT g.id, g.user_id, g.client_id, g.scopes, g.resource, t.used_at
             FROM oauth_refresh_tokens t JOIN oauth_grants g ON g.id = t.grant_id
             WHERE t.token_hash = $1 AND g.expires_at > $2",
            token_hash,
            self.inner.clock.now().0,
        )?;
        found
            .map(|row| {
                Ok(Refresh {
                    grant: parse_id("oauth_grants", &row.id)?,
                    user: parse_id("users", &row.user_id)?,
                    scopes: scopes("oauth_grants", &row.id, &row.scopes)?,
                    client: row.client_id,
                    resource: row.resource,
                    used: row.used_at.is_some(),
                })
            })
            .transpose()
    }

    /// The grant and program of an access token, whatever it is for: for revoking it.
    pub async fn oauth_access_owner(&self, token_hash: &str) -> Result<Option<(TokenId, String)>, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            (String, String),
            "SELECT g.id, g.client_id FROM oauth_access_tokens t JOIN oauth_grants g ON g.id = t.grant_id
             WHERE t.token_hash = $1",
            token_hash,
        )?;
        found.map(|(id, client)| Ok((parse_id("oauth_grants", &id)?, client))).transpose()
    }

    /// Uses a refresh token up and keeps those that replace it; the grant lives on. `false` if it was used meanwhile.
    ///
    /// # Errors
    /// `NotFound` if the grant has ended meanwhile.
    pub async fn rotate_oauth_refresh(
        &self,
        token_hash: &str,
        grant: TokenId,
        fresh: &Fresh,
        scopes: Scopes,
    ) -> Result<bool, StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let sql = "UPDATE oauth_grants SET expires_at = $2 WHERE id = $1 AND expires_at > $3";
        if execute!(&mut tx, sql, grant.to_string(), now + OAUTH_GRANT_MS, now)? == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "UPDATE oauth_refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL";
        if execute!(&mut tx, sql, token_hash, now)? == 0 {
            return Ok(false);
        }
        put_tokens(&mut tx, grant, fresh, scopes, now).await?;
        self.commit(tx).await?;
        Ok(true)
    }
}
