//! A tool as programs get it: they have no current conversation, so they must name the one they mean.

use crate::{
    backend::{
        store::tasks::Saying,
        tools::{Tool, ToolCx},
    },
    wire::tool::{ToolOutcome, ToolSpec},
};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;

struct Named {
    spec: Arc<ToolSpec>,
    tool: Arc<dyn Tool>,
}

/// The tool, with its `conversation_id` required if it takes one.
pub fn named(tool: &Arc<dyn Tool>) -> Arc<dyn Tool> {
    let mut spec = ToolSpec::clone(tool.spec());
    let Some(id) = spec.input_schema.pointer_mut("/properties/conversation_id") else { return Arc::clone(tool) };
    id["description"] = json!("The conversation's id, as list_conversations and search_conversations give it.");
    let required = spec.input_schema["required"].as_array().cloned().unwrap_or_default();
    if !required.contains(&json!("conversation_id")) {
        spec.input_schema["required"] = [vec![json!("conversation_id")], required].concat().into();
    }
    Arc::new(Named { spec: Arc::new(spec), tool: Arc::clone(tool) })
}

impl Tool for Named {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        self.tool.call(cx, arguments)
    }

    fn is_personal(&self) -> bool {
        self.tool.is_personal()
    }

    fn takes_long(&self) -> bool {
        self.tool.takes_long()
    }

    fn resume<'a>(&'a self, cx: &'a ToolCx, saying: Saying) -> BoxFuture<'a, Option<ToolOutcome>> {
        self.tool.resume(cx, saying)
    }
}
