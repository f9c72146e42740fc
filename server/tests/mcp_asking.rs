//! `/mcp`: tools that ask the person behind a call, in both eras of the protocol.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD, TestApp,
    mcp::{LEGACY, MODERN},
    process::{Served, parley, scripted},
    program::{Program, token},
};
use app::{
    backend::{config::DatabaseUrl, test::TestStore},
    wire::{event::ChatEvent, id::ConversationId, message::Status},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

const TOOL: &str = "delete_conversation";

fn said(action: &str) -> Value {
    json!({"action": action, "content": {"confirm": true}})
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

async fn titles(app: &TestApp, name: &str) -> Vec<String> {
    let caller = crate::support::mcp::at_the_page(app, name).await;
    let page = app.backend.store.conversations(caller.user, None, 10).await.unwrap();
    page.items.into_iter().map(|row| row.title).collect()
}

async fn conversation(app: &TestApp, name: &str, title: &str) -> ConversationId {
    let caller = crate::support::mcp::at_the_page(app, name).await;
    app.backend.store.create_conversation(caller.user, title).await.unwrap().id
}

#[tokio::test]
async fn a_newer_client_is_asked_by_the_answer_to_its_call() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    app.person("eve").await;
    let (engines, looms) = (conversation(&app, "ada", "Engines").await, conversation(&app, "ada", "Looms").await);
    let (hers, foreign) = (token(&app, "ada").await, token(&app, "eve").await);
    let program = Program::modern(&app.url, &hers, json!({"elicitation": {}}));
    let (call, other) = (json!({"conversation_id": engines}), json!({"conversation_id": looms}));

    let asked = program.call(TOOL, call.clone()).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let question = &asked["inputRequests"]["confirm"];
    assert_eq!(question["method"], "elicitation/create");
    let words = question["params"]["message"].as_str().unwrap();
    assert!(words.contains("«Engines»") && words.contains("30 days"), "{words}");
    assert_eq!(titles(&app, "ada").await.len(), 2, "nothing is deleted before the answer");

    // Missing, garbled, or to a question that nobody asked.
    for responses in [json!({}), json!({"confirm": 12}), json!({"confirm": {"action": "accept", "content": {}}})] {
        let again = program.again(TOOL, call.clone(), &asked, responses).await;
        assert_eq!(again["result"]["resultType"], "input_required", "{again}");
    }
    let unasked = json!({"name": TOOL, "arguments": call, "inputResponses": {"confirm": said("accept")}});
    let unasked = program.ask("tools/call", unasked).await;
    assert_eq!(unasked["result"]["resultType"], "input_required", "{unasked}");

    // Another call's, another person's, or changed on the way.
    let yes = json!({"confirm": said("accept")});
    let mut changed = asked.clone();
    changed["requestState"] = json!(format!("{}x", asked["requestState"].as_str().unwrap()));
    let thief = Program::modern(&app.url, &foreign, json!({"elicitation": {}}));
    for refused in [
        program.again(TOOL, other.clone(), &asked, yes.clone()).await,
        thief.again(TOOL, call.clone(), &asked, yes.clone()).await,
        program.again(TOOL, call.clone(), &changed, yes.clone()).await,
        program.again("sum", json!({"numbers": [1]}), &asked, yes.clone()).await,
    ] {
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    assert_eq!(titles(&app, "ada").await.len(), 2);

    for (action, words) in [("decline", "said no"), ("cancel", "did not answer")] {
        let no = program.again(TOOL, call.clone(), &asked, json!({"confirm": said(action)})).await;
        assert!(no["result"]["isError"] == true && text(&no["result"]).contains(words), "{no}");
    }
    let unticked = json!({"confirm": {"action": "accept", "content": {"confirm": false}}});
    let no = program.again(TOOL, call.clone(), &asked, unticked).await;
    assert!(no["result"]["isError"] == true && text(&no["result"]).contains("said no"), "{no}");
    assert_eq!(titles(&app, "ada").await.len(), 2);

    // A question whose words are no longer true is another question.
    ada.call(&crate::support::path_of("rename_conversation"), &[("id", &engines.to_string()), ("title", "Brass")])
        .await;
    let stale = program.again(TOOL, call.clone(), &asked, yes.clone()).await["result"].clone();
    assert!(stale["inputRequests"]["confirm"]["params"]["message"].as_str().unwrap().contains("«Brass»"), "{stale}");

    let done = program.again(TOOL, call.clone(), &stale, yes.clone()).await["result"].clone();
    assert!(done["isError"] != true && text(&done).contains("within 30 days"), "{done}");
    assert_eq!(done["structuredContent"]["undo_days"], 30);
    assert_eq!(titles(&app, "ada").await, ["Looms"]);
    let gone = program.call(TOOL, call.clone()).await;
    assert!(gone["isError"] == true && text(&gone).contains("no such conversation"), "{gone}");
    app.stop().await;
}

#[tokio::test]
async fn a_reply_in_a_conversation_that_a_program_deletes_is_stopped() {
    let app = TestApp::scripted().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let mut tab = ada.tab(room).await;
    tab.send(room, "script:\nsay begun\nhang").await;
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    let program = Program::modern(&app.url, &token(&app, "ada").await, json!({"elicitation": {}}));
    let call = json!({"conversation_id": room});
    let asked = program.call(TOOL, call.clone()).await;
    assert_eq!(app.backend.chat.live(room).len(), 1, "nothing ends before the answer");
    program.again(TOOL, call, &asked, json!({"confirm": said("accept")})).await;
    while !app.backend.chat.live(room).is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let caller = crate::support::mcp::at_the_page(&app, "ada").await;
    app.backend.store.restore_conversation(caller.user, room).await.unwrap();
    let reply = ada.messages(room).await.pop().unwrap();
    assert_eq!((reply.status, reply.text().as_str()), (Status::Stopped, "begun"));
    app.stop().await;
}

#[tokio::test]
async fn an_older_client_is_asked_while_its_call_waits() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let engines = conversation(&app, "ada", "Engines").await;
    let program = Program::legacy(&app.url, &token(&app, "ada").await, json!({"elicitation": {}})).await;
    let call = json!({"name": TOOL, "arguments": {"conversation_id": engines}});
    let (asked, no) = program.ask_answering("tools/call", call.clone(), &[said("decline")]).await;
    assert!(asked[0]["message"].as_str().unwrap().contains("«Engines»"), "{asked:?}");
    assert!(no["result"]["isError"] == true && text(&no["result"]).contains("said no"), "{no}");
    assert_eq!(titles(&app, "ada").await, ["Engines"]);

    let garbled = json!({"action": "accept", "content": {"confirm": "true"}});
    let (asked, done) = program.ask_answering("tools/call", call.clone(), &[garbled.clone(), said("accept")]).await;
    assert_eq!((asked.len(), &done["result"]["structuredContent"]["title"]), (2, &json!("Engines")), "{done}");
    assert!(titles(&app, "ada").await.is_empty());

    let looms = conversation(&app, "ada", "Looms").await;
    let call = json!({"name": TOOL, "arguments": {"conversation_id": looms}});
    let garbled = [garbled.clone(), garbled.clone(), garbled];
    let (_, given_up) = program.ask_answering("tools/call", call, &garbled).await;
    assert!(text(&given_up["result"]).contains("did not answer"), "{given_up}");
    assert_eq!(titles(&app, "ada").await, ["Looms"]);
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_cannot_ask_is_told_what_to_do() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let engines = conversation(&app, "ada", "Engines").await;
    let token = token(&app, "ada").await;
    for can in [json!({}), json!({"elicitation": {"url": {}}}), json!({"sampling": {}})] {
        for program in Program::both(&app.url, &token, can).await {
            let told = program.call(TOOL, json!({"conversation_id": engines})).await;
            assert!(told["isError"] == true && text(&told).contains("in Parley itself"), "{told}");
        }
    }
    assert_eq!(titles(&app, "ada").await, ["Engines"]);
    app.stop().await;
}

async fn start(database: &DatabaseUrl) -> TestApp {
    TestApp::start_with(|settings| settings.database_url = Some(database.0.clone())).await
}

/// What was asked before a restart can be answered after it.
async fn questions_outlive_a_restart(database: TestStore) {
    database.store.close().await;
    let app = start(&database.url).await;
    app.person("ada").await;
    let call = json!({"conversation_id": conversation(&app, "ada", "Engines").await});
    let token = token(&app, "ada").await;
    let asked = Program::modern(&app.url, &token, json!({"elicitation": {}})).call(TOOL, call.clone()).await;
    app.stop().await;

    let app = start(&database.url).await;
    let program = Program::modern(&app.url, &token, json!({"elicitation": {}}));
    let done = program.again(TOOL, call, &asked, json!({"confirm": said("accept")})).await;
    assert_eq!(done["result"]["structuredContent"]["title"], "Engines", "{done}");
    assert!(titles(&app, "ada").await.is_empty());
    app.stop().await;
    database.discard().await;
}

#[tokio::test]
async fn questions_outlive_a_restart_on_sqlite() {
    questions_outlive_a_restart(TestStore::sqlite().await).await;
}

#[tokio::test]
async fn questions_outlive_a_restart_on_postgres() {
    if let Some(database) = TestStore::postgres().await {
        questions_outlive_a_restart(database).await;
    }
}

/// A client at the pipe of a program of its own.
struct Pipe {
    program: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Pipe {
    fn start(folder: &Folder) -> Self {
        let mut command = parley(folder);
        command.args(["mcp-stdio", "--as", "ada"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().unwrap();
        let (say, hear) = (program.stdin.take().unwrap(), BufReader::new(program.stdout.take().unwrap()));
        Self { program, say, hear }
    }

    fn write(&mut self, mut message: Value) {
        message["jsonrpc"] = json!("2.0");
        writeln!(self.say, "{message}").unwrap();
    }

    /// The next message that is no notification.
    fn next(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.hear.read_line(&mut line).unwrap(), 0, "the program hung up");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message.get("id").is_some() {
                return message;
            }
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.write(json!({"id": 1, "method": method, "params": params}));
        self.next()
    }

    fn end(mut self) {
        drop(self.say);
        assert_eq!(self.program.wait().unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn at_a_pipe_questions_are_asked_in_both_eras_too() {
    let folder = Folder::new();
    let served = Served::start(&mut scripted(&folder));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    let (first, second) = (ada.room().await, ada.room().await);

    let mut legacy = Pipe::start(&folder);
    let me = json!({"name": "test", "version": "1"});
    let hello = json!({"protocolVersion": LEGACY, "capabilities": {"elicitation": {}}, "clientInfo": me});
    legacy.ask("initialize", hello);
    legacy.write(json!({"method": "notifications/initialized"}));
    let asked = legacy.ask("tools/call", json!({"name": TOOL, "arguments": {"conversation_id": first}}));
    assert_eq!(asked["method"], "elicitation/create", "{asked}");
    legacy.write(json!({"id": asked["id"], "result": said("accept")}));
    let done = legacy.next();
    assert_eq!(done["result"]["structuredContent"]["undo_days"], 30, "{done}");
    legacy.end();
    assert_eq!(ada.conversations().await.len(), 1);

    // The second round may reach another process than the first.
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    });
    let mut call = json!({"name": TOOL, "arguments": {"conversation_id": second}, "_meta": meta});
    let mut modern = Pipe::start(&folder);
    let asked = modern.ask("tools/call", call.clone());
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    modern.end();
    call["requestState"] = asked["result"]["requestState"].clone();
    call["inputResponses"] = json!({"confirm": said("accept")});
    let mut other = Pipe::start(&folder);
    let done = other.ask("tools/call", call);
    assert_eq!(done["result"]["structuredContent"]["undo_days"], 30, "{done}");
    other.end();
    assert!(ada.conversations().await.is_empty());
}

/// The names of a person's saved prompts.
async fn prompts(app: &TestApp, name: &str) -> Vec<String> {
    let caller = crate::support::mcp::at_the_page(app, name).await;
    let all = app.backend.store.prompts(caller.user, None, 10).await.unwrap();
    all.into_iter().map(|prompt| prompt.name).collect()
}

#[tokio::test]
async fn whoever_deletes_a_prompt_is_asked_in_both_eras() {
    let app = TestApp::start().await;
    app.person("ada").await;
    app.person("eve").await;
    let (hers, foreign) = (token(&app, "ada").await, token(&app, "eve").await);
    let modern = Program::modern(&app.url, &hers, json!({"elicitation": {}}));
    let made = modern.call("create_prompt", json!({"name": "explain", "body": "Explain engines."})).await;
    let call = json!({"id": made["structuredContent"]["_id"]});

    for program in Program::both(&app.url, &hers, json!({})).await {
        let told = program.call("delete_prompt", call.clone()).await;
        assert!(told["isError"] == true && text(&told).contains("the prompt in Parley itself"), "{told}");
    }
    let thief = Program::modern(&app.url, &foreign, json!({"elicitation": {}}));
    let told = thief.call("delete_prompt", call.clone()).await;
    assert!(told["isError"] == true && text(&told).contains("no such row"), "nobody else is asked: {told}");

    let asked = modern.call("delete_prompt", call.clone()).await;
    assert_eq!(asked["resultType"], "input_required", "{asked}");
    let words = asked["inputRequests"]["confirm"]["params"]["message"].as_str().unwrap();
    assert_eq!(words, "Delete the prompt «explain»? It cannot be brought back.");
    let no = modern.again("delete_prompt", call.clone(), &asked, json!({"confirm": said("decline")})).await;
    assert!(no["result"]["isError"] == true && text(&no["result"]).contains("said no"), "{no}");
    assert_eq!(prompts(&app, "ada").await, ["explain"]);

    let legacy = Program::legacy(&app.url, &hers, json!({"elicitation": {}})).await;
    let params = json!({"name": "delete_prompt", "arguments": call});
    let (heard, no) = legacy.ask_answering("tools/call", params.clone(), &[said("decline")]).await;
    assert!(heard.len() == 1 && text(&no["result"]).contains("said no"), "{no}");
    assert_eq!(prompts(&app, "ada").await, ["explain"]);
    let (_, done) = legacy.ask_answering("tools/call", params, &[said("accept")]).await;
    assert_eq!(done["result"]["structuredContent"]["deleted"], call["id"], "{done}");
    assert!(prompts(&app, "ada").await.is_empty());
    app.stop().await;
}

#[tokio::test]
async fn only_a_tool_that_asks_says_that_it_does() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let program = Program::modern(&app.url, &token(&app, "ada").await, json!({"elicitation": {}}));
    let tools = program.ask("tools/list", json!({})).await["result"]["tools"].clone();
    let tools = tools.as_array().unwrap().iter();
    let told = tools.map(|tool| (tool["name"].as_str().unwrap(), tool["description"].as_str().unwrap()));
    let asking: Vec<_> =
        told.clone().filter(|(_, about)| about.contains("asks the user")).map(|(name, _)| name).collect();
    assert_eq!(asking, ["delete_prompt", "delete_conversation"]);
    assert!(told.clone().all(|(_, about)| !about.contains("asks the user first")));
    app.stop().await;
}
