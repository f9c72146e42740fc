//! The work at one task, from its request's answer to its end.

use super::{LEASE_MS, LongCalls, lost};
use crate::backend::{
    store::{
        Store, StoreError,
        tasks::{Saying, TaskRow, TaskStatus},
    },
    tools::{
        ask::{Answer, Question},
        serve::ask::{Asking, PATIENCE, request},
    },
};
use futures::future::BoxFuture;
use rmcp::{ErrorData, model::CallToolResult};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};

/// How often work shows that it is alive, tells how far it is, and looks whether another process took an answer.
const BEAT: Duration = Duration::from_millis(LEASE_MS.unsigned_abs() / 15);

/// Share done from 0 to 1, and a note.
pub type Progress = (Option<f32>, Option<String>);

/// A call that goes on.
pub struct Work {
    /// Whether the client shows questions.
    pub shows: bool,
    /// How far it is.
    pub told: mpsc::Receiver<Progress>,
    /// What comes of it.
    pub result: BoxFuture<'static, Result<CallToolResult, ErrorData>>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("shows", &self.shows).finish_non_exhaustive()
    }
}

/// How work ended.
enum End {
    Result(Result<CallToolResult, ErrorData>),
    CalledOff,
    Stopped,
    /// This process ends, the next one goes on.
    Left,
    /// The task has ended or expired meanwhile.
    Gone,
}

impl LongCalls {
    pub(super) async fn carry_out(
        self,
        id: String,
        (asking, kept): (Option<Arc<Asking>>, Option<Saying>),
        work: Work,
        wake: Arc<Notify>,
    ) {
        let (said, answers) = watch::channel(Map::new());
        let in_task = InTask { id: id.clone(), store: self.store.clone(), shows: work.shows, answers };
        if let Some(asking) = &asking {
            asking.move_to(in_task.clone());
        }
        // What was said while the task was being made.
        let more = asking.as_ref().and_then(|asking| asking.saying()).filter(|saying| Some(*saying) != kept);
        let Work { told, mut result, .. } = work;
        let must_end = async {
            if let Some(saying) = more {
                in_task.says(saying).await;
            }
            self.until_it_must_end(&id, told, &wake, &said).await
        };
        let end = tokio::select! {
            biased;
            result = &mut result => End::Result(result),
            // Beside the work, never in turns with it: it may hold what the looking waits for.
            end = must_end => end,
        };
        let end = match (end, &asking) {
            // Its reply comes all the same, and the next process finds it by what was said.
            (End::Stopped, Some(asking)) if asking.saying().is_some() => {
                asking.leave();
                End::Left
            }
            (end, _) => end,
        };
        drop(result);
        if let Err(error) = self.settle(&id, end).await {
            // Its lease lapses, and whoever asks then hears that it has failed.
            tracing::error!(%error, "the end of a task was not kept");
        }
        self.here().remove(&id);
        self.left.notify_one();
    }

    /// Shows that the work goes on and how far it is, and hands it its owner's answers, until it must end.
    async fn until_it_must_end(
        &self,
        id: &str,
        mut told: mpsc::Receiver<Progress>,
        wake: &Notify,
        said: &watch::Sender<Map<String, Value>>,
    ) -> End {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut news: Option<String> = None;
        loop {
            tokio::select! {
                biased;
                () = self.end.cancelled() => return End::Stopped,
                Some(progress) = told.recv() => {
                    news = words(progress).or(news);
                    continue;
                }
                () = wake.notified() => {}
                _ = beat.tick() => {}
            }
            match self.store.renew_task(id, self.lease(), news.take().as_deref()).await {
                Ok(TaskRow { cancel_asked: true, .. }) => return End::CalledOff,
                Ok(TaskRow { answers, .. }) => {
                    let _unchanged = said.send_if_modified(|known| {
                        let new = *known != answers;
                        *known = answers;
                        new
                    });
                }
                Err(StoreError::NotFound) => return End::Gone,
                Err(error) => tracing::warn!(%error, "a task cannot be looked at"),
            }
        }
    }

    async fn settle(&self, id: &str, end: End) -> Result<(), StoreError> {
        let (status, result, message) = match end {
            End::Gone | End::Left => return Ok(()),
            End::CalledOff => (TaskStatus::Cancelled, None, Some("It was called off.")),
            End::Stopped => {
                let (error, message) = lost("The server was stopped while this ran. Call the tool again.");
                (TaskStatus::Failed, Some(error), Some(message))
            }
            End::Result(Ok(result)) => (TaskStatus::Completed, serde_json::to_value(result).ok(), None),
            End::Result(Err(error)) => (TaskStatus::Failed, serde_json::to_value(error).ok(), None),
        };
        self.store.finish_task(id, status, result.as_ref(), message).await?;
        Ok(())
    }
}

/// Progress as a sentence.
fn words((share, note): Progress) -> Option<String> {
    note.or_else(|| share.map(|share| format!("{:.0} % done.", share.clamp(0.0, 1.0) * 100.0)))
}

/// The way to ask within a task.
#[derive(Clone)]
pub(in crate::backend::tools::serve) struct InTask {
    id: String,
    store: Store,
    shows: bool,
    answers: watch::Receiver<Map<String, Value>>,
}

impl std::fmt::Debug for InTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("InTask").finish()
    }
}

impl InTask {
    /// Keeps what the task says.
    pub(in crate::backend::tools::serve) async fn says(&self, saying: Saying) {
        if let Err(error) = self.store.task_says(&self.id, saying).await {
            // After a stop its client is told to call again, and may say it twice.
            tracing::warn!(%error, "what a task says was not kept");
        }
    }

    /// Asks, and waits until the owner answers or [`PATIENCE`] is over.
    pub(in crate::backend::tools::serve) async fn ask(mut self, question: &Question) -> Answer {
        let asked = request(question).filter(|_| self.shows).and_then(|asked| serde_json::to_value(asked).ok());
        let Some(asked) = asked else { return Answer::Unavailable };
        match self.store.ask_in_task(&self.id, &question.key, &asked).await {
            // Asked before under that key: its answer is the answer.
            Ok(()) | Err(StoreError::Conflict(_)) => {}
            Err(error) => {
                tracing::warn!(%error, "a task cannot ask");
                return Answer::Unavailable;
            }
        }
        let said = timeout(PATIENCE, self.answers.wait_for(|said| said.contains_key(&question.key))).await;
        match said.map(|said| said.map(|said| question.read(&said[&question.key]))) {
            Ok(Ok(said)) => said.unwrap_or(Answer::Cancelled),
            // Nobody can answer any more: the work ends.
            Ok(Err(_closed)) => Answer::Cancelled,
            Err(_late) => {
                if let Err(error) = self.store.withdraw_question(&self.id, &question.key).await {
                    tracing::warn!(%error, "a task's question stays open");
                }
                Answer::Cancelled
            }
        }
    }
}
