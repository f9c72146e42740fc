//! What an app tells the model: the last thing it told is kept at the server for the next message, shown to its person,
//! and can be taken back by them.
//!
//! Invariant: one telling is under way at a time, and of those that come meanwhile only the last is kept; the others are
//! answered at once, for they are overwritten anyway.

use super::{bridge::said, talk::Talk};
use crate::{
    api::apps::{tell_for_app, told_by_app},
    ui::{
        chat::{room::Room, session::Session},
        kit::{Button, Glyph, Icon, Size, Watched, effect, memo},
    },
    wire::message::Resource,
};
use leptos::{prelude::*, task::spawn_local};
use serde_json::{Value, json};

/// What is being told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// What waits for the next message.
    pub(super) waits: Watched<Option<Resource>>,
    queue: StoredValue<Queue>,
}

/// The last thing that was told and is not kept yet, with the request it is of; whether another is under way.
#[derive(Debug, Default)]
struct Queue {
    next: Option<(Option<Value>, String)>,
    busy: bool,
}

impl Telling {
    /// With what an app told before.
    pub(super) fn new(waits: Option<Resource>) -> Self {
        Self { waits: Watched::new(waits), queue: StoredValue::new(Queue::default()) }
    }

    /// That is what waits now.
    fn now(self, waits: Option<Resource>) {
        if self.waits.try_get_untracked().is_some_and(|before| before != waits) {
            self.waits.set(waits);
        }
    }
}

impl Queue {
    /// The next thing to keep; without one, nothing is under way any more.
    fn take(&mut self) -> Option<(Option<Value>, String)> {
        self.busy = self.next.is_some();
        self.next.take()
    }
}

impl Talk {
    /// Keeps what it tells the model.
    pub(super) fn tell_model(self, id: Value, told: &Value) {
        self.queue(Some(id), told.to_string());
    }

    fn queue(self, id: Option<Value>, told: String) {
        let queued = self
            .telling
            .queue
            .try_update_value(|queue| (queue.next.replace((id, told)), std::mem::replace(&mut queue.busy, true)));
        let Some((before, was_busy)) = queued else { return };
        if let Some((Some(before), _)) = before {
            self.say(&said(&before, Ok(json!({}))));
        }
        if !was_busy {
            spawn_local(self.tell_all());
        }
    }

    async fn tell_all(self) {
        while let Some((id, told)) = self.telling.queue.try_update_value(Queue::take).flatten() {
            let Some((message, call)) = self.of_call() else { return };
            let kept = tell_for_app(message, call, told).await.map_err(|error| error.to_string());
            if let Ok(waits) = &kept {
                self.telling.now(waits.clone());
            }
            if let Some(id) = id {
                self.say(&said(&id, kept.map(|_| json!({}))));
            }
        }
    }

    /// Takes back what it told.
    fn take_back(self) {
        self.queue(None, "{}".to_owned());
    }

    /// Asks what still waits, whenever something arrives in the conversation: it may have gone with a message.
    pub(super) fn watch_told(self) {
        let Some(room) = use_context::<Session>().and_then(Session::room) else { return };
        let Room { arrived, .. } = room;
        effect(move || {
            arrived.track();
            if self.telling.waits.with_untracked(Option::is_none) {
                return;
            }
            spawn_local(async move {
                let Some((message, call)) = self.of_call() else { return };
                if let Ok(waits) = told_by_app(message, call).await {
                    self.telling.now(waits);
                }
            });
        });
    }
}

/// Draws what an app told the model.
pub(super) fn told(talk: Talk) -> AnyView {
    view! { <Told talk/> }.into_any()
}

/// What an app told the model, for its person: collapsed, and text whatever it holds.
#[component]
fn Told(talk: Talk) -> impl IntoView {
    let waits = talk.telling.waits;
    let some = memo(move || waits.with(Option::is_some));
    let text = move || waits.with(|told| told.as_ref().map(|told| told.text.clone()));
    move || {
        some.get().then(|| {
            view! {
                <details class="group/told border-t border-line text-xs">
                    <summary class="flex min-h-9 cursor-pointer list-none items-center gap-2 px-3 text-muted hover:text-text">
                        <Icon glyph=Glyph::ChevronRight class="size-4 transition-transform group-open/told:rotate-90"/>
                        "What this app tells the model with your next message"
                    </summary>
                    <pre class="max-h-60 overflow-auto px-3 pb-2 whitespace-pre-wrap break-words" tabindex="0">{text}</pre>
                    <div class="px-3 pb-3">
                        <Button size=Size::Small on:click=move |_| talk.take_back()>"Do not tell it"</Button>
                    </div>
                </details>
            }
        })
    }
}
