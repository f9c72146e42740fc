//! The registry's own promises, and every built-in tool called by its own advertised schema.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    backend::{
        caller::Via,
        http::{Guarded, address::Reach},
        hub::{Heard, Topic},
        store::turns::{FinishTurn, NewTurn, NewTurnKind},
        test::{TestStore, on_every_backend},
    },
    wire::{
        account::Username,
        id::{CallId, ModelId},
        message::{Part, TurnEnd, Usage},
    },
};
use serde_json::json;
use std::sync::Mutex;

/// Somebody with a conversation that holds a question and an answer, and a registry that reaches one local server.
struct Scene {
    cx: ToolCx,
    hub: Hub,
    tools: ToolRegistry,
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
async fn scene_on(t: &TestStore) -> Scene {
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
    let started = store.start_turn(NewTurn { by: user.id, kind, model: ModelId("m".to_owned()) }).await.unwrap();
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
    let cx = ToolCx { caller, conversation: Some(conversation), store, clock, progress };
    Scene { cx, hub, tools, site, notes }
}

impl Scene {
    async fn call(&self, name: &str, arguments: Value) -> ToolOutcome {
        self.tools.call(&self.cx, &call(name, arguments)).await
    }
}

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall::new(CallId("c".to_owned()), name, arguments)
}

/// Arguments made from a schema alone: the required properties, or all of them.
fn sample(schema: &Value, all: bool) -> Value {
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    if let Some(choice) = schema["enum"].get(0) {
        return choice.clone();
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            let required = schema["required"].as_array().unwrap();
            let properties = schema["properties"].as_object().unwrap().iter();
            let wanted = properties.filter(|(key, _)| all || required.contains(&json!(key)));
            wanted.map(|(key, inner)| (key.clone(), sample(inner, all))).collect()
        }
        "array" => json!([sample(&schema["items"], all)]),
        "string" if schema["format"] == "uuid" => json!("01900000-0000-7000-8000-000000000000"),
        "string" => json!("engine"),
        "integer" => schema["maximum"].as_i64().map_or(json!(3), |most| json!(most)),
        "number" => json!(1.5),
        "boolean" => json!(true),
        other => panic!("no sample for {other}"),
    }
}

on_every_backend! {
    async fn every_tool_answers_to_its_own_schema_and_keeps_to_its_result_schema(t) {
        let scene = scene_on(t).await;
        let listed = scene.tools.list(&scene.cx.caller).await;
        assert_eq!(listed.len(), 9);
        for spec in listed.iter() {
            for all in [false, true] {
                let mut arguments = sample(&spec.input_schema, all);
                // What no schema can say: which server is up, and which conversation is one's own.
                if spec.name == "website_status" {
                    arguments["url"] = json!(format!("http://{}/", scene.site));
                }
                if arguments.get("conversation_id").is_some() {
                    arguments["conversation_id"] = json!(scene.cx.conversation);
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
            "rename_conversation",
            "analyze_sentiment",
            "sum",
            "calculate",
            "current_time",
            "website_status",
            "lorem",
        ]
    );
    for spec in tools.specs.iter() {
        assert!(spec.title.len() >= 3, "{}", spec.name);
        assert!(spec.description.len() >= 120, "{}", spec.name);
        described(&spec.name, &spec.input_schema);
        described(&spec.name, &spec.output_schema);
        let hints = spec.annotations;
        let only_reads = spec.name != "rename_conversation";
        assert_eq!((hints.read_only_hint, hints.destructive_hint), (only_reads, false), "{}", spec.name);
        assert_eq!(hints.open_world_hint, spec.name == "website_status", "{}", spec.name);
        assert!(hints.idempotent_hint, "{}", spec.name);
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
        let older = scene.call("get_conversation_history", json!({"limit": 1})).await.structured.unwrap();
        assert_eq!(older["next_before"], older["messages"][0]["position"]);
        let first = scene.call("get_conversation_history", json!({"before": older["next_before"]})).await;
        assert_eq!(first.structured.unwrap()["messages"].as_array().unwrap().len(), 1);
        let hits = scene.call("search_conversations", json!({"query": "brass"})).await.structured.unwrap();
        assert_eq!((&hits["hits"][0]["role"], &hits["hits"][0]["title"]), (&json!("assistant"), &json!("Engines")));

        let mut listener = scene.hub.listen();
        listener.subscribe(Topic::User(scene.cx.caller.user));
        let renamed = scene.call("rename_conversation", json!({"title": " Brass "})).await;
        assert_eq!(renamed.text, "The conversation is now called «Brass».");
        let heard = listener.next().await;
        assert!(
            matches!(&heard, Heard::Event(_, event)
                if matches!(&**event, crate::wire::event::ChatEvent::Conversation { summary } if summary.title == "Brass")),
            "{heard:?}"
        );

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
async fn what_is_not_read_only_asks_until_a_person_decided() {
    use policy::{Decision, decide};
    let (_store, scene) = scene().await;
    let (cx, tools) = (&scene.cx, &scene.tools);
    let (rename, sum) = (tools.spec("rename_conversation").unwrap(), tools.spec("sum").unwrap());
    assert_eq!(decide(&cx.store, &cx.caller, &sum, false).await, Decision::Run);
    let search = tools.spec("search_conversations").unwrap();
    assert!(tools.is_personal(&search.name) && !tools.is_personal(&sum.name));
    assert_eq!(decide(&cx.store, &cx.caller, &search, false).await, Decision::Run);
    assert_eq!(decide(&cx.store, &cx.caller, &search, true).await, Decision::Ask, "others would see what it finds");
    assert_eq!(decide(&cx.store, &cx.caller, &rename, false).await, Decision::Ask);
    cx.store.set_tool_grant(cx.caller.user, &rename.name, true).await.unwrap();
    assert_eq!(decide(&cx.store, &cx.caller, &rename, false).await, Decision::Run);
    cx.store.set_tool_grant(cx.caller.user, &rename.name, false).await.unwrap();
    assert!(matches!(decide(&cx.store, &cx.caller, &rename, false).await, Decision::Deny(_)));
    cx.store.close().await;
    assert!(
        matches!(decide(&cx.store, &cx.caller, &rename, false).await, Decision::Deny(_)),
        "without a database nothing is allowed"
    );
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
struct Rogue(ToolSpec);

impl Tool for Rogue {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    fn call<'a>(&'a self, _cx: &'a ToolCx, _arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        match self.0.name.as_str() {
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
    let rogues = names.iter().map(|name| Arc::new(Rogue(bare(name))) as Arc<dyn Tool>).collect();
    let tools = ToolRegistry::new(rogues).unwrap().with_deadline(Duration::from_millis(50));
    let run = async |name: &str| tools.call(cx, &call(name, json!({}))).await;
    for name in ["panics_at_once", "panics_later"] {
        let outcome = run(name).await;
        assert!(outcome.is_error && outcome.text.contains("broke down"), "{}", outcome.text);
    }
    let hung = run("hangs").await;
    assert!(hung.is_error && hung.text.contains("longer than 0.05 seconds"), "{}", hung.text);
    let cut = run("babbles").await;
    assert!(cut.truncated && cut.text.len() <= limits::TOOL_RESULT_MAX && cut.text.starts_with('é'));
    assert!(cut.text.ends_with("[Cut here: the whole result has 80000 bytes.]"));
    let flood = run("floods").await;
    assert!(flood.is_error && flood.text.contains("too large"), "{}", flood.text);
    let clean = run("nuls").await;
    assert_eq!((clean.text.as_str(), clean.structured), ("ab", Some(json!({"n": ["ab", {"m": ""}]}))));
}
