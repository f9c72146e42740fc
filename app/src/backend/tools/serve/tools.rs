//! Tools as the protocol lists them.

use super::{McpServer, page};
use crate::{
    backend::{caller::Caller, tools::ToolRegistry},
    wire::{limits, tool::ToolSpec},
};
use rmcp::{
    ErrorData, ServerHandler,
    model::{CacheScope, JsonObject, ListToolsResult, ToolAnnotations},
};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc};

/// How long a client may keep the list of tools, in milliseconds: it changes only with the program.
const LIST_TTL_MS: u64 = 60_000;
const LIST: &str = "tools";

impl McpServer {
    /// One page of the tools `caller` may use, in the registry's order.
    pub async fn tool_page(&self, caller: &Caller, cursor: Option<String>) -> Result<ListToolsResult, ErrorData> {
        let from = page::place(LIST, cursor)?;
        let specs = self.tools.list(caller).await;
        // By name, not by number: the list may have changed between two pages.
        let start = match &from {
            Some(name) => specs.iter().position(|spec| spec.name == *name).ok_or_else(page::bad_cursor)? + 1,
            None => 0,
        };
        let most = usize::try_from(limits::MCP_PAGE).unwrap_or(usize::MAX);
        let some = &specs[start..specs.len().min(start.saturating_add(most))];
        let more = start + some.len() < specs.len();
        let mut result =
            ListToolsResult::with_all_items(some.iter().filter_map(|spec| self.get_tool(&spec.name)).collect());
        result.next_cursor = some.last().filter(|_| more).map(|last| page::cursor(LIST, &last.name));
        Ok(result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private))
    }
}

/// Tools as the protocol describes them, by name: worked out once, for each call looks at one.
pub(super) fn advertised(tools: &ToolRegistry) -> HashMap<String, rmcp::model::Tool> {
    tools.specs().iter().map(|spec| (spec.name.clone(), advertise(spec))).collect()
}

fn advertise(spec: &ToolSpec) -> rmcp::model::Tool {
    let hints = spec.annotations;
    let annotations = ToolAnnotations::from_raw(
        Some(spec.title.clone()),
        Some(hints.read_only_hint),
        Some(hints.destructive_hint),
        Some(hints.idempotent_hint),
        Some(hints.open_world_hint),
    );
    let mut tool = rmcp::model::Tool::new(spec.name.clone(), spec.description.clone(), object(&spec.input_schema));
    tool.title = Some(spec.title.clone());
    tool.output_schema = Some(Arc::new(object(&spec.output_schema)));
    tool.annotations = Some(annotations);
    tool
}

/// A schema; the registry admits objects only.
fn object(schema: &Value) -> JsonObject {
    schema.as_object().cloned().unwrap_or_default()
}
