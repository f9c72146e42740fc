//! How answers, frames and [`ApiError`]s cross: as JSON, read by [`json`] in the browser; and what Leptos' own failures
//! become.

use crate::wire::{error::ApiError, json};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use server_fn::{
    ContentType, Decodes, Encodes, Format, FormatType,
    error::{FromServerFnError, ServerFnErrorErr},
};

/// A value as JSON; only pages read it.
#[derive(Clone, Copy, Debug)]
pub struct JsonText;

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(output).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = json::Unreadable;

    fn decode(bytes: Bytes) -> Result<T, Self::Error> {
        json::read(std::str::from_utf8(&bytes).map_err(|_| json::Unreadable)?)
    }
}

impl FromServerFnError for ApiError {
    type Encoder = JsonText;

    fn from_server_fn_error(fault: ServerFnErrorErr) -> Self {
        match fault {
            ServerFnErrorErr::Request(_) | ServerFnErrorErr::Deserialization(_) | ServerFnErrorErr::Response(_) => {
                Self::Network
            }
            ServerFnErrorErr::Args(reason) => Self::invalid("form", format!("The form cannot be read: {reason}.")),
            ServerFnErrorErr::MissingArg(name) => Self::invalid(&name, format!("«{name}» is missing.")),
            other => Self::Internal { trace: other.to_string() },
        }
    }
}
