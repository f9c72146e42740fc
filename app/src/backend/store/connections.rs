//! MCP servers that people connected, what they decided about the tools of each, and what searches brought into a
//! conversation. What a server is reached by comes sealed and goes sealed: the store has no key.

use super::{
    Store, StoreError,
    db::{execute, fetch, read},
    parse_id,
    text::clean,
};
use crate::wire::{
    connection::ToolChoice,
    id::{ConnectionId, ConversationId, UserId},
    limits::CONNECTIONS_MAX,
};

/// A connected server as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConnection {
    /// Which.
    pub id: ConnectionId,
    /// What its person calls it.
    pub name: String,
    /// What its tools' names begin with.
    pub prefix: String,
    /// Its address and headers, sealed.
    pub access: String,
}

/// What a person decided about a server's tool; about all of them if `tool` is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredChoice {
    /// The server.
    pub server: String,
    /// The tool as the server calls it.
    pub tool: String,
    /// What they decided.
    pub choice: ToolChoice,
}

impl Store {
    /// Keeps a new connection.
    ///
    /// # Errors
    /// `Conflict("connections_max")` beyond [`CONNECTIONS_MAX`]; `Conflict("prefix")` if one's other connection has it.
    pub async fn create_connection(&self, by: UserId, new: &StoredConnection) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "SELECT COUNT(*) FROM connections WHERE user_id = $1 AND prefix = $2";
        let (taken,) = fetch!(&mut tx, fetch_one, (i64,), sql, by.to_string(), &new.prefix)?;
        if taken > 0 {
            return Err(StoreError::Conflict("prefix"));
        }
        let made = execute!(
            &mut tx,
            "INSERT INTO connections (id, user_id, name, prefix, access, created_at)
             SELECT $1, u.id, $3, $4, $5, $6 FROM users u
             WHERE u.id = $2 AND (SELECT COUNT(*) FROM connections c WHERE c.user_id = u.id) < $7",
            new.id.to_string(),
            by.to_string(),
            clean(&new.name),
            &new.prefix,
            &new.access,
            self.inner.clock.now().0,
            i64::from(CONNECTIONS_MAX),
        )?;
        if made == 0 {
            return Err(StoreError::Conflict("connections_max"));
        }
        self.commit(tx).await
    }

    /// One's own connections, oldest first.
    pub async fn connections(&self, by: UserId) -> Result<Vec<StoredConnection>, StoreError> {
        let rows = read!(
            self,
            fetch_all,
            (String, String, String, String),
            "SELECT id, name, prefix, access FROM connections WHERE user_id = $1 ORDER BY created_at, id",
            by.to_string(),
        )?;
        let read = |(id, name, prefix, access): (String, String, String, String)| {
            Ok(StoredConnection { id: parse_id("connections", &id)?, name, prefix, access })
        };
        rows.into_iter().map(read).collect()
    }

    /// Calls one of one's own connections otherwise.
    pub async fn rename_connection(&self, by: UserId, id: ConnectionId, name: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE connections SET name = $3 WHERE id = $1 AND user_id = $2";
        if execute!(&mut tx, sql, id.to_string(), by.to_string(), clean(name))? == 0 {
            return Err(StoreError::NotFound);
        }
        self.commit(tx).await
    }

    /// Removes one of one's own connections, what was decided about its tools, and its apps.
    pub async fn remove_connection(&self, by: UserId, id: ConnectionId) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "DELETE FROM connections WHERE id = $1 AND user_id = $2";
        if execute!(&mut tx, sql, id.to_string(), by.to_string())? == 0 {
            return Err(StoreError::NotFound);
        }
        let sql = "DELETE FROM tool_choices WHERE server = $1 AND user_id = $2";
        execute!(&mut tx, sql, id.to_string(), by.to_string())?;
        let sql = "DELETE FROM apps WHERE server = $1 AND user_id = $2";
        execute!(&mut tx, sql, id.to_string(), by.to_string())?;
        let sql = "DELETE FROM app_contexts WHERE server = $1 AND user_id = $2";
        execute!(&mut tx, sql, id.to_string(), by.to_string())?;
        self.commit(tx).await
    }

    /// Everything one decided about servers' tools.
    pub async fn tool_choices(&self, by: UserId) -> Result<Vec<StoredChoice>, StoreError> {
        let sql = "SELECT server, tool, choice FROM tool_choices WHERE user_id = $1 ORDER BY server, tool";
        let rows = read!(self, fetch_all, (String, String, String), sql, by.to_string())?;
        let read = |(server, tool, choice): (String, String, String)| match ToolChoice::parse(&choice) {
            Some(choice) => Ok(StoredChoice { server, tool, choice }),
            None => Err(StoreError::Corrupt { table: "tool_choices", id: server }),
        };
        rows.into_iter().map(read).collect()
    }

    /// Keeps a decision about a server's tool; [`ToolChoice::On`] is what holds without one.
    pub async fn choose_tool(&self, by: UserId, chosen: &StoredChoice) -> Result<(), StoreError> {
        let (server, tool) = (clean(&chosen.server), clean(&chosen.tool));
        let mut tx = self.begin().await?;
        if chosen.choice == ToolChoice::On {
            let sql = "DELETE FROM tool_choices WHERE user_id = $1 AND server = $2 AND tool = $3";
            execute!(&mut tx, sql, by.to_string(), server, tool)?;
        } else {
            let kept = execute!(
                &mut tx,
                "INSERT INTO tool_choices (user_id, server, tool, choice)
                 SELECT u.id, $2, $3, $4 FROM users u WHERE u.id = $1
                 ON CONFLICT (user_id, server, tool) DO UPDATE SET choice = excluded.choice",
                by.to_string(),
                server,
                tool,
                chosen.choice.name(),
            )?;
            if kept == 0 {
                return Err(StoreError::NotFound);
            }
        }
        self.commit(tx).await
    }

    /// The tools that one's searches brought into a conversation, in the order they were found.
    pub async fn found_tools(&self, by: UserId, conversation: ConversationId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT tool FROM found_tools WHERE user_id = $1 AND conversation_id = $2 ORDER BY position";
        let rows = read!(self, fetch_all, (String,), sql, by.to_string(), conversation.to_string())?;
        Ok(rows.into_iter().map(|(tool,)| tool).collect())
    }

    /// Adds tools to those found in a conversation, behind the ones that are there.
    ///
    /// # Errors
    /// `NotFound` if `by` is not in it.
    pub async fn add_found_tools(
        &self,
        by: UserId,
        conversation: ConversationId,
        tools: &[String],
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let sql = "SELECT COUNT(*) FROM members WHERE user_id = $1 AND conversation_id = $2";
        let (member,) = fetch!(&mut tx, fetch_one, (i64,), sql, by.to_string(), conversation.to_string())?;
        if member == 0 {
            return Err(StoreError::NotFound);
        }
        for tool in tools {
            execute!(
                &mut tx,
                "INSERT INTO found_tools (conversation_id, user_id, tool, position)
                 SELECT $1, $2, $3, COALESCE(MAX(position), 0) + 1 FROM found_tools
                 WHERE conversation_id = $1 AND user_id = $2
                 ON CONFLICT (conversation_id, user_id, tool) DO NOTHING",
                conversation.to_string(),
                by.to_string(),
                clean(tool),
            )?;
        }
        self.commit(tx).await
    }
}
