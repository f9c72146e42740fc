//! The record of tool calls: one row each, written when it begins or is denied, and again with what came of it.
//!
//! Invariant: rows go through the group commit, many of them in one statement, so that a call does not wait for a
//! commit of its own. Whoever awaits [`Store::record_call`] knows that the row is there; [`Store::hand_over_call`] and
//! [`Store::post_call`] do not wait for that, and what could not be written is then in the log. Whoever reads waits for
//! what this process posted before, so that no call of its own that is over is read as one that runs. One reads one's own
//! rows, an administrator everybody's.

use super::{
    Store, StoreError,
    batch::GivenCall,
    db::{execute, read},
    parse_id,
    policies::stored,
    text::clean,
    writer::Op,
};
use crate::wire::{
    conversation::Page,
    id::{ConversationId, Millis, TurnId, UserId},
    policy::{CallEnd, CallRow, CalledBy, Rule},
};
/// A call as it is recorded.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// Its id.
    pub id: uuid::Uuid,
    /// On whose behalf.
    pub user: UserId,
    /// The tool.
    pub tool: String,
    /// The connected server whose tool it is.
    pub server: Option<String>,
    /// How it came in.
    pub via: CalledBy,
    /// The credential it came with.
    pub credential: Option<String>,
    /// Where it was made, if in a conversation.
    pub place: Option<(ConversationId, TurnId)>,
    /// SHA-256 of its arguments.
    pub digest: String,
    /// What let it run or kept it from that.
    pub rule: Rule,
    /// Who said so, if it was a person.
    pub decided_by: Option<UserId>,
    /// What came of it.
    pub end: CallEnd,
    /// When it began.
    pub began_at: Millis,
    /// How long it ran, in milliseconds.
    pub duration_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    user_name: String,
    tool: String,
    server: Option<String>,
    via: String,
    credential: Option<String>,
    conversation_id: Option<String>,
    digest: String,
    rule: String,
    decided_by: Option<String>,
    outcome: String,
    began_at: i64,
    duration_ms: Option<i64>,
}

impl Row {
    fn read(self) -> Result<CallRow, StoreError> {
        Ok(CallRow {
            via: stored(&self.id, &self.via)?,
            rule: stored(&self.id, &self.rule)?,
            end: stored(&self.id, &self.outcome)?,
            conversation: self.conversation_id.map(|id| parse_id("tool_calls", &id)).transpose()?,
            id: self.id,
            user: self.user_name,
            tool: self.tool,
            server: self.server,
            credential: self.credential,
            digest: self.digest,
            decided_by: self.decided_by,
            at: Millis(self.began_at),
            duration_ms: self.duration_ms.and_then(|ms| u64::try_from(ms).ok()),
        })
    }
}

impl From<&RecordedCall> for GivenCall {
    fn from(call: &RecordedCall) -> Self {
        Self {
            id: call.id.to_string(),
            person: call.user.to_string(),
            tool: clean(&call.tool),
            server: call.server.as_deref().map(clean),
            via: call.via.name(),
            credential: call.credential.clone(),
            conversation: call.place.map(|(conversation, _)| conversation.to_string()),
            turn: call.place.map(|(_, turn)| turn.to_string()),
            digest: call.digest.clone(),
            rule: call.rule.name(),
            decided_by: call.decided_by.map(|user| user.to_string()),
            outcome: call.end.name(),
            began_at: call.began_at.0,
            duration_ms: call.duration_ms,
        }
    }
}

macro_rules! calls {
    ($whose:literal) => {
        concat!(
            "SELECT t.id, COALESCE(u.name, '') AS user_name, t.tool, t.server, t.via, t.credential, t.conversation_id,
                    t.digest, t.rule, d.name AS decided_by, t.outcome, t.began_at, t.duration_ms
             FROM tool_calls t LEFT JOIN users u ON u.id = t.user_id LEFT JOIN users d ON d.id = t.decided_by
             WHERE ",
            $whose,
            " AND ($2 IS NULL OR t.id < $2) ORDER BY t.id DESC LIMIT $3"
        )
    };
}

impl Store {
    /// Records a call, and waits until that is committed.
    pub async fn record_call(&self, call: RecordedCall) -> Result<(), StoreError> {
        self.inner.writer.ask(Op::Record, Box::new(call)).await
    }

    /// Records a call without waiting for more than the writer's taking it.
    pub async fn hand_over_call(&self, call: RecordedCall) -> Result<(), StoreError> {
        self.inner.writer.hand_over(Op::Record, Box::new(call)).await
    }

    /// Records a call without waiting for it.
    pub fn post_call(&self, call: RecordedCall) {
        self.inner.writer.post(Op::Record, Box::new(call));
    }

    /// One's own recorded calls, newest first; `before` (an id) continues.
    pub async fn tool_calls(&self, by: UserId, before: Option<&str>, limit: u32) -> Result<Page<CallRow>, StoreError> {
        self.inner.writer.settle().await;
        let sql = calls!("t.user_id = $1");
        page(read!(self, fetch_all, Row, sql, by.to_string(), before, i64::from(limit) + 1)?, limit)
    }

    /// Everybody's recorded calls, newest first; `NotFound` for whoever is no administrator.
    pub async fn all_tool_calls(
        &self,
        by: UserId,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Page<CallRow>, StoreError> {
        self.must_administrate(by).await?;
        self.inner.writer.settle().await;
        let sql = calls!("EXISTS (SELECT 1 FROM users a WHERE a.id = $1 AND a.admin)");
        page(read!(self, fetch_all, Row, sql, by.to_string(), before, i64::from(limit) + 1)?, limit)
    }

    /// Removes the records of calls that began before then; how many.
    pub async fn purge_tool_calls(&self, before: Millis) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        // A call's id is made when it begins, and begins with the time (RFC 9562, 5.7), or with a later one if the clock
        // was set back: then it is purged so much later.
        let first = uuid::Uuid::from_u128(u128::try_from(before.0).unwrap_or_default() << 80).to_string();
        let purged = execute!(&mut tx, "DELETE FROM tool_calls WHERE id < $1 AND began_at < $2", first, before.0)?;
        self.commit(tx).await?;
        Ok(purged)
    }
}

fn page(mut rows: Vec<Row>, limit: u32) -> Result<Page<CallRow>, StoreError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(Page { items: rows.into_iter().map(Row::read).collect::<Result<_, _>>()?, more })
}
