//! [`McpServer`]: Parley for other programs, by the Model Context Protocol (revisions up to 2026-07-28; rmcp
//! negotiates: `initialize` for older clients, stateless requests for newer ones, on the same pipe).
//!
//! It offers the registry's tools, what can be read ([`resources`]), and saved prompts; tells what changes
//! ([`subscriptions`]), completes, and logs to whoever asks. Each of these is a file; here is what they share.
//!
//! Invariant: it acts for one [`Caller`], with that person's rights and never more: at the pipe for the one it was
//! started for, over HTTP for whoever the gate found behind each request. What the person has denied for good stays
//! denied, and so does what the credential was not made for. What Parley's own bot would ask about runs, unless an
//! administrator wants it asked about: an MCP client is bound to show its user what it calls and to let them refuse
//! (specification, «Tools», user interaction), and here that user is the caller. Every call is recorded ([`policy`](super::policy)).
//! It tells progress, stops when the client cancels, and answers a failed call with words (`isError`), not with a
//! protocol error, so that the model reads them. A tool may ask that user more ([`ask`]), and one that takes long goes
//! on as a task ([`tasks`]).

pub mod ask;
pub mod call;
mod completion;
pub mod http;
pub mod inspect;
mod log;
mod page;
mod prompts;
pub mod resources;
pub mod round;
mod session;
pub mod sessions;
mod setup;
mod subscriptions;
pub mod tasks;
mod tools;
pub mod watched;

pub use setup::Setup;

use self::{
    call::Calls,
    resources::{Subject, told},
    session::Session,
    setup::Offer,
    subscriptions::{Mouth, Wanted},
    watched::Watched,
};
use super::{
    ToolRegistry,
    policy::{Called, Permit},
};
use crate::{
    backend::{caller::Caller, clock::Clock, store::Store},
    wire::{
        api_token::Scope,
        id::Seq,
        limits,
        policy::Rule,
        tool::{Attached, ToolOutcome, ToolSpec},
    },
};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, CompleteRequestParams,
        CompleteResult, ContentBlock, DiscoverResult, GetPromptRequestParams, GetPromptResponse, GetTaskParams,
        GetTaskResult, InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse,
        ResourceContents, ServerConfig, SubscriptionFilter, UpdateTaskParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use std::sync::Arc;

/// What one person's MCP client finds at one endpoint.
#[derive(Clone, Debug)]
pub struct McpServer {
    tools: ToolRegistry,
    who: Who,
    store: Store,
    clock: Clock,
    offer: Arc<Offer>,
    calls: Calls,
    session: Session,
}

/// Whom it acts for.
#[derive(Clone, Debug)]
enum Who {
    /// Always this person.
    One(Caller),
    /// Whom the gate put beside the HTTP request.
    OfRequest,
}

/// Why a client's connection ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The client's first message was none of the protocol's, or the pipe broke.
    #[error("the client does not speak the Model Context Protocol: {0}")]
    Begin(String),
    /// The task that served it broke down.
    #[error("serving broke down: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl McpServer {
    /// The tools it offers.
    pub fn tools(&self) -> &ToolRegistry {
        &self.tools
    }

    /// Where it is, and what it is called by itself.
    pub fn path(&self) -> &str {
        &self.offer.path
    }

    /// What its calls share.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Whom this request is for.
    ///
    /// # Errors
    /// The gate let it in without saying so: a fault of ours.
    pub fn caller(&self, cx: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let found = match &self.who {
            Who::One(caller) => Some(caller),
            Who::OfRequest => {
                cx.extensions.get::<::http::request::Parts>().and_then(|parts| parts.extensions.get::<Caller>())
            }
        };
        found.cloned().ok_or_else(|| ErrorData::internal_error("Nobody stands behind this request.", None))
    }

    /// Serves the client at the other end of this process's standard input and output, until it closes them. Nothing
    /// else may write to standard output meanwhile.
    ///
    /// # Errors
    /// The client does not speak the protocol.
    pub async fn serve_stdio(self) -> Result<(), ServeError> {
        let begun = Box::pin(Watched(self).serve(rmcp::transport::stdio())).await;
        begun.map_err(|e| ServeError::Begin(e.to_string()))?.waiting().await?;
        Ok(())
    }
}

/// The refusal of a call that its credential was not made for; running it records it.
pub fn out_of_scope(store: &Store, clock: &Clock, called: &Called<'_>, spec: &ToolSpec) -> Option<Permit> {
    let scope = scope_of(spec);
    (!called.caller.may(scope)).then(|| {
        let why = format!("`{}` needs the scope `{}`.", spec.name, scope.name());
        Permit::entry(store, clock, called).denied(Rule::Scope, None, why)
    })
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        self.offer.info.clone()
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.tool_page(&self.caller(&cx)?, page::shown(page)).await
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        self.offer.tools.get(name).cloned()
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        call::call_tool(self, call, cx).await
    }

    async fn get_task(&self, task: GetTaskParams, cx: RequestContext<RoleServer>) -> Result<GetTaskResult, ErrorData> {
        self.calls.long.get(self.caller(&cx)?.user, &task.task_id).await
    }

    async fn update_task(&self, task: UpdateTaskParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.calls.long.update(self.caller(&cx)?.user, &task.task_id, task.input_responses).await
    }

    async fn cancel_task(&self, task: CancelTaskParams, cx: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.calls.long.cancel(self.caller(&cx)?.user, &task.task_id).await
    }

    async fn initialize(
        &self,
        asked: InitializeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let caller = self.caller(&cx)?;
        self.session.begin(asked.client_info.clone(), caller);
        cx.peer.set_peer_info(asked.clone());
        Ok(self.without_session(self.negotiate_initialize(&asked)?))
    }

    async fn on_initialized(&self, cx: NotificationContext<RoleServer>) {
        let Some(caller) = self.session.first().filter(|_| self.offer.sessions) else { return };
        let changes = self.changes(caller, Arc::clone(self.session.wanted()), Mouth::Session(cx.peer), self.early());
        let (end, stop) = (self.session.end(), self.offer.tasks.stopping());
        self.offer.tasks.spawn("mcp session", async move {
            tokio::select! {
                () = end.cancelled() => {}
                () = stop.cancelled() => {}
                () = changes.run() => {}
            }
        });
    }

    async fn discover(&self, cx: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.caller(&cx)?;
        Ok(self.described(self.supported_protocol_versions().into_owned()))
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.resource_page(&self.caller(&cx)?, page::shown(page)).await
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        // They are few: there is no second page, so no cursor was ever given.
        page::shown(page).map_or_else(|| Ok(self.templates()), |_| Err(page::bad_cursor()))
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(self.read_at(self.caller(&cx)?, &asked.uri).await?.into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.session.begin_early(self.early());
        let uris = requested.resource_subscriptions.iter().flatten().filter(|uri| self.is_offered(uri));
        let uris: Vec<String> = uris.take(limits::MCP_SUBSCRIPTIONS_MAX).cloned().collect();
        // Prompts and resources come and go while a client listens; the list of tools changes with the program only.
        let filter = SubscriptionFilter::builder().prompts_list_changed().resources_list_changed();
        Some(filter.resource_subscriptions(uris).build())
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let early = self.session.early().unwrap_or_else(|| self.early());
        let caller = self.caller(cx.request_context())?;
        let _place = self.offer.listeners.enter(caller.user)?;
        let accepted = cx.accepted();
        let wanted =
            Wanted::new(accepted.prompts_list_changed == Some(true), accepted.resources_list_changed == Some(true));
        for uri in accepted.resource_subscriptions.iter().flatten() {
            // What is not theirs never changes for them: the same as what is not there.
            if let Ok((subject, seq)) = self.followed(&caller, uri).await {
                wanted.add(uri, subject, seq);
            }
        }
        let changes = self.changes(caller, Arc::new(wanted), Mouth::Stream(cx.sink().clone()), early);
        let stop = self.offer.tasks.stopping();
        tokio::select! {
            () = cx.cancelled() => {}
            () = stop.cancelled() => {}
            () = changes.run() => {}
        }
        Ok(())
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.prompt_page(&self.caller(&cx)?, page::shown(page)).await
    }

    async fn get_prompt(
        &self,
        asked: GetPromptRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        Ok(self.filled(&self.caller(&cx)?, &asked.name, asked.arguments).await?.into())
    }

    async fn complete(
        &self,
        asked: CompleteRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.completed(self.caller(&cx)?, asked).await
    }

    #[expect(deprecated, reason = "older clients set the level of their session so (SEP-2577)")]
    async fn set_level(
        &self,
        asked: rmcp::model::SetLevelRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if log::is_modern(&cx) {
            return Err(ErrorData::method_not_found::<rmcp::model::SetLevelRequestMethod>());
        }
        self.needs_session(&cx)?;
        self.session.set_level(log::severity(asked.level));
        Ok(())
    }

    async fn subscribe(
        &self,
        asked: rmcp::model::SubscribeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.needs_session(&cx)?;
        let caller = self.caller(&cx)?;
        let (subject, seq) = self.followed(&caller, &asked.uri).await.map_err(|error| told(&error, &asked.uri))?;
        if self.session.wanted().add(&asked.uri, subject, seq) {
            return Ok(());
        }
        let most = limits::MCP_SUBSCRIPTIONS_MAX;
        Err(ErrorData::invalid_params(format!("At most {most} resources can be subscribed to; leave one first."), None))
    }

    async fn unsubscribe(
        &self,
        asked: rmcp::model::UnsubscribeRequestParams,
        cx: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.needs_session(&cx)?;
        self.session.wanted().remove(&asked.uri);
        Ok(())
    }
}

impl McpServer {
    /// What an address is about, and how far its conversation is: from there on changes are told.
    async fn followed(&self, caller: &Caller, uri: &str) -> Result<(Subject, Seq), resources::ReadError> {
        let subject = self.subject(caller, uri).await?;
        let seq = match subject {
            Subject::Conversation(id, _) => self.store.conversation(caller.user, id).await?.seq,
            Subject::Still => Seq(0),
        };
        Ok((subject, seq))
    }
}

/// What a credential must have been made for to call that tool. A connected server's tool works on another machine and
/// always needs [`Scope::Run`], whatever it says of itself: that it stays within its server is a claim, and so is that
/// it changes nothing. It never needs [`Scope::Write`], which is for what is the person's own in Parley.
pub fn scope_of(spec: &ToolSpec) -> Scope {
    match spec.annotations {
        _ if spec.server.is_some() => Scope::Run,
        hints if hints.open_world_hint => Scope::Run,
        hints if hints.read_only_hint => Scope::Read,
        _ => Scope::Write,
    }
}

/// An outcome as the protocol says it: text always, structured content and a document where the tool has them.
fn answer(outcome: ToolOutcome) -> CallToolResult {
    let mut content = vec![ContentBlock::text(outcome.text)];
    if let Some(Attached { uri, media_type, text }) = outcome.attached.map(|attached| *attached) {
        let document = ResourceContents::TextResourceContents { uri, mime_type: Some(media_type), text, meta: None };
        content.push(ContentBlock::resource(document));
    }
    if outcome.is_error {
        return CallToolResult::error(content);
    }
    let mut result = CallToolResult::success(content);
    result.structured_content = outcome.structured;
    result
}

#[cfg(test)]
mod tests;
