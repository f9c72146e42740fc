//! What turns cost, per person.

use super::{Store, StoreError, db::read, tokens};
use crate::wire::{
    id::{Millis, UserId},
    message::Usage,
};

impl Store {
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
