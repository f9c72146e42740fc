//! What a tool answered besides its text: images, sounds, resources, and results too large to stand in a message. Their
//! bytes are kept with the conversation and fetched by id.
//!
//! Invariant: a media type of [`IMAGES`] or [`SOUNDS`] in an [`AttachmentRef`] is what the server found in the bytes,
//! whatever the tool called them; any other is somebody's word, to be read and not to be acted upon.

use super::id::AttachmentId;
use serde::{Deserialize, Serialize};

/// The kinds of image that are shown. Not SVG: it is a program.
pub const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// The kinds of sound that are played.
pub const SOUNDS: [&str; 6] = ["audio/wav", "audio/mpeg", "audio/ogg", "audio/flac", "audio/webm", "audio/mp4"];

/// One piece of a tool's answer besides its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// An image, a sound, or another file.
    File {
        /// The bytes.
        file: AttachmentRef,
    },
    /// The contents of a resource (MCP `EmbeddedResource`).
    Resource {
        /// Its address at the server that answered.
        uri: String,
        /// What it contains.
        file: AttachmentRef,
        /// How it begins, if it is text.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        preview: String,
    },
    /// A resource that is named only (MCP `ResourceLink`).
    Link {
        /// Its address.
        uri: String,
        /// What it is called.
        name: String,
        /// What it is.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        description: String,
        /// Its media type, as its server has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        /// Its size in bytes, as its server has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<u64>,
    },
    /// The whole of a text that is too long: the outcome has its beginning.
    Whole {
        /// The text.
        file: AttachmentRef,
    },
    /// A structured result that is too large: the outcome has none.
    Structured {
        /// Its JSON.
        file: AttachmentRef,
    },
}

impl Piece {
    /// The bytes it has.
    pub fn file(&self) -> Option<&AttachmentRef> {
        match self {
            Self::File { file } | Self::Resource { file, .. } | Self::Whole { file } | Self::Structured { file } => {
                Some(file)
            }
            Self::Link { .. } => None,
        }
    }

    /// The image it is.
    pub fn image(&self) -> Option<&AttachmentRef> {
        self.file().filter(|file| file.is_image())
    }
}

/// A reference to bytes that are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentRef {
    /// Their id.
    pub id: AttachmentId,
    /// What they are.
    pub media_type: String,
    /// How many there are.
    pub size: u64,
    /// An image's width and height in pixels, if it tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels: Option<(u32, u32)>,
}

impl AttachmentRef {
    /// Whether it can be shown.
    pub fn is_image(&self) -> bool {
        IMAGES.contains(&self.media_type.as_str())
    }

    /// Whether it can be played.
    pub fn is_sound(&self) -> bool {
        SOUNDS.contains(&self.media_type.as_str())
    }

    /// Where it is fetched.
    pub fn path(&self) -> String {
        format!("/attachments/{}", self.id)
    }
}
