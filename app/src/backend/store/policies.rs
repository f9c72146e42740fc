//! What people said of tools, what administrators let nobody go below, and what is switched off in a conversation.
//!
//! Invariant: what a person said counts for the definition it was said of; the definition's hash stands beside it, and
//! whoever reads it compares. Only an administrator, as the store knows them now, sets floors; only the owner of a
//! conversation switches its tools.

use super::{
    Store, StoreError,
    db::{execute, read},
    text::clean,
};
use crate::wire::{
    id::{ConversationId, UserId},
    policy::{ANY_SERVER, Floor, FloorKind, Policy},
    tool::ToolSpec,
};
use std::sync::Arc;

/// What a person said of a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The tool's name.
    pub tool: String,
    /// What is to happen with its calls.
    pub policy: Policy,
    /// The definition it was said of; empty: of whichever.
    pub definition: String,
}

impl Said {
    /// Whether it was said of that definition.
    pub fn counts(&self, definition: &str) -> bool {
        self.definition.is_empty() || self.definition == definition
    }
}

/// All that a decision about one person's calls goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolRules {
    /// What they said for good.
    pub always: Vec<Said>,
    /// What they said in the conversation.
    pub here: Vec<Said>,
    /// What holds for everybody.
    pub floors: Vec<Floor>,
    /// What is switched off in the conversation.
    pub off: Vec<String>,
    /// Whether the conversation has attachments, which one tool is for.
    pub attachments: bool,
}

impl ToolRules {
    /// What was said of a tool, the nearer word first.
    pub fn said<'a>(&'a self, tool: &'a str) -> impl Iterator<Item = &'a Said> {
        self.here.iter().chain(&self.always).filter(move |said| said.tool == tool)
    }

    /// The strictest floor that binds a tool's calls.
    pub fn floor(&self, spec: &ToolSpec) -> Option<Policy> {
        let binds = |floor: &&Floor| match floor.kind {
            FloorKind::Tool => floor.name == spec.name,
            FloorKind::Server => spec
                .server
                .as_ref()
                .is_some_and(|server| floor.name == server.id || (floor.name == ANY_SERVER && !server.trusted)),
        };
        self.floors.iter().filter(binds).map(|floor| floor.floor).max()
    }

    /// Whether a tool is switched off in the conversation.
    pub fn is_off(&self, tool: &str) -> bool {
        self.off.iter().any(|name| name == tool)
    }
}

impl Store {
    /// What decisions about the calls of `user`, in that conversation if there is one, go by.
    pub async fn tool_rules(&self, user: UserId, c: Option<ConversationId>) -> Result<Arc<ToolRules>, StoreError> {
        let moment = self.moment();
        if let Some(rules) = self.inner.rules.get(&(user, c), moment) {
            return Ok(rules);
        }
        let rules = Arc::new(self.read_tool_rules(user, c).await?);
        self.inner.rules.keep((user, c), moment, Arc::clone(&rules));
        Ok(rules)
    }

    async fn read_tool_rules(&self, user: UserId, c: Option<ConversationId>) -> Result<ToolRules, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            (String, String, String, String),
            "SELECT 'always', tool, policy, definition FROM tool_policies WHERE user_id = $1
             UNION ALL
             SELECT 'here', tool, policy, definition FROM conversation_tool_policies
             WHERE user_id = $1 AND conversation_id = $2
             UNION ALL SELECT kind, name, floor, '' FROM tool_floors
             UNION ALL SELECT 'off', tool, 'deny', '' FROM switched_off_tools WHERE conversation_id = $2
             UNION ALL
             SELECT 'attachments', '', 'allow', '' FROM members m
             JOIN conversations c ON c.id = m.conversation_id AND c.deleted_at IS NULL
             WHERE m.user_id = $1 AND m.conversation_id = $2
               AND EXISTS (SELECT 1 FROM attachments a WHERE a.conversation_id = m.conversation_id)
             ORDER BY 2",
            user.to_string(),
            c.map(|c| c.to_string()),
        )?;
        let mut rules = ToolRules::default();
        for (kind, name, policy, definition) in rows {
            let policy: Policy = stored(&name, &policy)?;
            match kind.as_str() {
                "always" => rules.always.push(Said { tool: name, policy, definition }),
                "here" => rules.here.push(Said { tool: name, policy, definition }),
                "off" => rules.off.push(name),
                "attachments" => rules.attachments = true,
                kind => rules.floors.push(Floor { kind: stored(&name, kind)?, name, floor: policy }),
            }
        }
        Ok(rules)
    }

    /// Keeps what `user` says of a tool of that definition, for good or for one conversation they are in; the last word
    /// counts.
    pub async fn set_tool_policy(
        &self,
        user: UserId,
        c: Option<ConversationId>,
        tool: &str,
        policy: Policy,
        definition: &str,
    ) -> Result<(), StoreError> {
        let now = self.inner.clock.now().0;
        let mut tx = self.begin().await?;
        let kept = match c {
            None => execute!(
                &mut tx,
                "INSERT INTO tool_policies (user_id, tool, policy, definition, decided_at)
                 SELECT id, $2, $3, $4, $5 FROM users WHERE id = $1
                 ON CONFLICT (user_id, tool) DO UPDATE SET policy = excluded.policy, definition = excluded.definition,
                     decided_at = excluded.decided_at",
                user.to_string(),
                clean(tool),
                policy.name(),
                definition,
                now,
            )?,
            Some(c) => execute!(
                &mut tx,
                "INSERT INTO conversation_tool_policies (user_id, conversation_id, tool, policy, definition, decided_at)
                 SELECT user_id, conversation_id, $3, $4, $5, $6 FROM members
                 WHERE user_id = $1 AND conversation_id = $2
                 ON CONFLICT (user_id, conversation_id, tool) DO UPDATE SET policy = excluded.policy,
                     definition = excluded.definition, decided_at = excluded.decided_at",
                user.to_string(),
                c.to_string(),
                clean(tool),
                policy.name(),
                definition,
                now,
            )?,
        };
        if kept == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// Forgets all that `user` said of a tool, here and everywhere; nothing to forget is fine.
    pub async fn forget_tool_policy(&self, user: UserId, tool: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM tool_policies WHERE user_id = $1 AND tool = $2";
        execute!(&mut tx, sql, user.to_string(), clean(tool))?;
        let sql = "DELETE FROM conversation_tool_policies WHERE user_id = $1 AND tool = $2";
        execute!(&mut tx, sql, user.to_string(), clean(tool))?;
        self.commit(tx).await
    }

    /// Sets a floor, or with `None` or [`Policy::Allow`] takes it away; `NotFound` for whoever is no administrator.
    pub async fn set_tool_floor(
        &self,
        by: UserId,
        kind: FloorKind,
        name: &str,
        floor: Option<Policy>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let name = clean(name);
        if let Some(floor) = floor.filter(|floor| *floor != Policy::Allow) {
            let set = execute!(
                &mut tx,
                "INSERT INTO tool_floors (kind, name, floor, set_by, set_at)
                 SELECT $2, $3, $4, id, $5 FROM users WHERE id = $1 AND admin
                 ON CONFLICT (kind, name) DO UPDATE SET floor = excluded.floor, set_by = excluded.set_by,
                     set_at = excluded.set_at",
                by.to_string(),
                kind.name(),
                name,
                floor.name(),
                self.inner.clock.now().0,
            )?;
            if set == 0 {
                return Err(StoreError::NotFound);
            }
        } else {
            self.must_administrate(by).await?;
            let sql = "DELETE FROM tool_floors WHERE kind = $1 AND name = $2";
            execute!(&mut tx, sql, kind.name(), name)?;
        }
        self.commit(tx).await
    }

    /// Whether `by` is an administrator now.
    pub(super) async fn must_administrate(&self, by: UserId) -> Result<(), StoreError> {
        let sql = "SELECT created_at FROM users WHERE id = $1 AND admin";
        read!(self, fetch_optional, (i64,), sql, by.to_string())?.map(drop).ok_or(StoreError::NotFound)
    }

    /// Switches a tool off or on in a conversation, for all of its members; owner only.
    pub async fn switch_tool(&self, by: UserId, c: ConversationId, tool: &str, on: bool) -> Result<(), StoreError> {
        self.must_own(by, c).await?;
        let mut tx = self.begin().await?;
        if on {
            let sql = "DELETE FROM switched_off_tools WHERE conversation_id = $1 AND tool = $2";
            execute!(&mut tx, sql, c.to_string(), clean(tool))?;
        } else {
            execute!(
                &mut tx,
                "INSERT INTO switched_off_tools (conversation_id, tool, switched_at)
                 SELECT id, $2, $3 FROM conversations WHERE id = $1
                 ON CONFLICT (conversation_id, tool) DO NOTHING",
                c.to_string(),
                clean(tool),
                self.inner.clock.now().0,
            )?;
        }
        self.commit(tx).await
    }
}

/// A value that was stored by its name.
pub(super) fn stored<T: std::str::FromStr>(id: &str, name: &str) -> Result<T, StoreError> {
    name.parse().map_err(|_| StoreError::Corrupt { table: "tool policies", id: id.to_owned() })
}
