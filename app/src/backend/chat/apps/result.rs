//! What an app is told of its call: the result as its server sent it, or, where that was not kept, made again from what
//! was.

use super::super::{Chat, ChatError};
use crate::{
    backend::{caller::Caller, store::StoreError},
    wire::{
        app::result_of,
        attachment::{AttachmentRef, Piece},
        error::ApiError,
        id::{AttachmentId, CallId, MessageId, UserId},
        tool::ToolOutcome,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

impl Chat {
    /// The result of the call that an app shows (MCP `CallToolResult`).
    ///
    /// # Errors
    /// As [`Chat::open_app`]; `NotFound` for a call that has none yet.
    pub async fn result_for_app(&self, by: &Caller, message: MessageId, call: &CallId) -> Result<Value, ChatError> {
        let outcome = self.shown_app(by, message, call).await?.outcome.ok_or(ApiError::NotFound)?;
        let Some(sent) = &outcome.sent else { return Ok(self.rebuilt(by.user, &outcome).await?) };
        let bytes = self.store.attachment_bytes(by.user, sent.id).await?;
        Ok(serde_json::from_slice(&bytes).map_err(|_| corrupt(sent.id))?)
    }

    /// A result from its text and the pieces that were kept.
    async fn rebuilt(&self, by: UserId, outcome: &ToolOutcome) -> Result<Value, StoreError> {
        let mut result = result_of(outcome);
        let mut blocks = Vec::new();
        for piece in &outcome.content {
            match piece {
                Piece::Whole { file } => result["content"][0]["text"] = json!(self.text(by, file).await?),
                Piece::Structured { file } => {
                    let bytes = self.store.attachment_bytes(by, file.id).await?;
                    let structured: Value = serde_json::from_slice(&bytes).map_err(|_| corrupt(file.id))?;
                    result["structuredContent"] = structured;
                }
                Piece::File { file } if file.is_image() || file.is_sound() => {
                    let kind = if file.is_image() { "image" } else { "audio" };
                    let data = self.encoded(by, file).await?;
                    blocks.push(json!({ "type": kind, "data": data, "mimeType": file.media_type }));
                }
                Piece::File { file } => {
                    let (uri, blob) = (format!("attachment:{}", file.id), self.encoded(by, file).await?);
                    blocks.push(resource(json!({ "uri": uri, "blob": blob }), file));
                }
                Piece::Resource { uri, file, preview } if preview.is_empty() => {
                    blocks.push(resource(json!({ "uri": uri, "blob": self.encoded(by, file).await? }), file));
                }
                Piece::Resource { uri, file, .. } => {
                    blocks.push(resource(json!({ "uri": uri, "text": self.text(by, file).await? }), file));
                }
                Piece::Link { uri, name, description, media_type, size } => {
                    let mut link = json!({ "type": "resource_link", "uri": uri, "name": name });
                    let facts = [
                        ("description", (!description.is_empty()).then(|| json!(description))),
                        ("mimeType", media_type.as_ref().map(|kind| json!(kind))),
                        ("size", size.map(|size| json!(size))),
                    ];
                    for (name, fact) in facts {
                        if let Some(fact) = fact {
                            link[name] = fact;
                        }
                    }
                    blocks.push(link);
                }
            }
        }
        if let Some(content) = result["content"].as_array_mut() {
            content.extend(blocks);
        }
        Ok(result)
    }

    async fn encoded(&self, by: UserId, file: &AttachmentRef) -> Result<String, StoreError> {
        Ok(STANDARD.encode(self.store.attachment_bytes(by, file.id).await?))
    }

    async fn text(&self, by: UserId, file: &AttachmentRef) -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(&self.store.attachment_bytes(by, file.id).await?).into_owned())
    }
}

fn resource(mut contents: Value, file: &AttachmentRef) -> Value {
    contents["mimeType"] = json!(file.media_type);
    json!({ "type": "resource", "resource": contents })
}

fn corrupt(id: AttachmentId) -> StoreError {
    StoreError::Corrupt { table: "attachments", id: id.to_string() }
}
