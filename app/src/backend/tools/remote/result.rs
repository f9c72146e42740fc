//! What a tool of a server answered: text as it is, everything else kept as an attachment and named where it stood, so
//! that the model knows of it and nothing is lost without a word. The registry bounds text and structured content.

use crate::{
    backend::tools::{
        ToolCx,
        attachments::{Keeper, NotKept, READ, bytes},
    },
    wire::{
        app::result_of,
        attachment::{AttachmentRef, Piece},
        limits::{PIECES_MAX, PREVIEW_MAX, TOOL_RESULT_MAX},
        tool::ToolOutcome,
    },
};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use rmcp::model::{CallToolResult, ContentBlock, Resource, ResourceContents};
use serde_json::Value;
use std::fmt::Write;

/// Characters of an address or a name that are repeated.
const NAME_MAX: usize = 200;
/// Characters of a link's address.
const URI_MAX: usize = 2_000;
/// Characters of what a link says of itself.
const DESCRIPTION_MAX: usize = 500;
/// Bytes of a resource's text that stand in the result; there may be several.
const INLINE_MAX: usize = TOOL_RESULT_MAX / 2;
/// Base64 as servers write it, with or without its `=`.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a kind of content is called that this program does not know.
const UNKNOWN: &str = "[A piece of a kind that Parley does not know]";

/// A result as an outcome.
pub(super) async fn outcome(cx: &ToolCx, result: CallToolResult) -> ToolOutcome {
    let mut reader = Reader { keeper: Keeper::new(cx), content: Vec::new(), left_out: 0 };
    let mut text = String::new();
    for block in result.content {
        let told = reader.block(block).await;
        if !told.is_empty() {
            let gap = if text.is_empty() { "" } else { "\n\n" };
            let _ = write!(text, "{gap}{told}");
        }
    }
    if reader.left_out > 0 {
        let _ = write!(text, "\n\n[{} more were left out: at most {PIECES_MAX} are taken in.]", reader.left_out);
    }
    let structured = result.structured_content.filter(|structured| !structured.is_null());
    let is_error = result.is_error.unwrap_or(false);
    if text.is_empty() {
        text = match &structured {
            Some(structured) => pretty(structured),
            None if is_error => "It failed and did not say why.".to_owned(),
            None => "It succeeded and returned nothing.".to_owned(),
        };
    }
    ToolOutcome { text, structured, is_error, truncated: false, attached: None, content: reader.content, sent: None }
}

/// Keeps a result as its server sent it, for the app that shows it, unless the outcome says all of it.
pub(super) async fn keep_sent(cx: &ToolCx, outcome: &mut ToolOutcome, sent: &Value) {
    let json = sent.to_string();
    let mut told = result_of(outcome);
    if let (Some(told), false, None) = (told.as_object_mut(), outcome.is_error, sent.get("isError")) {
        told.remove("isError");
    }
    // What is longer, or has a NUL, is cut before it stands in a message.
    if told == *sent && json.len() <= TOOL_RESULT_MAX && !json.contains("\\u0000") {
        return;
    }
    match Keeper::after(cx, outcome).keep(json.as_bytes(), Some("application/json"), "result.json").await {
        Ok(file) => outcome.sent = Some(Box::new(file)),
        Err(why) => tracing::debug!(%why, "an app is told its result as far as it is kept"),
    }
}

/// Reads a result's blocks in order.
struct Reader<'a> {
    keeper: Keeper<'a>,
    content: Vec<Piece>,
    left_out: usize,
}

impl Reader<'_> {
    /// A block in words; what it has besides is kept.
    async fn block(&mut self, block: ContentBlock) -> String {
        if !matches!(block, ContentBlock::Text(_)) && self.content.len() >= PIECES_MAX {
            self.left_out += 1;
            return String::new();
        }
        match block {
            ContentBlock::Text(text) => text.text,
            ContentBlock::Image(image) => self.encoded("", &image.data, Some(&image.mime_type)).await,
            ContentBlock::Audio(audio) => self.encoded("", &audio.data, Some(&audio.mime_type)).await,
            ContentBlock::ResourceLink(resource) => self.link(&resource),
            ContentBlock::Resource(embedded) => match embedded.resource {
                ResourceContents::TextResourceContents { uri, mime_type, text, .. } => {
                    self.text(&uri, &text, mime_type.as_deref()).await
                }
                ResourceContents::BlobResourceContents { uri, mime_type, blob, .. } => {
                    self.encoded(&uri, &blob, mime_type.as_deref()).await
                }
                _ => UNKNOWN.to_owned(),
            },
            _ => UNKNOWN.to_owned(),
        }
    }

    /// Encoded data, of a resource if it has an address.
    async fn encoded(&mut self, uri: &str, base64: &str, said: Option<&str>) -> String {
        let at = if uri.is_empty() { String::new() } else { format!(" at {}", short(uri)) };
        let kind = short(said.unwrap_or("unknown kind"));
        let Ok(file) = BASE64.decode(base64.trim()) else {
            return format!("[A file{at}, {kind}, which was left out: its data is not base64.]");
        };
        match self.keeper.keep(&file, said, uri).await {
            Ok(kept) => {
                let told = named(&at, &kept);
                self.content.push(piece(uri, kept, String::new()));
                told
            }
            Err(why) => format!("[A file{at}, {kind}, {}, which was left out: {why}.]", bytes(file.len())),
        }
    }

    /// A resource's text; of a long one the beginning, if the rest can be read on.
    async fn text(&mut self, uri: &str, text: &str, said: Option<&str>) -> String {
        let clean = text.replace('\0', "");
        let kept = self.keeper.keep(clean.as_bytes(), said.or(Some("text/plain")), uri).await;
        let told = format!("[The contents of {}:]\n", short(uri));
        match kept {
            Ok(file) => {
                let end = clean.floor_char_boundary(INLINE_MAX);
                let more = (end < clean.len()).then(|| {
                    format!(
                        "\n[Cut here, after {end} of {} bytes: {READ} with {{\"attachment_id\": \"{}\", \"offset\": {end}}} \
                         reads on.]",
                        clean.len(),
                        file.id
                    )
                });
                self.content.push(piece(uri, file, clean.chars().take(PREVIEW_MAX).collect()));
                format!("{told}{}{}", &clean[..end], more.unwrap_or_default())
            }
            // The text itself is in the result.
            Err(NotKept::Nowhere) => told + &clean,
            Err(why) => format!("{told}{clean}\n[It was not kept as a file: {why}.]"),
        }
    }

    fn link(&mut self, resource: &Resource) -> String {
        let name = short(resource.title.as_ref().unwrap_or(&resource.name));
        let mut out = format!("[A resource: «{name}» at {}", short(&resource.uri));
        if let Some(kind) = &resource.mime_type {
            let _ = write!(out, ", {}", short(kind));
        }
        if let Some(size) = resource.size {
            let _ = write!(out, ", {size} bytes");
        }
        let description = resource.description.as_deref().unwrap_or_default();
        self.content.push(Piece::Link {
            uri: address(&resource.uri),
            name,
            description: cut(description, DESCRIPTION_MAX),
            media_type: resource.mime_type.as_deref().map(short),
            size: resource.size,
        });
        out + "]"
    }
}

fn piece(uri: &str, file: AttachmentRef, preview: String) -> Piece {
    if uri.is_empty() { Piece::File { file } } else { Piece::Resource { uri: short(uri), file, preview } }
}

/// What is kept, in words for a model that cannot see or hear it.
fn named(at: &str, file: &AttachmentRef) -> String {
    let size = bytes(usize::try_from(file.size).unwrap_or(usize::MAX));
    let (what, done) = match () {
        () if file.is_image() => ("An image", "shown to the user"),
        () if file.is_sound() => ("A sound", "which the user can play"),
        () => ("A file", "which the user can download"),
    };
    let pixels = file.pixels.map(|(width, height)| format!(", {width}×{height} pixels")).unwrap_or_default();
    format!("[{what}{at}: {}{pixels}, {size}, {done}; attachment {}]", file.media_type, file.id)
}

/// An address to follow; the blank in one that was cut keeps it from leading elsewhere.
fn address(uri: &str) -> String {
    let kept = cut(uri, URI_MAX);
    if uri.chars().nth(URI_MAX).is_some() { kept + " …" } else { kept }
}

fn short(text: &str) -> String {
    cut(text, NAME_MAX)
}

/// The beginning, on one line.
fn cut(text: &str, most: usize) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(most).collect()
}

fn pretty(structured: &Value) -> String {
    serde_json::to_string_pretty(structured).unwrap_or_else(|_| structured.to_string())
}
