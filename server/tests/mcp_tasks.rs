//! `/mcp`: long calls as tasks (SEP-2663), for clients of both eras that know them.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{self, Client},
    program::{Program, serve_tools, token},
};
use app::{
    backend::{
        test::TestStore,
        tools::{
            Tool, ToolCx,
            ask::{Answer, Question},
            spec,
        },
    },
    wire::{
        event::ChatEvent,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use futures::{FutureExt, future::BoxFuture};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;

type Run = for<'a> fn(&'a Long, &'a ToolCx) -> BoxFuture<'a, ToolOutcome>;

/// A tool that takes long.
struct Long {
    spec: Arc<ToolSpec>,
    /// What it waits for.
    go: Arc<Notify>,
    run: Run,
}

impl Tool for Long {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, _arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        (self.run)(self, cx)
    }

    fn takes_long(&self) -> bool {
        true
    }
}

async fn waits(tool: &Long, cx: &ToolCx) -> ToolOutcome {
    (cx.progress)(Some(0.5), Some("Half of it.".to_owned()));
    tool.go.notified().await;
    ToolOutcome::ok("Done at last.", json!({}))
}

async fn fails(_tool: &Long, _cx: &ToolCx) -> ToolOutcome {
    tokio::task::yield_now().await;
    ToolOutcome::error("It did not work.")
}

/// Writes as the first thing it does: on SQLite nobody else can until it is done.
async fn writes(_tool: &Long, cx: &ToolCx) -> ToolOutcome {
    let made = cx.store.create_conversation(cx.caller.user, "Made by a task").await.unwrap();
    ToolOutcome::ok(made.title, json!({}))
}

fn name() -> Question {
    let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]});
    Question::form("name", "Who are you?", schema)
}

fn greeted(answer: &Answer) -> ToolOutcome {
    match answer {
        Answer::Accepted(fields) => ToolOutcome::ok(format!("Hello, {}!", fields["name"].as_str().unwrap()), json!({})),
        other => ToolOutcome::error(format!("{other:?}")),
    }
}

async fn asks(_tool: &Long, cx: &ToolCx) -> ToolOutcome {
    tokio::task::yield_now().await;
    greeted(&cx.ask(name()).await)
}

async fn asks_first(_tool: &Long, cx: &ToolCx) -> ToolOutcome {
    let answer = cx.ask(name()).await;
    tokio::task::yield_now().await;
    greeted(&answer)
}

fn tools(go: &Arc<Notify>) -> Vec<Arc<dyn Tool>> {
    let tool = |name: &str, run: Run| -> Arc<dyn Tool> {
        let spec =
            spec((name, "Test"), "A tool of a test.", (json!({}), &[]), (json!({}), &[]), Annotations::READ_ONLY);
        Arc::new(Long { spec: Arc::new(spec), go: Arc::clone(go), run })
    };
    vec![
        tool("waits", |tool, cx| waits(tool, cx).boxed()),
        tool("fails", |tool, cx| fails(tool, cx).boxed()),
        tool("writes", |tool, cx| writes(tool, cx).boxed()),
        tool("at_once", |_, _| async { ToolOutcome::ok("There.", json!({})) }.boxed()),
        tool("asks", |tool, cx| asks(tool, cx).boxed()),
        tool("asks_first", |tool, cx| asks_first(tool, cx).boxed()),
    ]
}

/// What a client says that knows tasks and shows questions.
fn able() -> Value {
    json!({"elicitation": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

fn id(task: &Value) -> &str {
    assert_eq!(task["resultType"], "task", "{task}");
    task["taskId"].as_str().unwrap()
}

fn accept(name: &Value) -> Value {
    json!({"action": "accept", "content": {"name": name}})
}

#[tokio::test]
async fn a_long_call_goes_on_as_a_task_of_its_owners() {
    let app = TestApp::start().await;
    app.person("ada").await;
    app.person("eve").await;
    let (hers, foreign) = (token(&app, "ada").await, token(&app, "eve").await);
    let go = Arc::new(Notify::new());
    let url = serve_tools(&app, tools(&go)).await;
    for (program, eve) in
        Program::both(&url, &hers, able()).await.iter().zip(Program::both(&url, &foreign, able()).await)
    {
        let made = program.call("waits", json!({})).await;
        let waiting = id(&made).to_owned();
        assert_eq!((&made["status"], &made["pollIntervalMs"]), (&json!("working"), &json!(1000)), "{made}");
        assert_eq!(made["ttlMs"], 24 * 3600 * 1000);
        let unknown = eve.ask("tasks/get", json!({"taskId": "never-there"})).await["error"].clone();
        assert_eq!(unknown["code"], -32602, "{unknown}");
        for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
            let refused = eve.ask(method, json!({"taskId": waiting, "inputResponses": {}})).await;
            assert_eq!(refused["error"], unknown, "{method}");
        }
        // Its owner's other program sees it, too, and how far it is.
        let other = Program::modern(&url, &hers, able());
        while other.task(&waiting, "working").await["statusMessage"] != "Half of it." {}
        go.notify_one();
        let done = program.task(&waiting, "completed").await;
        assert_eq!(done["result"]["content"][0]["text"], "Done at last.", "{done}");
        assert_eq!(program.ask("tasks/cancel", json!({"taskId": waiting})).await["result"]["resultType"], "complete");
        assert_eq!(other.task(&waiting, "completed").await["result"], done["result"]);

        let off = id(&program.call("waits", json!({})).await).to_owned();
        let acknowledged = program.ask("tasks/cancel", json!({"taskId": off})).await;
        assert_eq!(acknowledged["result"]["resultType"], "complete", "{acknowledged}");
        let off = program.task(&off, "cancelled").await;
        assert!(off.get("result").is_none() && off.get("error").is_none(), "{off}");

        let failed = id(&program.call("fails", json!({})).await).to_owned();
        let failed = program.task(&failed, "completed").await;
        assert_eq!(failed["result"]["isError"], true, "what a tool says of a failure is a result: {failed}");
        // Whether it needs a task is the database's affair; that it is done is not.
        let mut written = program.call("writes", json!({})).await;
        if written["resultType"] == "task" {
            written = program.task(id(&written), "completed").await["result"].clone();
        }
        assert_eq!(written["content"][0]["text"], "Made by a task", "{written}");
        let at_once = program.call("at_once", json!({})).await;
        assert_eq!(at_once["content"][0]["text"], "There.", "what needs no task has none: {at_once}");
    }
    app.stop().await;
}

#[tokio::test]
async fn who_does_not_know_tasks_waits_for_the_result() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let go = Arc::new(Notify::new());
    let url = serve_tools(&app, tools(&go)).await;
    for program in Program::both(&url, &token(&app, "ada").await, json!({"elicitation": {}})).await {
        let (result, ()) = tokio::join!(program.call("waits", json!({})), async { go.notify_one() });
        assert_eq!(result["content"][0]["text"], "Done at last.", "{result}");
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let refused = program.ask(method, json!({"taskId": "any", "inputResponses": {}})).await;
            assert_eq!(refused["error"]["code"], -32021, "{method}: {refused}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_task_asks_its_owner() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let url = serve_tools(&app, tools(&Arc::default())).await;
    let token = token(&app, "ada").await;
    for program in Program::both(&url, &token, able()).await {
        let asking = id(&program.call("asks", json!({})).await).to_owned();
        let asked = program.task(&asking, "input_required").await;
        let question = &asked["inputRequests"]["name"];
        assert_eq!(
            (&question["method"], &question["params"]["message"]),
            (&json!("elicitation/create"), &json!("Who are you?"))
        );
        for wrong in [json!({"other": accept(&json!("Eve"))}), json!({"name": accept(&json!(12))}), json!({"name": 12})]
        {
            let update = json!({"taskId": asking, "inputResponses": wrong});
            assert_eq!(program.ask("tasks/update", update).await["result"]["resultType"], "complete");
            assert_eq!(program.task(&asking, "input_required").await["inputRequests"], asked["inputRequests"]);
        }
        let update = json!({"taskId": asking, "inputResponses": {"name": accept(&json!("Ada"))}});
        program.ask("tasks/update", update).await;
        let done = program.task(&asking, "completed").await;
        assert_eq!(done["result"]["content"][0]["text"], "Hello, Ada!", "{done}");

        let asking = id(&program.call("asks", json!({})).await).to_owned();
        program.task(&asking, "input_required").await;
        program.ask("tasks/cancel", json!({"taskId": asking})).await;
        program.task(&asking, "cancelled").await;
    }
    let only_tasks = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    for program in Program::both(&url, &token, only_tasks).await {
        let asking = id(&program.call("asks", json!({})).await).to_owned();
        let told = program.task(&asking, "completed").await;
        assert_eq!(told["result"]["content"][0]["text"], "Unavailable", "{told}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_asked_first_is_asked_before_there_is_a_task() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let url = serve_tools(&app, tools(&Arc::default())).await;
    let [modern, legacy] = Program::both(&url, &token(&app, "ada").await, able()).await;
    let asked = modern.call("asks_first", json!({})).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let made = modern.again("asks_first", json!({}), &asked, json!({"name": accept(&json!("Ada"))})).await;
    let made = &made["result"];
    assert!(made.get("requestState").is_none() && made.get("inputRequests").is_none(), "{made}");
    let done = modern.task(id(made), "completed").await;
    assert_eq!(done["result"]["content"][0]["text"], "Hello, Ada!", "{done}");

    // A session's stream ends with the task, so there it is the task that asks.
    let asking = id(&legacy.call("asks_first", json!({})).await).to_owned();
    legacy.task(&asking, "input_required").await;
    legacy.ask("tasks/update", json!({"taskId": asking, "inputResponses": {"name": accept(&json!("Ada"))}})).await;
    let done = legacy.task(&asking, "completed").await;
    assert_eq!(done["result"]["content"][0]["text"], "Hello, Ada!", "{done}");
    app.stop().await;
}

/// After a stop and after a crash a task is there, and says that it failed and why.
async fn tasks_outlive_a_restart(database: TestStore) {
    database.store.close().await;
    let start = async || TestApp::start_with(|settings| settings.database_url = Some(database.url.0.clone())).await;
    let app = start().await;
    app.person("ada").await;
    let token = token(&app, "ada").await;
    let url = serve_tools(&app, tools(&Arc::default())).await;
    let program = Program::modern(&url, &token, able());
    let cut_off = id(&program.call("waits", json!({})).await).to_owned();
    let done = id(&program.call("fails", json!({})).await).to_owned();
    program.task(&done, "completed").await;
    app.stop().await;

    let app = start().await;
    let program = Program::modern(&app.url, &token, able());
    let found = program.task(&cut_off, "failed").await;
    assert!(found["error"]["message"].as_str().unwrap().contains("stopped while this ran"), "{found}");
    assert_eq!(program.task(&done, "completed").await["result"]["isError"], true);

    // Another process begins on the same database, as after a crash of this one.
    let url = serve_tools(&app, tools(&Arc::default())).await;
    let crashed = id(&Program::modern(&url, &token, able()).call("waits", json!({})).await).to_owned();
    let next = start().await;
    let found = Program::modern(&next.url, &token, able()).task(&crashed, "failed").await;
    assert!(found["error"]["message"].as_str().unwrap().contains("restarted while this ran"), "{found}");
    assert_eq!((&found["error"]["code"], &found["statusMessage"]), (&json!(-32603), &found["error"]["message"]));
    next.stop().await;
    app.stop().await;
    database.discard().await;
}

#[tokio::test]
async fn tasks_outlive_a_restart_on_sqlite() {
    tasks_outlive_a_restart(TestStore::sqlite().await).await;
}

#[tokio::test]
async fn tasks_outlive_a_restart_on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        tasks_outlive_a_restart(database).await;
    }
}

/// A reply that a program asked for: its result is there after a stop that left it time to end.
async fn a_reply_is_a_task(database: TestStore) {
    database.store.close().await;
    let start = async || TestApp::scripted_with(|settings| settings.database_url = Some(database.url.0.clone())).await;
    let app = start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let token = token(&app, "ada").await;
    let program = Program::modern(&app.url, &token, able());
    let say = async |script: &str| {
        let call = json!({"conversation_id": room, "text": format!("script:\n{script}")});
        id(&program.call("send_message", call).await).to_owned()
    };
    let done = program.task(&say("say An engine of brass.").await, "completed").await;
    assert_eq!(done["result"]["structuredContent"]["text"], "An engine of brass.", "{done}");

    let off = say("say begun\nhang").await;
    let status = async || ada.messages(room).await.last().unwrap().status;
    while status().await == app::wire::message::Status::Complete {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    program.ask("tasks/cancel", json!({"taskId": off})).await;
    program.task(&off, "cancelled").await;
    // Its reply stops a moment later; what is said before that waits for it, and a stop begins nothing that waits.
    while status().await != app::wire::message::Status::Stopped {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    let last = say("say Nearly\nwait 300\nsay there.").await;
    app.stop().await;
    let app = start().await;
    let done = Program::modern(&app.url, &token, able()).task(&last, "completed").await;
    let written = &done["result"]["structuredContent"];
    assert_eq!(written["status"], "complete", "{done}");
    assert!(written["text"].as_str().unwrap().ends_with("there."), "{done}");
    app.stop().await;
    database.discard().await;
}

#[tokio::test]
async fn a_reply_is_a_task_on_sqlite() {
    a_reply_is_a_task(TestStore::sqlite().await).await;
}

#[tokio::test]
async fn a_reply_is_a_task_on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        a_reply_is_a_task(database).await;
    }
}

/// What a program said waits for another reply when the server stops: the next one writes its reply, and the task, which
/// was left open, ends with it.
async fn what_was_said_before_a_stop_gets_its_reply_after_it(database: TestStore) {
    database.store.close().await;
    let start = async || {
        let app = TestApp::scripted_with(|settings| {
            settings.database_url = Some(database.url.0.clone());
            settings.shutdown_grace = Some("1".to_owned());
        });
        app.await
    };
    let app = start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let token = token(&app, "ada").await;
    let mut tab = ada.tab(room).await;
    tab.send(room, "script:\nsay begun\nhang").await;
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    let program = Program::modern(&app.url, &token, able());
    let call = json!({"conversation_id": room, "text": "script:\nsay there."});
    let queued = id(&program.call("send_message", call.clone()).await).to_owned();
    let off = id(&program.call("send_message", call).await).to_owned();
    while ada.messages(room).await.len() < 6 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    program.ask("tasks/cancel", json!({"taskId": off})).await;
    program.task(&off, "cancelled").await;
    app.stop().await;

    let app = start().await;
    let done = Program::modern(&app.url, &token, able()).task(&queued, "completed").await;
    let written = &done["result"]["structuredContent"];
    assert_eq!((&written["status"], &written["text"]), (&json!("complete"), &json!("there.")), "{done}");
    let said = ada.at(&app.url).messages(room).await;
    assert_eq!(said.len(), 6, "nothing was said twice: {said:?}");
    assert!(said.iter().any(|message| written["message_id"] == message.id.to_string()));
    app.stop().await;
    database.discard().await;
}

#[tokio::test]
async fn what_was_said_before_a_stop_gets_its_reply_after_it_on_sqlite() {
    what_was_said_before_a_stop_gets_its_reply_after_it(TestStore::sqlite().await).await;
}

#[tokio::test]
async fn what_was_said_before_a_stop_gets_its_reply_after_it_on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        what_was_said_before_a_stop_gets_its_reply_after_it(database).await;
    }
}

#[tokio::test]
async fn nobody_has_too_many_at_work() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let url = serve_tools(&app, tools(&Arc::default())).await;
    let program = Program::modern(&url, &token(&app, "ada").await, able());
    let mut made = Vec::new();
    for _ in 0..app::wire::limits::TASKS_MAX {
        made.push(id(&program.call("waits", json!({})).await).to_owned());
    }
    let more = program.ask("tools/call", json!({"name": "waits", "arguments": {}})).await;
    assert!(more["error"]["message"].as_str().unwrap().contains("16 of your tasks"), "{more}");
    program.ask("tasks/cancel", json!({"taskId": made[0]})).await;
    program.task(&made[0], "cancelled").await;
    id(&program.call("waits", json!({})).await);
    app.stop().await;
}

#[tokio::test]
async fn whoever_may_only_read_neither_calls_a_task_off_nor_answers_it() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let program = Program::modern(&app.url, &token(&app, "ada").await, able());
    let arguments = json!({"conversation_id": room, "text": "script:\nsay Begun.\nhang"});
    let begun = id(&program.call("send_message", arguments).await).to_owned();
    let task = json!({"taskId": begun, "inputResponses": {}});
    for (scopes, status) in [("read", StatusCode::FORBIDDEN), ("read write", StatusCode::FORBIDDEN)] {
        let other = Client::modern(&app, &mcp::token(&app, "ada", scopes).await);
        for method in ["tasks/cancel", "tasks/update"] {
            let refused = other.post(method, task.clone()).await;
            assert_eq!(refused.status(), status, "{scopes}: {method}");
            assert!(mcp::challenge(&refused).contains("scope=\"read run\""));
        }
        // One that is not there is not there for anybody.
        let nothing = other.post("tasks/cancel", json!({"taskId": "never-there"})).await;
        assert_ne!(nothing.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(program.task(&begun, "working").await["status"], "working");
    let acknowledged = program.ask("tasks/cancel", json!({"taskId": begun})).await;
    assert_eq!(acknowledged["result"]["resultType"], "complete", "{acknowledged}");
    program.task(&begun, "cancelled").await;
    app.stop().await;
}
