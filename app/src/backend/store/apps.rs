//! The apps of people's servers as each person last read them.
//!
//! Invariant: a copy is its person's alone, like the connection it came over, and goes with that. A page that did not
//! change is not written again. One keeps [`APPS_MAX`]; the ones that were read longest ago give way.

use super::{
    Store, StoreError,
    db::{execute, read},
    text::clean,
};
use crate::wire::{
    id::{Millis, UserId},
    limits::APPS_MAX,
};

/// An app's page as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApp {
    /// The server it is of.
    pub server: String,
    /// Its `ui://` address.
    pub uri: String,
    /// SHA-256 of what follows.
    pub digest: String,
    /// The page.
    pub html: String,
    /// What it declares, as JSON.
    pub declared: String,
    /// When the server gave it last.
    pub read_at: Millis,
}

impl Store {
    /// One's copy of an app.
    pub async fn app(&self, by: UserId, server: &str, uri: &str) -> Result<Option<StoredApp>, StoreError> {
        let row = read!(
            self,
            fetch_optional,
            (String, String, String, i64),
            "SELECT digest, html, declared, read_at FROM apps WHERE user_id = $1 AND server = $2 AND uri = $3",
            by.to_string(),
            clean(server),
            clean(uri),
        )?;
        Ok(row.map(|(digest, html, declared, read_at)| StoredApp {
            server: server.to_owned(),
            uri: uri.to_owned(),
            digest,
            html,
            declared,
            read_at: Millis(read_at),
        }))
    }

    /// Keeps what one just read of an app.
    ///
    /// # Errors
    /// `NotFound` if there is no such person any more.
    pub async fn keep_app(&self, by: UserId, app: &StoredApp) -> Result<(), StoreError> {
        let (server, uri) = (clean(&app.server), clean(&app.uri));
        let mut tx = self.begin().await?;
        let sql = "UPDATE apps SET read_at = $5 WHERE user_id = $1 AND server = $2 AND uri = $3 AND digest = $4";
        if execute!(&mut tx, sql, by.to_string(), &server, &uri, &app.digest, app.read_at.0)? == 0 {
            let kept = execute!(
                &mut tx,
                "INSERT INTO apps (user_id, server, uri, digest, html, declared, read_at)
                 SELECT u.id, $2, $3, $4, $5, $6, $7 FROM users u WHERE u.id = $1
                 ON CONFLICT (user_id, server, uri) DO UPDATE SET digest = excluded.digest, html = excluded.html,
                     declared = excluded.declared, read_at = excluded.read_at",
                by.to_string(),
                server,
                uri,
                &app.digest,
                clean(&app.html),
                clean(&app.declared),
                app.read_at.0,
            )?;
            if kept == 0 {
                return Err(StoreError::NotFound);
            }
            execute!(
                &mut tx,
                "DELETE FROM apps WHERE user_id = $1 AND read_at < (SELECT MIN(k.read_at) FROM
                     (SELECT read_at FROM apps WHERE user_id = $1 ORDER BY read_at DESC LIMIT $2) k)",
                by.to_string(),
                i64::from(APPS_MAX),
            )?;
        }
        self.commit(tx).await
    }
}
