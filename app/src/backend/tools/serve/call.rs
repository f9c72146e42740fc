//! `tools/call`: whether the call may run, and which way it is answered: at once, with a question, or with a task.
//!
//! A tool that takes long begins within the request. Does it end there, that is the answer; does it ask before it does
//! anything else, the question goes back (the tasks extension wants what is asked beforehand asked this way); else the
//! call goes on as a task, if the client knows tasks.

use super::{
    McpServer, answer,
    ask::{Asking, Way},
    out_of_scope,
    round::{Round, Sent, supports},
    tasks::{LongCalls, Progress, Work},
};
use crate::{
    backend::{
        caller::Caller,
        clock::Clock,
        store::{Store, StoreError, tasks::Runner},
        task::Tasks,
        tools::{
            ToolCx,
            ask::Question,
            kept::Nowhere,
            policy::{self, Called, Permit, Place, digest},
        },
    },
    wire::{
        id::CallId,
        policy::Rule,
        tool::{ToolCall, ToolOutcome, ToolSpec},
    },
};
use futures::future::BoxFuture;
use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResponse, ClientCapabilities, ProgressNotificationParam, ProtocolVersion,
        RequestStateCodec,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use std::{fmt, sync::Arc, task::Poll};
use tokio::sync::{OnceCell, mpsc};

/// Signs of progress that may wait for a slow client; more are left out.
const PROGRESS: usize = 16;
/// The name under which the store has the key that seals what travels through clients.
const KEY: &str = "mcp-request-state";

/// What calls share: the key of their questions, and the tasks at work.
#[derive(Clone)]
pub struct Calls {
    /// Calls that go on after their request.
    pub long: LongCalls,
    store: Store,
    clock: Clock,
    codec: Arc<OnceCell<Arc<RequestStateCodec>>>,
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls").field("long", &self.long).finish_non_exhaustive()
    }
}

impl Calls {
    /// Those of a process of that kind; what goes on is among its `tasks`.
    pub fn new(store: Store, clock: Clock, tasks: Tasks, runner: Runner) -> Self {
        let long = LongCalls::new(store.clone(), clock.clone(), tasks, runner);
        Self { long, store, clock, codec: Arc::default() }
    }

    /// What a client of the newer era sent with one call, opened.
    ///
    /// # Errors
    /// A state that was not given for this call; no key, because the store is away.
    pub async fn round(&self, sent: Sent<'_>) -> Result<Round, ErrorData> {
        let codec = self.codec.get_or_try_init(|| async {
            let key = self.store.secret(KEY).await?;
            RequestStateCodec::try_new(key)
                .map(Arc::new)
                .map_err(|_| StoreError::Corrupt { table: "server_secrets", id: KEY.to_owned() })
        });
        let codec = codec.await.map_err(|error| {
            tracing::error!(%error, "there is no key for request states");
            ErrorData::internal_error("Questions cannot be asked just now. Try again later.", None)
        })?;
        Round::open(Arc::clone(codec), &self.clock, sent)
    }
}

/// Answers a call.
pub(super) async fn call_tool(
    server: &McpServer,
    call: CallToolRequestParams,
    cx: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let caller = server.caller(&cx)?;
    let arguments = Value::Object(call.arguments.clone().unwrap_or_default());
    let Some(spec) = server.tools.spec(&call.name) else {
        let (tool, place) = (&*call.name, Place::default());
        let asked = Called { caller: &caller, tool, spec: None, arguments: &arguments, place };
        Permit::entry(&server.store, &server.clock, &asked).turned_away(Rule::Unknown);
        // The specification's own answer to a name that is not listed («Tools», error handling).
        return Err(ErrorData::invalid_params(format!("Unknown tool: {tool}"), None));
    };
    let permit = match permitted(server, &caller, &spec, &arguments).await.refused() {
        Ok(refusal) => return Ok(answer(refusal).into()),
        Err(permit) => permit,
    };
    let can = cx.client_capabilities().unwrap_or_default();
    let as_task = server.tools.takes_long(&spec.name) && can.supports_tasks();
    // What a client that is given a task later can show, and which arguments that task is for.
    let later = as_task.then(|| (shows_questions(&can), digest(&arguments)));
    let asking = Arc::new(Asking::by(way(server, &caller, &call, &arguments, (&cx, can), as_task).await?));
    let (tell, told) = mpsc::channel(PROGRESS);
    let by = caller.user;
    let tool = ToolCall::new(CallId(cx.id.to_string()), &*call.name, arguments);
    let run = start(server, caller, tool, tell, Arc::clone(&asking) as Arc<_>);
    if let Some((shows, digest)) = later {
        let begun = match permit.begin().await {
            Ok(begun) => begun,
            Err(refusal) => return Ok(answer(refusal).into()),
        };
        let mut run: BoxFuture<'static, ToolOutcome> = Box::pin(begun.run(run));
        if let Poll::Ready(outcome) = futures::poll!(&mut run) {
            return Ok(answer(outcome).into());
        }
        if let Some(question) = asking.question()? {
            return Ok(question.into());
        }
        let result = Box::pin(async move { Ok(answer(run.await)) });
        let work = Work { shows, told, result };
        return Ok(server.calls.long.begin(by, &spec.name, &digest, Some(asking), work).await?.into());
    }
    in_request(Box::pin(permit.run(run)), told, &asking, &cx).await
}

/// Whether that person's credential and decisions let the tool run.
async fn permitted(server: &McpServer, caller: &Caller, spec: &ToolSpec, arguments: &Value) -> Permit {
    let asked = Called::by_program(caller, spec, arguments);
    match out_of_scope(&server.store, &server.clock, &asked, spec) {
        Some(refusal) => refusal,
        None => policy::permit(&server.store, &server.clock, &asked, spec).await,
    }
}

/// How the tool may ask, by what the client speaks and can.
async fn way(
    server: &McpServer,
    caller: &Caller,
    call: &CallToolRequestParams,
    arguments: &Value,
    (cx, can): (&RequestContext<RoleServer>, ClientCapabilities),
    as_task: bool,
) -> Result<Way, ErrorData> {
    if cx.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28) {
        let (state, responses) = (call.request_state.as_deref(), call.input_responses.clone());
        let call = ("tools/call", &*call.name);
        return server
            .calls
            .round(Sent { by: caller.user, call, arguments, state, responses, can })
            .await
            .map(Way::Round);
    }
    Ok(match () {
        () if !shows_questions(&can) => Way::None,
        // The stream of the request ends with its answer, which is the task.
        () if as_task => Way::Later,
        () => Way::Session(cx.peer.clone()),
    })
}

fn shows_questions(can: &ClientCapabilities) -> bool {
    let any = Question::form("any", "", json!({ "type": "object", "properties": {} }));
    super::ask::request(&any).is_some_and(|any| supports(can, &any))
}

/// The tool's work.
fn start(
    server: &McpServer,
    caller: Caller,
    call: ToolCall,
    progress: mpsc::Sender<Progress>,
    asking: Arc<dyn crate::backend::tools::ask::Ask>,
) -> BoxFuture<'static, ToolOutcome> {
    let tools = server.tools.clone();
    let cx = ToolCx {
        caller,
        conversation: None,
        store: server.store.clone(),
        clock: server.clock.clone(),
        progress: Arc::new(move |share, note| {
            let _left_out_if_full = progress.try_send((share, note));
        }),
        asking,
        kept: Arc::new(Nowhere),
        definition: None,
    };
    Box::pin(async move { tools.call(&cx, &call).await })
}

/// Answers within the request, with signs of progress on the way.
async fn in_request(
    mut run: BoxFuture<'static, ToolOutcome>,
    mut told: mpsc::Receiver<Progress>,
    asking: &Asking,
    cx: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let mut done = None;
    loop {
        tokio::select! {
            () = cx.ct.cancelled() => return Err(ErrorData::internal_error("The call was cancelled.", None)),
            outcome = &mut run => {
                while let Ok(progress) = told.try_recv() {
                    tell(progress, &mut done, cx).await;
                }
                return Ok(answer(outcome).into());
            }
            () = asking.asked() => {
                if let Some(question) = asking.question()? {
                    return Ok(question.into());
                }
            }
            Some(progress) = told.recv() => tell(progress, &mut done, cx).await,
        }
    }
}

/// Tells the client how far its call is, if it wants to know; the specification wants every number greater than the one
/// before.
async fn tell((share, note): Progress, done: &mut Option<f64>, cx: &RequestContext<RoleServer>) {
    let (Some(token), Some(share)) = (cx.meta.get_progress_token(), share.map(f64::from)) else { return };
    if done.is_some_and(|done| share <= done) {
        return;
    }
    *done = Some(share);
    let mut news = ProgressNotificationParam::new(token, share).with_total(1.0);
    news.message = note;
    // A client that is gone cancels the call by itself.
    let _gone = cx.peer.notify_progress(news).await;
}
