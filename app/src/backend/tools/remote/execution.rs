//! Whether a tool wants to be called as a task: `execution.taskSupport` of revision 2025-11-25.
//!
//! rmcp reads the tasks of revision 2026-07-28 only, where the server decides, and drops this field of a tool. So it is
//! moved, before rmcp reads the message, to where rmcp keeps what it does not know: the tool's `_meta`. A list that comes
//! as one JSON answer over HTTP is read by rmcp itself; its tools are called plainly, and as tasks if the server insists.

use rmcp::model::Tool;
use serde_json::{Value, json};

/// Where it is kept.
const KEY: &str = "parley/execution";

/// The message with the field moved; `None` if it has no such field.
pub(super) fn kept(message: &str) -> Option<String> {
    if !message.contains("\"taskSupport\"") {
        return None;
    }
    let mut message: Value = serde_json::from_str(message).ok()?;
    for tool in message.pointer_mut("/result/tools")?.as_array_mut()? {
        let Some(tool) = tool.as_object_mut() else { continue };
        let Some(execution) = tool.remove("execution") else { continue };
        if let Some(meta) = tool.entry("_meta").or_insert_with(|| json!({})).as_object_mut() {
            meta.insert(KEY.to_owned(), execution);
        }
    }
    serde_json::to_string(&message).ok()
}

/// Whether the tool can be called as a task, or only so.
pub(super) fn takes_tasks(tool: &Tool) -> bool {
    let execution = tool.meta.as_ref().and_then(|meta| meta.0.get(KEY));
    let support = execution.and_then(|execution| execution["taskSupport"].as_str());
    matches!(support, Some("optional" | "required"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_a_tool_says_of_tasks_survives_being_read() {
        let list = json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": [
            {"name": "a", "inputSchema": {}, "execution": {"taskSupport": "required"}},
            {"name": "b", "inputSchema": {}, "execution": {"taskSupport": "optional"}, "_meta": {"x": 1}},
            {"name": "c", "inputSchema": {}, "execution": {"taskSupport": "forbidden"}},
            {"name": "d", "inputSchema": {}, "_meta": {KEY: 7}},
        ]}});
        let list: Value = serde_json::from_str(&kept(&list.to_string()).unwrap()).unwrap();
        let tools: Vec<Tool> = serde_json::from_value(list["result"]["tools"].clone()).unwrap();
        assert_eq!(tools.iter().map(takes_tasks).collect::<Vec<_>>(), [true, true, false, false]);
        assert_eq!(tools[1].meta.as_ref().unwrap().0["x"], 1);
    }

    #[test]
    fn other_messages_are_left_alone() {
        assert_eq!(kept(r#"{"result": {"tools": []}}"#), None);
        assert_eq!(kept(r#"{"result": {"content": [{"type": "text", "text": "\"taskSupport\""}]}}"#), None);
        assert_eq!(kept(r#"not JSON "taskSupport""#), None);
    }
}
