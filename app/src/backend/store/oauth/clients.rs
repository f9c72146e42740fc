//! Who the programs are.

use super::super::{
    Store, StoreError,
    db::{execute, read},
    text::{clean, to_json},
};
use crate::wire::id::Millis;

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// What it goes by.
    pub id: String,
    /// What it calls itself.
    pub name: String,
    /// Where answers may go.
    pub redirect_uris: Vec<String>,
    /// The SHA-256 of its secret; a public program has none.
    pub secret_hash: Option<String>,
    /// Until when our copy of its metadata document is good; without it: registered here.
    pub fresh_until: Option<Millis>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    name: String,
    redirect_uris: String,
    secret_hash: Option<String>,
    fresh_until: Option<i64>,
}

impl Store {
    /// Keeps a program, or what it says of itself now.
    pub async fn put_oauth_client(&self, client: &OAuthClient) -> Result<(), StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        execute!(
            &mut tx,
            "INSERT INTO oauth_clients (id, name, redirect_uris, secret_hash, fresh_until, created_at, used_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, redirect_uris = excluded.redirect_uris,
             secret_hash = excluded.secret_hash, fresh_until = excluded.fresh_until, used_at = excluded.used_at",
            &*client.id,
            clean(&client.name),
            to_json(&client.redirect_uris)?,
            client.secret_hash.as_deref(),
            client.fresh_until.map(|at| at.0),
            now,
        )?;
        self.commit(tx).await
    }

    /// The program of that id.
    pub async fn oauth_client(&self, id: &str) -> Result<Option<OAuthClient>, StoreError> {
        let sql = "SELECT id, name, redirect_uris, secret_hash, fresh_until FROM oauth_clients WHERE id = $1";
        let found = read!(self, fetch_optional, Row, sql, clean(id))?;
        found
            .map(|row| {
                let corrupt = |_| StoreError::Corrupt { table: "oauth_clients", id: row.id.clone() };
                Ok(OAuthClient {
                    redirect_uris: serde_json::from_str(&row.redirect_uris).map_err(corrupt)?,
                    id: row.id,
                    name: row.name,
                    secret_hash: row.secret_hash,
                    fresh_until: row.fresh_until.map(Millis),
                })
            })
            .transpose()
    }

    /// Forgets a program and everything it was allowed.
    pub async fn forget_oauth_client(&self, id: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        if execute!(&mut tx, "DELETE FROM oauth_clients WHERE id = $1", id)? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }
}
