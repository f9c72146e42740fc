//! Small pieces of content that fixtures return.

use rmcp::model::{AudioContent, CallToolResult, ContentBlock, ResourceContents};

/// A red pixel.
pub(super) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A sound of no length.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=";

pub(super) fn text(uri: &str, mime: &str, text: impl Into<String>) -> ResourceContents {
    ResourceContents::TextResourceContents {
        uri: uri.to_owned(),
        mime_type: Some(mime.to_owned()),
        text: text.into(),
        meta: None,
    }
}

pub(super) fn image() -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::image(PIXEL, "image/png")])
}

pub(super) fn audio() -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::Audio(AudioContent::new(SILENCE, "audio/wav"))])
}

pub(super) fn embedded() -> CallToolResult {
    let resource = text("test://embedded-resource", "text/plain", "An embedded resource.");
    CallToolResult::success(vec![ContentBlock::resource(resource)])
}

pub(super) fn mixed() -> CallToolResult {
    let resource = text("test://mixed-content-resource", "application/json", r#"{"test":"data"}"#);
    CallToolResult::success(vec![
        ContentBlock::text("Several kinds of content:"),
        ContentBlock::image(PIXEL, "image/png"),
        ContentBlock::resource(resource),
    ])
}
