//! Keys that the server makes for itself: random, made once, the same for every process on this database and after
//! every restart.
//!
//! Decision: they are kept in the database, not in a file beside it: where the database is PostgreSQL there is no data
//! folder, and a pipe's process must have the same key as the server's. They sign what is handed to clients; whoever
//! can read the database gains nothing by a forged signature.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Bytes of a key.
const LENGTH: usize = 32;

impl Store {
    /// The key of that name, made on first use.
    pub async fn secret(&self, name: &'static str) -> Result<Vec<u8>, StoreError> {
        let sql = "SELECT secret FROM server_secrets WHERE name = $1";
        if let Some((text,)) = read!(self, fetch_optional, (String,), sql, name)? {
            return decoded(name, &text);
        }
        let fresh = URL_SAFE_NO_PAD.encode(random()?);
        let mut tx = self.begin().await?;
        execute!(
            &mut tx,
            "INSERT INTO server_secrets (name, secret, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
            name,
            fresh,
            self.inner.clock.now().0,
        )?;
        // Another process may have been first: its key is the one.
        let (text,) = fetch!(&mut tx, fetch_one, (String,), "SELECT secret FROM server_secrets WHERE name = $1", name)?;
        self.commit(tx).await?;
        decoded(name, &text)
    }
}

/// Random bytes that nobody can guess.
pub(super) fn random() -> Result<[u8; LENGTH], StoreError> {
    let mut bytes = [0_u8; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Unwritable(error.to_string()))?;
    Ok(bytes)
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, StoreError> {
    let corrupt = || StoreError::Corrupt { table: "server_secrets", id: name.to_owned() };
    URL_SAFE_NO_PAD.decode(text).ok().filter(|key| key.len() == LENGTH).ok_or_else(corrupt)
}
