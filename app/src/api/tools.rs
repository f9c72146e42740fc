//! Tools: answering a call's question, what one says of each tool, floors for everybody, a conversation's switches, and
//! the record of calls.

use super::call::Call;
use crate::wire::{
    conversation::Page,
    error::ApiError,
    id::{CallId, ConversationId, TurnId},
    policy::{CallRow, ToolSettings, ToolSwitch},
    tool::Approval,
};
use leptos::prelude::*;

/// Answers a call's question; with `arguments`, JSON, it runs with those instead.
#[server(protocol = Call)]
pub async fn decide_call(
    turn: TurnId,
    call: CallId,
    approval: Approval,
    #[server(default)] arguments: String,
) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        let unreadable = |error| ApiError::invalid("arguments", format!("The arguments are not JSON: {error}."));
        let edited = Some(arguments.trim()).filter(|text| approval.allows() && !text.is_empty());
        let edited = edited.map(serde_json::from_str).transpose().map_err(unreadable)?;
        let decided = backend.chat.decide(&caller, turn, &call, approval, edited).await;
        decided.map_err(|error| error.told(&backend.clock))
    })
    .await
}

/// The tools one may use, what one said of each, and what binds them.
#[server(name = ReadToolSettings, protocol = Call)]
pub async fn tool_settings() -> Result<ToolSettings, ApiError> {
    use super::context::{serve, signed_in};
    use crate::backend::tools::policy;
    serve(async {
        let (backend, caller) = signed_in()?;
        let tools = backend.all_tools().list(&caller).await;
        Ok(policy::settings(&backend.store, &caller, &tools).await?)
    })
    .await
}

/// Says what is to happen with a tool's calls: `allow`, `ask`, `deny`; anything else forgets what one said.
#[server(protocol = Call)]
pub async fn set_tool_policy(tool: String, policy: String) -> Result<(), ApiError> {
    use super::context::{on_to_page, serve, signed_in};
    use crate::backend::tools::policy as rules;
    serve(async {
        let (backend, caller) = signed_in()?;
        let tools = backend.all_tools().list(&caller).await;
        match (policy.parse().ok(), tools.iter().find(|spec| spec.name == tool)) {
            (said, Some(spec)) => rules::keep(&backend.store, &caller, spec, said).await?,
            (None, None) => backend.store.forget_tool_policy(caller.user, &tool).await?,
            (Some(_), None) => return Err(ApiError::NotFound),
        }
        on_to_page("/settings/tools");
        Ok(())
    })
    .await
}

/// Sets what nobody may go below, for `tool:NAME` or `server:ID`: `ask` or `deny`; anything else takes it away. For
/// administrators.
#[server(protocol = Call)]
pub async fn set_tool_floor(what: String, floor: String) -> Result<(), ApiError> {
    use super::context::{administrator, on_to_page, serve};
    serve(async {
        let (backend, caller) = administrator()?;
        let subject = what.split_once(':').and_then(|(kind, name)| Some((kind.parse().ok()?, name)));
        let Some((kind, name)) = subject.filter(|(_, name)| (1..=200).contains(&name.chars().count())) else {
            return Err(ApiError::invalid("what", "Choose a tool or a server."));
        };
        backend.store.set_tool_floor(caller.user, kind, name, floor.parse().ok()).await?;
        on_to_page("/settings/tools#floors");
        Ok(())
    })
    .await
}

/// One's own recorded calls, or for an administrator everybody's, newest first; `before` (an id) continues.
#[server(name = ReadToolCalls, protocol = Call)]
pub async fn tool_calls(
    #[server(default)] before: Option<String>,
    #[server(default)] everybody: bool,
) -> Result<Page<CallRow>, ApiError> {
    use super::context::{administrator, serve, signed_in};
    use crate::wire::limits::CALLS_PAGE;
    serve(async {
        let before = before.as_deref();
        if everybody {
            let (backend, caller) = administrator()?;
            return Ok(backend.store.all_tool_calls(caller.user, before, CALLS_PAGE).await?);
        }
        let (backend, caller) = signed_in()?;
        Ok(backend.store.tool_calls(caller.user, before, CALLS_PAGE).await?)
    })
    .await
}

/// Which tools are on in a conversation.
#[server(protocol = Call)]
pub async fn conversation_tools(id: ConversationId) -> Result<Vec<ToolSwitch>, ApiError> {
    use super::context::{serve, signed_in};
    use crate::backend::tools::policy;
    serve(async {
        let (backend, caller) = signed_in()?;
        let tools = backend.all_tools().list(&caller).await;
        Ok(policy::switches(&backend.store, &caller, id, &tools).await?)
    })
    .await
}

/// Switches a tool off or on in a conversation, for everybody in it; for its owner.
#[server(protocol = Call)]
pub async fn switch_tool(id: ConversationId, tool: String, on: bool) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        if !backend.store.conversation(caller.user, id).await?.summary.owned {
            let reason = "Only the owner of a conversation can switch its tools.";
            return Err(ApiError::Forbidden { reason: reason.to_owned() });
        }
        Ok(backend.store.switch_tool(caller.user, id, &tool, on).await?)
    })
    .await
}
