//! What an app tells the model (MCP Apps `ui/update-model-context`), as one text.
//!
//! Invariant: it is text, within [`APP_CONTEXT_MAX`]; what cannot be said in text is refused with a sentence, and
//! nothing is left out without a word.

use crate::wire::limits::APP_CONTEXT_MAX;
use serde_json::Value;

/// What is said between two pieces of it.
const GAP: &str = "\n\n";

/// The text of a request's params; `None` if it says nothing, which takes back what was told before.
///
/// # Errors
/// A sentence for the app.
pub(super) fn text(told: &Value) -> Result<Option<String>, String> {
    let mut pieces = Vec::new();
    match &told["content"] {
        Value::Null => {}
        Value::Array(blocks) => {
            for block in blocks {
                pieces.push(words(block)?);
            }
        }
        _ => return Err("What the model is told has a list of content blocks.".to_owned()),
    }
    match &told["structuredContent"] {
        Value::Null => {}
        Value::Object(fields) if fields.is_empty() => {}
        Value::Object(_) => {
            let structured = &told["structuredContent"];
            pieces.push(serde_json::to_string_pretty(structured).unwrap_or_else(|_| structured.to_string()));
        }
        _ => return Err("Structured content is an object.".to_owned()),
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    let mut text = pieces.join(GAP);
    text.retain(|c| c != '\0');
    match text.len() {
        0 => Ok(None),
        1..=APP_CONTEXT_MAX => Ok(Some(text)),
        bytes => Err(format!("That has {bytes} bytes; an app may tell the model {APP_CONTEXT_MAX}.")),
    }
}

/// A content block in words.
fn words(block: &Value) -> Result<String, String> {
    let of = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let said = match block["type"].as_str().unwrap_or_default() {
        "text" => of(block, "text"),
        "resource" => {
            let resource = &block["resource"];
            let uri = of(resource, "uri").unwrap_or_default();
            of(resource, "text").map(|text| format!("[The contents of {uri}:]\n{text}"))
        }
        "resource_link" => of(block, "uri").map(|uri| {
            let name = of(block, "title").or_else(|| of(block, "name")).unwrap_or_default();
            format!("[A resource: «{name}» at {uri}]")
        }),
        _ => None,
    };
    said.ok_or_else(|| {
        "The model can be told text, resources of text, links to resources and structured content; nothing else."
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_that_is_text_is_told_in_order() {
        let told = json!({
            "content": [
                {"type": "text", "text": "Marketing has 30 %."},
                {"type": "resource", "resource": {"uri": "data://rows", "text": "1,2\u{0}"}},
                {"type": "resource_link", "uri": "data://all", "name": "all", "title": "All rows"},
                {"type": "text", "text": " "},
            ],
            "structuredContent": {"share": 30},
        });
        let expected = "Marketing has 30 %.\n\n[The contents of data://rows:]\n1,2\n\n[A resource: «All rows» at \
                        data://all]\n\n{\n  \"share\": 30\n}";
        assert_eq!(text(&told).unwrap().as_deref(), Some(expected));
    }

    #[test]
    fn nothing_takes_back() {
        for nothing in [
            json!({}),
            json!(null),
            json!({"content": []}),
            json!({"content": [{"type": "text", "text": "\u{0}"}]}),
            json!({"content": [], "structuredContent": {}}),
        ] {
            assert_eq!(text(&nothing), Ok(None), "{nothing}");
        }
    }

    #[test]
    fn what_is_no_text_or_too_long_is_refused() {
        for (told, words) in [
            (json!({"content": {"type": "text", "text": "x"}}), "a list"),
            (json!({"content": [{"type": "image", "data": "", "mimeType": "image/png"}]}), "nothing else"),
            (json!({"content": [{"type": "resource", "resource": {"uri": "x", "blob": ""}}]}), "nothing else"),
            (json!({"content": ["x"]}), "nothing else"),
            (json!({"content": [{"type": "text"}]}), "nothing else"),
            (json!({"structuredContent": [1]}), "an object"),
            (json!({"content": [{"type": "text", "text": "x".repeat(APP_CONTEXT_MAX + 1)}]}), "bytes"),
        ] {
            let refused = text(&told).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
        let most = json!({"content": [{"type": "text", "text": "x".repeat(APP_CONTEXT_MAX)}]});
        assert_eq!(text(&most).unwrap().map(|text| text.len()), Some(APP_CONTEXT_MAX));
    }
}
