//! Authorization codes: what a person just allowed, until the program fetches its tokens.

use super::{
    super::{
        Store, StoreError,
        db::{execute, fetch, read},
        parse_id,
    },
    scopes,
    tokens::{Fresh, put_tokens},
};
use crate::wire::{
    api_token::Scopes,
    id::{Millis, TokenId, UserId},
    limits::{OAUTH_CODE_MS, OAUTH_GRANT_MS},
};

/// What a person allows.
#[derive(Clone, Debug)]
pub struct NewCode<'a> {
    /// Who allows it.
    pub user: UserId,
    /// To which program.
    pub client: &'a str,
    /// Where the answer goes.
    pub redirect_uri: &'a str,
    /// What it may do.
    pub scopes: Scopes,
    /// With what.
    pub resource: &'a str,
    /// The SHA-256 of what only the program knows (RFC 7636), in base64url.
    pub challenge: &'a str,
}

/// A code that was given out.
#[derive(Clone, Debug)]
pub struct Code {
    /// Who allowed it.
    pub user: UserId,
    /// To which program.
    pub client: String,
    /// Where the answer went.
    pub redirect_uri: String,
    /// What its tokens are for.
    pub resource: String,
    /// The SHA-256 of what only the program knows.
    pub challenge: String,
    /// From when on it opens nothing.
    pub expires_at: Millis,
    /// What was made of it, if it was used.
    pub grant: Option<TokenId>,
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: String,
    client_id: String,
    redirect_uri: String,
    resource: String,
    challenge: String,
    expires_at: i64,
    grant_id: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Redeemed {
    user_id: String,
    client_id: String,
    redirect_uri: String,
    scopes: String,
    resource: String,
}

impl Store {
    /// Keeps a code, which lapses after [`OAUTH_CODE_MS`].
    ///
    /// # Errors
    /// `NotFound` if the person or the program is gone.
    pub async fn create_oauth_code(&self, code_hash: &str, new: NewCode<'_>) -> Result<(), StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        if execute!(&mut tx, "UPDATE oauth_clients SET used_at = $2 WHERE id = $1", new.client, now)? == 0 {
            return Err(StoreError::NotFound);
        }
        let made = execute!(
            &mut tx,
            "INSERT INTO oauth_codes (code_hash, user_id, client_id, redirect_uri, scopes, resource, challenge, expires_at)
             SELECT $1, id, $3, $4, $5, $6, $7, $8 FROM users WHERE id = $2",
            code_hash,
            new.user.to_string(),
            new.client,
            new.redirect_uri,
            new.scopes.to_string(),
            new.resource,
            new.challenge,
            now + OAUTH_CODE_MS,
        )?;
        if made == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// The code of that hash, used and lapsed ones too.
    pub async fn oauth_code(&self, code_hash: &str) -> Result<Option<Code>, StoreError> {
        let sql = "SELECT user_id, client_id, redirect_uri, resource, challenge, expires_at, grant_id FROM oauth_codes WHERE code_hash = $1";
        let found = read!(self, fetch_optional, Row, sql, code_hash)?;
        found
            .map(|row| {
                Ok(Code {
                    user: parse_id("users", &row.user_id)?,
                    client: row.client_id,
                    redirect_uri: row.redirect_uri,
                    resource: row.resource,
                    challenge: row.challenge,
                    expires_at: Millis(row.expires_at),
                    grant: row.grant_id.map(|id| parse_id("oauth_codes", &id)).transpose()?,
                })
            })
            .transpose()
    }

    /// Makes a grant and its first tokens of a code: what it may do. `None` if the code lapsed, or somebody was
    /// quicker.
    pub async fn redeem_oauth_code(&self, code_hash: &str, fresh: &Fresh) -> Result<Option<Scopes>, StoreError> {
        let (id, now) = (self.inner.clock.id::<TokenId>(), self.inner.clock.now().0);
        let mut tx = self.begin().await?;
        let redeemed = fetch!(
            &mut tx,
            fetch_optional,
            Redeemed,
            "UPDATE oauth_codes SET grant_id = $2 WHERE code_hash = $1 AND grant_id IS NULL AND expires_at > $3
             RETURNING user_id, client_id, redirect_uri, scopes, resource",
            code_hash,
            id.to_string(),
            now,
        )?;
        let Some(code) = redeemed else { return Ok(None) };
        execute!(
            &mut tx,
            "INSERT INTO oauth_grants (id, user_id, client_id, redirect_uri, scopes, resource, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            id.to_string(),
            code.user_id,
            code.client_id,
            code.redirect_uri,
            &*code.scopes,
            code.resource,
            now,
            now + OAUTH_GRANT_MS,
        )?;
        let allowed = scopes("oauth_codes", code_hash, &code.scopes)?;
        put_tokens(&mut tx, id, fresh, allowed, now).await?;
        self.commit(tx).await?;
        Ok(Some(allowed))
    }
}
