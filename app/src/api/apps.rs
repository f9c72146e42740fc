//! Apps of tools: opening one, and what it asks for through the page that shows it. An app itself can call none of
//! these: it has no origin and no cookie.

use super::call::Call;
use crate::wire::{
    app::{AppAnswer, OpenedApp},
    error::ApiError,
    id::{CallId, MessageId},
    tool::Approval,
};
use leptos::prelude::*;
use serde_json::Value;

/// Opens the app of a call.
#[server(protocol = Call)]
pub async fn open_app(message: MessageId, call: CallId) -> Result<OpenedApp, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        super::context::counted(&backend, &caller)?;
        let opened = backend.chat.open_app(&caller, message, &call, &backend.config.apps).await;
        opened.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// Calls a tool of an app's server for the app, with `arguments` (JSON); or says what the person is to be asked. Their
/// answer comes back as `approval`, with the `definition` that they were asked about.
#[server(protocol = Call)]
pub async fn call_for_app(
    message: MessageId,
    call: CallId,
    tool: String,
    arguments: String,
    #[server(default)] approval: Option<Approval>,
    #[server(default)] definition: String,
) -> Result<AppAnswer, ApiError> {
    use super::context::{serve, signed_in};
    use crate::{backend::chat::AppCall, wire::limits::APP_MESSAGE_MAX};
    serve(async {
        let (backend, caller) = signed_in()?;
        super::context::counted(&backend, &caller)?;
        let unreadable = |why: String| ApiError::invalid("arguments", format!("The arguments are not JSON: {why}."));
        if arguments.len() > APP_MESSAGE_MAX {
            return Err(ApiError::invalid(
                "arguments",
                format!("The arguments have more than {APP_MESSAGE_MAX} bytes."),
            ));
        }
        let arguments = serde_json::from_str(&arguments).map_err(|error| unreadable(error.to_string()))?;
        let said = approval.map(|approval| (approval, definition));
        let answer = backend.chat.call_for_app(&caller, message, &call, AppCall { tool, arguments, said }).await;
        answer.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// Reads a resource of an app's server for the app (MCP `ReadResourceResult`).
#[server(protocol = Call)]
pub async fn read_for_app(message: MessageId, call: CallId, uri: String) -> Result<Value, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        super::context::counted(&backend, &caller)?;
        let found = backend.chat.read_for_app(&caller, message, &call, &uri).await;
        found.map_err(|error| error.told(&backend.clock))
    })
    .await
}
