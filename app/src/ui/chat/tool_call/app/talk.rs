//! [`Talk`]: what a shown app and its page do for each other, between [`Bridge`] and the browser.
//!
//! Invariant: what the app wants called or opened waits for the server's word and its person's; a request whose app is
//! gone by then is answered to nobody.

use super::{
    ask::{Asked, Said, What},
    bridge::{Act, Bridge, said},
    frame,
};
use crate::{
    api::apps::{call_for_app, read_for_app},
    ui::{
        chat::{browser, cell::ToolView},
        kit::{Watched, effect},
        theme::Theme,
    },
    wire::{
        app::{AppAnswer, OpenedApp},
        id::{CallId, MessageId},
        limits::APP_QUESTIONS_MAX,
        tool::Approval,
    },
};
use leptos::{html, prelude::*, task::spawn_local};
use serde_json::{Value, json};
use std::time::Duration;

/// How long an app has for its last words.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// What is at hand while an app is shown; a handle, free to copy.
#[derive(Clone, Copy)]
pub(super) struct Talk {
    /// Its frame.
    pub(super) node: NodeRef<html::Iframe>,
    bridge: StoredValue<Option<Bridge>>,
    opened: StoredValue<OpenedApp>,
    /// What it asks.
    pub(super) asks: Watched<Vec<Asked>>,
    /// What is to be said about what it did.
    pub(super) news: Watched<Option<&'static str>>,
    message: MessageId,
    call: StoredValue<CallId>,
    closed: Callback<()>,
}

/// Hears the app for as long as it is shown, and says goodbye to it then.
pub(super) fn listen(talk: Talk, tool: ArcRwSignal<ToolView>) {
    effect(move || {
        let Some(frame) = talk.node.get() else { return };
        talk.bridge.set_value(Some(Bridge::new(&talk.opened.get_value(), frame::context(&frame))));
        let tool = tool.clone();
        let handle = window_event_listener(leptos::ev::message, move |event| {
            let Some(text) = frame::heard(&event, &frame) else { return };
            #[expect(clippy::cast_precision_loss, reason = "milliseconds fit 53 bits")]
            let now = browser::now().0 as f64;
            for act in talk.with(|bridge| bridge.hear(&text, now)).unwrap_or_default() {
                talk.perform(act, &tool);
            }
        });
        on_cleanup(move || {
            if let Some(goodbye) = talk.with(Bridge::goodbye).flatten() {
                talk.say(&goodbye);
            }
            handle.remove();
        });
    });
}

/// Tells the app of another theme, and of more or less room.
pub(super) fn tell_changes(talk: Talk) {
    let system = RwSignal::new(());
    let theme = use_context::<Theme>();
    effect(move || {
        let list = frame::on_system_theme(move || _ = system.try_set(()));
        let list = send_wrapper::SendWrapper::new(list);
        on_cleanup(move || {
            if let Some(list) = list.as_ref() {
                list.set_onchange(None);
            }
        });
    });
    effect(move || {
        system.track();
        // What the settings chose in this tab.
        let _choice = theme.map(Theme::get);
        talk.changed(json!({ "theme": frame::theme() }));
    });
    effect(move || {
        let handle = window_event_listener(leptos::ev::resize, move |_| {
            if let Some(frame) = talk.node.get_untracked() {
                talk.changed(json!({ "containerDimensions": frame::room(&frame) }));
            }
        });
        on_cleanup(move || handle.remove());
    });
}

impl Talk {
    /// With the app of that call; `closed` hears when it is gone.
    pub(super) fn new(opened: OpenedApp, message: MessageId, call: StoredValue<CallId>, closed: Callback<()>) -> Self {
        Self {
            node: NodeRef::new(),
            bridge: StoredValue::new(None),
            opened: StoredValue::new(opened),
            asks: Watched::new(Vec::new()),
            news: Watched::new(None),
            message,
            call,
            closed,
        }
    }

    fn with<T>(self, look: impl FnOnce(&mut Bridge) -> T) -> Option<T> {
        self.bridge.try_update_value(|bridge| bridge.as_mut().map(look)).flatten()
    }

    fn say(self, message: &Value) {
        if let Some(frame) = self.node.try_get_untracked().flatten() {
            frame::say(&frame, message);
        }
    }

    /// Tells it of its call what it has not heard.
    pub(super) fn tell(self, tool: &ArcRwSignal<ToolView>) {
        for message in self.with(|bridge| tool.with_untracked(|tool| bridge.tell(tool))).unwrap_or_default() {
            self.say(&message);
        }
    }

    fn changed(self, part: Value) {
        if let Some(message) = self.with(|bridge| bridge.changed(part)).flatten() {
            self.say(&message);
        }
    }

    /// Lets it say its last words, and takes it away.
    pub(super) fn close(self) {
        match self.with(Bridge::goodbye).flatten() {
            Some(goodbye) => {
                self.say(&goodbye);
                set_timeout(move || self.gone(), LAST_WORDS);
            }
            None => self.closed.run(()),
        }
    }

    fn gone(self) {
        // Once: after that another may be shown in its place.
        if self.bridge.try_update_value(|bridge| bridge.take().is_some()) == Some(true) {
            self.closed.run(());
        }
    }

    fn perform(self, act: Act, tool: &ArcRwSignal<ToolView>) {
        match act {
            Act::Say(message) => self.say(&message),
            Act::Ready => self.tell(tool),
            Act::Call { id, tool, arguments } => self.call(id, tool, arguments, None),
            Act::Read { id, uri } => {
                let call = self.call.get_value();
                spawn_local(async move {
                    let found = read_for_app(self.message, call, uri).await;
                    self.done(&id, found.map_err(|error| error.to_string()));
                });
            }
            Act::Link { id, url } => match frame::host_of(&url) {
                Some(host) => self.ask(Asked { id, what: What::Link { url, host } }),
                None => self.say(&said(&id, Err("The address leads nowhere.".to_owned()))),
            },
            Act::Write { id, text } => {
                let written = frame::write(&text);
                if written {
                    self.news.set(Some("This app put a text where you write. Read it before you send it."));
                }
                let result = written.then(|| json!({})).ok_or_else(|| "Nothing can be written here.".to_owned());
                self.say(&said(&id, result));
            }
            Act::High(pixels) => {
                if let Some(frame) = self.node.get_untracked() {
                    frame::grow(&frame, pixels);
                }
            }
            Act::Log(words) => {
                let server = self.opened.with_value(|opened| opened.server.clone());
                leptos::logging::log!("App of {server}: {words}");
            }
            Act::Leave => self.close(),
            Act::Left => self.gone(),
        }
    }

    /// Calls a tool of the app's server; with what its person said of that, if they were asked.
    fn call(self, id: Value, tool: String, arguments: Value, word: Option<(Approval, String)>) {
        spawn_local(async move {
            let (approval, definition) = word.map_or((None, String::new()), |(said, of)| (Some(said), of));
            let Some(call) = self.call.try_get_value() else { return };
            let asked = call_for_app(self.message, call, tool.clone(), arguments.to_string(), approval, definition);
            match asked.await {
                Ok(AppAnswer::Done { result }) => self.done(&id, Ok(result)),
                Ok(AppAnswer::Asks { title, question, definition }) => {
                    self.ask(Asked { id, what: What::Call { tool, title, question, definition, arguments } });
                }
                Err(error) => self.done(&id, Err(error.to_string())),
            }
        });
    }

    fn done(self, id: &Value, result: Result<Value, String>) {
        if let Some(message) = self.with(|bridge| bridge.done(id, result)) {
            self.say(&message);
        }
    }

    fn ask(self, asked: Asked) {
        if self.asks.with_untracked(Vec::len) < APP_QUESTIONS_MAX {
            self.asks.update(|asks| asks.push(asked));
        } else {
            self.refuse(&asked, "Too many questions wait for an answer.");
        }
    }

    fn refuse(self, asked: &Asked, told: &str) {
        match &asked.what {
            What::Call { .. } => self.done(&asked.id, Err(told.to_owned())),
            What::Link { .. } => self.say(&said(&asked.id, Err(told.to_owned()))),
        }
    }

    /// Does what its person answered.
    pub(super) fn answered(self, asked: Asked, word: Said) {
        self.asks.update(|asks| asks.retain(|other| *other != asked));
        match (asked.what, word) {
            (What::Call { tool, definition, arguments, .. }, Said::Call(approval)) => {
                self.call(asked.id, tool, arguments, Some((approval, definition)));
            }
            (_, Said::Link(true)) => self.say(&said(&asked.id, Ok(json!({})))),
            (_, _) => self.say(&said(&asked.id, Err("The person does not want to open it.".to_owned()))),
        }
    }
}
