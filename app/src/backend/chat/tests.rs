//! The chat as its tabs live it: a scripted model, a real store on both databases, tabs that apply what they hear.
//!
//! A [`Tab`] is strict: text that leaves a gap or comes twice fails the test at once.

#![expect(clippy::unwrap_used, reason = "tests end by panicking")]

mod approvals;
mod changing;
mod failures;
mod lagging;
mod lapsed;
mod pageless;
mod parallel;
mod pictures;
mod policies;
mod programs;
mod references;
mod relaying;
mod rooms;
mod sockets;
mod summaries;
mod turns;
mod unsaved;
mod waiting;

use super::*;
use crate::{
    backend::{
        caller::Via,
        hub::Topic,
        llm::{
            Model,
            scripted::{ScriptHandle, Scripted},
        },
        test::TestStore,
        tools::{Tool, ToolCx},
    },
    wire::{
        event::{ClientEvent, TextKind},
        limits,
        message::{Fault, Message, Part, Role, Status},
        tool::{Annotations, ToolOutcome, ToolSpec, ToolState},
    },
};
use futures::{FutureExt, Stream, StreamExt, channel::mpsc, future::BoxFuture};
use serde_json::{Value, json};
use std::{collections::HashMap, pin::Pin};

/// A safety net, not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A chat with one person in one conversation.
struct World {
    chat: Arc<Chat>,
    script: ScriptHandle,
    hub: Hub,
    clock: Clock,
    ann: Caller,
    room: ConversationId,
}

fn quick() -> Options {
    Options { checkpoint: Duration::from_millis(20), leave: Duration::from_millis(50), ..Options::default() }
}

impl World {
    async fn new(t: &TestStore) -> Self {
        Self::with(t, quick()).await
    }

    async fn with(t: &TestStore, options: Options) -> Self {
        let ann = caller(t, "ann").await;
        let room = t.create_conversation(ann.user, "").await.unwrap().id;
        let (chat, script, hub) = chat(t, options);
        Self { chat, script, hub, clock: t.clock.clone(), ann, room }
    }

    fn key(&self) -> ClientId {
        self.clock.id()
    }

    async fn send(&self, by: &Caller, text: &str) -> Result<Started, ChatError> {
        let (client_id, text) = (self.key(), text.to_owned());
        let (files, references) = (Vec::new(), Vec::new());
        let m = NewMessage { conversation: self.room, parent: None, client_id, text, files, references, model: None };
        self.chat.send(by, m).await
    }

    async fn tab(&self) -> Tab {
        Tab::open(self, &self.ann, self.room).await
    }

    /// Waits until nothing is live any more; the reply as it is stored.
    async fn settled(&self, reply: MessageId) -> Message {
        for _ in 0..2_000 {
            let message = self.chat.store.message(self.ann.user, reply).await.unwrap();
            if message.status != Status::Pending && self.chat.live(self.room).iter().all(|t| t.message != reply) {
                return message;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the reply did not settle");
    }
}

fn chat(t: &TestStore, options: Options) -> (Arc<Chat>, ScriptHandle, Hub) {
    chat_by(t, options, "scripted/test")
}

/// A chat whose only model has that id: titles are asked of all but the scripted ones.
fn chat_by(t: &TestStore, options: Options, model: &str) -> (Arc<Chat>, ScriptHandle, Hub) {
    chat_with(t, options, model, tools())
}

fn tools() -> Vec<Arc<dyn Tool>> {
    let mut tools: Vec<_> = [("look", true), ("write", false), ("diary", true), ("boom", true), ("hang", true)]
        .map(|(name, read_only)| tool(name, read_only))
        .into();
    tools.push(note("Notes a text."));
    tools
}

/// A chat whose only model has that id, with those tools.
fn chat_with(
    t: &TestStore,
    options: Options,
    model: &str,
    tools: Vec<Arc<dyn Tool>>,
) -> (Arc<Chat>, ScriptHandle, Hub) {
    let (provider, script) = Scripted::new();
    let (chat, hub) = chat_of(t, options, scripted(model, provider), tools);
    (chat, script, hub)
}

fn scripted(id: &str, provider: Scripted) -> Model {
    Model {
        id: ModelId(id.to_owned()),
        name: "Scripted".to_owned(),
        vendor_name: "test".to_owned(),
        context_window: 100_000,
        max_output: 1_000,
        history_messages: 50,
        offline: false,
        sees: true,
        provider: Arc::new(provider),
    }
}

fn chat_of(t: &TestStore, options: Options, model: Model, tools: Vec<Arc<dyn Tool>>) -> (Arc<Chat>, Hub) {
    let hub = Hub::default();
    let chat = Chat::new(Setup {
        store: t.store.clone(),
        hub: hub.clone(),
        models: Models::new(vec![model]),
        tools: ToolRegistry::new(tools).unwrap(),
        tasks: Tasks::default(),
        clock: t.clock.clone(),
        sending: Box::new(|_| Ok(())),
        creating: Box::new(|_| Ok(())),
        frames: Box::new(|| Box::new(|()| Ok(()))),
        options,
    });
    (chat, hub)
}

async fn caller(t: &TestStore, name: &str) -> Caller {
    Caller { user: t.person(name).await, name: name.to_owned(), admin: false, via: Via::Process }
}

struct Trick(Arc<ToolSpec>);

fn spec(name: &str, read_only_hint: bool) -> ToolSpec {
    let schema = json!({ "type": "object", "properties": {}, "required": [] });
    ToolSpec {
        name: name.to_owned(),
        title: format!("The {name}"),
        description: format!("Does what the test called {name} wants."),
        input_schema: schema.clone(),
        output_schema: schema,
        annotations: Annotations { read_only_hint, ..Annotations::READ_ONLY },
        server: None,
        ui: None,
    }
}

fn tool(name: &str, read_only_hint: bool) -> Arc<dyn Tool> {
    Arc::new(Trick(Arc::new(spec(name, read_only_hint))))
}

/// A tool that says its `text`, and of itself what the test says.
fn note(description: &str) -> Arc<dyn Tool> {
    let input_schema = json!({
        "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"],
        "additionalProperties": false,
    });
    Arc::new(Trick(Arc::new(ToolSpec { description: description.to_owned(), input_schema, ..spec("note", false) })))
}

impl Tool for Trick {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.0
    }

    fn is_personal(&self) -> bool {
        self.0.name == "diary"
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        let name = self.0.name.clone();
        async move {
            (cx.progress)(Some(0.5), Some("half".to_owned()));
            match name.as_str() {
                "boom" => panic!("boom"),
                "hang" => std::future::pending().await,
                // As whatever reads something does.
                "look" => tokio::task::yield_now().await,
                _ => {}
            }
            match name.as_str() {
                "long" => ToolOutcome::ok("x".repeat(limits::TOOL_RESULT_MAX + 1), json!({})),
                "note" => ToolOutcome::ok(arguments["text"].as_str().unwrap_or_default(), json!({})),
                _ => ToolOutcome::ok(format!("{name} done"), json!({})),
            }
        }
        .boxed()
    }
}

/// A browser's tab: applies what it hears as the page does, and fails on a gap or a repetition.
struct Tab {
    say: mpsc::UnboundedSender<Result<ClientEvent, ApiError>>,
    hear: Pin<Box<dyn Stream<Item = Result<Arc<ChatEvent>, ApiError>> + Send>>,
    messages: HashMap<MessageId, Message>,
    turns: HashMap<TurnId, TurnSnapshot>,
    seq: Seq,
}

impl Tab {
    fn connect(chat: &Arc<Chat>, by: &Caller) -> Self {
        let (say, input) = mpsc::unbounded();
        let hear = chat.converse(by.clone(), input).boxed();
        Self { say, hear, messages: HashMap::new(), turns: HashMap::new(), seq: Seq(0) }
    }

    async fn open(w: &World, by: &Caller, room: ConversationId) -> Self {
        let mut tab = Self::connect(&w.chat, by);
        tab.hello(Some(room)).await;
        tab
    }

    async fn hello(&mut self, room: Option<ConversationId>) {
        self.say(ClientEvent::Hello { conversation: room, after: self.seq });
        self.until(|e| matches!(e, ChatEvent::Ready { .. })).await;
    }

    fn say(&self, event: ClientEvent) {
        self.say.unbounded_send(Ok(event)).unwrap();
    }

    async fn next(&mut self) -> Option<Arc<ChatEvent>> {
        let event = tokio::time::timeout(PATIENCE, self.hear.next()).await.expect("the tab hears nothing")?.unwrap();
        self.apply(&event);
        Some(event)
    }

    async fn until(&mut self, wanted: impl Fn(&ChatEvent) -> bool) -> Arc<ChatEvent> {
        loop {
            let event = self.next().await.expect("the socket ended");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// Hears a turn to its end; its final message.
    async fn ended(&mut self, turn: TurnId) -> Message {
        self.until(|e| matches!(e, ChatEvent::TurnEnded { turn: t, .. } if *t == turn)).await;
        self.messages.values().find(|m| m.turn == Some(turn)).unwrap().clone()
    }

    async fn refused(&mut self) -> (Option<ClientId>, ApiError) {
        match &*self.until(|e| matches!(e, ChatEvent::Refused { .. })).await {
            ChatEvent::Refused { reply_to, error } => (*reply_to, error.clone()),
            _ => unreachable!(),
        }
    }

    /// Hears the socket to its end; the reason it gave.
    async fn bye(&mut self) -> Option<ByeReason> {
        let mut reason = None;
        while let Some(event) = self.next().await {
            if let ChatEvent::Bye { reason: r } = &*event {
                reason = Some(*r);
            }
        }
        reason
    }

    fn apply(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Ready { seq, .. } => self.seq = self.seq.max(*seq),
            ChatEvent::Message { message } => {
                self.seq = self.seq.max(message.seq);
                if let Some(live) = message.turn.and_then(|t| self.turns.get(&t))
                    && message.status != Status::Pending
                    && message.status != Status::Interrupted
                {
                    assert_eq!(seen(&live.parts), seen(&message.parts), "what was streamed is what was stored");
                }
                self.messages.insert(message.id, message.clone());
            }
            ChatEvent::Turn { turn } => drop(self.turns.insert(turn.turn, turn.clone())),
            ChatEvent::TurnState { turn, state } => {
                if let Some(live) = self.turns.get_mut(turn) {
                    live.state = *state;
                }
            }
            ChatEvent::Delta { turn, part, offset, kind, text } => {
                let live = self.turns.get_mut(turn).expect("a delta of a turn the tab knows");
                let at = *part as usize;
                assert!(at <= live.parts.len(), "a part was skipped");
                if at == live.parts.len() {
                    live.parts.push(match kind {
                        TextKind::Text => Part::Text { text: String::new() },
                        TextKind::Thinking => Part::Thinking { text: String::new(), signature: None },
                    });
                }
                let (Part::Text { text: end } | Part::Thinking { text: end, .. }) = &mut live.parts[at] else {
                    panic!("text for a part that is none")
                };
                assert_eq!(end.len(), *offset as usize, "a gap or a repetition before {text:?}");
                end.push_str(text);
            }
            ChatEvent::Tool { turn, part, call, state } => {
                let live = self.turns.get_mut(turn).expect("a call of a turn the tab knows");
                if *part as usize == live.parts.len() {
                    live.parts.push(Part::ToolCall(call.clone()));
                }
                let Part::ToolCall(shown) = &mut live.parts[*part as usize] else {
                    panic!("a call for a part that is none")
                };
                if call.edited.is_some() {
                    shown.clone_from(call);
                }
                assert_eq!(shown, call);
                if let ToolState::Done { result } = state {
                    live.parts.push(Part::ToolResult(result.clone()));
                }
            }
            ChatEvent::TurnEnded { turn, .. } => drop(self.turns.remove(turn)),
            _ => {}
        }
    }
}

/// Parts as a reader sees them: the provider's seal is not streamed.
fn seen(parts: &[Part]) -> Vec<Part> {
    let unsealed = |part: &Part| match part {
        Part::Thinking { text, .. } => Part::Thinking { text: text.clone(), signature: None },
        other => other.clone(),
    };
    parts.iter().map(unsealed).collect()
}

fn results(message: &Message) -> Vec<(bool, String)> {
    let result = |part: &Part| match part {
        Part::ToolResult(r) => Some((r.outcome.is_error, r.outcome.text.clone())),
        _ => None,
    };
    message.parts.iter().filter_map(result).collect()
}

fn fault(message: &Message) -> &Fault {
    message.fault.as_ref().unwrap()
}
