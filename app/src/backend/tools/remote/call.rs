//! One call of a server's tool, from the line to the outcome.
//!
//! Invariant: it ends in an outcome. Every sign of progress begins the wait for the next one anew, up to a hard maximum;
//! dropping the call (Stop, a turn's end) tells the server so, be it a request or a task ([`task`]). A server's questions go to the
//! person it acts for, one after the other, and no wait counts meanwhile; that one was asked, and what came of it, is told
//! at the end. A failure on the way asks the supervisor to look at the connection. A tool that is not what was decided
//! about is not called ([`Link::changed`]): of what its server says of it, the newest counts.

use super::{
    Pool, apps, asked,
    catalog::RemoteTool,
    ear::{Ear, Raised},
    errand,
    link::Link,
    lock, result, task,
    words::{Fault, quote},
};
use crate::{
    backend::{
        metrics,
        store::turns::waiting::KeptTask,
        task::Tasks,
        tools::{ToolCx, ask::Answer, within},
    },
    wire::tool::ToolOutcome,
};
use futures::{StreamExt, stream::FuturesUnordered};
use rmcp::{
    RoleClient,
    model::{
        CallToolRequest, CallToolRequestParams, CallToolResult, CancelledNotification, CancelledNotificationParam,
        ClientRequest, CustomRequest, ElicitRequestParams, ElicitResult, ErrorCode, InputRequest, InputRequests,
        InputResponses, ProgressNotificationParam, RequestId, ServerResult,
    },
    service::{Peer, PeerRequestOptions, ServiceError},
};
use serde_json::{Map, Value, json};
use std::{
    fmt::Write,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::time::{Instant, sleep};

/// How often a server may ask back within one call.
const ROUNDS: u32 = 10;
/// How many questions of one call a person is shown.
const QUESTIONS_MAX: u32 = 10;
/// Runs a call; `whole` is given the server's answer as it came, if there is one.
pub(super) async fn run(
    pool: &Arc<Pool>,
    link: &Arc<Link>,
    own: &str,
    cx: &ToolCx,
    arguments: &Value,
    whole: Option<&mut Option<CallToolResult>>,
) -> ToolOutcome {
    let name = &link.owner.server.name;
    let arguments = match arguments {
        Value::Object(arguments) => arguments.clone(),
        Value::Null => Map::new(),
        _ => return ToolOutcome::error("The arguments must be one JSON object; nothing was run."),
    };
    let (peer, ear) = match link.line(pool, pool.options.wake).await {
        Ok(both) => both,
        Err(fault) => return ToolOutcome::error(format!("The tools of «{name}» are away; nothing was run. {fault}")),
    };
    if let Some(told) = cx.definition.as_deref().and_then(|decided| link.changed(own, decided)) {
        return ToolOutcome::error(told);
    }
    let began = Instant::now();
    let asked = Asked::default();
    let call = Call { pool, peer, ear, own, server: name, cx, asked: &asked };
    let declined = call.ear.declined();
    let answer = async {
        match call.answer(link, arguments).await? {
            Answered::Result(result) => Ok(result),
            Answered::Task(task) => task::follow(pool, link, cx, &asked, task).await,
        }
    };
    let answer = Box::pin(while_wanted(pool, link, cx, answer)).await;
    let sent = match (whole, &answer) {
        (Some(whole), Ok(answer)) => {
            *whole = Some(answer.clone());
            None
        }
        (None, Ok(answer)) => for_app(link, answer, |tool| tool.own == own),
        (_, Err(_)) => None,
    };
    let mut outcome = ended(link, cx, began, &asked, answer).await;
    if let Some(question) = call.ear.declined_since(declined) {
        let _ = write!(
            outcome.text,
            "\n\n[The server asked the user something, which Parley declined, because it is not certain which of the \
             calls under way it belongs to: «{question}»]"
        );
    }
    if let Some(sent) = sent {
        result::keep_sent(cx, &mut outcome, &sent).await;
    }
    outcome
}

/// The answer as the app of its tool reads it, if it has one.
fn for_app(link: &Link, answer: &CallToolResult, is_its: impl Fn(&RemoteTool) -> bool) -> Option<Value> {
    let shown = link.seen().catalog.tools.iter().any(|tool| is_its(tool) && tool.ui.resource.is_some());
    shown.then(|| apps::as_sent(answer)).flatten()
}

/// Goes on with a call of the tool of that name that an earlier process made: its result is fetched, and it is not made
/// again.
pub(super) async fn go_on(pool: &Arc<Pool>, link: &Arc<Link>, name: &str, cx: &ToolCx, left: KeptTask) -> ToolOutcome {
    let (began, asked) = (Instant::now(), Asked::default());
    let answer = Box::pin(while_wanted(pool, link, cx, task::go_on(pool, link, cx, &asked, left))).await;
    let sent = answer.as_ref().ok().and_then(|answer| for_app(link, answer, |tool| tool.spec.name == name));
    let mut outcome = ended(link, cx, began, &asked, answer).await;
    if let Some(sent) = sent {
        result::keep_sent(cx, &mut outcome, &sent).await;
    }
    outcome
}

/// Waits for an answer no longer than a call may take, what a person is waited for not counted, and keeps the connection
/// from being given up as unused meanwhile.
async fn while_wanted<T>(
    pool: &Arc<Pool>,
    link: &Arc<Link>,
    cx: &ToolCx,
    answer: impl Future<Output = Result<T, Ended>>,
) -> Result<T, Ended> {
    let most = pool.options.call;
    tokio::select! {
        biased;
        answer = within(most, &*cx.asking, answer) => answer.unwrap_or_else(|_| Err(Ended::Fault(Fault::late(most)))),
        never = wanted(pool, link) => match never {},
    }
}

async fn wanted(pool: &Arc<Pool>, link: &Arc<Link>) -> std::convert::Infallible {
    loop {
        sleep(pool.options.idle / 4).await;
        link.touch(pool);
    }
}

/// What came of a call, and of what was asked meanwhile.
async fn ended(
    link: &Link,
    cx: &ToolCx,
    began: Instant,
    asked: &Asked,
    answer: Result<CallToolResult, Ended>,
) -> ToolOutcome {
    let took = began.elapsed();
    metrics::remote_call(took, answer.is_ok());
    link.called(took, answer.is_ok());
    let mut outcome = match answer {
        Ok(answer) => result::outcome(cx, answer).await,
        Err(Ended::Said(told)) => ToolOutcome::error(told),
        Err(Ended::Fault(fault)) => {
            link.suspect.notify_one();
            let fault = link.wants_sign_in(&fault).map_or(fault, |account| account.fault());
            ToolOutcome::error(format!("The call of «{}» did not succeed. {fault}", link.owner.server.name))
        }
    };
    for line in lock(&asked.lines).iter() {
        let _ = write!(outcome.text, "\n\n{line}");
    }
    outcome
}

/// Why a call has no answer.
pub(super) enum Ended {
    /// The server said so: the connection is sound.
    Said(String),
    /// The connection may be broken.
    Fault(Fault),
}

/// What a server answers to a call.
enum Answered {
    Result(CallToolResult),
    Task(task::Begun),
}

/// What a server asked within one call.
#[derive(Default)]
pub(super) struct Asked {
    /// How many questions were raised.
    raised: AtomicU32,
    /// What is told of them at the end.
    lines: Mutex<Vec<String>>,
}

impl From<ServiceError> for Ended {
    fn from(error: ServiceError) -> Self {
        match &error {
            ServiceError::McpError(said) => {
                Self::Said(format!("The server answered with an error: {}", quote(&said.message)))
            }
            _ => Self::Fault(Fault::of_request(&error)),
        }
    }
}

/// A call under way.
pub(super) struct Call<'a> {
    pub(super) pool: &'a Pool,
    pub(super) peer: Peer<RoleClient>,
    pub(super) ear: Arc<Ear>,
    pub(super) own: &'a str,
    pub(super) server: &'a str,
    pub(super) cx: &'a ToolCx,
    pub(super) asked: &'a Asked,
}

impl Call<'_> {
    async fn answer(&self, link: &Link, arguments: Map<String, Value>) -> Result<Answered, Ended> {
        let mut params = CallToolRequestParams::new(self.own.to_owned()).with_arguments(arguments);
        let mut as_task = link.takes_tasks(self.own);
        let legacy = self.peer.peer_info().is_some_and(|info| info.protocol_version.has_initialize());
        let mut errands = 0;
        for _ in 0..ROUNDS {
            let answer = match self.request(self.called(params.clone(), as_task)).await? {
                // The experiment's own answer to a plain call of a tool that is called as a task only.
                Err(ServiceError::McpError(said)) if legacy && !as_task && said.code == ErrorCode::METHOD_NOT_FOUND => {
                    as_task = true;
                    continue;
                }
                Err(ServiceError::McpError(said)) if said.code == errand::REQUIRED => {
                    if errands == errand::AGAIN {
                        return Err(errand::still_wanted());
                    }
                    errands += 1;
                    self.errands(&said).await?;
                    continue;
                }
                answer => answer?,
            };
            match answer {
                ServerResult::CallToolResult(result) => return Ok(Answered::Result(result)),
                ServerResult::CreateTaskResult(created) => {
                    return Ok(Answered::Task(task::Begun::extension(link, created.task)));
                }
                ServerResult::CustomResult(answer) if as_task => {
                    let task = task::Begun::experiment(link, &answer.0);
                    return task.map(Answered::Task).ok_or_else(no_result);
                }
                ServerResult::InputRequiredResult(asked) => {
                    params.input_responses = Some(self.answers(asked.input_requests.unwrap_or_default()).await?);
                    params.request_state = asked.request_state;
                }
                // A result without anything in it is read as one of these.
                ServerResult::EmptyResult(_) | ServerResult::TaskAckResult(_) => {
                    return Ok(Answered::Result(CallToolResult::default()));
                }
                _ => return Err(no_result()),
            }
        }
        Err(Ended::Said("The server kept asking questions.".to_owned()))
    }

    /// The call as a request. `as_task`: by the experiment of revision 2025-11-25.
    fn called(&self, params: CallToolRequestParams, as_task: bool) -> ClientRequest {
        if !as_task {
            return ClientRequest::CallToolRequest(CallToolRequest::new(params));
        }
        let ttl = u64::try_from(self.pool.options.call.as_millis()).unwrap_or(u64::MAX);
        let params = json!({ "name": params.name, "arguments": params.arguments, "task": { "ttl": ttl } });
        ClientRequest::CustomRequest(CustomRequest::new("tools/call", Some(params)))
    }

    /// One request; its progress is told as it comes, and what is asked meanwhile is put to the person.
    pub(super) async fn request(&self, request: ClientRequest) -> Result<Result<ServerResult, ServiceError>, Ended> {
        let silence = self.pool.options.silence;
        let mut hearing = self.ear.hear(self.cx.conversation);
        let handle = self.peer.send_cancellable_request(request, PeerRequestOptions::no_options()).await?;
        hearing.is_of(&handle.progress_token);
        let id = handle.id.clone();
        let mut cancel = Cancel::new(&self.pool.tasks, &self.peer, id.clone());
        let mut answer = std::pin::pin!(handle.await_response());
        let mut silent = std::pin::pin!(sleep(silence));
        let mut asking = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                Some(progress) = hearing.progress.recv() => {
                    self.tell(&progress);
                    silent.as_mut().reset(Instant::now() + silence);
                }
                answer = &mut answer => {
                    cancel.over();
                    return match (answer, self.ear.why(&id)) {
                        (Err(ServiceError::TransportClosed), Some(why)) => Err(Ended::Fault(why)),
                        (answer, _) => Ok(answer),
                    };
                }
                Some(raised) = hearing.questions.recv(), if asking.is_empty() => {
                    let Raised { asked, answer } = raised;
                    asking.push(async move {
                        // A server that does not wait any more is not told.
                        let _unheard = answer.send(self.put(&asked).await);
                    });
                }
                Some(()) = asking.next() => silent.as_mut().reset(Instant::now() + silence),
                () = &mut silent, if asking.is_empty() => return Err(Ended::Fault(Fault::late(silence))),
            }
        }
    }

    /// Puts a question to the person, and tells the server what came of it.
    async fn put(&self, question: &ElicitRequestParams) -> ElicitResult {
        asked::told(&self.ask(question).await)
    }

    /// Puts a question to the person and notes what came of it.
    pub(super) async fn ask(&self, question: &ElicitRequestParams) -> Answer {
        let number = self.asked.raised.fetch_add(1, Ordering::Relaxed);
        let shown = match asked::shown(self.server, number, question) {
            Ok(shown) if number < QUESTIONS_MAX => Ok(shown),
            Ok(_) => Err("it asked often enough in one call"),
            Err(why) => Err(why),
        };
        let (answer, line) = match shown {
            Err(why) => {
                let asks = quote(asked::message(question));
                let line = format!(
                    "[«{}» asked the user something, which Parley declined, because {why}: «{asks}»]",
                    self.server
                );
                (Answer::Declined, line)
            }
            Ok(shown) => {
                let relayed = self.cx.asking.relay(shown);
                let answer = match asked::completion(question) {
                    None => relayed.await,
                    Some(name) => tokio::select! {
                        biased;
                        answer = relayed => answer,
                        () = self.ear.finished(name) => Answer::Accepted(Value::Null),
                    },
                };
                let line = asked::line(self.server, question, &answer);
                (answer, line)
            }
        };
        lock(&self.asked.lines).push(line);
        answer
    }

    /// An answer to every question, one after the other; what was not declared cannot be asked.
    pub(super) async fn answers(&self, requests: InputRequests) -> Result<InputResponses, Ended> {
        let mut answers = InputResponses::default();
        for (key, request) in requests {
            let InputRequest::Elicitation(asked) = request else {
                let told = "The server wants what Parley does not give: a model's answer, or folders.";
                return Err(Ended::Said(told.to_owned()));
            };
            let answer = serde_json::to_value(self.put(&asked.params).await);
            let answer = answer.map_err(|_| Ended::Said("An answer could not be told.".to_owned()))?;
            answers.insert(key, answer);
        }
        Ok(answers)
    }

    fn tell(&self, progress: &ProgressNotificationParam) {
        let share = progress.total.filter(|total| *total > 0.0).map(|total| progress.progress / total);
        #[expect(clippy::cast_possible_truncation, reason = "a share from 0 to 1 for a bar")]
        let share = share.map(|share| share.clamp(0.0, 1.0) as f32).filter(|share| share.is_finite());
        let note = match (&progress.message, share) {
            (Some(message), _) => Some(quote(message)),
            (None, Some(_)) => None,
            (None, None) => Some(format!("{} so far", progress.progress)),
        };
        (self.cx.progress)(share, note);
    }
}

fn no_result() -> Ended {
    Ended::Said("The server's answer is not a tool's result.".to_owned())
}

/// Tells the server that nobody waits for a request any more, if it is dropped before its end.
struct Cancel {
    tasks: Tasks,
    peer: Peer<RoleClient>,
    running: Mutex<Option<RequestId>>,
}

impl Cancel {
    fn new(tasks: &Tasks, peer: &Peer<RoleClient>, running: RequestId) -> Self {
        Self { tasks: tasks.clone(), peer: peer.clone(), running: Mutex::new(Some(running)) }
    }

    fn over(&mut self) {
        lock(&self.running).take();
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        let Some(running) = lock(&self.running).take() else { return };
        let peer = self.peer.clone();
        self.tasks.spawn("cancel", async move {
            let why = Some("The user stopped it.".to_owned());
            let notice = CancelledNotification::new(CancelledNotificationParam::new(Some(running), why));
            if let Err(error) = peer.send_notification(notice.into()).await {
                tracing::debug!(error = Fault::of_request(&error).kind.name(), "a call could not be cancelled");
            }
        });
    }
}
