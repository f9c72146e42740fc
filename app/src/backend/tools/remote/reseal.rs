//! Sealing anew what an older key sealed, so that the older key can be taken out of the settings.

use super::{Connections, inputs, oauth, person};
use crate::backend::{
    secrets::{Secrets, SecretsError},
    store::{
        StoreError,
        sealed::{Column, SealedText},
    },
};

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Texts that the first key seals now.
    pub done: u64,
    /// Texts that no present key opens.
    pub shut: u64,
}

/// Why not everything could be looked through, as the end of a sentence.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// The first key cannot be had, or does not seal.
    #[error(transparent)]
    Key(#[from] SecretsError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Connections {
    /// Seals everything with the first key that another one sealed: once, at the start of the server. The log says what
    /// came of it wherever an operator may wait for that: while the settings have several keys, and whenever anything
    /// was found that the first one had not sealed.
    ///
    /// # Errors
    /// The key's and the store's; what was sealed anew by then stays so.
    pub async fn reseal(&self) -> Result<Resealed, ResealError> {
        let (store, secrets) = (&self.0.store, &self.0.secrets);
        let mut resealed = Resealed::default();
        // Without a key nothing was ever sealed here.
        let Some(mark) = secrets.mark()? else { return Ok(resealed) };
        for column in Column::ALL {
            let mut texts = Vec::new();
            for old in store.sealed_otherwise(column, &mark).await? {
                match anew(secrets, column, &old)? {
                    Some(fresh) => texts.push((old, fresh)),
                    None => resealed.shut += 1,
                }
            }
            resealed.done += store.reseal(column, &texts).await?;
        }
        let Resealed { done, shut } = resealed;
        if secrets.are_rotated() || resealed != Resealed::default() {
            // Operators look for these words: `.env.example` has them.
            tracing::info!(anew = done, shut, "the first key seals all of people's secrets but those that stayed shut");
        }
        if shut > 0 {
            tracing::warn!(shut, "none of the present keys opens some of people's secrets");
        }
        Ok(resealed)
    }
}

/// The text as the first key seals it; `None`: no present key opens it.
fn anew(secrets: &Secrets, column: Column, old: &SealedText) -> Result<Option<String>, SecretsError> {
    let Some(purpose) = purpose(column, &old.key) else { return Ok(None) };
    match secrets.open(&purpose, &old.text) {
        Ok(text) => secrets.seal(&purpose, &text).map(Some),
        Err(SecretsError::Shut) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a text of that column is sealed for; nothing if its row is named by what is no id.
fn purpose(column: Column, [a, b, c]: &[String; 3]) -> Option<String> {
    Some(match column {
        Column::Access => person::purpose(a.parse().ok()?),
        Column::Input => inputs::purpose(a.parse().ok()?, b, c),
        Column::Client => oauth::client_purpose(a.parse().ok()?, b, c),
        Column::Grant => oauth::grant_purpose(a.parse().ok()?, b),
        Column::SignIn => oauth::pending_purpose(a.parse().ok()?, b, c),
    })
}
