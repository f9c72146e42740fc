//! [`Talk`]: what a shown app and its page do for each other, between [`Bridge`] and the browser.
//!
//! Invariant: what the app wants called, opened or saved waits for the server's word and its person's; a request that the
//! app called off is neither asked about nor carried out, and one whose app is gone by then is answered to nobody.

use super::{
    ask::{Asked, Said, What},
    bridge::{Act, Bridge, said},
    frame,
    telling::Telling,
};
use crate::{
    api::apps::{call_for_app, list_for_app, read_for_app, result_for_app},
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
/// Time between two looks after an app: less than the minute after which apps give up what they asked for.
const BEAT: Duration = Duration::from_secs(20);

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
    /// What it tells the model.
    pub(super) telling: Telling,
    /// Whether it can be shown over the whole page.
    pub(super) fits: RwSignal<bool>,
    /// Whether it is.
    pub(super) full: RwSignal<bool>,
    /// Whether it does not answer.
    pub(super) silent: RwSignal<bool>,
    /// The reply that it is in, and the call.
    of: StoredValue<(MessageId, CallId)>,
    closed: Callback<()>,
}

impl Talk {
    /// With the app of that call; `closed` hears when it is gone.
    pub(super) fn new(opened: OpenedApp, message: MessageId, call: CallId, closed: Callback<()>) -> Self {
        Self {
            node: NodeRef::new(),
            bridge: StoredValue::new(None),
            opened: StoredValue::new(opened),
            asks: Watched::new(Vec::new()),
            news: Watched::new(None),
            telling: Telling::new(),
            fits: RwSignal::new(false),
            full: RwSignal::new(false),
            silent: RwSignal::new(false),
            of: StoredValue::new((message, call)),
            closed,
        }
    }

    /// Hears the app for as long as it is shown, and says goodbye to it then.
    pub(super) fn listen(self, tool: ArcRwSignal<ToolView>) {
        effect(move || {
            let Some(frame) = self.node.get() else { return };
            self.bridge.set_value(Some(Bridge::new(&self.opened.get_value(), frame::context(&frame))));
            let tool = tool.clone();
            let handle = window_event_listener(leptos::ev::message, move |event| {
                let Some(text) = frame::heard(&event, &frame) else { return };
                #[expect(clippy::cast_precision_loss, reason = "milliseconds fit 53 bits")]
                let now = browser::now().0 as f64;
                for act in self.with(|bridge| bridge.hear(&text, now)).unwrap_or_default() {
                    self.perform(act, &tool);
                }
            });
            let beat = set_interval_with_handle(move || self.beat(), BEAT).ok();
            on_cleanup(move || {
                if let Some(goodbye) = self.with(Bridge::goodbye).flatten() {
                    self.say(&goodbye);
                }
                if let Some(beat) = beat {
                    beat.clear();
                }
                handle.remove();
            });
        });
    }

    /// Tells the app of another theme, and of more or less room.
    pub(super) fn tell_changes(self) {
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
            self.changed(json!({ "theme": frame::theme() }));
        });
        effect(move || {
            let handle = window_event_listener(leptos::ev::resize, move |_| {
                if let Some(room) = self.room() {
                    self.changed(json!({ "containerDimensions": room }));
                }
            });
            on_cleanup(move || handle.remove());
        });
    }

    fn with<T>(self, look: impl FnOnce(&mut Bridge) -> T) -> Option<T> {
        self.bridge.try_update_value(|bridge| bridge.as_mut().map(look)).flatten()
    }

    /// The reply and the call, unless the app is gone.
    pub(super) fn of_call(self) -> Option<(MessageId, CallId)> {
        self.of.try_get_value()
    }

    fn room(self) -> Option<Value> {
        let frame = self.node.try_get_untracked().flatten()?;
        Some(frame::room(&frame, self.full.get_untracked()))
    }

    /// Says something to the app.
    pub(super) fn say(self, message: &Value) {
        if let Some(frame) = self.node.try_get_untracked().flatten() {
            frame::say(&frame, message);
        }
    }

    /// Tells it of its call what it has not heard.
    pub(super) fn tell(self, tool: &ArcRwSignal<ToolView>) {
        for act in self.with(|bridge| tool.with_untracked(|tool| bridge.tell(tool))).unwrap_or_default() {
            self.perform(act, tool);
        }
    }

    /// Tells it of a change of its surroundings.
    fn changed(self, part: Value) {
        if let Some(message) = self.with(|bridge| bridge.changed(part)).flatten() {
            self.say(&message);
        }
    }

    /// It has its new place by now.
    pub(super) fn placed(self) {
        let Some(full) = self.full.try_get_untracked() else { return };
        if let (Some(mode), Some(room)) = (self.with(|bridge| bridge.shown(full)), self.room()) {
            self.changed(json!({ "displayMode": mode, "containerDimensions": room }));
        }
    }

    fn beat(self) {
        let Some((messages, silent)) = self.with(Bridge::beat) else { return };
        for message in messages {
            self.say(&message);
        }
        if self.silent.get_untracked() != silent {
            self.silent.set(silent);
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
            Act::Fits(fits) => self.fits.set(fits),
            Act::Result(kept) => self.result(kept),
            Act::Call { id, tool, arguments } => self.call(id, tool, arguments, None),
            Act::Read { id, uri } => self.answer(id, move |message, call| read_for_app(message, call, uri)),
            Act::List { id, list } => self.answer(id, move |message, call| list_for_app(message, call, list)),
            Act::Tell { id, told } => self.tell_model(id, &told),
            Act::Save { id, files } => self.save(id, files),
            Act::Show { id, full } => self.show(&id, full),
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
            Act::Forget(id) => self.asks.update(|asks| asks.retain(|asked| asked.id != id)),
            Act::Leave => self.close(),
            Act::Left => self.gone(),
        }
    }

    /// Tells it the result of its call as its server sent it, or as far as that is kept.
    fn result(self, kept: Value) {
        spawn_local(async move {
            let Some((message, call)) = self.of_call() else { return };
            let result = result_for_app(message, call).await.unwrap_or(kept);
            if let Some(message) = self.with(|bridge| bridge.result(result)).flatten() {
                self.say(&message);
            }
        });
    }

    /// Answers with what the server says.
    fn answer<F>(self, id: Value, ask: impl FnOnce(MessageId, CallId) -> F + 'static)
    where
        F: Future<Output = Result<Value, crate::wire::error::ApiError>> + 'static,
    {
        spawn_local(async move {
            let Some((message, call)) = self.of_call() else { return };
            let found = ask(message, call).await;
            self.done(&id, found.map_err(|error| error.to_string()));
        });
    }

    /// Shows it over the whole page if its person did something in it just now, or in its place again.
    fn show(self, id: &Value, full: bool) {
        let pressed = || self.node.try_get_untracked().flatten().is_some_and(|frame| frame::is_pressed(&frame));
        let full = full && (self.full.get_untracked() || pressed());
        let Some(mode) = self.with(|bridge| bridge.shown(full)) else { return };
        self.say(&said(id, Ok(json!({ "mode": mode }))));
        if self.full.get_untracked() != full {
            self.full.set(full);
        }
    }

    /// Calls a tool of the app's server; with what its person said of that, if they were asked.
    fn call(self, id: Value, tool: String, arguments: Value, word: Option<(Approval, String)>) {
        spawn_local(self.called(id, tool, arguments, word));
    }

    async fn called(self, id: Value, tool: String, arguments: Value, word: Option<(Approval, String)>) {
        if !self.waits(&id) {
            return;
        }
        let (approval, definition) = word.map_or((None, String::new()), |(said, of)| (Some(said), of));
        let Some((message, call)) = self.of_call() else { return };
        let asked = call_for_app(message, call, tool.clone(), arguments.to_string(), approval, definition);
        match asked.await {
            Ok(AppAnswer::Done { result }) => self.done(&id, Ok(result)),
            Ok(AppAnswer::Asks { title, question, definition }) => {
                self.ask(Asked { id, what: What::Call { tool, title, question, definition, arguments } });
            }
            Err(error) => self.done(&id, Err(error.to_string())),
        }
    }

    /// Answers a request, unless the app does not wait for it any more.
    pub(super) fn done(self, id: &Value, result: Result<Value, String>) {
        if let Some(message) = self.with(|bridge| bridge.done(id, result)).flatten() {
            self.say(&message);
        }
    }

    /// Whether the app still waits for the answer to a call, a reading or a question.
    fn waits(self, id: &Value) -> bool {
        self.with(|bridge| bridge.waits(id)) == Some(true)
    }

    /// Asks its person, unless the app called off what it wanted while that was looked up.
    pub(super) fn ask(self, asked: Asked) {
        // An address is asked about at once.
        if !matches!(asked.what, What::Link { .. }) && !self.waits(&asked.id) {
            return;
        }
        if self.asks.with_untracked(Vec::len) < APP_QUESTIONS_MAX {
            self.asks.update(|asks| asks.push(asked));
        } else {
            self.refuse(&asked, "Too many questions wait for an answer.");
        }
    }

    fn refuse(self, asked: &Asked, told: &str) {
        match &asked.what {
            What::Call { .. } | What::Save { .. } => self.done(&asked.id, Err(told.to_owned())),
            What::Link { .. } => self.say(&said(&asked.id, Err(told.to_owned()))),
        }
    }

    /// Does what its person answered.
    pub(super) fn answered(self, asked: Asked, word: Said) {
        self.asks.update(|asks| asks.retain(|other| *other != asked));
        match (asked.what, word) {
            (What::Call { tool, definition, arguments, .. }, Said::Call(approval)) => {
                self.decided(asked.id, tool, arguments, approval, definition);
            }
            // A download that was called off has no error of its own (`McpUiDownloadFileResult`).
            (_, Said::Save(true)) => self.done(&asked.id, Ok(json!({}))),
            (_, Said::Save(false)) => self.done(&asked.id, Ok(json!({ "isError": true }))),
            (_, Said::Link(true)) => self.say(&said(&asked.id, Ok(json!({})))),
            (_, _) => self.say(&said(&asked.id, Err("The person does not want to open it.".to_owned()))),
        }
    }

    /// Calls what was asked about. A word that lasts answers the other questions about the same tool too.
    fn decided(self, id: Value, tool: String, arguments: Value, approval: Approval, definition: String) {
        let same = |asked: &Asked| matches!(&asked.what, What::Call { tool: other, definition: of, .. } if *other == tool && *of == definition);
        let lasts = !matches!(approval, Approval::Once | Approval::Deny);
        let (others, left): (Vec<_>, Vec<_>) =
            self.asks.get_untracked().into_iter().partition(|asked| lasts && same(asked));
        if !others.is_empty() {
            self.asks.set(left);
        }
        spawn_local(async move {
            self.called(id, tool, arguments, Some((approval, definition))).await;
            for Asked { id, what } in others {
                if let What::Call { tool, arguments, .. } = what {
                    self.call(id, tool, arguments, None);
                }
            }
        });
    }
}
