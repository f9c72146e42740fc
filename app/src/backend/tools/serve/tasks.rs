//! [`LongCalls`]: calls that go on after their request, as tasks that the client asks about (SEP-2663).
//!
//! The store has the tasks; here is the work at them. Invariants: a task is there for its owner before the client hears
//! of it; it ends once, with the call's result, with why there is none, or called off; and work whose process has died
//! is not shown as going on: the server fails what it finds at its start, and a lease that lapsed tells of a pipe's. But
//! what such a call said in a conversation gets its reply all the same: whoever finds it waits for that in its place.
//! Clients poll: rmcp's subscriptions have no place for tasks yet.

mod work;

pub(super) use work::InTask;
pub use work::{Progress, Work};

use super::{answer, ask::Asking};
use crate::{
    backend::{
        caller::{Caller, Via},
        clock::Clock,
        store::{
            Store, StoreError,
            tasks::{LeftTask, NewTask, Runner, Saying, TaskRow, TaskStatus},
        },
        task::Tasks,
        tools::{ToolCx, ToolRegistry, ask::Question},
    },
    wire::id::{Millis, UserId},
};
use futures::{
    FutureExt,
    future::{MaybeDone, maybe_done, ready},
};
use rmcp::{
    ErrorData,
    model::{
        CreateTaskResult, DetailedTask, GetTaskResult, InputRequests, InputResponses, Task, TaskPayload,
        TaskStatus as Status,
    },
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    fmt,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// How often a client should look, in milliseconds.
const POLL_MS: i64 = 1_000;
/// How long what has its result at the end of the drain gets to keep it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// What is said of work that nobody goes on with.
const ENDED: &str = "The process that ran this has ended. Call the tool again.";
/// How long a process is taken to be alive after its last sign, in milliseconds: fifteen of its beats.
const LEASE_MS: i64 = 30_000;

/// The long calls at work in this process, and the way to all that are kept.
#[derive(Clone)]
pub struct LongCalls {
    store: Store,
    clock: Clock,
    tasks: Tasks,
    runner: Runner,
    end: CancellationToken,
    left: Arc<Notify>,
    here: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
    /// What can go on with what another process left.
    tools: Arc<OnceLock<ToolRegistry>>,
}

impl fmt::Debug for LongCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongCalls").field("runner", &self.runner).finish_non_exhaustive()
    }
}

impl LongCalls {
    /// Those of a process of that kind; their work is among its `tasks`.
    pub fn new(store: Store, clock: Clock, tasks: Tasks, runner: Runner) -> Self {
        let end = match runner {
            // A reply under way may end within the grace of the drain, and a call that waits for it with it.
            Runner::Server => CancellationToken::new(),
            Runner::Pipe => tasks.stopping(),
        };
        Self { store, clock, tasks, runner, end, left: Arc::default(), here: Arc::default(), tools: Arc::default() }
    }

    /// The tools that go on with what another process left; said once, at the start.
    pub fn go_on_with(&self, tools: ToolRegistry) {
        let _the_first_stays = self.tools.set(tools);
    }

    /// Ends what is at work in the server, after the drain and before the store closes. A call whose reply ended with
    /// the drain gets a moment to say so.
    pub async fn end(&self) {
        let all_ended = async {
            while !self.here().is_empty() {
                self.left.notified().await;
            }
        };
        let _some_go_on = timeout(LAST_WORDS, all_ended).await;
        self.end.cancel();
    }

    /// Goes on with what the last process of this kind left and can be gone on with, and fails the rest. For the server,
    /// before its first request.
    pub async fn recover(&self) {
        match self.store.left_tasks_of(self.runner).await {
            Ok(left) => {
                for task in left {
                    self.adopt(task).await;
                }
            }
            Err(error) => tracing::warn!(%error, "what tasks a stop had left cannot be looked up"),
        }
        let (error, message) = lost("The server was restarted while this ran. Call the tool again.");
        match self.store.fail_tasks_of(self.runner, &error, message).await {
            Ok(0) => {}
            Ok(tasks) => tracing::info!(tasks, "failed the tasks that a stop had cut off"),
            Err(error) => tracing::warn!(%error, "what tasks a stop had cut off cannot be looked up"),
        }
    }

    /// Goes on with `work` as a task of that person's. What its tool asks is asked there from now on.
    ///
    /// # Errors
    /// Too many are at work, or the store is away; the work is dropped then.
    pub async fn begin(
        &self,
        by: UserId,
        tool: &str,
        arguments_digest: &str,
        asking: Option<Arc<Asking>>,
        work: Work,
    ) -> Result<CreateTaskResult, ErrorData> {
        let (runner, lease_until) = (self.runner, self.lease());
        let saying = asking.as_ref().and_then(|asking| asking.saying());
        let new = NewTask { by, tool, arguments_digest, runner, lease_until, poll_ms: POLL_MS, saying };
        // The work goes on meanwhile: it may be in the midst of something that the store's other writers wait for.
        let mut result = maybe_done(work.result);
        let mut making = pin!(self.store.create_task(new));
        let row = poll_fn(|cx| {
            let _done_or_not = result.poll_unpin(cx);
            making.as_mut().poll(cx)
        });
        let row = row.await.map_err(refused)?;
        let result = match result {
            MaybeDone::Future(result) => result,
            MaybeDone::Done(result) => ready(result).boxed(),
            MaybeDone::Gone => return Err(ErrorData::internal_error("The call's result was lost.", None)),
        };
        let work = Work { result, ..work };
        let task = task(&row);
        self.work_at(row.id, (asking, saying), work);
        Ok(CreateTaskResult::new(task))
    }

    fn work_at(&self, id: String, asking: (Option<Arc<Asking>>, Option<Saying>), work: Work) {
        let wake = Arc::new(Notify::new());
        match self.here().entry(id.clone()) {
            // Adopted twice at the same moment.
            Entry::Occupied(_) => return,
            Entry::Vacant(place) => _ = place.insert(Arc::clone(&wake)),
        }
        self.tasks.spawn("mcp task", self.clone().carry_out(id, asking, work, wake));
    }

    /// Waits in the place of a process that has ended for the reply to what it said.
    async fn adopt(&self, task: LeftTask) {
        let LeftTask { id, by, tool, saying } = task;
        let (Some(tools), Ok(Some(user))) = (self.tools.get().cloned(), self.store.user(by).await) else {
            return self.give_up(&id).await;
        };
        let asking = Arc::new(Asking::again(saying));
        let (tell, told) = mpsc::channel(1);
        let cx = ToolCx {
            // The call was permitted when it began; all that is left of it is to wait, or to stop what it waits for.
            caller: Caller { user: user.id, name: user.name, admin: false, via: Via::Process },
            conversation: None,
            store: self.store.clone(),
            clock: self.clock.clone(),
            progress: Arc::new(move |share, note| {
                let _left_out_if_full = tell.try_send((share, note));
            }),
            asking: Arc::clone(&asking) as Arc<_>,
            kept: Arc::new(crate::backend::tools::kept::Nowhere),
            definition: None,
        };
        let result = async move {
            let outcome = tools.resume(&cx, &tool, saying).await;
            outcome.map(answer).ok_or_else(|| ErrorData::internal_error(ENDED, None))
        };
        let work = Work { shows: false, told, result: result.boxed() };
        self.work_at(id, (Some(asking), Some(saying)), work);
    }

    async fn give_up(&self, id: &str) {
        let (error, message) = lost(ENDED);
        if let Err(error) = self.store.finish_task(id, TaskStatus::Failed, Some(&error), Some(message)).await {
            tracing::warn!(%error, "the end of a task was not kept");
        }
    }

    /// One's own task, with its result if it has one.
    ///
    /// # Errors
    /// Not there, or not theirs.
    pub async fn get(&self, by: UserId, id: &str) -> Result<GetTaskResult, ErrorData> {
        let mut row = self.store.task(by, id).await.map_err(refused)?;
        let lapsed = !row.status.is_final() && row.lease_until < self.clock.now();
        if lapsed && !self.here().contains_key(id) {
            match row.saying {
                Some(saying) => self.adopt(LeftTask { id: row.id, by, tool: row.tool, saying }).await,
                None => self.give_up(id).await,
            }
            row = self.store.task(by, id).await.map_err(refused)?;
        }
        detailed(row).map(GetTaskResult::new)
    }

    /// Takes answers to what the task asks. Those that nobody asked for are left out, and so are garbled ones: what they
    /// were to answer stays open.
    ///
    /// # Errors
    /// Not there, or not theirs.
    pub async fn update(&self, by: UserId, id: &str, responses: InputResponses) -> Result<(), ErrorData> {
        let row = self.store.task(by, id).await.map_err(refused)?;
        let fits = |key: &str, said: &Value| {
            let schema = row.questions.get(key).map(|question| question["params"]["requestedSchema"].clone());
            schema.is_some_and(|schema| Question::form(key, "", schema).read(said).is_some())
        };
        let answers: BTreeMap<String, Value> = responses.into_iter().filter(|(key, said)| fits(key, said)).collect();
        if !answers.is_empty() {
            self.store.answer_task(by, id, answers).await.map_err(refused)?;
            self.wake(id);
        }
        Ok(())
    }

    /// Calls it off.
    ///
    /// # Errors
    /// Not there, or not theirs.
    pub async fn cancel(&self, by: UserId, id: &str) -> Result<(), ErrorData> {
        self.store.cancel_task(by, id).await.map_err(refused)?;
        self.wake(id);
        Ok(())
    }

    fn wake(&self, id: &str) {
        if let Some(wake) = self.here().get(id) {
            wake.notify_one();
        }
    }

    fn lease(&self) -> Millis {
        Millis(self.clock.now().0.saturating_add(LEASE_MS))
    }

    fn here(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no result, as an error of the protocol and as a sentence.
fn lost(message: &'static str) -> (Value, &'static str) {
    (serde_json::to_value(ErrorData::internal_error(message, None)).unwrap_or_default(), message)
}

/// A store's failure in the protocol's words.
fn refused(error: StoreError) -> ErrorData {
    match error {
        StoreError::NotFound => ErrorData::invalid_params("There is no such task, or it is not yours.", None),
        StoreError::Conflict("tasks_max") => {
            let most = crate::wire::limits::TASKS_MAX;
            let sentence = format!("{most} of your tasks are at work already: wait for one, or cancel one.");
            ErrorData::internal_error(sentence, None)
        }
        other => {
            tracing::warn!(error = %other, "a task cannot be kept or read");
            ErrorData::internal_error("Tasks cannot be kept or read just now. Try again later.", None)
        }
    }
}

/// A task as the protocol has it, without what it asks or gave.
fn task(row: &TaskRow) -> Task {
    let status = match row.status {
        TaskStatus::Working => Status::Working,
        TaskStatus::InputRequired => Status::InputRequired,
        TaskStatus::Completed => Status::Completed,
        TaskStatus::Failed => Status::Failed,
        TaskStatus::Cancelled => Status::Cancelled,
    };
    let mut task = Task::new(row.id.clone(), status, at(row.created_at), at(row.updated_at));
    task.status_message.clone_from(&row.message);
    task.ttl_ms = u64::try_from(row.expires_at.0 - row.created_at.0).ok();
    task.poll_interval_ms = u64::try_from(row.poll_ms).ok();
    task
}

fn detailed(row: TaskRow) -> Result<DetailedTask, ErrorData> {
    let task = task(&row);
    let object = |value: Option<Value>| value.and_then(|value| value.as_object().cloned()).unwrap_or_default();
    let payload = match row.status {
        TaskStatus::Working => TaskPayload::Working,
        TaskStatus::Cancelled => TaskPayload::Cancelled,
        TaskStatus::Completed => TaskPayload::Completed { result: object(row.result) },
        TaskStatus::Failed => TaskPayload::Failed { error: object(row.result) },
        TaskStatus::InputRequired => {
            let requests: Result<InputRequests, _> = serde_json::from_value(Value::Object(row.questions));
            let input_requests = requests.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            TaskPayload::InputRequired { input_requests }
        }
    };
    Ok(DetailedTask::new(task, payload))
}

/// A time as RFC 3339 in UTC, to the millisecond.
fn at(time: Millis) -> String {
    jiff::Timestamp::from_millisecond(time.0)
        .map_or_else(|_| time.0.to_string(), |t| t.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests;
