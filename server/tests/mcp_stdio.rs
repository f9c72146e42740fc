//! `parley mcp-stdio`: an MCP client at the pipe, in both eras of the protocol, beside a running server.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD, TestUser, path_of,
    process::{Served, parley, scripted},
};
use app::{
    backend::{clock::Clock, config::DatabaseUrl, llm::catalogue::SCRIPTED, store::Store},
    wire::{account::Username, message::Status, policy::Policy},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

/// The revision without a handshake.
const MODERN: &str = "2026-07-28";
/// The last with one.
const LEGACY: &str = "2025-11-25";

/// A client that starts the program and writes one message a line.
struct Client {
    program: Child,
    say: Option<ChildStdin>,
    hear: BufReader<ChildStdout>,
    modern: bool,
    asked: i64,
    /// What it was told unasked.
    heard: Vec<Value>,
}

impl Client {
    fn start(folder: &Folder, user: &str, modern: bool) -> Self {
        Self::logging(folder, user, modern, Stdio::null())
    }

    /// The same with a place for what the program writes down, as JSON.
    fn logging(folder: &Folder, user: &str, modern: bool, log: Stdio) -> Self {
        let mut command = parley(folder);
        command.args(["mcp-stdio", "--as", user, "--log-format", "json"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut program = command.spawn().unwrap();
        let (say, hear) = (program.stdin.take(), BufReader::new(program.stdout.take().unwrap()));
        let mut client = Self { program, say, hear, modern, asked: 0, heard: Vec::new() };
        if modern {
            let found = client.ask("server/discover", json!({}));
            assert!(found["result"]["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)), "{found}");
        } else {
            let me =
                json!({"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
            let hello = client.ask("initialize", me);
            assert_eq!(hello["result"]["protocolVersion"], LEGACY, "{hello}");
            assert_eq!(hello["result"]["serverInfo"]["name"], "parley");
            client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        }
        client
    }

    fn write(&mut self, message: &Value) {
        writeln!(self.say.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Asks and hears the answer; what is said in between is kept.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.request(method, params);
        loop {
            let message = self.read();
            if message["id"] == self.asked {
                return message;
            }
            assert!(message.get("method").is_some(), "neither answer nor notification: {message}");
            self.heard.push(message);
        }
    }

    /// Asks without waiting.
    fn request(&mut self, method: &str, mut params: Value) {
        self.asked += 1;
        if self.modern {
            params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
            params["_meta"]["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
        }
        self.write(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.hear.read_line(&mut line).unwrap(), 0, "the program hung up");
        serde_json::from_str(&line).unwrap()
    }

    /// The next that it is told unasked by that method.
    fn until(&mut self, method: &str) -> Value {
        loop {
            let message = if self.heard.is_empty() { self.read() } else { self.heard.remove(0) };
            if message["method"] == method {
                return message;
            }
        }
    }

    /// Calls a tool; whether it failed, its text and its structured content.
    fn call(&mut self, tool: &str, arguments: Value) -> (bool, String, Value) {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments}));
        let result = &answer["result"];
        assert_eq!(result["content"][0]["type"], "text", "{answer}");
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        (result["isError"] == true, text, result["structuredContent"].clone())
    }

    /// Hangs up; the program must end well.
    fn end(mut self) {
        drop(self.say.take());
        assert_eq!(self.program.wait().unwrap().code(), Some(0));
    }
}

/// A running server, and somebody who has signed up.
async fn with_ada(folder: &Folder) -> (Served, TestUser) {
    let served = Served::start(&mut scripted(folder));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    (served, ada)
}

/// Lets the pipes' processes answer by script: they read their settings in the folder.
fn script_pipes(folder: &Folder) {
    let settings = format!("PARLEY_SCRIPTED=true\nPARLEY_DEFAULT_MODEL={SCRIPTED}\n");
    std::fs::write(folder.path().join(".env"), settings).unwrap();
}

#[tokio::test]
async fn an_mcp_client_uses_its_persons_tools_in_both_eras() {
    let folder = Folder::new();
    let (served, ada) = with_ada(&folder).await;
    let eve = served.visitor();
    eve.sign_up("eve", PASSWORD).await;
    let (hers, foreign) = (ada.room().await, eve.room().await);
    ada.tab(hers).await.ask(hers, "script:\nsay An engine of brass.").await;
    eve.tab(foreign).await.ask(foreign, "script:\nsay A secret of brass.").await;

    let mut lists = Vec::new();
    for modern in [false, true] {
        let mut client = Client::start(&folder, "ada", modern);
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        let sum = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "sum").unwrap();
        assert_eq!((&sum["title"], &sum["annotations"]["readOnlyHint"]), (&json!("Sum"), &json!(true)));
        assert_eq!((&sum["inputSchema"]["type"], &sum["outputSchema"]["type"]), (&json!("object"), &json!("object")));
        lists.push(tools);

        let (failed, text, structured) = client.call("sum", json!({"numbers": [2, 40]}));
        assert!(!failed && text.contains("42"), "{text}");
        assert_eq!(structured["sum"], 42);
        let (failed, text, _) = client.call("sum", json!({"numbers": "2"}));
        assert!(failed && text.contains("`numbers` must be an array of numbers"), "{text}");
        let unknown = client.ask("tools/call", json!({"name": "no_such_tool", "arguments": {}}));
        assert_eq!(unknown["error"]["code"], -32602, "{unknown}");

        let (failed, text, _) = client.call("search_conversations", json!({"query": "brass"}));
        assert!(!failed && text.contains("engine") && !text.contains("secret"), "{text}");
        let (failed, text, _) = client.call("get_conversation_history", json!({"conversation_id": hers}));
        assert!(!failed && text.contains("An engine of brass."), "{text}");
        let (failed, not_hers, _) = client.call("get_conversation_history", json!({"conversation_id": foreign}));
        let nowhere = "01890000-0000-7000-8000-000000000000";
        let (_, not_there, _) = client.call("get_conversation_history", json!({"conversation_id": nowhere}));
        assert!(failed && !not_hers.contains("secret"), "{not_hers}");
        assert_eq!(not_hers.replace(&foreign.to_string(), nowhere), not_there);
        client.end();
    }
    assert_eq!(lists[0], lists[1]);
}

#[tokio::test]
async fn all_else_is_offered_at_the_pipe_too_in_both_eras() {
    let folder = Folder::new();
    let (_served, ada) = with_ada(&folder).await;
    let room = ada.room().await;
    script_pipes(&folder);
    let fields =
        [("prompt_name", "explain"), ("prompt_body", "On {{topic}}."), ("prompt_arguments", "topic: It [brass]")];
    assert!(ada.call(&path_of("save_prompt"), &fields).await.status().is_success());
    let uri = format!("parley://conversations/{room}");
    for modern in [false, true] {
        let mut client = Client::start(&folder, "ada", modern);
        let listed = client.ask("resources/list", json!({}));
        assert_eq!(listed["result"]["resources"][0]["uri"], json!(uri));
        let templates = client.ask("resources/templates/list", json!({}));
        assert_eq!(templates["result"]["resourceTemplates"].as_array().unwrap().len(), 3);
        let got = client.ask("prompts/get", json!({"name": "explain", "arguments": {"topic": "brass"}}));
        assert_eq!(got["result"]["messages"][0]["content"]["text"], "On brass.");
        let params =
            json!({"ref": {"type": "ref/prompt", "name": "explain"}, "argument": {"name": "topic", "value": "b"}});
        assert_eq!(client.ask("completion/complete", params)["result"]["completion"]["values"], json!(["brass"]));
        let missing = client.ask("resources/read", json!({"uri": "parley://conversations/x"}));
        assert_eq!(missing["error"]["code"], if modern { -32602 } else { -32002 });

        // What the server's process does reaches a pipe too.
        if modern {
            let filter = json!({"resourceSubscriptions": [uri], "promptsListChanged": true});
            client.request("subscriptions/listen", json!({"notifications": filter}));
            client.until("notifications/subscriptions/acknowledged");
        } else {
            assert!(client.ask("resources/subscribe", json!({"uri": uri}))["result"].is_object());
            assert!(client.ask("logging/setLevel", json!({"level": "info"}))["result"].is_object());
        }
        ada.tab(room).await.ask(room, "script:\nsay From the page.").await;
        assert_eq!(client.until("notifications/resources/updated")["params"]["uri"], json!(uri));
        let read = client.ask("resources/read", json!({"uri": uri}));
        assert!(read["result"]["contents"][0]["text"].as_str().unwrap().contains("From the page."), "{read}");

        let mut call = json!({"name": "send_message", "arguments": {"conversation_id": room, "text": "script:\nwait 200\nsay From the pipe."}});
        call["_meta"] = json!({"progressToken": 7});
        if modern {
            call["_meta"]["io.modelcontextprotocol/logLevel"] = json!("info");
        }
        client.heard.clear();
        let said = client.ask("tools/call", call);
        assert_eq!(said["result"]["structuredContent"]["text"], "From the pipe.", "{said}");
        let progress = client.heard.iter().find(|message| message["method"] == "notifications/progress");
        assert_eq!(progress.unwrap()["params"]["progressToken"], 7);
        let log = client.heard.iter().find(|message| message["method"] == "notifications/message").unwrap();
        assert_eq!(log["params"]["data"]["tool"], "send_message");
        client.end();
        assert!(ada.messages(room).await.iter().any(|message| message.text() == "From the pipe."));
    }
}

#[tokio::test]
async fn a_call_that_is_called_off_stops_its_reply_and_the_pipe_goes_on_in_both_eras() {
    let folder = Folder::new();
    let (_served, ada) = with_ada(&folder).await;
    script_pipes(&folder);
    for modern in [false, true] {
        let room = ada.room().await;
        let mut client = Client::start(&folder, "ada", modern);
        let arguments = json!({"conversation_id": room, "text": "script:\nsay Begun.\nhang"});
        let meta = json!({"progressToken": 7});
        client.request("tools/call", json!({"name": "send_message", "arguments": arguments, "_meta": meta}));
        client.until("notifications/progress");
        let off = json!({"requestId": client.asked, "reason": "It takes too long."});
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": off}));

        // One reply after the other: this one begins once the one before it has ended, which does not end by itself.
        // Hearing its answer, the client also sees that nothing answers the call that was called off.
        let arguments = json!({"conversation_id": room, "text": "script:\nsay Heard."});
        let (failed, text, _) = client.call("send_message", arguments);
        assert!(!failed && text == "Heard.", "{text}");
        client.end();
        let messages = ada.messages(room).await;
        assert_eq!(messages[1].status, Status::Stopped, "{messages:?}");
        assert_eq!((messages[3].status, &*messages[3].text()), (Status::Complete, "Heard."));
    }
}

#[tokio::test]
async fn a_reply_at_the_pipe_asks_nobody_and_ends_by_itself_in_both_eras() {
    let folder = Folder::new();
    let (_served, ada) = with_ada(&folder).await;
    script_pipes(&folder);
    for modern in [false, true] {
        let room = ada.room().await;
        let mut client = Client::start(&folder, "ada", modern);
        let tools = client.ask("tools/list", json!({}))["result"]["tools"].clone();
        let send = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "send_message").unwrap();
        assert!(send["description"].as_str().unwrap().contains("nobody can be asked here"), "{send}");
        let text = "script:\ntool rename_conversation {\"title\": \"Engines\"}\necho";
        let (failed, told, reply) = client.call("send_message", json!({"conversation_id": room, "text": text}));
        assert!(!failed && told.contains("where nobody can be asked") && told.contains("Parley's page"), "{told}");
        assert_eq!((&reply["status"], &reply["tools"]), (&json!("complete"), &json!(["rename_conversation"])));
        client.end();
        assert!(ada.conversations().await.iter().all(|row| row.title != "Engines"));
        let next = ada.tab(room).await.ask(room, "script:\nsay From the page.").await;
        assert_eq!(next.text(), "From the page.", "nothing is in its way");
    }
}

#[tokio::test]
async fn every_request_is_written_down_without_what_was_in_it() {
    let folder = Folder::new();
    let _served = with_ada(&folder).await;
    for modern in [false, true] {
        let path = folder.path().join(format!("log-{modern}"));
        let log = std::fs::File::create(&path).unwrap();
        let mut client = Client::logging(&folder, "ada", modern, log.into());
        assert!(!client.call("sum", json!({"numbers": [1, 41_000_001]})).0);
        assert!(client.call("sum", json!({"numbers": "forty-one"})).0);
        client.ask("tools/call", json!({"name": "forty-one", "arguments": {}}));
        client.ask("resources/read", json!({"uri": "parley://conversations/forty-one"}));
        client.ask("prompts/list", json!({}));
        client.end();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("forty-one") && !text.contains("41000001"), "{text}");
        let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let lines: Vec<&Value> = lines.iter().map(|l| &l["fields"]).filter(|f| f["message"] == "mcp").collect();
        let told: Vec<_> = lines
            .iter()
            .map(|f| (f["method"].as_str().unwrap(), f["tool"].as_str().unwrap(), f["outcome"].as_str().unwrap()))
            .collect();
        let first = if modern { "server/discover" } else { "initialize" };
        let wanted = [
            (first, "", "ok"),
            ("tools/call", "sum", "ok"),
            ("tools/call", "sum", "tool_error"),
            ("tools/call", "", "refused"),
            ("resources/read", "", "refused"),
            ("prompts/list", "", "ok"),
        ];
        assert_eq!(told, wanted);
        let user = lines[0]["user"].as_str().unwrap();
        assert!(
            lines.iter().all(|f| f["client"] == "test 1" && f["user"] == user && f["endpoint"] == "/mcp"),
            "{text}"
        );
        assert!(user.len() == 36 && lines.iter().all(|f| f["duration_ms"].is_u64()), "{text}");
    }
}

#[tokio::test]
async fn what_the_person_denied_for_good_stays_denied() {
    let folder = Folder::new();
    let (_served, ada) = with_ada(&folder).await;
    let room = ada.room().await;
    let rename = json!({"conversation_id": room, "title": "Engines"});
    let mut client = Client::start(&folder, "ada", true);
    let (failed, text, _) = client.call("rename_conversation", rename.clone());
    assert!(!failed, "{text}");
    assert_eq!(ada.conversations().await[0].title, "Engines");

    let url = format!("sqlite:{}", folder.path().join("data/parley.db").display());
    let store = Store::open(&DatabaseUrl(url.into()), Clock::System).await.unwrap();
    let user = store.user_by_name(&Username::parse("ada").unwrap()).await.unwrap().unwrap();
    store.set_tool_policy(user.id, None, "rename_conversation", Policy::Deny, "").await.unwrap();
    let (failed, text, _) = client.call("rename_conversation", json!({"conversation_id": room, "title": "Never"}));
    assert!(failed && text.contains("may not be used"), "{text}");
    assert_eq!(ada.conversations().await[0].title, "Engines");
    store.close().await;
    client.end();
}

#[test]
fn who_is_nobody_and_what_is_no_client_is_told_so() {
    let folder = Folder::new();
    let output = parley(&folder).args(["mcp-stdio", "--as", "nobody"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("There is no account «nobody» (--as)."), "{told}");
    assert_eq!(parley(&folder).arg("mcp-stdio").output().unwrap().status.code(), Some(2));
}
