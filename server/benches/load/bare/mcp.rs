//! The floor of `/mcp`: plain rmcp, with the one tool and nobody to ask who calls. It answers as Parley has it answer: with
//! plain JSON, which costs less than the stream of one event that is its default.

use crate::tools::TOOL;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A server of the one tool.
#[derive(Clone, Debug)]
pub(crate) struct Adder {
    tool: Tool,
}

/// It, over HTTP.
pub(crate) fn service() -> StreamableHttpService<Adder, LocalSessionManager> {
    let adder = Adder { tool: tool() };
    let config = StreamableHttpServerConfig::default().with_json_response(true);
    StreamableHttpService::new(move || Ok(adder.clone()), Arc::default(), config)
}

fn tool() -> Tool {
    let object = |properties: Value, required: &[&str]| -> JsonObject {
        let mut schema = JsonObject::new();
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), properties);
        schema.insert("required".to_owned(), json!(required));
        schema
    };
    let input = object(json!({ "numbers": { "type": "array", "items": { "type": "number" } } }), &["numbers"]);
    let mut tool = Tool::new(TOOL, "Adds numbers.", input);
    tool.output_schema = Some(Arc::new(object(json!({ "sum": { "type": "number" } }), &["sum"])));
    tool
}

impl ServerHandler for Adder {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        (name == TOOL).then(|| self.tool.clone())
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = call.arguments.unwrap_or_default();
        let numbers = arguments.get("numbers").and_then(Value::as_array);
        let sum: f64 = numbers.into_iter().flatten().filter_map(Value::as_f64).sum();
        let mut result = CallToolResult::success(vec![ContentBlock::text(sum.to_string())]);
        result.structured_content = Some(json!({ "sum": sum }));
        Ok(result.into())
    }
}
