//! `parley mcp-stdio`: an MCP client at the pipe, in both eras of the protocol, beside a running server.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    Folder, PASSWORD,
    process::{Served, parley, scripted},
};
use app::{
    backend::{clock::Clock, config::DatabaseUrl, store::Store},
    wire::account::Username,
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
}

impl Client {
    fn start(folder: &Folder, user: &str, modern: bool) -> Self {
        let mut command = parley(folder);
        command.args(["mcp-stdio", "--as", user]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut program = command.spawn().unwrap();
        let (say, hear) = (program.stdin.take(), BufReader::new(program.stdout.take().unwrap()));
        let mut client = Self { program, say, hear, modern, asked: 0 };
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

    /// Asks and hears the answer, past notifications.
    fn ask(&mut self, method: &str, mut params: Value) -> Value {
        self.asked += 1;
        if self.modern {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            });
        }
        self.write(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            assert_ne!(self.hear.read_line(&mut line).unwrap(), 0, "the program hung up on {method}");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == self.asked {
                return message;
            }
            assert!(message.get("method").is_some(), "neither answer nor notification: {message}");
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

#[tokio::test]
async fn an_mcp_client_uses_its_persons_tools_in_both_eras() {
    let folder = Folder::new();
    let served = Served::start(&mut scripted(&folder));
    let (ada, eve) = (served.visitor(), served.visitor());
    ada.sign_up("ada", PASSWORD).await;
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
async fn what_the_person_denied_for_good_stays_denied() {
    let folder = Folder::new();
    let served = Served::start(&mut scripted(&folder));
    let ada = served.visitor();
    ada.sign_up("ada", PASSWORD).await;
    let room = ada.room().await;
    let rename = json!({"conversation_id": room, "title": "Engines"});
    let mut client = Client::start(&folder, "ada", true);
    let (failed, text, _) = client.call("rename_conversation", rename.clone());
    assert!(!failed, "{text}");
    assert_eq!(ada.conversations().await[0].title, "Engines");

    let url = format!("sqlite:{}", folder.path().join("data/parley.db").display());
    let store = Store::open(&DatabaseUrl(url.into()), Clock::System).await.unwrap();
    let user = store.user_by_name(&Username::parse("ada").unwrap()).await.unwrap().unwrap();
    store.set_tool_grant(user.id, "rename_conversation", false).await.unwrap();
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
