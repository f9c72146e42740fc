//! How [`ApiError`] crosses: as JSON, and what Leptos' own failures become.

use crate::wire::error::ApiError;
use server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

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
