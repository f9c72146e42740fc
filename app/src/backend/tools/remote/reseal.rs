//! Sealing anew what an older key sealed, so that the older key can be taken out of the settings.

use super::{Connections, inputs, oauth, person};
use crate::backend::{
    secrets::Secrets,
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

impl Connections {
    /// Seals everything with the first key that another one sealed: once, at the start of the server.
    ///
    /// # Errors
    /// The store's; what was sealed by then stays so.
    pub async fn reseal(&self) -> Result<Resealed, StoreError> {
        let (store, secrets) = (&self.0.store, &self.0.secrets);
        let mut resealed = Resealed::default();
        // Without a key nothing was ever sealed here.
        let Some(mark) = secrets.mark() else { return Ok(resealed) };
        for column in Column::ALL {
            let mut texts = Vec::new();
            for old in store.sealed_otherwise(column, &mark).await? {
                match anew(secrets, column, &old) {
                    Some(fresh) => texts.push((old, fresh)),
                    None => resealed.shut += 1,
                }
            }
            resealed.done += store.reseal(column, &texts).await?;
        }
        if resealed.done > 0 {
            tracing::info!(texts = resealed.done, "sealed people's secrets anew with the first key");
        }
        if resealed.shut > 0 {
            tracing::warn!(texts = resealed.shut, "none of the present keys opens some of people's secrets");
        }
        Ok(resealed)
    }
}

fn anew(secrets: &Secrets, column: Column, old: &SealedText) -> Option<String> {
    let purpose = purpose(column, &old.key)?;
    let text = secrets.open(&purpose, &old.text).ok()?;
    secrets.seal(&purpose, &text).ok()
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
