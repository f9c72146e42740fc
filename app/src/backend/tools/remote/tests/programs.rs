//! The operator's programs over their pipes.

use super::*;
use crate::backend::{
    config::{OperatorAccess, environment, servers::prefix},
    store::turns::waiting::KeptTask,
    tools::kept::Keep,
};
use futures::future::{BoxFuture, FutureExt};
use std::{fs, path::PathBuf};

/// A server in a few lines that has the tasks of revision 2025-11-25.
const TASKS: &str = r"
const lines = require('node:readline').createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
const refuse = (id, code, message) => console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
const tool = (name, execution) => ({ name, description: `Does ${name}.`, inputSchema: { type: 'object' }, execution });
const text = (text) => ({ content: [{ type: 'text', text }] });
const tasks = new Map();
const cancelled = [];
const told = (id) => ({
  taskId: id, status: tasks.get(id).status, statusMessage: `look ${tasks.get(id).looks}`, ttl: null, pollInterval: 100,
  createdAt: '2026-11-25T00:00:00Z', lastUpdatedAt: '2026-11-25T00:00:00Z',
});
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === 'initialize') {
    const capabilities = { tools: {}, tasks: { cancel: {}, requests: { tools: { call: {} } } } };
    answer(id, { protocolVersion: '2025-11-25', capabilities, serverInfo: { name: 'script', version: '1' } });
  } else if (method === 'tools/list') {
    const support = (taskSupport) => ({ taskSupport });
    const plain = tool('cancelled', support('forbidden'));
    answer(id, { tools: [tool('says', support('required')), tool('insists'), tool('stays', support('optional')), plain] });
  } else if (method === 'tools/call' && params.name === 'cancelled') {
    answer(id, text(cancelled.join()));
  } else if (method === 'tools/call' && !params.task) {
    refuse(id, -32601, 'this tool is called as a task');
  } else if (method === 'tools/call') {
    const task = `${params.name}-${tasks.size}`;
    tasks.set(task, { status: 'working', looks: 0 });
    answer(id, { task: told(task) });
  } else if (method === 'tasks/get' && !tasks.has(params.taskId)) {
    refuse(id, -32602, 'no such task');
  } else if (method === 'tasks/get') {
    const task = tasks.get(params.taskId);
    task.looks += 1;
    if (task.looks === 3 && !params.taskId.startsWith('stays')) task.status = 'completed';
    answer(id, told(params.taskId));
  } else if (method === 'tasks/result') {
    answer(id, text(`${params.taskId} is done`));
  } else if (method === 'tasks/cancel') {
    cancelled.push(params.taskId);
    tasks.get(params.taskId).status = 'cancelled';
    answer(id, told(params.taskId));
  } else {
    refuse(id, -32601, 'no such method');
  }
});
";

/// A server in a few lines: what it was started with, a long answer, and a child of its own.
const SCRIPT: &str = r"
const { spawn } = require('node:child_process');
const lines = require('node:readline').createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ result, jsonrpc: '2.0', id }));
const tool = (name) => ({ name, description: `Does ${name}.`, inputSchema: { type: 'object' } });
const text = (text) => ({ content: [{ type: 'text', text }] });
const child = process.argv[2] === 'lingers' ? spawn('sleep', ['300']) : undefined;
if (process.argv[2] === 'ends') { console.error('secret reasons'); process.exit(3); }
lines.on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (process.argv[2] === 'old' && method === 'server/discover') process.exit(1);
  if (id === undefined) return;
  if (method === 'initialize') {
    answer(id, { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'script', version: '1' } });
  } else if (method === 'tools/list') {
    answer(id, { tools: ['env', 'big', 'pid'].map(tool) });
  } else if (method === 'tools/call' && params.name === 'env') {
    answer(id, text(JSON.stringify(process.env)));
  } else if (method === 'tools/call' && params.name === 'big') {
    answer(id, text('x'.repeat(1024 * 1024)));
  } else if (method === 'tools/call') {
    answer(id, text(`${process.pid} ${child?.pid}`));
  } else if (method === 'ping') {
    answer(id, {});
  } else {
    console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } }));
  }
});
";

pub(super) fn node() -> PathBuf {
    let path = environment("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join("node")).find(|file| file.is_file()).unwrap()
}

/// Where the script for that argument is.
pub(super) fn script(folder: &Folder, argument: &str) -> PathBuf {
    let script = folder.path().join("server.js");
    fs::write(&script, if argument == "tasks" { TASKS } else { SCRIPT }).unwrap();
    script
}

/// An operator's server that runs the script with an argument.
fn server(folder: &Folder, name: &str, argument: &str) -> OperatorServer {
    let script = script(folder, argument);
    OperatorServer {
        name: name.to_owned(),
        title: name.to_owned(),
        prefix: prefix(name),
        trusted: true,
        access: OperatorAccess::Program {
            command: node(),
            args: vec![script.display().to_string().into(), argument.to_owned().into()],
            env: vec![
                ("PATH".to_owned(), environment("PATH").unwrap().into()),
                ("GIVEN".to_owned(), "by the file".to_owned().into()),
            ],
        },
        inputs: Vec::new(),
    }
}

fn alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_finds_only_what_the_file_gives_it_and_ends_with_its_children() {
    let folder = Folder::new();
    let world = World::with(quick(), vec![server(&folder, "script", "lingers")]).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!((row.place.as_str(), row.of_operator, row.trusted), ("node", true, true));
    assert_eq!(row.protocol.as_deref(), Some("2025-11-25"));
    let told = world.call(&ann, "script__env", json!({})).await;
    let env: Value = serde_json::from_str(&told.text).unwrap();
    let mut names: Vec<&String> = env.as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["GIVEN", "PATH"]);
    assert_eq!(env["GIVEN"], "by the file");

    world.until(&bob, ConnectionState::Connected).await;
    let (anns, bobs) =
        (world.call(&ann, "script__pid", json!({})).await.text, world.call(&bob, "script__pid", json!({})).await.text);
    assert_ne!(anns, bobs, "nobody shares a process");
    assert_eq!(world.call(&ann, "script__pid", json!({})).await.text, anns, "and everybody keeps theirs");
    let pids: Vec<String> = format!("{anns} {bobs}").split(' ').map(str::to_owned).collect();
    assert!(pids.iter().all(|pid| alive(pid)), "{pids:?}");
    world.stop().await;
    eventually(|| !pids.iter().any(|pid| alive(pid))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_is_too_long_is_answered_with_a_sentence() {
    let folder = Folder::new();
    let world = World::with(quick(), vec![server(&folder, "script", "")]).await;
    let ann = world.person("ann").await;
    world.until(&ann, ConnectionState::Connected).await;
    let told = world.call(&ann, "script__big", json!({})).await;
    assert!(told.is_error && told.text.contains("larger than"), "{}", told.text);
    assert!(world.call(&ann, "script__env", json!({})).await.text.contains("GIVEN"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ends_at_an_unknown_request_is_asked_in_the_old_way() {
    let folder = Folder::new();
    let world = World::with(quick(), vec![server(&folder, "script", "old")]).await;
    let ann = world.person("ann").await;
    world.until(&ann, ConnectionState::Connected).await;
    assert!(!world.call(&ann, "script__env", json!({})).await.is_error);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_does_not_stay_is_told_without_its_words() {
    let folder = Folder::new();
    let world = World::with(quick(), vec![server(&folder, "script", "ends")]).await;
    let ann = world.person("ann").await;
    let row = world.until(&ann, ConnectionState::Away).await;
    assert!(row.error.contains("ended by itself") && !row.error.contains("secret reasons"), "{}", row.error);
    world.stop().await;
}

/// Keeps tasks in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<Vec<KeptTask>>);

impl Keep for Memory {
    fn left(&self) -> Option<KeptTask> {
        None
    }

    fn keep(&self, task: KeptTask) -> BoxFuture<'_, bool> {
        lock(&self.0).push(task);
        futures::future::ready(true).boxed()
    }

    fn rests(&self) -> bool {
        false
    }
}

/// What an earlier process left.
#[derive(Debug)]
struct Left(KeptTask);

impl Keep for Left {
    fn left(&self) -> Option<KeptTask> {
        Some(self.0.clone())
    }

    fn keep(&self, _task: KeptTask) -> BoxFuture<'_, bool> {
        futures::future::ready(true).boxed()
    }

    fn rests(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tasks_of_the_elder_protocol_are_asked_for_looked_after_and_called_off() {
    let folder = Folder::new();
    let world = World::with(quick(), vec![server(&folder, "script", "tasks")]).await;
    let ann = world.person("ann").await;
    world.until(&ann, ConnectionState::Connected).await;
    let (memory, notes) = (Arc::<Memory>::default(), Arc::<Mutex<Vec<String>>>::default());
    let hear = Arc::clone(&notes);
    let cx = ToolCx {
        progress: Arc::new(move |_, note| lock(&hear).extend(note)),
        kept: Arc::clone(&memory) as Arc<dyn Keep>,
        ..world.cx(&ann)
    };
    // Whether the tool says so, or its server insists.
    for (tool, result) in [("says", "says-0 is done"), ("insists", "insists-1 is done")] {
        let outcome = within(world.connections.call(&cx, &call(&format!("script__{tool}"), json!({})))).await.unwrap();
        assert_eq!((outcome.text.as_str(), outcome.is_error), (result, false));
    }
    assert_eq!(lock(&notes)[..3], ["look 0", "look 1", "look 2"]);
    let kept = lock(&memory.0).clone();
    let says = KeptTask {
        server: "operator:script".to_owned(),
        id: "says-0".to_owned(),
        experimental: true,
        poll_ms: Some(100),
    };
    assert_eq!((kept.len(), &kept[0]), (2, &says));

    // It is gone on with by its id, without another call.
    let again = ToolCx { kept: Arc::new(Left(says.clone())), ..cx.clone() };
    let outcome = within(world.connections.call(&again, &call("script__says", json!({})))).await.unwrap();
    assert_eq!(outcome.text, "says-0 is done");
    let lost = Left(KeptTask { id: "says-9".to_owned(), ..says.clone() });
    let outcome = within(
        world.connections.call(&ToolCx { kept: Arc::new(lost), ..cx.clone() }, &call("script__says", json!({}))),
    )
    .await;
    assert!(outcome.unwrap().text.contains("does not find the task: «no such task»"));
    let gone = Left(KeptTask { server: "operator:gone".to_owned(), ..says });
    let outcome = within(
        world.connections.call(&ToolCx { kept: Arc::new(gone), ..cx.clone() }, &call("script__says", json!({}))),
    )
    .await;
    assert!(outcome.unwrap().text.contains("no longer connected"));

    let endless = call("script__stays", json!({}));
    let looked = || lock(&notes).iter().any(|note| note == "look 4");
    tokio::select! {
        outcome = world.connections.call(&cx, &endless) => panic!("it ended by itself: {outcome:?}"),
        () = eventually(looked) => {}
    }
    let called_off = async {
        while world.call(&ann, "script__cancelled", json!({})).await.text != "stays-2" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(Box::pin(called_off)).await;
    world.stop().await;
}
