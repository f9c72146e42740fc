//! Servers of the Model Context Protocol that others made, as `.ci/setup test` installs them: where they are, and how an
//! operator's file names them.

use super::{
    Folder, TestApp, TestUser,
    socket::{PATIENCE, Socket},
};
use app::wire::{
    event::{ChatEvent, ClientEvent},
    id::ConversationId,
    message::{Message, Part},
    tool::{Approval, ToolOutcome, ToolState},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

#[expect(clippy::disallowed_methods, reason = "the tests' own settings are no settings of the server's")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A program on the path.
fn on_path(name: &str) -> PathBuf {
    let path = setting("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("«{name}» is not installed"))
}

/// Where the servers are.
#[derive(Debug)]
pub struct Peers {
    python: PathBuf,
}

impl Peers {
    /// Those that `.ci/test` says are there, with `TEST_PEERS`. Without it a test has nothing to run against, and says
    /// so; but not in CI, which must not skip them.
    pub fn find() -> Option<Self> {
        if let Some(python) = setting("TEST_PEERS") {
            return Some(Self { python: python.into() });
        }
        assert!(setting("CI").as_deref() != Some("true"), "TEST_PEERS is not set, and CI must not skip real servers");
        eprintln!("TEST_PEERS is not set: the servers of others are left out. `make test` installs and sets it.");
        None
    }

    /// What an operator's file says of a reference server from npm.
    pub fn npm(name: &str, args: &[&str], env: &[(&str, &str)]) -> Value {
        let package = format!("../end2end/node_modules/@modelcontextprotocol/server-{name}/dist/index.js");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(package);
        assert!(script.is_file(), "{} is missing: run `.ci/setup test`", script.display());
        let args: Vec<String> =
            std::iter::once(script.display().to_string()).chain(args.iter().map(|arg| (*arg).to_owned())).collect();
        program(&on_path("node"), &args, env)
    }

    /// What it says of one from `PyPI`.
    pub fn python(&self, name: &str, args: &[&str], env: &[(&str, &str)]) -> Value {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        program(&self.program(name), &args, env)
    }

    fn program(&self, name: &str) -> PathBuf {
        let program = self.python.join("bin").join(name);
        assert!(program.is_file(), "{} is missing: run `.ci/setup test`", program.display());
        program
    }

    /// Starts a server of `FastMCP`'s.
    pub fn fastmcp(&self) -> Fast {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/fast_server.py");
        let mut child = Command::new(self.program("python")).arg(script).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port: u16 = port.trim().parse().expect("the server of FastMCP's does not start");
        Fast { child, url: format!("http://127.0.0.1:{port}/mcp") }
    }
}

/// A program as an operator's file has it; it is trusted, so that its tools run unasked where they only read.
fn program(command: &Path, args: &[String], env: &[(&str, &str)]) -> Value {
    let mut own = json!({"PATH": setting("PATH").unwrap(), "HOME": std::env::temp_dir()});
    for (name, value) in env {
        own[*name] = json!(value);
    }
    json!({"command": command, "args": args, "env": own, "trusted": true})
}

/// A server of `FastMCP`'s, which ends with the test.
#[derive(Debug)]
pub struct Fast {
    child: Child,
    /// Where it is.
    pub url: String,
}

impl Drop for Fast {
    fn drop(&mut self) {
        let _over_already = self.child.kill();
        let _over_already = self.child.wait();
    }
}

/// Writes an operator's file with that one server.
pub fn file(folder: &Folder, name: &str, server: &Value) -> PathBuf {
    let file = folder.path().join("mcp.json");
    std::fs::write(&file, json!({"mcpServers": {name: server}}).to_string()).unwrap();
    file
}

/// A Parley that answers by script, whose operator has that one server.
pub async fn parley_with(name: &str, server: &Value) -> TestApp {
    let folder = Folder::new();
    let file = file(&folder, name, server);
    TestApp::scripted_with(|settings| settings.mcp_servers = Some(file.display().to_string())).await
}

/// Waits until the person's page of servers has those words; the page.
pub async fn page_with(person: &TestUser, words: &str) -> String {
    let wait = async {
        loop {
            let page = person.get("/settings/connections").await.text().await.unwrap();
            if page.contains(words) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("the page never says «{words}»"))
}

/// What one message led to.
#[derive(Debug, Default)]
pub struct Played {
    /// The tools that a person was asked about.
    pub asked: Vec<String>,
    /// Signs of progress: how far, and what is done.
    pub progress: Vec<(Option<f32>, Option<String>)>,
    /// What the calls gave, in order.
    pub outcomes: Vec<ToolOutcome>,
    /// The reply's text.
    pub text: String,
}

/// Says something in a conversation, and allows every call that asks.
pub async fn play(person: &TestUser, room: ConversationId, script: &str) -> Played {
    let mut tab: Socket = person.tab(room).await;
    tab.send(room, script).await;
    let mut played = Played::default();
    loop {
        match tab.next().await.expect("the socket ended") {
            ChatEvent::Tool { turn, call, state: ToolState::Asked { .. }, .. } => {
                played.asked.push(call.name);
                tab.say(&ClientEvent::Decide { turn, call: call.id, approval: Approval::Once, arguments: None }).await;
            }
            ChatEvent::Tool { state: ToolState::Running { progress, note }, .. }
                if progress.is_some() || note.is_some() =>
            {
                played.progress.push((progress, note));
            }
            ChatEvent::TurnEnded { .. } => break,
            ChatEvent::Refused { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
    let reply: Message = person.messages(room).await.pop().unwrap();
    played.text = reply.text();
    let outcome = |part| if let Part::ToolResult(result) = part { Some(result.outcome) } else { None };
    played.outcomes = reply.parts.into_iter().filter_map(outcome).collect();
    played
}
