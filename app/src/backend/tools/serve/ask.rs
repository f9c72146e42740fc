//! [`Asking`]: how the tool of one MCP call reaches its person: in a session of the older era while the call waits, by
//! a further [`Round`] in the newer one, or in a task once the call has become one. The tool sees none of it.

use super::{
    round::{Given, Round},
    tasks::InTask,
};
use crate::{
    backend::{
        store::tasks::Saying,
        tools::ask::{Answer, Ask, Question},
    },
    wire::limits::APPROVAL_MS,
};
use futures::{FutureExt, future::BoxFuture};
use rmcp::{
    ErrorData, Peer, RoleServer,
    model::{ElicitRequest, ElicitRequestParams, ElicitationSchema, InputRequest, InputRequiredResult},
    service::ServiceError,
};
use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How long a question waits in a task.
pub(super) const PATIENCE: Duration = Duration::from_millis(APPROVAL_MS.unsigned_abs());
/// How long it waits in a session. That lives as long as the call that asks, even if its client is gone, which nothing
/// tells: then the call and its session end with this.
const SESSION_PATIENCE: Duration = Duration::from_hours(1);
/// How often a garbled answer is asked for in a session.
const ATTEMPTS: usize = 3;

/// The way to ask.
#[derive(Debug)]
pub(super) enum Way {
    /// The client does not show questions.
    None,
    /// While the call waits.
    Session(Peer<RoleServer>),
    /// As the call's answer.
    Round(Round),
    /// As soon as the call is a task.
    Later,
    /// As something the task waits for.
    Task(InTask),
}

/// One call's way to ask.
#[derive(Debug)]
pub struct Asking {
    way: Mutex<Way>,
    asked: Notify,
    changed: Notify,
    waits: Mutex<Waits>,
    saying: Mutex<Option<Saying>>,
    left: AtomicBool,
}

/// How long a call waits for its person.
#[derive(Debug, Default)]
struct Waits {
    open: usize,
    since: Option<Instant>,
    done: Duration,
}

enum Step {
    Done(Answer),
    Wait,
    Session(Peer<RoleServer>),
    Task(InTask),
}

impl Asking {
    pub(super) fn by(way: Way) -> Self {
        Self {
            way: Mutex::new(way),
            asked: Notify::new(),
            changed: Notify::new(),
            waits: Mutex::default(),
            saying: Mutex::default(),
            left: AtomicBool::new(false),
        }
    }

    /// For a call that goes on after its process has ended. What it asked is lost.
    pub(super) fn again(saying: Saying) -> Self {
        Self { saying: Mutex::new(Some(saying)), ..Self::by(Way::None) }
    }

    /// What the call says in a conversation, as far as it is known.
    pub(super) fn saying(&self) -> Option<Saying> {
        *lock(&self.saying)
    }

    /// From now on nobody waits here, but what was said is not given up.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    /// Waits until the tool asks something that only a further round can answer.
    pub(super) async fn asked(&self) {
        self.asked.notified().await;
    }

    /// What the client is asked by a further round, if anything.
    pub(super) fn question(&self) -> Result<Option<InputRequiredResult>, ErrorData> {
        match &*lock(&self.way) {
            Way::Round(round) => round.question(),
            _ => Ok(None),
        }
    }

    /// From now on questions are the task's; whatever waits is asked there.
    pub(super) fn move_to(&self, task: InTask) {
        *lock(&self.way) = Way::Task(task);
        self.changed.notify_waiters();
    }

    fn step(&self, question: &Question) -> Step {
        match &mut *lock(&self.way) {
            Way::None => Step::Done(Answer::Unavailable),
            Way::Later => Step::Wait,
            Way::Session(peer) => Step::Session(peer.clone()),
            Way::Task(task) => Step::Task(task.clone()),
            Way::Round(round) => {
                let Some(request) = request(question) else { return Step::Done(Answer::Unavailable) };
                match round.ask(&question.key, request, question.confirms, |said| question.read(said).is_some()) {
                    Given::Answer(said) => Step::Done(question.read(&said).unwrap_or(Answer::Cancelled)),
                    Given::Unsupported => Step::Done(Answer::Unavailable),
                    Given::Asked => {
                        self.asked.notify_one();
                        Step::Wait
                    }
                }
            }
        }
    }
}

impl Ask for Asking {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        async move {
            let _waits = Waiting::begin(&self.waits);
            loop {
                // Before the step: a change during it is heard.
                let changed = self.changed.notified();
                match self.step(&question) {
                    Step::Done(answer) => return answer,
                    Step::Session(peer) => return in_session(&peer, &question).await,
                    Step::Task(task) => return task.ask(&question).await,
                    // The call ends here unless it becomes a task; the next round runs the tool from its start.
                    Step::Wait => changed.await,
                }
            }
        }
        .boxed()
    }

    fn says(&self, saying: Saying) -> BoxFuture<'_, ()> {
        // Before the look at the way: whoever makes it a task looks here afterwards.
        *lock(&self.saying) = Some(saying);
        let task = match &*lock(&self.way) {
            Way::Task(task) => Some(task.clone()),
            _ => None,
        };
        async move {
            if let Some(task) = task {
                task.says(saying).await;
            }
        }
        .boxed()
    }

    fn is_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    fn waited(&self) -> Duration {
        let mut waits = lock(&self.waits);
        let now = Instant::now();
        let open = waits.since.replace(now).filter(|_| waits.open > 0).map_or(Duration::ZERO, |since| now - since);
        std::mem::take(&mut waits.done) + open
    }
}

/// Counts a question as waiting while it lives.
struct Waiting<'a>(&'a Mutex<Waits>);

impl<'a> Waiting<'a> {
    fn begin(waits: &'a Mutex<Waits>) -> Self {
        let mut now = lock(waits);
        if now.open == 0 {
            now.since = Some(Instant::now());
        }
        now.open += 1;
        drop(now);
        Self(waits)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut now = lock(self.0);
        now.open -= 1;
        if now.open == 0 {
            let waited = now.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            now.done += waited;
        }
    }
}

/// Asks while the call waits. The client had said that it shows questions.
async fn in_session(peer: &Peer<RoleServer>, question: &Question) -> Answer {
    let Some(params) = form(question) else { return Answer::Unavailable };
    for _ in 0..ATTEMPTS {
        match peer.create_elicitation_with_timeout(params.clone(), Some(SESSION_PATIENCE)).await {
            Ok(said) => {
                if let Some(answer) = serde_json::to_value(said).ok().and_then(|said| question.read(&said)) {
                    return answer;
                }
            }
            Err(ServiceError::Timeout { .. }) => return Answer::Cancelled,
            Err(error) => {
                tracing::info!(%error, "a client did not show a question");
                return Answer::Unavailable;
            }
        }
    }
    Answer::Cancelled
}

/// A question as the protocol has it.
pub(super) fn request(question: &Question) -> Option<InputRequest> {
    form(question).map(|params| InputRequest::Elicitation(ElicitRequest::new(params)))
}

fn form(question: &Question) -> Option<ElicitRequestParams> {
    match serde_json::from_value::<ElicitationSchema>(question.schema.clone()) {
        Ok(requested_schema) => Some(ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: question.message.clone(),
            requested_schema,
        }),
        Err(error) => {
            tracing::error!(%error, key = %question.key, "a tool's question is no form: a fault of ours");
            None
        }
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
