//! rmcp's own client at the other end of a pipe, in both eras and on both databases: lists come whole through their
//! pages, and what changes is heard, or not.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(deprecated, reason = "older clients subscribe so")]

use super::{Setup, call::Calls, resources::conversations::Conversations, watched::Watched};
use crate::{
    backend::{
        caller::{Caller, Via},
        config::{McpConfig, McpEndpoint},
        http::Guarded,
        hub::{Hub, Topic},
        store::{
            tasks::Runner,
            turns::{FinishTurn, NewTurn, NewTurnKind},
        },
        task::Tasks,
        test::{TestStore, on_every_backend},
        tools::{ToolRegistry, conversations, prompts::SavedPrompts},
    },
    wire::{
        event::ChatEvent,
        id::{ConversationId, ModelId, UserId},
        message::{Message, Part, TurnEnd, Usage},
        prompt::PromptForm,
    },
};
use rmcp::{
    ClientHandler, RoleClient, ServiceExt,
    model::{
        ClientConfig, ProtocolVersion, ReadResourceRequestParams, ResourceUpdatedNotificationParam, ServerNotification,
        SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
    },
    service::{ClientLifecycleMode, ClientServiceExt, NotificationContext, RunningService, Subscription},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};

/// A safety net, not a measure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Keeps what it hears.
#[derive(Clone)]
struct Ear(mpsc::UnboundedSender<String>);

impl ClientHandler for Ear {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default().with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
    }

    async fn on_resource_updated(&self, news: ResourceUpdatedNotificationParam, _: NotificationContext<RoleClient>) {
        self.0.send(news.uri).unwrap();
    }

    async fn on_resource_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.send("resources".to_owned()).unwrap();
    }

    async fn on_prompt_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.send("prompts".to_owned()).unwrap();
    }
}

/// A server and one client of it.
struct Scene<'a> {
    t: &'a TestStore,
    hub: Hub,
    saved: SavedPrompts,
    client: RunningService<RoleClient, Ear>,
    heard: mpsc::UnboundedReceiver<String>,
    stream: Option<Subscription>,
    modern: bool,
}

#[expect(clippy::disallowed_methods, reason = "a test's server needs a task beside the test")]
async fn scene(t: &TestStore, by: UserId, modern: bool) -> Scene<'_> {
    let hub = Hub::default();
    let saved = SavedPrompts::new(t.store.clone(), hub.clone());
    let tools = ToolRegistry::builtin(Guarded::new().unwrap(), hub.clone()).unwrap();
    let (store, clock, tasks) = (t.store.clone(), t.clock.clone(), Tasks::default());
    let calls = Calls::new(store.clone(), clock.clone(), tasks.clone(), Runner::Server);
    let setup = Setup {
        tools: tools
            .each(conversations::named)
            .unwrap()
            .and(vec![("conversations", conversations::for_programs(hub.clone()))])
            .unwrap(),
        sources: vec![Arc::new(Conversations)],
        prompts: saved.clone(),
        store,
        clock,
        hub: hub.clone(),
        tasks,
        calls: calls.clone(),
        config: McpConfig::default(),
    };
    let caller = Caller { user: by, name: "x".to_owned(), admin: false, via: Via::Process };
    let mut server = setup.endpoint(&McpEndpoint::main()).unwrap().at_pipe(caller, calls);
    // As in the server's own process: nothing is found out by looking.
    Arc::get_mut(&mut server.offer).unwrap().look = None;
    let (here, there) = tokio::io::duplex(64 * 1024);
    tokio::spawn(async move { Box::pin(Watched(server).serve(there)).await.unwrap().waiting().await });
    let (tell, heard) = mpsc::unbounded_channel();
    let mode = if modern {
        ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
    } else {
        ClientLifecycleMode::Initialize
    };
    let client = Ear(tell).serve_with_lifecycle(here, mode).await.unwrap();
    Scene { t, hub, saved, client, heard, stream: None, modern }
}

impl Scene<'_> {
    async fn follow(&mut self, uris: &[String]) {
        if self.modern {
            let filter = SubscriptionFilter::builder().resources_list_changed().prompts_list_changed();
            let filter = filter.resource_subscriptions(uris).build();
            self.stream = Some(self.client.listen(filter).await.unwrap());
        } else {
            for uri in uris {
                self.client.subscribe(SubscribeRequestParams::new(uri)).await.unwrap();
            }
        }
    }

    /// The next word that was not asked for.
    async fn heard(&mut self) -> String {
        let next = async {
            match &mut self.stream {
                None => self.heard.recv().await.unwrap(),
                Some(stream) => match stream.next().await.unwrap().unwrap() {
                    ServerNotification::ResourceUpdatedNotification(news) => news.params.uri,
                    ServerNotification::ResourceListChangedNotification(_) => "resources".to_owned(),
                    ServerNotification::PromptListChangedNotification(_) => "prompts".to_owned(),
                    other => panic!("{other:?}"),
                },
            }
        };
        timeout(PATIENCE, next).await.unwrap()
    }

    /// The next address that changed.
    async fn changed(&mut self) -> String {
        loop {
            let word = self.heard().await;
            if word.starts_with("parley://") {
                return word;
            }
        }
    }

    /// Waits until that list is said to have changed.
    async fn list(&mut self, wanted: &str) {
        while self.heard().await != wanted {}
    }

    /// A message and its reply, told as the chat tells them.
    async fn exchange(&self, by: UserId, conversation: ConversationId, words: &str) -> Message {
        let t = self.t;
        let parts = vec![Part::Text { text: words.to_owned() }];
        let kind = NewTurnKind::Send { conversation, parent: None, client_id: t.clock.id(), parts: parts.clone() };
        let started = t.start_turn(NewTurn { by, kind, model: ModelId("m".to_owned()), scopes: None }).await.unwrap();
        let finish =
            FinishTurn { turn: started.turn, end: TurnEnd::Complete, parts, usage: Usage::default(), fault: None };
        let reply = t.finish_turn(finish).await.unwrap();
        self.hub.publish(Topic::Conversation(conversation), ChatEvent::Message { message: reply.clone() });
        reply
    }
}

fn uri(id: ConversationId) -> String {
    format!("parley://conversations/{id}")
}

fn form(name: &str) -> PromptForm {
    PromptForm { name: name.to_owned(), body: "x".to_owned(), ..PromptForm::default() }
}

async fn lists_come_whole(t: &TestStore, modern: bool) {
    let (ada, eve) = (t.person(&format!("ada{modern}")).await, t.person(&format!("eve{modern}")).await);
    let scene = scene(t, ada, modern).await;
    for n in 0..101 {
        t.create_conversation(ada, &format!("Room {n}")).await.unwrap();
        t.create_conversation(eve, "Hers").await.unwrap();
    }
    for n in 0..60 {
        scene.saved.save(ada, None, &form(&format!("p{n:02}"))).await.unwrap();
        scene.saved.save(eve, None, &form(&format!("hers{n:02}"))).await.unwrap();
    }
    let resources = scene.client.list_all_resources().await.unwrap();
    assert_eq!(resources.len(), 101);
    assert!(resources.iter().all(|r| r.title.as_deref().unwrap().starts_with("Room ")));
    let prompts = scene.client.list_all_prompts().await.unwrap();
    let names: Vec<_> = prompts.iter().map(|prompt| prompt.name.clone()).collect();
    assert_eq!(names, (0..60).map(|n| format!("p{n:02}")).collect::<Vec<_>>());
    let tools = scene.client.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "export_conversation"));
    let read = scene.client.read_resource(ReadResourceRequestParams::new(&resources[0].uri)).await.unwrap();
    assert_eq!(read.contents.len(), 1);
    let found = scene.client.complete_resource_simple("parley://conversations/{id}", "id", "room 7").await.unwrap();
    assert_eq!(found.len(), 11);
}

async fn changes_are_heard(t: &TestStore, modern: bool) {
    let (ada, eve) = (t.person(&format!("ida{modern}")).await, t.person(&format!("eva{modern}")).await);
    let room = t.create_conversation(ada, "Engines").await.unwrap().id;
    let own = t.create_conversation(eve, "Mine").await.unwrap().id;
    let lapse = crate::wire::id::Millis(t.clock.now().0 + 1_000);
    t.create_invitation(ada, room, &format!("hash{modern}"), lapse).await.unwrap();
    t.join(eve, &format!("hash{modern}")).await.unwrap();
    t.clock.advance(1_000);
    let mut scene = scene(t, eve, modern).await;
    let first = scene.exchange(ada, room, "One.").await;
    t.clock.advance(1_000);
    let of_message = format!("{}/messages/{}", uri(room), first.id);
    scene.follow(&[uri(room), uri(own), of_message]).await;
    assert!(scene.client.subscribe(SubscribeRequestParams::new("parley://x/y")).await.is_err());

    scene.exchange(ada, room, "Two.").await;
    assert_eq!(scene.changed().await, uri(room), "and of the message that did not change, nothing");
    // More than a listener's queue holds: what was lost is looked for.
    scene.exchange(ada, room, "Three.").await;
    for n in 0..2_000 {
        let pong = ChatEvent::Pong { seq: crate::wire::id::Seq(n) };
        scene.hub.publish(Topic::Conversation(room), pong);
    }
    scene.exchange(eve, own, "Four.").await;
    // Whoever hears of one thing twice reads it twice; nothing may be missing.
    let (mut told, both) = (BTreeSet::new(), BTreeSet::from([uri(room), uri(own)]));
    while told != both {
        let changed = scene.changed().await;
        assert!(both.contains(&changed), "{changed}");
        told.insert(changed);
    }

    scene.saved.save(ada, None, &form("another")).await.unwrap();
    scene.saved.save(eve, None, &form("hers")).await.unwrap();
    scene.list("prompts").await;

    // Taken out of the room: its events still come to the listener, and are told to nobody.
    t.remove_member(ada, room, eve).await.unwrap();
    scene.exchange(ada, room, "Five.").await;
    scene.hub.publish(Topic::User(eve), ChatEvent::ConversationGone { conversation: room });
    scene.exchange(ada, room, "Six.").await;
    scene.exchange(eve, own, "Seven.").await;
    assert_eq!(scene.changed().await, uri(own));

    if !modern {
        scene.client.unsubscribe(UnsubscribeRequestParams::new(uri(own))).await.unwrap();
        scene.exchange(eve, own, "Eight.").await;
        scene.saved.save(eve, None, &form("more")).await.unwrap();
        while let word @ ("resources" | "prompts") = scene.heard().await.as_str() {
            if word == "prompts" {
                return;
            }
        }
        panic!("what was left is told all the same");
    }
}

on_every_backend! {
    async fn a_client_of_today_gets_whole_lists(t) {
        lists_come_whole(t, true).await;
    }

    async fn an_older_client_gets_whole_lists(t) {
        lists_come_whole(t, false).await;
    }

    async fn a_client_of_today_hears_changes(t) {
        changes_are_heard(t, true).await;
    }

    async fn an_older_client_hears_changes(t) {
        changes_are_heard(t, false).await;
    }
}
