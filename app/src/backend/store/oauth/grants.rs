//! What people allowed programs.

use super::{
    super::{
        Store, StoreError,
        db::{execute, fetch, read},
        parse_id,
        text::clean,
    },
    scopes,
};
use crate::wire::{
    api_token::Scopes,
    id::{Millis, TokenId, UserId},
};

/// One sign-in of a program.
#[derive(Clone, Debug)]
pub struct ConnectedGrant {
    /// The program.
    pub client: String,
    /// What it calls itself.
    pub name: String,
    /// Where its answer went.
    pub redirect_uri: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Since when.
    pub created_at: Millis,
    /// When it was last used.
    pub seen_at: Option<Millis>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    client_id: String,
    name: String,
    redirect_uri: String,
    scopes: String,
    created_at: i64,
    seen_at: Option<i64>,
}

impl Store {
    /// Notes that a grant is in use; `NotFound` if it ended meanwhile.
    pub async fn touch_oauth_grant(&self, id: TokenId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE oauth_grants SET seen_at = $2 WHERE id = $1";
        if execute!(&mut tx, sql, id.to_string(), self.inner.clock.now().0)? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// One's own grants that live, newest first.
    pub async fn oauth_grants(&self, by: UserId) -> Result<Vec<ConnectedGrant>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            Row,
            "SELECT g.id, g.client_id, c.name, g.redirect_uri, g.scopes, g.created_at, g.seen_at
             FROM oauth_grants g JOIN oauth_clients c ON c.id = g.client_id
             WHERE g.user_id = $1 AND g.expires_at > $2 ORDER BY g.created_at DESC, g.id DESC",
            by.to_string(),
            self.inner.clock.now().0,
        )?;
        let read = |row: Row| {
            Ok(ConnectedGrant {
                scopes: scopes("oauth_grants", &row.id, &row.scopes)?,
                client: row.client_id,
                name: row.name,
                redirect_uri: row.redirect_uri,
                created_at: Millis(row.created_at),
                seen_at: row.seen_at.map(Millis),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Ends a grant with every token made from it; whether there was one. For whoever showed one of its tokens.
    pub async fn end_oauth_grant(&self, id: TokenId) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let ended = execute!(&mut tx, "DELETE FROM oauth_grants WHERE id = $1", id.to_string())?;
        self.commit(tx).await?;
        Ok(ended > 0)
    }

    /// Ends all that one allowed a program, codes that it has not used yet too: the grants that ended.
    ///
    /// # Errors
    /// `NotFound` if it was allowed nothing.
    pub async fn end_oauth_grants(&self, by: UserId, client: &str) -> Result<Vec<TokenId>, StoreError> {
        let client = &*clean(client);
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM oauth_codes WHERE user_id = $1 AND client_id = $2";
        execute!(&mut tx, sql, by.to_string(), client)?;
        let sql = "DELETE FROM oauth_grants WHERE user_id = $1 AND client_id = $2 RETURNING id";
        let ended = fetch!(&mut tx, fetch_all, (String,), sql, by.to_string(), client)?;
        if ended.is_empty() {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await?;
        ended.into_iter().map(|(id,)| parse_id("oauth_grants", &id)).collect()
    }
}
