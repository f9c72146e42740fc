//! Columns that are sealed (`backend::secrets`), for sealing them anew: the store has no key, so what it gives and takes
//! is sealed all the time.
//!
//! Invariant: a text is replaced only where it is still what was read; what somebody wrote meanwhile stays.

use super::{
    Store, StoreError,
    db::{execute, read},
};

/// Rows that are written in one transaction.
const TOGETHER: usize = 50;

/// A sealed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// How a person's server is reached, by the connection's id.
    Access,
    /// What a person filled in for the operator's server, by person, server and input.
    Input,
    /// What an authorization server knows Parley as, by person, server and issuer.
    Client,
    /// The tokens of a sign-in, by person and server.
    Grant,
    /// A sign-in under way, by person, server and the hash of its `state`.
    SignIn,
}

/// A sealed text and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedText {
    /// What names its row, as [`Column`] says; what it has less of is empty.
    pub key: [String; 3],
    /// The text.
    pub text: String,
}

impl Column {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Access, Self::Input, Self::Client, Self::Grant, Self::SignIn];

    /// What reads it, and what writes it.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Access => (
                "SELECT id, '', '', access FROM connections WHERE access NOT LIKE $1",
                "UPDATE connections SET access = $5 WHERE id = $1 AND $2 = '' AND $3 = '' AND access = $4",
            ),
            Self::Input => (
                "SELECT user_id, server, input, value FROM connection_inputs WHERE value NOT LIKE $1",
                "UPDATE connection_inputs SET value = $5
                 WHERE user_id = $1 AND server = $2 AND input = $3 AND value = $4",
            ),
            Self::Client => (
                "SELECT user_id, server, issuer, client FROM remote_clients WHERE client NOT LIKE $1",
                "UPDATE remote_clients SET client = $5
                 WHERE user_id = $1 AND server = $2 AND issuer = $3 AND client = $4",
            ),
            Self::Grant => (
                "SELECT user_id, server, '', tokens FROM remote_grants WHERE tokens NOT LIKE $1",
                "UPDATE remote_grants SET tokens = $5 WHERE user_id = $1 AND server = $2 AND $3 = '' AND tokens = $4",
            ),
            Self::SignIn => (
                "SELECT user_id, server, state_hash, pending FROM remote_sign_ins WHERE pending NOT LIKE $1",
                "UPDATE remote_sign_ins SET pending = $5
                 WHERE user_id = $1 AND server = $2 AND state_hash = $3 AND pending = $4",
            ),
        }
    }
}

impl Store {
    /// Everybody's texts of a column that do not begin with `mark`, which must be free of `%` and `_`. Asks nobody's
    /// leave: for the server itself.
    pub async fn sealed_otherwise(&self, column: Column, mark: &str) -> Result<Vec<SealedText>, StoreError> {
        let like = format!("{mark}%");
        let rows = read!(self, fetch_all, (String, String, String, String), column.sql().0, like)?;
        Ok(rows.into_iter().map(|(a, b, c, text)| SealedText { key: [a, b, c], text }).collect())
    }

    /// Puts other texts in the place of these, a few rows at a time; how many were still there.
    pub async fn reseal(&self, column: Column, texts: &[(SealedText, String)]) -> Result<u64, StoreError> {
        let mut written = 0;
        for some in texts.chunks(TOGETHER) {
            let mut tx = self.begin().await?;
            for (SealedText { key: [a, b, c], text }, fresh) in some {
                written += execute!(&mut tx, column.sql().1, a, b, c, text, fresh)?;
            }
            self.commit(tx).await?;
        }
        Ok(written)
    }
}
