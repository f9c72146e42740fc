//! Apps of tools: opening one, and what it asks for through the page that shows it. An app itself can call none of
//! these: it has no origin and no cookie.

use super::call::Call;
use crate::wire::{
    app::{AppAnswer, AppList, AppWord, OpenedApp},
    error::ApiError,
    id::{CallId, ConversationId, MessageId},
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
        super::context::counted(&backend, crate::backend::limiter::Action::Call, &caller)?;
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
        super::context::counted(&backend, crate::backend::limiter::Action::Call, &caller)?;
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
        super::context::counted(&backend, crate::backend::limiter::Action::Call, &caller)?;
        let found = backend.chat.read_for_app(&caller, message, &call, &uri).await;
        found.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// Lists what an app's server has, for the app (MCP `ListResourcesResult`, `ListResourceTemplatesResult`).
#[server(protocol = Call)]
pub async fn list_for_app(message: MessageId, call: CallId, list: AppList) -> Result<Value, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        super::context::counted(&backend, crate::backend::limiter::Action::Call, &caller)?;
        let found = backend.chat.list_for_app(&caller, message, &call, list).await;
        found.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// The result of an app's call, for the app (MCP `CallToolResult`).
#[server(protocol = Call)]
pub async fn result_for_app(message: MessageId, call: CallId) -> Result<Value, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        super::context::counted(&backend, crate::backend::limiter::Action::Call, &caller)?;
        let found = backend.chat.result_for_app(&caller, message, &call).await;
        found.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// Keeps what an app tells the model (JSON: the params of its request) for the next message; whether something waits
/// then. Nothing takes back what it told before.
#[server(protocol = Call)]
pub async fn tell_for_app(message: MessageId, call: CallId, told: String) -> Result<bool, ApiError> {
    use super::context::{serve, signed_in};
    use crate::{backend::limiter::Action, wire::limits::APP_MESSAGE_MAX};
    serve(async {
        let (backend, caller) = signed_in()?;
        super::context::counted(&backend, Action::Tell, &caller)?;
        if told.len() > APP_MESSAGE_MAX {
            return Err(ApiError::invalid("told", format!("It has more than {APP_MESSAGE_MAX} bytes.")));
        }
        let told: Value = serde_json::from_str(&told)
            .map_err(|error| ApiError::invalid("told", format!("It is not JSON: {error}.")))?;
        let kept = backend.chat.tell_for_app(&caller, message, &call, &told).await;
        kept.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// What one's apps in a conversation told the model, which waits for one's next message; `after`: the message that this
/// would follow, if it is not the newest of all.
#[server(protocol = Call)]
pub async fn app_words(
    conversation: ConversationId,
    #[server(default)] after: Option<MessageId>,
) -> Result<Vec<AppWord>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let words = backend.chat.words(&caller, conversation, after).await;
        words.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// Takes back what an app told the model. It is its person who asks, and what the app spent does not count.
#[server(protocol = Call)]
pub async fn withdraw_word(message: MessageId, call: CallId) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let gone = backend.chat.withdraw_word(&caller, message, &call).await;
        gone.map_err(|error| error.told(&backend.clock))
    })
    .await
}
