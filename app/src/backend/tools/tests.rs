//! The registry's own promises, and every built-in tool called by its own advertised schema.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    backend::{
        caller::Via,
        http::{Guarded, address::Reach},
        hub::Change,
        store::{
            attachments::NewAttachment,
            turns::{FinishTurn, NewTurn, NewTurnKind},
        },
        test::{TestStore, on_every_backend, sample},
    },
    wire::{
        account::Username,
        attachment::Piece,
        id::{CallId, ModelId},
        message::{Part, TurnEnd, Usage},
    },
};
use serde_json::json;
use std::sync::Mutex;

/// Somebody with a conversation that holds a question and an answer, and a registry that reaches one local server.
pub(super) struct Scene {
    pub(super) cx: ToolCx,
    pub(super) hub: Hub,
    pub(super) tools: ToolRegistry,
    site: std::net::SocketAddr,
    notes: Arc<Mutex<Vec<String>>>,
}

/// A scene on SQLite, and the store that goes with it.
async fn scene() -> (TestStore, Scene) {
    let t = TestStore::sqlite().await;
    let scene = scene_on(&t).await;
    (t, scene)
}

#[expect(clippy::disallowed_methods, reason = "a test's server needs a task beside the test")]
pub(super) async fn scene_on(t: &TestStore) -> Scene {
    let (store, clock) = (t.store.clone(), t.clock.clone());
    clock.advance(1_767_225_600_000 - clock.now().0);
    let user = store.create_user(&Username::parse("ada").unwrap(), "hash", false).await.unwrap();
    let conversation = store.create_conversation(user.id, "Engines").await.unwrap().id;
    let kind = NewTurnKind::Send {
        conversation,
        parent: None,
        client_id: clock.id(),
        parts: vec![Part::Text { text: "what is a *difference engine*?".to_owned() }],
    };
    let started =
        store.start_turn(NewTurn { by: user.id, kind, model: ModelId("m".to_owned()), scopes: None }).await.unwrap();
    let parts = vec![Part::Text { text: "A machine of brass.".to_owned() }];
    let finish = FinishTurn { turn: started.turn, end: TurnEnd::Complete, parts, usage: Usage::default(), fault: None };
    store.finish_turn(finish).await.unwrap();

    let page = || async { axum::response::Html("<title>Hello &amp; *welcome*</title>") };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = listener.local_addr().unwrap();
    let routes = axum::Router::new().route("/", axum::routing::get(page));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let http = Guarded::with(Reach::and(vec![site]), Arc::new(crate::backend::http::resolver::SystemLookup)).unwrap();

    let hub = Hub::default();
    let tools = ToolRegistry::builtin(http, hub.clone()).unwrap();
    let notes = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&notes);
    let caller = Caller { user: user.id, name: user.name, admin: false, via: Via::Process };
    let progress = Arc::new(move |_share, note: Option<String>| heard.lock().unwrap().extend(note));
    let cx = ToolCx {
        caller,
        conversation: Some(conversation),
        store,
        clock,
        progress,
        asking: Arc::new(ask::Approved),
        kept: Arc::new(kept::Nowhere),
        definition: None,
    };
    Scene { cx, hub, tools, site, notes }
}

impl Scene {
    pub(super) async fn call(&self, name: &str, arguments: Value) -> ToolOutcome {
        self.tools.call(&self.cx, &call(name, arguments)).await
    }
}

pub(super) fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall::new(CallId("c".to_owned()), name, arguments)
}

/// What no schema says of prompts: which is one's own, that two have not one name, and that places have arguments.
async fn for_prompt(scene: &Scene, spec: &ToolSpec, all: bool, arguments: &mut Value) {
    if spec.name == "create_prompt" || arguments.get("name").is_some() {
        arguments["name"] = json!(format!("{}-{all}", spec.name));
    }
    if let Some(arguments) = arguments.as_object_mut() {
        arguments.remove("arguments");
    }
    if spec.name != "create_prompt" {
        let form = json!({ "name": format!("own-{}-{all}", spec.name), "body": "Explain." });
        let own = scene.call("create_prompt", form).await.structured.unwrap();
        arguments["id"] = own["_id"].clone();
    }
    // Nothing to change is refused.
    if spec.name == "update_prompt" && !all {
        arguments["title"] = json!("Engine");
    }
}

on_every_backend! {
    async fn every_tool_answers_to_its_own_schema_and_keeps_to_its_result_schema(t) {
        let scene = scene_on(t).await;
        let listed = scene.tools.list(&scene.cx.caller).await;
        assert_eq!(listed.len(), 16);
        let new = NewAttachment { media_type: "text/plain", name: "a", bytes: b"one\ntwo\nan engine", conversation: scene.cx.conversation.unwrap() };
        let attachment = t.attach(scene.cx.caller.user, new).await.unwrap();
        for spec in listed.iter() {
            for all in [false, true] {
                let mut arguments = sample(&spec.input_schema, all);
                // What no schema can say: which server is up, which conversation is one's own, which places a list gave.
                if let Some(arguments) = arguments.as_object_mut() {
                    arguments.remove("cursor");
                }
                if spec.name == "website_status" {
                    arguments["url"] = json!(format!("http://{}/", scene.site));
                }
                if arguments.get("conversation_id").is_some() {
                    arguments["conversation_id"] = json!(scene.cx.conversation);
                }
                if arguments.get("attachment_id").is_some() {
                    arguments["attachment_id"] = json!(attachment);
                }
                if spec.name == "update_conversation" {
                    let own = t.create_conversation(scene.cx.caller.user, "Own").await.unwrap();
                    arguments["id"] = json!(own.id);
                }
                if spec.name.ends_with("_prompt") {
                    for_prompt(&scene, spec, all, &mut arguments).await;
                }
                // Nothing to change is refused.
                if spec.name == "update_conversation" {
                    arguments["title"] = json!("Engine");
                }
                let outcome = scene.call(&spec.name, arguments.clone()).await;
                assert!(!outcome.is_error, "{} {arguments}: {}", spec.name, outcome.text);
                assert!(!outcome.truncated && !outcome.text.is_empty(), "{}", spec.name);
                let markup = ["**", "`", "\\", "](", "\n#"];
                assert!(!markup.iter().any(|mark| outcome.text.contains(mark)), "{}: {}", spec.name, outcome.text);
                let structured = outcome.structured.unwrap();
                let mut held = structured.clone();
                assert_eq!(schema::fit(&spec.output_schema, &mut held), Ok(()), "{}: {structured}", spec.name);
                assert_eq!(held, structured, "{}: a null or a float where none belongs", spec.name);
                if spec.name == "delete_conversation" {
                    let id = scene.cx.conversation.unwrap();
                    scene.cx.store.restore_conversation(scene.cx.caller.user, id).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test]
async fn every_tool_is_well_described() {
    fn described(place: &str, schema: &Value) {
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            let told = property["description"].as_str().unwrap_or_default();
            assert!(told.len() >= 12 && told.ends_with('.'), "{place}.{key}: «{told}»");
            described(&format!("{place}.{key}"), property);
            described(&format!("{place}.{key}[]"), &property["items"]);
        }
    }
    let http = Guarded::new().unwrap();
    let tools = ToolRegistry::builtin(http, Hub::default()).unwrap();
    let names: Vec<&str> = tools.specs.iter().map(|spec| spec.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "get_conversation_history",
            "search_conversations",
            "query_data_collections",
            "update_conversation",
            "create_prompt",
            "update_prompt",
            "delete_prompt",
            "rename_conversation",
            "delete_conversation",
            "analyze_sentiment",
            "sum",
            "calculate",
            "current_time",
            "website_status",
            "lorem",
            "read_attachment",
        ]
    );
    for spec in tools.specs.iter() {
        assert!(spec.title.len() >= 3, "{}", spec.name);
        assert!(spec.description.len() >= 120, "{}", spec.name);
        described(&spec.name, &spec.input_schema);
        described(&spec.name, &spec.output_schema);
        let hints = spec.annotations;
        let destroying = ["update_conversation", "delete_conversation", "update_prompt", "delete_prompt"];
        let destroys = destroying.contains(&spec.name.as_str());
        let only_reads = !["rename_conversation", "create_prompt"].contains(&spec.name.as_str()) && !destroys;
        assert_eq!((hints.read_only_hint, hints.destructive_hint), (only_reads, destroys), "{}", spec.name);
        assert_eq!(hints.open_world_hint, spec.name == "website_status", "{}", spec.name);
        assert_eq!(hints.idempotent_hint, spec.name != "create_prompt", "{}", spec.name);
    }
}

#[tokio::test]
async fn wrong_arguments_get_a_sentence_that_says_what_to_mend() {
    let (_store, scene) = scene().await;
    for (name, arguments, words) in [
        ("sum", json!({"numbers": "2 40"}), "`numbers` must be an array of numbers, not the string «2 40»."),
        ("sum", json!({}), "`numbers` is missing"),
        ("sum", json!({"numbers": [1], "unit": "m"}), "There is no property `unit`"),
        ("sum", json!("2 40"), "The arguments must be an object"),
        ("lorem", json!({"words": 5001}), "`words` must be at most 5000"),
        ("lorem", json!({"words": 0}), "`words` must be at least 1"),
        ("calculate", json!({"expression": "1/0"}), "Division by zero"),
        ("current_time", json!({"time_zone": "Mars/Olympus"}), "There is no time zone «Mars/Olympus»"),
        ("website_status", json!({"url": "http://10.0.0.1/"}), "this address is private and may not be visited"),
        ("website_status", json!({"url": "localhost"}), "this address is private and may not be visited"),
        ("analyze_sentiment", json!({"text": "  "}), "blank"),
        ("search_conversations", json!({"query": " "}), "blank"),
        ("get_conversation_history", json!({"conversation_id": "mine"}), "not an id"),
        ("get_conversation_history", json!({"cursor": "mine"}), "none that this tool gave"),
        ("rename_conversation", json!({"title": "a\nb"}), "one line"),
        ("no_such_tool", json!({}), "There is no tool «no_such_tool». There are: `get_conversation_history`"),
    ] {
        let outcome = scene.call(name, arguments).await;
        assert!(outcome.is_error && outcome.structured.is_none(), "{name}");
        assert!(outcome.text.contains(words), "{name}: {}", outcome.text);
    }
    assert!(!scene.call("current_time", Value::Null).await.is_error, "no arguments at all are an empty object");
}

#[tokio::test]
async fn the_clock_tells_the_given_time() {
    let (_store, scene) = scene().await;
    let outcome = scene.call("current_time", json!({"time_zone": "Asia/Kolkata"})).await;
    assert_eq!(outcome.text, "It is Thursday, 1 January 2026, 05:30:00 in Asia/Kolkata (UTC+05:30).");
    let expected = json!({
        "iso": "2026-01-01T05:30:00+05:30", "unix_ms": 1_767_225_600_000_i64, "time_zone": "Asia/Kolkata",
        "weekday": "Thursday",
    });
    assert_eq!(outcome.structured, Some(expected));
}

#[tokio::test]
async fn a_website_is_reported_with_its_title() {
    let (_store, scene) = scene().await;
    let outcome = scene.call("website_status", json!({"url": format!("http://{}/", scene.site)})).await;
    let structured = outcome.structured.unwrap();
    assert_eq!((&structured["status"], &structured["tls"]), (&json!(200), &json!(false)));
    assert_eq!(structured["title"], "Hello & *welcome*");
    assert!(outcome.text.starts_with("200 OK from http://"), "{}", outcome.text);
    assert!(outcome.text.ends_with("Its title: Hello & *welcome*"), "{}", outcome.text);
    assert_eq!(scene.notes.lock().unwrap().len(), 1);
}

on_every_backend! {
    async fn conversations_are_read_searched_and_renamed_by_their_owner_alone(t) {
        let scene = scene_on(t).await;
        let told = scene.call("get_conversation_history", json!({})).await;
        assert!(told.text.starts_with("2 messages of «Engines»:"), "{}", told.text);
        let messages = told.structured.unwrap()["messages"].clone();
        assert_eq!((&messages[0]["author"], &messages[1]["text"]), (&json!("ada"), &json!("A machine of brass.")));
        let newest = scene.call("get_conversation_history", json!({"limit": 1})).await.structured.unwrap();
        let first = scene.call("get_conversation_history", json!({"cursor": newest["next_cursor"]})).await;
        let first = first.structured.unwrap();
        assert_eq!(first["messages"].as_array().unwrap().len(), 1);
        assert!(first.get("next_cursor").is_none() && first["messages"][0] != newest["messages"][0]);
        let hits = scene.call("search_conversations", json!({"query": "brass"})).await.structured.unwrap();
        assert_eq!((&hits["hits"][0]["role"], &hits["hits"][0]["title"]), (&json!("assistant"), &json!("Engines")));

        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        scene.hub.on_change(move |change| {
            if let Change::Conversation(id) = change {
                ears.lock().unwrap().push(id);
            }
        });
        let renamed = scene.call("rename_conversation", json!({"title": " Brass "})).await;
        assert_eq!(renamed.text, "The conversation is now called «Brass».");
        assert_eq!(*heard.lock().unwrap(), [scene.cx.conversation.unwrap()]);

        let store = &scene.cx.store;
        let eve = store.create_user(&Username::parse("eve").unwrap(), "hash", false).await.unwrap();
        let eve = Caller { user: eve.id, name: eve.name, ..scene.cx.caller.clone() };
        let cx = ToolCx { caller: eve, ..scene.cx.clone() };
        let id = scene.cx.conversation;
        for (name, arguments) in [
            ("get_conversation_history", json!({"conversation_id": id})),
            ("get_conversation_history", json!({})),
            ("rename_conversation", json!({"conversation_id": id, "title": "Mine"})),
            ("get_conversation_history", json!({"conversation_id": "01900000-0000-7000-8000-000000000000"})),
        ] {
            let outcome = scene.tools.call(&cx, &call(name, arguments)).await;
            assert_eq!(outcome, ToolOutcome::error("There is no such conversation, or it is not yours."), "{name}");
        }
        let none = scene.tools.call(&cx, &call("search_conversations", json!({"query": "brass"}))).await;
        assert_eq!(none.structured, Some(json!({ "hits": [] })));
        assert_eq!(store.conversation(scene.cx.caller.user, id.unwrap()).await.unwrap().summary.title, "Brass");
    }
}

#[tokio::test]
async fn built_in_tools_run_unasked_only_where_they_change_nothing_and_show_nobody_what_is_private() {
    use crate::wire::policy::{Rule, Why};
    use policy::{Decision, Place, decide};
    let (_store, scene) = scene().await;
    let (cx, tools) = (&scene.cx, &scene.tools);
    let (alone, among) = (Place::default(), Place { exposed: true, ..Place::default() });
    for (name, place, runs) in [
        ("sum", alone, Ok(Rule::ReadOnly)),
        ("sum", among, Err(Why::Exposed)),
        ("search_conversations", alone, Ok(Rule::ReadOnly)),
        ("search_conversations", among, Err(Why::Exposed)),
        ("rename_conversation", alone, Err(Why::Changes)),
    ] {
        let spec = tools.spec(name).unwrap();
        let decided = match decide(&cx.store, &cx.caller, &spec, &place).await {
            Decision::Run(rule) => Ok(rule),
            Decision::Ask { question, refused: false } => Err(question.why),
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(decided, runs, "{name}");
    }
    assert!(tools.is_personal("search_conversations") && !tools.is_personal("sum"));
}

#[test]
fn an_operator_can_name_every_toolset_and_no_other() {
    use crate::backend::config::MCP_TOOLSETS;
    let tools = ToolRegistry::builtin(Guarded::new().unwrap(), Hub::default()).unwrap();
    let mut sets: Vec<&str> = tools.sets.iter().map(|(name, _)| *name).collect();
    sets.extend(["resources", "prompts"]);
    assert_eq!(sets, MCP_TOOLSETS);
    let some = tools.only(|set| set == "clock" || set == "arithmetic").unwrap();
    assert_eq!(
        some.specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>(),
        ["sum", "calculate", "current_time"]
    );
    assert!(some.spec("rename_conversation").is_none() && tools.only(|_| false).unwrap().is_empty());
    assert_eq!(
        tools.and(vec![("clock", clock::tools())]).unwrap_err(),
        RegistryError::Collision("current_time".to_owned())
    );
}

/// Answers only once its deadline was looked at.
#[derive(Default)]
struct Slow(tokio::sync::Notify);

impl Ask for Slow {
    fn ask(&self, _question: Question) -> BoxFuture<'_, Answer> {
        Box::pin(async {
            self.0.notified().await;
            Answer::Declined
        })
    }

    fn waited(&self) -> Duration {
        self.0.notify_one();
        Duration::from_millis(1)
    }
}

#[tokio::test]
async fn the_time_a_person_takes_does_not_count() {
    let (_store, scene) = scene().await;
    let tools = ToolRegistry::new(vec![Arc::new(Rogue(Arc::new(bare("asks"))))])
        .unwrap()
        .with_deadline(Duration::from_millis(20));
    let cx = ToolCx { asking: Arc::new(Slow::default()), ..scene.cx.clone() };
    assert_eq!(tools.call(&cx, &call("asks", json!({}))).await.text, "Declined");
}

on_every_backend! {
    async fn what_is_too_large_is_kept_whole_and_read_on(t) {
        let scene = scene_on(t).await;
        let rogues = ["babbles", "floods"].map(|name| Arc::new(Rogue(Arc::new(bare(name)))) as Arc<dyn Tool>);
        let tools = ToolRegistry::new([rogues.into(), attachments::tools()].concat()).unwrap();
        let cut = tools.call(&scene.cx, &call("babbles", json!({}))).await;
        let [Piece::Whole { file }] = &cut.content[..] else { panic!("{cut:?}") };
        assert!(cut.truncated && !cut.is_error && cut.text.len() <= limits::TOOL_RESULT_MAX);
        assert_eq!((file.size, file.media_type.as_str()), (80_000, "text/plain"));
        assert!(cut.text.contains("the whole result has 80000 bytes. It is attachment"), "{}", cut.text);
        // The model does what the text says until there is nothing left.
        let json = &cut.text[cut.text.rfind('{').unwrap()..=cut.text.rfind('}').unwrap()];
        let mut next: Value = serde_json::from_str(json).unwrap();
        let offset = usize::try_from(next["offset"].as_u64().unwrap()).unwrap();
        let mut read = cut.text[..offset].to_owned();
        while !next.is_null() {
            let page = tools.call(&scene.cx, &call("read_attachment", next)).await;
            assert!(!page.is_error && !page.truncated && page.content.is_empty(), "{}", page.text);
            let page = page.structured.unwrap();
            read.push_str(page["text"].as_str().unwrap());
            next = match page.get("next_offset") {
                Some(offset) => json!({"attachment_id": file.id, "offset": offset}),
                None => Value::Null,
            };
        }
        assert_eq!(read, "é".repeat(40_000));

        let flood = tools.call(&scene.cx, &call("floods", json!({}))).await;
        let [Piece::Structured { file }] = &flood.content[..] else { panic!("{flood:?}") };
        assert!(!flood.is_error && flood.structured.is_none() && flood.text.contains(&file.id.to_string()));
        let kept = t.attachment_bytes(scene.cx.caller.user, file.id).await.unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&kept).unwrap()["n"].as_str().unwrap().len(), 200_000);
    }

    async fn attachments_are_read_searched_and_of_this_conversation_alone(t) {
        let scene = scene_on(t).await;
        let (ada, here) = (scene.cx.caller.user, scene.cx.conversation.unwrap());
        let elsewhere = t.create_conversation(ada, "Other").await.unwrap().id;
        let keep = async |conversation, bytes: &[u8]| {
            let new = NewAttachment { conversation, media_type: "text/csv", name: "a.csv", bytes };
            t.attach(ada, new).await.unwrap()
        };
        let rows = (1..=3_000).map(|n| format!("row {n}; brass\n")).collect::<Vec<_>>().concat();
        let (text, image) = (keep(here, rows.as_bytes()).await, keep(here, b"\xff\xd8\xff\xe0").await);
        let other = keep(elsewhere, b"elsewhere").await;
        let read = async |arguments: Value| scene.call("read_attachment", arguments).await;
        let page = read(json!({"attachment_id": text, "line": 2_999})).await;
        assert!(page.text.starts_with("row 2999; brass\nrow 3000; brass\n\n[Bytes "), "{}", page.text);
        assert!(page.text.ends_with("lines 2999 to 3000 of 3000.]"), "{}", page.text);
        let first = read(json!({"attachment_id": text})).await.structured.unwrap();
        assert!(first["text"].as_str().unwrap().ends_with("brass\n") && first["next_offset"].is_u64());
        let found = read(json!({"attachment_id": text, "search": "ROW 29; B"})).await.structured.unwrap();
        assert_eq!((found["matches"].as_array().unwrap().len(), &found["matches"][0]["line"]), (1, &json!(29)));
        let many = read(json!({"attachment_id": text, "search": "brass"})).await.structured.unwrap();
        assert_eq!(many["matches"].as_array().unwrap().len(), 20);
        let on = json!({"attachment_id": text, "search": "brass", "offset": many["next_offset"]});
        assert_eq!(read(on).await.structured.unwrap()["matches"][0]["line"], 21);
        let none = read(json!({"attachment_id": text, "search": "gold"})).await;
        assert!(!none.is_error && none.text.contains("does not occur"));
        for (arguments, words) in [
            (json!({"attachment_id": image}), "no text but 4 bytes"),
            (json!({"attachment_id": other}), "no such attachment here"),
            (json!({"attachment_id": t.clock.id::<uuid::Uuid>()}), "no such attachment here"),
            (json!({"attachment_id": "mine"}), "not an id"),
            (json!({"attachment_id": text, "line": 3_001}), "has 3000 lines only"),
            (json!({"attachment_id": text, "offset": 9_999_999}), "beyond the end"),
            (json!({"attachment_id": text, "offset": -1}), "`offset` must be at least 0"),
        ] {
            let refused = read(arguments).await;
            assert!(refused.is_error && refused.text.contains(words), "{words}: {}", refused.text);
        }
        // A program of hers names it by its id alone; another's finds nothing.
        let by_program = ToolCx { conversation: None, ..scene.cx.clone() };
        let asked = call("read_attachment", json!({"attachment_id": other}));
        assert!(scene.tools.call(&by_program, &asked).await.text.starts_with("elsewhere"));
        let eve = Caller { user: t.person("eve").await, ..scene.cx.caller.clone() };
        let refused = scene.tools.call(&ToolCx { caller: eve, ..by_program }, &asked).await;
        assert_eq!(refused, ToolOutcome::error("There is no such attachment here."));
    }

    async fn reading_on_is_offered_where_there_is_something_to_read(t) {
        let scene = scene_on(t).await;
        let (ada, here) = (&scene.cx.caller, scene.cx.conversation.unwrap());
        let all = scene.tools.list(ada).await;
        let has = async || {
            let rules = scene.cx.store.tool_rules(ada.user, Some(here)).await.unwrap();
            let offered = attachments::offered(&rules, Arc::clone(&all));
            (offered.len(), offered.iter().any(|spec| spec.name == attachments::READ))
        };
        assert_eq!(has().await, (15, false));
        t.attach(ada.user, NewAttachment { conversation: here, media_type: "", name: "", bytes: b"x" }).await.unwrap();
        assert_eq!(has().await, (16, true));
    }

    async fn a_conversation_that_is_full_keeps_nothing_and_says_so(t) {
        let scene = scene_on(t).await;
        let full = vec![0; usize::try_from(limits::CONVERSATION_ATTACHMENTS_MAX).unwrap()];
        let conversation = scene.cx.conversation.unwrap();
        let new = NewAttachment { conversation, media_type: "", name: "", bytes: &full };
        t.attach(scene.cx.caller.user, new).await.unwrap();
        let rogues = ["babbles", "floods"].map(|name| Arc::new(Rogue(Arc::new(bare(name)))) as Arc<dyn Tool>);
        let tools = ToolRegistry::new(rogues.into()).unwrap();
        let cut = tools.call(&scene.cx, &call("babbles", json!({}))).await;
        assert!(cut.text.ends_with("was not kept: this conversation's attachments are full (64 MiB).]"), "{}", cut.text);
        let flood = tools.call(&scene.cx, &call("floods", json!({}))).await;
        assert!(flood.text.contains("was left out: this conversation's attachments are full"), "{}", flood.text);
        assert!(cut.truncated && flood.truncated && cut.content.is_empty() && flood.content.is_empty());
    }
}

fn bare(name: &str) -> ToolSpec {
    spec((name, "Test"), "A tool of a test.", (json!({}), &[]), (json!({}), &[]), Annotations::READ_ONLY)
}

#[test]
fn refuses_bad_names_collisions_and_schemas_it_cannot_hold() {
    let tool = |name: &str| Plain::tool(bare(name), |_, _| Ok(ToolOutcome::ok("", json!({}))));
    for name in ["", "with space", "é", "a/b", &"x".repeat(65)] {
        assert_eq!(ToolRegistry::new(vec![tool(name)]).unwrap_err(), RegistryError::Name(name.to_owned()));
    }
    assert!(ToolRegistry::new(vec![tool("a"), tool("b.c-D_9"), tool(&"x".repeat(64))]).is_ok());
    let twice = ToolRegistry::new(vec![tool("a"), tool("a")]).unwrap_err();
    assert_eq!(twice, RegistryError::Collision("a".to_owned()));
    let mut odd = bare("odd");
    odd.input_schema["patternProperties"] = json!({});
    let refused = ToolRegistry::new(vec![Plain::tool(odd, |_, _| Ok(ToolOutcome::ok("", json!({}))))]).unwrap_err();
    assert!(matches!(refused, RegistryError::Schema { .. }), "{refused}");
}

/// Misbehaves as its name says.
struct Rogue(Arc<ToolSpec>);

impl Tool for Rogue {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.0
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, _arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        match self.0.name.as_str() {
            "asks" => Box::pin(async {
                let answer = cx.ask(Question::confirm("sure", "Really?")).await;
                ToolOutcome::ok(format!("{answer:?}"), json!({}))
            }),
            "panics_at_once" => panic!("at once"),
            "panics_later" => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("later")
            }),
            "hangs" => Box::pin(std::future::pending()),
            "babbles" => Box::pin(async { ToolOutcome::ok("é".repeat(40_000), json!({"n": "a\0b"})) }),
            "floods" => Box::pin(async { ToolOutcome::ok("", json!({"n": "x".repeat(200_000)})) }),
            "nuls" => Box::pin(async { ToolOutcome::ok("a\0b\0", json!({"n": ["a\0b", {"m": "\0"}]})) }),
            other => panic!("unknown rogue {other}"),
        }
    }
}

#[tokio::test]
async fn whatever_a_tool_does_the_call_ends_in_an_outcome() {
    let (_store, scene) = scene().await;
    let cx = &scene.cx;
    let names = ["panics_at_once", "panics_later", "hangs", "babbles", "floods", "nuls"];
    let rogues = names.iter().map(|name| Arc::new(Rogue(Arc::new(bare(name)))) as Arc<dyn Tool>).collect();
    let tools = ToolRegistry::new(rogues).unwrap().with_deadline(Duration::from_millis(50));
    let run = async |name: &str| tools.call(cx, &call(name, json!({}))).await;
    for name in ["panics_at_once", "panics_later"] {
        let outcome = run(name).await;
        assert!(outcome.is_error && outcome.text.contains("broke down"), "{}", outcome.text);
    }
    let hung = run("hangs").await;
    assert!(hung.is_error && hung.text.contains("longer than 0.05 seconds"), "{}", hung.text);
    let nowhere = ToolCx { conversation: None, ..cx.clone() };
    let cut = tools.call(&nowhere, &call("babbles", json!({}))).await;
    assert!(cut.truncated && cut.text.len() <= limits::TOOL_RESULT_MAX && cut.text.starts_with('é'));
    assert!(cut.text.ends_with("[Cut here: the whole result has 80000 bytes.]"));
    let flood = tools.call(&nowhere, &call("floods", json!({}))).await;
    assert!(flood.is_error && flood.text.contains("too large"), "{}", flood.text);
    assert!(cut.content.is_empty() && flood.content.is_empty());
    let clean = run("nuls").await;
    assert_eq!((clean.text.as_str(), clean.structured), ("ab", Some(json!({"n": ["ab", {"m": ""}]}))));
}
