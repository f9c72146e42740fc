//! What an app tells the model: the last thing it told is kept at the server for the next message. What waits is shown
//! over the composer (`chat::words`).
//!
//! Invariant: one telling is under way at a time, and there is a pause after it; of those that come meanwhile only the
//! last is kept, and the others are answered at once, for they are overwritten anyway. An app that its person closes
//! tells nothing more, and what it told is taken back. One that closes itself has said its last word.

use super::{bridge::said, talk::Talk};
use crate::{
    api::apps::{tell_for_app, withdraw_word},
    ui::chat::{room::Room, session::Session},
    wire::id::{CallId, MessageId},
};
use futures::channel::oneshot;
use leptos::{prelude::*, task::spawn_local};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Time between two things that are kept: an app may say something at every move of a hand.
const PAUSE: Duration = Duration::from_millis(500);
/// What an app hears that is being closed.
const CLOSING: &str = "This app is being closed.";

/// What is being told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    session: Option<Session>,
    queue: StoredValue<Arc<Mutex<Queue>>>,
}

/// The last thing that was told and is not kept yet, with the request it is of.
#[derive(Debug, Default)]
struct Queue {
    next: Option<(Value, String)>,
    /// Whether another is under way, or was just now.
    busy: bool,
    /// Whether its person closed it.
    over: bool,
}

impl Telling {
    /// Of an app that has told nothing yet. From a component.
    pub(super) fn new() -> Self {
        Self { session: use_context::<Session>(), queue: StoredValue::default() }
    }

    /// The room says what waits.
    fn look(self) {
        if let Some(Room { words, .. }) = self.session.and_then(Session::room) {
            words.try_update(|n| *n = n.wrapping_add(1).max(1));
        }
    }

    /// Takes back what it told.
    async fn withdraw(self, message: MessageId, call: CallId) {
        if let (Err(error), Some(session)) = (withdraw_word(message, call).await, self.session) {
            let told = format!("What the app told the model could not be taken back, and still waits. {error}");
            session.notice.set(Some(told));
            self.look();
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next thing to keep; without one, nothing is under way any more.
fn next(queue: &Mutex<Queue>) -> Option<(Value, String)> {
    let mut queue = lock(queue);
    queue.busy = queue.next.is_some();
    queue.next.take()
}

async fn pause() {
    let (tell, over) = oneshot::channel();
    set_timeout(move || _ = tell.send(()), PAUSE);
    _ = over.await;
}

impl Talk {
    /// Keeps what it tells the model.
    pub(super) fn tell_model(self, id: Value, told: &Value) {
        let (Some(queue), Some((message, call))) = (self.telling.queue.try_get_value(), self.of_call()) else { return };
        let mut waiting = lock(&queue);
        if waiting.over {
            return self.say(&said(&id, Err(CLOSING.to_owned())));
        }
        let before = waiting.next.replace((id, told.to_string()));
        let busy = std::mem::replace(&mut waiting.busy, true);
        drop(waiting);
        if let Some((before, _)) = before {
            self.say(&said(&before, Ok(json!({}))));
        }
        if !busy {
            spawn_local(self.tell_all(queue, message, call));
        }
    }

    async fn tell_all(self, queue: Arc<Mutex<Queue>>, message: MessageId, call: CallId) {
        while let Some((id, told)) = next(&queue) {
            let kept = tell_for_app(message, call.clone(), told).await;
            let over = lock(&queue).over;
            if over {
                // It was under way when its person closed the app.
                return self.telling.withdraw(message, call).await;
            }
            if kept == Ok(true) {
                self.telling.look();
            }
            self.say(&said(&id, kept.map(|_| json!({})).map_err(|error| error.to_string())));
            pause().await;
        }
    }

    /// Closes it, as its person wishes: what it told the model is taken back.
    pub(super) fn dismiss(self) {
        if let (Some(queue), Some((message, call))) = (self.telling.queue.try_get_value(), self.of_call()) {
            let (next, busy) = {
                let mut queue = lock(&queue);
                queue.over = true;
                (queue.next.take(), queue.busy)
            };
            if let Some((id, _)) = next {
                self.say(&said(&id, Err(CLOSING.to_owned())));
            }
            let room = self.telling.session.and_then(Session::room);
            let nothing = room.is_some_and(|room| room.words.try_get_untracked() == Some(0));
            if busy || !nothing {
                spawn_local(self.telling.withdraw(message, call));
            }
        }
        self.close();
    }
}
