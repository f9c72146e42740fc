//! Tokens of people's programs. Only the SHA-256 of a token is stored.

use super::{
    Store, StoreError,
    db::{execute, read},
    parse_id,
    text::clean,
};
use crate::wire::{
    api_token::{ApiTokenRow, Scopes},
    id::{Millis, TokenId, UserId},
    limits::TOKENS_MAX,
};

/// A token that opens something, and whose it is.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// The token.
    pub id: TokenId,
    /// The account.
    pub user: UserId,
    /// Its display name.
    pub name: String,
    /// Whether it is an administrator.
    pub admin: bool,
    /// What the token may do.
    pub scopes: Scopes,
    /// From when on it opens nothing.
    pub expires_at: Option<Millis>,
    /// When it was last used.
    pub seen_at: Option<Millis>,
}

#[derive(sqlx::FromRow)]
struct Found {
    id: String,
    user_id: String,
    name: String,
    admin: bool,
    scopes: String,
    expires_at: Option<i64>,
    seen_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Own {
    id: String,
    name: String,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    seen_at: Option<i64>,
}

fn scopes(id: &str, text: &str) -> Result<Scopes, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { table: "api_tokens", id: id.to_owned() })
}

impl Store {
    /// Keeps a new token, and drops the account's lapsed ones.
    ///
    /// # Errors
    /// `Conflict("tokens_max")` beyond [`TOKENS_MAX`].
    pub async fn create_api_token(
        &self,
        user: UserId,
        name: &str,
        token_hash: &str,
        scopes: Scopes,
        expires_at: Option<Millis>,
    ) -> Result<TokenId, StoreError> {
        let id: TokenId = self.inner.clock.id();
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM api_tokens WHERE user_id = $1 AND expires_at <= $2";
        execute!(&mut tx, sql, user.to_string(), now)?;
        let made = execute!(
            &mut tx,
            "INSERT INTO api_tokens (id, user_id, name, token_hash, scopes, created_at, expires_at)
             SELECT $1, u.id, $3, $4, $5, $6, $7 FROM users u
             WHERE u.id = $2 AND (SELECT COUNT(*) FROM api_tokens t WHERE t.user_id = u.id) < $8",
            id.to_string(),
            user.to_string(),
            clean(name),
            token_hash,
            scopes.to_string(),
            now,
            expires_at.map(|at| at.0),
            i64::from(TOKENS_MAX),
        )?;
        if made == 0 {
            return Err(StoreError::Conflict("tokens_max"));
        }
        self.commit(tx).await?;
        Ok(id)
    }

    /// The token with that hash, unless it has lapsed.
    pub async fn api_token_by_hash(&self, token_hash: &str) -> Result<Option<ApiToken>, StoreError> {
        let (key, moment) = (token_hash.to_owned(), self.moment());
        if let Some(token) = self.inner.tokens.get(&key, moment) {
            let lives = token.expires_at.is_none_or(|at| at > self.inner.clock.now());
            return Ok(lives.then_some(token));
        }
        let found = self.read_api_token(token_hash).await?;
        if let Some(token) = &found {
            self.inner.tokens.keep(key, moment, token.clone());
        }
        Ok(found)
    }

    async fn read_api_token(&self, token_hash: &str) -> Result<Option<ApiToken>, StoreError> {
        let found = read!(
            self,
            fetch_optional,
            Found,
            "SELECT t.id, t.user_id, u.name, u.admin, t.scopes, t.expires_at, t.seen_at
             FROM api_tokens t JOIN users u ON u.id = t.user_id
             WHERE t.token_hash = $1 AND (t.expires_at IS NULL OR t.expires_at > $2)",
            token_hash,
            self.inner.clock.now().0,
        )?;
        found
            .map(|row| {
                Ok(ApiToken {
                    id: parse_id("api_tokens", &row.id)?,
                    user: parse_id("users", &row.user_id)?,
                    name: row.name,
                    admin: row.admin,
                    scopes: scopes(&row.id, &row.scopes)?,
                    expires_at: row.expires_at.map(Millis),
                    seen_at: row.seen_at.map(Millis),
                })
            })
            .transpose()
    }

    /// Notes that a token is in use; `NotFound` if it was revoked meanwhile.
    pub async fn touch_api_token(&self, id: TokenId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE api_tokens SET seen_at = $2 WHERE id = $1";
        if execute!(&mut tx, sql, id.to_string(), self.inner.clock.now().0)? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// One's own tokens that open something, newest first.
    pub async fn api_tokens(&self, by: UserId) -> Result<Vec<ApiTokenRow>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            Own,
            "SELECT id, name, scopes, created_at, expires_at, seen_at FROM api_tokens
             WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at DESC, id DESC",
            by.to_string(),
            self.inner.clock.now().0,
        )?;
        let read = |row: Own| {
            Ok(ApiTokenRow {
                id: parse_id("api_tokens", &row.id)?,
                scopes: scopes(&row.id, &row.scopes)?,
                name: row.name,
                created_at: Millis(row.created_at),
                expires_at: row.expires_at.map(Millis),
                seen_at: row.seen_at.map(Millis),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Ends one of one's own tokens.
    pub async fn revoke_api_token(&self, by: UserId, id: TokenId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM api_tokens WHERE id = $1 AND user_id = $2";
        if execute!(&mut tx, sql, id.to_string(), by.to_string())? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }
}
