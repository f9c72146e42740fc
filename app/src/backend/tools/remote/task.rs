//! A task at a server: kept, looked after to its end over as many connections as that takes, called off if nobody waits
//! for it any more.
//!
//! Two protocols have tasks: revision 2026-07-28 as an extension (SEP-2663), where the server decides and `tasks/get` ends
//! with the result; and revision 2025-11-25 as an experiment, where the client asks for one and fetches the result from
//! `tasks/result`. Invariant: a connection that breaks does not end a task, nor does the end of this process if the task
//! is kept; the server's word, Stop, and the longest time of a call do.

use super::{
    Pool,
    call::{Asked, Call, Ended},
    link::Link,
    words::{Fault, quote},
};
use crate::backend::{
    store::turns::waiting::KeptTask,
    tools::{ToolCx, kept::Keep},
};
use rmcp::{
    RoleClient,
    model::{
        CallToolResult, CancelTaskParams, ClientRequest, CustomRequest, GetTaskParams, ServerResult, Task, TaskPayload,
        UpdateTaskParams,
    },
    service::{Peer, ServiceError},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::sleep;

/// Between two looks at a task, whatever its server suggests.
const POLL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// Bytes of a task's id that are kept: it is the server's text, and goes to the database.
const ID_MAX: usize = 1024;
/// How often it is tried to call a task off.
const TRIES: u32 = 5;
/// Between two looks where its server suggests nothing.
const POLL_UNSAID: Duration = Duration::from_secs(1);

/// What one look at a task finds.
enum Look {
    Over(CallToolResult),
    Open,
}

/// A task as it begins.
pub(super) struct Begun {
    pub(super) kept: KeptTask,
    note: Option<String>,
}

impl Begun {
    /// One of the extension's.
    pub(super) fn extension(link: &Link, task: Task) -> Self {
        let Task { task_id: id, status_message: note, poll_interval_ms: poll_ms, .. } = task;
        Self { kept: KeptTask { server: link.id.clone(), id, experimental: false, poll_ms }, note }
    }

    /// One of the experiment's, if that is what the answer is.
    pub(super) fn experiment(link: &Link, answer: &Value) -> Option<Self> {
        let task = Experiment::deserialize(answer.get("task")?).ok()?;
        let Experiment { task_id: id, status_message: note, poll_interval: poll_ms, .. } = task;
        Some(Self { kept: KeptTask { server: link.id.clone(), id, experimental: true, poll_ms }, note })
    }
}

/// A task of revision 2025-11-25.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Experiment {
    task_id: String,
    status: String,
    #[serde(default)]
    status_message: Option<String>,
    #[serde(default)]
    poll_interval: Option<u64>,
}

/// A request of the experiment's about a task.
fn about(method: &str, id: &str) -> ClientRequest {
    ClientRequest::CustomRequest(CustomRequest::new(method, Some(json!({ "taskId": id }))))
}

/// Keeps a task that has just begun and looks after it to its end.
pub(super) async fn follow(
    pool: &Arc<Pool>,
    link: &Arc<Link>,
    cx: &ToolCx,
    asked: &Asked,
    begun: Begun,
) -> Result<CallToolResult, Ended> {
    let watch = Watch::new(pool, link, cx, asked, begun.kept.clone());
    tell(cx, begun.note.as_deref());
    if begun.kept.id.len() > ID_MAX || !cx.kept.keep(begun.kept.clone()).await {
        tracing::debug!(server = %link.id, "a task is looked after, but would not outlive this process");
    }
    watch.until_over(false).await
}

/// Looks after a task that an earlier process kept.
pub(super) async fn go_on(
    pool: &Arc<Pool>,
    link: &Arc<Link>,
    cx: &ToolCx,
    asked: &Asked,
    left: KeptTask,
) -> Result<CallToolResult, Ended> {
    tell(cx, None);
    Watch::new(pool, link, cx, asked, left).until_over(true).await
}

fn tell(cx: &ToolCx, note: Option<&str>) {
    (cx.progress)(None, Some(note.map_or_else(|| "At work".to_owned(), quote)));
}

/// Somebody who looks after a task; dropped before its end, it calls the task off, unless another process goes on.
struct Watch<'a> {
    pool: &'a Arc<Pool>,
    link: &'a Arc<Link>,
    cx: &'a ToolCx,
    asked: &'a Asked,
    task: KeptTask,
    /// The questions that were answered: the server may not have taken the last answer up when it is looked at again.
    answered: HashSet<String>,
    off: CallOff,
}

impl<'a> Watch<'a> {
    fn new(pool: &'a Arc<Pool>, link: &'a Arc<Link>, cx: &'a ToolCx, asked: &'a Asked, task: KeptTask) -> Self {
        let kept = Arc::clone(&cx.kept);
        let off = CallOff { pool: Arc::clone(pool), link: Arc::clone(link), kept, task: Some(task.clone()) };
        Self { pool, link, cx, asked, task, answered: HashSet::new(), off }
    }

    /// Looks again and again until it is over; `at_once`: it may be over already.
    async fn until_over(mut self, at_once: bool) -> Result<CallToolResult, Ended> {
        let mut wait = if at_once { Duration::ZERO } else { self.poll() };
        let mut away = false;
        loop {
            sleep(wait).await;
            match self.look().await {
                Ok(Look::Over(result)) => {
                    self.off.task = None;
                    return Ok(result);
                }
                Err(Ended::Said(said)) => {
                    self.off.task = None;
                    return Err(Ended::Said(said));
                }
                Ok(Look::Open) => away = false,
                Err(Ended::Fault(_)) if self.link.over.is_cancelled() => {
                    let told = "The server was removed or changed meanwhile: what became of its task is not known.";
                    return Err(Ended::Said(told.to_owned()));
                }
                // The task may be well: it is the way to it that is broken.
                Err(Ended::Fault(fault)) => {
                    if !away {
                        self.link.suspect.notify_one();
                        let server = &self.link.owner.server.name;
                        (self.cx.progress)(None, Some(format!("Waiting for «{server}» to come back. {fault}")));
                    }
                    away = true;
                }
            }
            wait = self.poll();
        }
    }

    /// How long to wait until the next look.
    fn poll(&self) -> Duration {
        self.task.poll_ms.map_or(POLL_UNSAID, Duration::from_millis).clamp(POLL.0, POLL.1)
    }

    /// Looks at it once, over whatever connection there is.
    async fn look(&mut self) -> Result<Look, Ended> {
        let (peer, ear) = self.link.line(self.pool, self.pool.options.wake).await.map_err(Ended::Fault)?;
        let server = &self.link.owner.server.name;
        let call = Call { pool: self.pool, peer, ear, own: "", server, cx: self.cx, asked: self.asked };
        if self.task.experimental { self.look_at_experiment(&call).await } else { self.look_at(&call).await }
    }

    async fn look_at(&mut self, call: &Call<'_>) -> Result<Look, Ended> {
        let found = self.within(call.peer.get_task(GetTaskParams::new(self.task.id.clone()))).await?.task;
        self.task.poll_ms = found.task.poll_interval_ms;
        match found.payload {
            TaskPayload::Completed { result } => {
                let result = serde_json::from_value(Value::Object(result));
                return result.map(Look::Over).map_err(|_| no_result());
            }
            TaskPayload::Failed { error } => {
                let said = error.get("message").and_then(Value::as_str).unwrap_or("it does not say why");
                return Err(Ended::Said(format!("The task failed: {}", quote(said))));
            }
            TaskPayload::Cancelled => return Err(cancelled()),
            TaskPayload::InputRequired { mut input_requests } => {
                input_requests.retain(|key, _| !self.answered.contains(key));
                if input_requests.is_empty() {
                    return Ok(Look::Open);
                }
                self.answered.extend(input_requests.keys().cloned());
                let answers = call.answers(input_requests).await?;
                self.within(call.peer.update_task(UpdateTaskParams::new(self.task.id.clone(), answers))).await?;
            }
            _ => {}
        }
        tell(self.cx, found.task.status_message.as_deref());
        Ok(Look::Open)
    }

    async fn look_at_experiment(&mut self, call: &Call<'_>) -> Result<Look, Ended> {
        let found = self.within(call.peer.send_request(about("tasks/get", &self.task.id))).await?;
        let (status, note) = match found {
            // rmcp reads an open task of the experiment's as one of the extension's.
            ServerResult::GetTaskResult(found) => {
                let status = serde_json::to_value(found.task.task.status).unwrap_or_default();
                (status.as_str().unwrap_or_default().to_owned(), found.task.task.status_message)
            }
            ServerResult::CustomResult(found) => match Experiment::deserialize(&found.0) {
                Ok(found) => {
                    self.task.poll_ms = found.poll_interval.or(self.task.poll_ms);
                    (found.status, found.status_message)
                }
                Err(_) => return Err(Ended::Said("The server's answer is not a task.".to_owned())),
            },
            _ => return Err(Ended::Said("The server's answer is not a task.".to_owned())),
        };
        match status.as_str() {
            "cancelled" => Err(cancelled()),
            // What it asks comes while the result is waited for.
            "completed" | "failed" | "input_required" => {
                match call.request(about("tasks/result", &self.task.id)).await?? {
                    ServerResult::CallToolResult(result) => Ok(Look::Over(result)),
                    _ => Err(no_result()),
                }
            }
            _ => {
                tell(self.cx, note.as_deref());
                Ok(Look::Open)
            }
        }
    }

    async fn within<T>(&self, asked: impl Future<Output = Result<T, ServiceError>>) -> Result<T, Ended> {
        let within = self.pool.options.answer;
        match tokio::time::timeout(within, asked).await {
            Err(_) => Err(Ended::Fault(Fault::late(within))),
            Ok(Err(ServiceError::McpError(said))) => {
                let said = quote(&said.message);
                Err(Ended::Said(format!("The server does not find the task: «{said}». What it did is not known.")))
            }
            Ok(answer) => Ok(answer?),
        }
    }
}

fn no_result() -> Ended {
    Ended::Said("The task's result is not a tool's result.".to_owned())
}

fn cancelled() -> Ended {
    Ended::Said("The server cancelled the task.".to_owned())
}

/// Calls a task off when it is dropped, if there is still one; as soon as its server is back, if it is away.
struct CallOff {
    pool: Arc<Pool>,
    link: Arc<Link>,
    kept: Arc<dyn Keep>,
    task: Option<KeptTask>,
}

impl Drop for CallOff {
    fn drop(&mut self) {
        let Some(task) = self.task.take().filter(|_| !self.kept.rests()) else { return };
        let (pool, link) = (Arc::clone(&self.pool), Arc::clone(&self.link));
        self.pool.tasks.spawn("cancel", async move { call_off(&pool, &link, task).await });
    }
}

/// Calls a task off over the connection there is, or the next one.
async fn call_off(pool: &Arc<Pool>, link: &Arc<Link>, task: KeptTask) {
    let mut wait = pool.options.retry;
    for tried in 1..=TRIES {
        let back = tokio::time::timeout(pool.options.idle, link.back(pool));
        let Some(Ok(peer)) = done_first(pool, link, back).await else { break };
        match tokio::time::timeout(pool.options.answer, cancel(&peer, &task)).await {
            // What it refuses it knows nothing of any more.
            Ok(Ok(()) | Err(ServiceError::McpError(_))) => return,
            Ok(Err(_)) | Err(_) => link.suspect.notify_one(),
        }
        if tried == TRIES || done_first(pool, link, sleep(wait)).await.is_none() {
            break;
        }
        wait *= 2;
    }
    tracing::debug!(server = %link.id, "a task could not be cancelled");
}

/// What comes of the work; nothing if it must be waited for and the server is removed or the process ends meanwhile.
/// What is done at once counts even then: a task is still called off where the server is at hand.
async fn done_first<T>(pool: &Pool, link: &Link, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = link.over.cancelled() => None,
        () = pool.stopping.cancelled() => None,
    }
}

async fn cancel(peer: &Peer<RoleClient>, task: &KeptTask) -> Result<(), ServiceError> {
    if task.experimental {
        return peer.send_request(about("tasks/cancel", &task.id)).await.map(drop);
    }
    peer.cancel_task(CancelTaskParams::new(task.id.clone())).await
}
