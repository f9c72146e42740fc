//! Programs that sign in by OAuth: who they are, the codes and tokens they hold, what people allowed them.
//!
//! Invariants: of a secret only its SHA-256 is here; a code and a refresh token are used once, and whoever is second
//! learns it; what was made from a grant ends with it, in the same transaction.

mod clients;
mod codes;
mod grants;
mod tokens;

pub use clients::OAuthClient;
pub use codes::{Code, NewCode};
pub use grants::ConnectedGrant;
pub use tokens::{Access, Fresh, Refresh};

use super::{Store, StoreError, db::execute};
use crate::wire::{
    api_token::Scopes,
    limits::{OAUTH_CLIENT_MS, OAUTH_GRANT_MS},
};

/// Milliseconds that a code which lapsed is kept, so that its replay is still noticed: a day.
const CODE_KEPT_MS: i64 = 24 * 3600 * 1000;

impl Store {
    /// Removes what opens nothing any more, and programs that nobody signs in with: how many rows.
    pub async fn purge_oauth(&self) -> Result<u64, StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let grants = execute!(&mut tx, "DELETE FROM oauth_grants WHERE expires_at <= $1", now)?;
        let codes = execute!(&mut tx, "DELETE FROM oauth_codes WHERE expires_at <= $1", now - CODE_KEPT_MS)?;
        let access = execute!(&mut tx, "DELETE FROM oauth_access_tokens WHERE expires_at <= $1", now)?;
        let sql = "DELETE FROM oauth_refresh_tokens WHERE used_at <= $1";
        let refresh = execute!(&mut tx, sql, now - OAUTH_GRANT_MS)?;
        let clients = execute!(
            &mut tx,
            "DELETE FROM oauth_clients WHERE used_at <= $1
             AND NOT EXISTS (SELECT 1 FROM oauth_grants g WHERE g.client_id = oauth_clients.id)
             AND NOT EXISTS (SELECT 1 FROM oauth_codes c WHERE c.client_id = oauth_clients.id)",
            now - OAUTH_CLIENT_MS,
        )?;
        self.commit(tx).await?;
        Ok(grants + codes + access + refresh + clients)
    }
}

/// The scopes of a row of `table`; `id` names the row.
fn scopes(table: &'static str, id: &str, text: &str) -> Result<Scopes, StoreError> {
    text.parse().map_err(|_| StoreError::Corrupt { table, id: id.to_owned() })
}
