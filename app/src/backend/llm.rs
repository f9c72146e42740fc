//! Language models: one object-safe trait, pure mappers around it.
//!
//! Vendors' wire types stay inside their module; the rest of Parley speaks [`ChatRequest`] and [`Delta`].

pub mod anthropic;
pub mod catalogue;
pub mod error;
mod names;
pub mod offline;
pub mod openai;
mod post;
pub mod retry;
pub mod scripted;
mod sse;

pub use catalogue::CatalogueError;
pub use error::{Category, ProviderError};

use crate::wire::{
    id::{AttachmentId, CallId, ModelId},
    message::Usage,
    tool::{ToolCall, ToolSpec},
};
use futures::stream::BoxStream;
use serde_json::Value;
use std::sync::Arc;

/// A reply as it comes. Connecting is part of the stream: its failure is the first item. Dropping it drops the
/// provider's connection.
pub type DeltaStream = BoxStream<'static, Result<Delta, ProviderError>>;

/// A language model API.
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Asks for a reply.
    fn stream(&self, request: ChatRequest) -> DeltaStream;
}

/// What a provider is asked.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// The vendor's own name of the model.
    pub model: String,
    /// Instructions.
    pub system: String,
    /// The conversation so far, oldest first; begins with a user turn, roles alternate.
    pub turns: Vec<RequestTurn>,
    /// Tools on offer, in stable order.
    pub tools: Arc<Vec<Arc<ToolSpec>>>,
    /// The most tokens to write.
    pub max_output: u32,
}

/// One turn of the conversation as a model sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestTurn {
    /// Whether the model wrote it.
    pub assistant: bool,
    /// Its content.
    pub content: Vec<Content>,
}

/// A piece of a turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Text.
    Text(String),
    /// Reasoning to be sent back with its seal.
    Thinking {
        /// The reasoning.
        text: String,
        /// The seal.
        signature: String,
    },
    /// An image.
    Image {
        /// `image/png` and the like.
        media_type: String,
        /// Its bytes.
        data: bytes::Bytes,
    },
    /// The model's call of a tool.
    ToolCall(ToolCall),
    /// A tool's answer.
    ToolResult {
        /// The call it answers.
        call: CallId,
        /// What it said; it names the pictures.
        text: String,
        /// Whether it failed.
        is_error: bool,
        /// Images that came with it, for models that see.
        pictures: Vec<Picture>,
    },
}

/// An image that a tool answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Where it is kept.
    pub id: AttachmentId,
    /// `image/png` and the like.
    pub media_type: String,
    /// Tokens it costs a model to see it, about.
    pub cost: usize,
    /// Its bytes, if the model is to see it.
    pub data: Option<bytes::Bytes>,
}

/// One step of a reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Text of the answer.
    Text(String),
    /// Text of the reasoning; a signature closes that block.
    Thinking {
        /// More reasoning; may be empty.
        text: String,
        /// The provider's seal, on the block's last delta.
        signature: Option<String>,
    },
    /// A whole tool call.
    ToolUse(ToolCall),
    /// A tool call whose arguments are not JSON: told to the model, who repairs it.
    BadToolUse {
        /// The call.
        id: CallId,
        /// The tool.
        name: String,
        /// What was sent.
        raw: String,
        /// Why it does not parse.
        reason: String,
    },
    /// Tokens so far in this request: replaces earlier counts of the same request.
    Usage(Usage),
    /// The end of this request's reply; nothing follows. A stream that ends without it was cut.
    Stop(StopReason),
}

/// Why a reply ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It is whole.
    EndTurn,
    /// Tools are to be run and answered.
    ToolUse,
    /// `max_output` or the window was reached.
    MaxTokens,
    /// The model refused.
    Refusal,
}

/// A model of the catalogue with the provider that serves it.
#[derive(Clone, Debug)]
pub struct Model {
    /// `provider/model`.
    pub id: ModelId,
    /// For people.
    pub name: String,
    /// The vendor's own name, for [`ChatRequest::model`].
    pub vendor_name: String,
    /// Tokens of its window.
    pub context_window: u32,
    /// The most tokens to ask for.
    pub max_output: u32,
    /// The most messages of history worth reading from the store: bounds the work per turn.
    pub history_messages: u32,
    /// Whether it is the offline assistant.
    pub offline: bool,
    /// Whether it can be shown the images that tools answer with.
    pub sees: bool,
    /// Who serves it.
    pub provider: Arc<dyn Provider>,
}

impl Model {
    /// Tokens there are for what it reads: what its window holds besides the most it may write, but no less than half of
    /// it. What is written seldom comes to the most, and a model that can read nothing is of no use.
    pub fn room(&self) -> u32 {
        self.context_window - self.max_output.min(self.context_window / 2)
    }
}

/// The catalogue.
#[derive(Clone, Debug)]
pub struct Models {
    all: Arc<Vec<Model>>,
}

impl Models {
    /// A catalogue of the given models; the first is the default.
    pub fn new(all: Vec<Model>) -> Self {
        Self { all: Arc::new(all) }
    }

    /// All of them, the default first.
    pub fn all(&self) -> &[Model] {
        &self.all
    }

    /// The model with that id, or the default for `None`.
    pub fn get(&self, id: Option<&ModelId>) -> Option<&Model> {
        match id {
            None => self.all.first(),
            Some(id) => self.all.iter().find(|m| &m.id == id),
        }
    }
}

/// Arguments of a call as text, for vendors that send JSON in a string.
pub fn arguments_text(arguments: &Value) -> String {
    arguments.to_string()
}
