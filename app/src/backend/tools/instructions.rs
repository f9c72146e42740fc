//! `get_server_instructions`: what this server is for, for clients that do not show their model what servers say of
//! themselves.

use super::{Tool, ToolCx, spec};
use crate::wire::tool::{Annotations, ToolOutcome, ToolSpec};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use std::sync::Arc;

struct Instructions {
    spec: Arc<ToolSpec>,
    text: String,
}

/// The tool that tells `text`.
pub fn tool(text: String) -> Arc<dyn Tool> {
    let spec = spec(
        ("get_server_instructions", "Server instructions"),
        "Tells what this server is, what its tools are for and how to use them well. Call it once, before the first use \
         of its other tools, unless the server's instructions are known already.",
        (json!({}), &[]),
        (
            json!({ "instructions": { "type": "string", "description": "What to know of this server." } }),
            &["instructions"],
        ),
        Annotations::READ_ONLY,
    );
    Arc::new(Instructions { spec: Arc::new(spec), text })
}

impl Tool for Instructions {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, _cx: &'a ToolCx, _arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        async { ToolOutcome::ok(self.text.clone(), json!({ "instructions": self.text })) }.boxed()
    }
}
