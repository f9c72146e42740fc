//! What turns cost, per person.

use super::{
    Store, StoreError, column,
    db::{execute, read},
    tokens,
};
use crate::wire::{
    id::{Millis, TurnId, UserId},
    message::Usage,
};

impl Store {
    /// Counts `more` tokens with a turn that is over: what was asked of a model because of it, beside its reply.
    /// `NotFound` if it is not over, or gone.
    pub async fn add_usage(&self, turn: TurnId, more: Usage) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let counted = execute!(
            &mut tx,
            "UPDATE turns SET usage_input = usage_input + $2, usage_output = usage_output + $3,
                    usage_cached = usage_cached + $4
             WHERE id = $1 AND state = 'done'",
            turn.to_string(),
            column(more.input),
            column(more.output),
            column(more.cached),
        )?;
        self.commit(tx).await?;
        if counted == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Tokens and turns of `by` that ended at or after `since`, those of purged conversations included.
    pub async fn usage(&self, by: UserId, since: Millis) -> Result<(Usage, u64), StoreError> {
        let (input, output, cached, turns) = read!(
            self,
            fetch_one,
            (i64, i64, i64, i64),
            "SELECT CAST(COALESCE(SUM(usage_input), 0) AS BIGINT), CAST(COALESCE(SUM(usage_output), 0) AS BIGINT),
                    CAST(COALESCE(SUM(usage_cached), 0) AS BIGINT), COUNT(*)
             FROM (SELECT usage_input, usage_output, usage_cached FROM turns WHERE user_id = $1 AND finished_at >= $2
                   UNION ALL
                   SELECT usage_input, usage_output, usage_cached FROM past_usage
                   WHERE user_id = $1 AND finished_at >= $2) AS spent",
            by.to_string(),
            since.0,
        )?;
        Ok((Usage { input: tokens(input), output: tokens(output), cached: tokens(cached) }, tokens(turns)))
    }
}
