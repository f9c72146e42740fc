//! What people fill in for the operator's servers. It comes sealed and goes sealed: the store has no key.

use super::{
    Store, StoreError,
    db::{execute, read},
};
use crate::wire::id::UserId;

/// What a person filled in, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInput {
    /// For which server: `operator:NAME`.
    pub server: String,
    /// The input's id.
    pub input: String,
    /// The value, sealed.
    pub value: String,
}

impl Store {
    /// Everything one filled in, for every server.
    pub async fn connection_inputs(&self, by: UserId) -> Result<Vec<StoredInput>, StoreError> {
        let sql = "SELECT server, input, value FROM connection_inputs WHERE user_id = $1 ORDER BY server, input";
        let rows = read!(self, fetch_all, (String, String, String), sql, by.to_string())?;
        Ok(rows.into_iter().map(|(server, input, value)| StoredInput { server, input, value }).collect())
    }

    /// Keeps what one filled in for a server, all of it or nothing; what comes without a value is forgotten.
    ///
    /// # Errors
    /// `NotFound` if there is no such person.
    pub async fn put_connection_inputs(
        &self,
        by: UserId,
        server: &str,
        inputs: &[(String, Option<String>)],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        for (input, value) in inputs {
            let Some(value) = value else {
                let sql = "DELETE FROM connection_inputs WHERE user_id = $1 AND server = $2 AND input = $3";
                execute!(&mut tx, sql, by.to_string(), server, input)?;
                continue;
            };
            let kept = execute!(
                &mut tx,
                "INSERT INTO connection_inputs (user_id, server, input, value, changed_at)
                 SELECT u.id, $2, $3, $4, $5 FROM users u WHERE u.id = $1
                 ON CONFLICT (user_id, server, input) DO UPDATE
                 SET value = excluded.value, changed_at = excluded.changed_at",
                by.to_string(),
                server,
                input,
                value,
                self.inner.clock.now().0,
            )?;
            if kept == 0 {
                return Err(StoreError::NotFound);
            }
        }
        self.commit(tx).await
    }

    /// Forgets everything one filled in for a server.
    pub async fn forget_connection_inputs(&self, by: UserId, server: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM connection_inputs WHERE user_id = $1 AND server = $2";
        execute!(&mut tx, sql, by.to_string(), server)?;
        self.commit(tx).await
    }
}
