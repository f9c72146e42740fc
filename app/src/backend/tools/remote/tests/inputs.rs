//! What people fill in for the operator's servers: in headers, addresses, environments and arguments, each their own.

use super::{
    peer::Fixture,
    programs::{node, script},
    *,
};
use crate::{
    backend::config::{SecretsConfig, servers},
    wire::connection::InputState,
};
use axum::Router;
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::ExposeSecret;
use std::{collections::BTreeMap, sync::atomic::Ordering};

const ID: &str = "operator:s";

/// The servers of a file that has that one, called «s».
fn operator(server: &Value) -> Vec<OperatorServer> {
    let text = json!({"mcpServers": {"s": server}}).to_string();
    servers::parse(&text, &|name| (name == "PATH").then(|| "/usr/bin:/bin".to_owned())).unwrap()
}

/// A server that wants a key in a header.
async fn keyed(fixture: &Fixture) -> Vec<OperatorServer> {
    operator(&json!({
        "url": fixture.serve().await,
        "headers": {"X-Key": "key ${input:api-key}"},
        "inputs": [{"type": "promptString", "id": "api-key", "description": "Your API key", "password": true}],
    }))
}

fn values(values: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    values.iter().map(|(id, value)| ((*id).to_owned(), (*value).into())).collect()
}

async fn fill(world: &World, by: &Caller, given: &[(&str, &str)]) -> Result<(), ConnectError> {
    world.connections.fill(by, ID, values(given)).await
}

async fn refused(world: &World, by: &Caller, given: &[(&str, &str)]) -> String {
    match fill(world, by, given).await {
        Err(ConnectError::Invalid { field: "values", reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_person_is_shown_to_the_server_by_what_they_filled_in() {
    let fixture = Fixture::new(false);
    let world = World::with(quick(), keyed(&fixture).await).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);

    // Without it nothing is connected and nothing is offered; that is no error.
    let row = world.row(&ann).await;
    assert_eq!((row.state, row.error.as_str(), row.tools.len()), (ConnectionState::Unfilled, "", 0));
    let [input] = &row.inputs[..] else { panic!("{row:?}") };
    assert_eq!((input.description.as_str(), input.password, input.state), ("Your API key", true, InputState::Missing));
    assert!(row.place.starts_with("http://127.0.0.1:"), "one is told where it would go: {}", row.place);
    assert!(world.names(&ann).await.is_empty());
    world.connections.reconnect(&ann, ID).await.unwrap();
    let told = world.call(&ann, "s__whoami", json!({})).await;
    assert!(told.is_error && told.text.contains("waits for what you fill in"), "{}", told.text);
    assert_eq!(world.row(&ann).await.state, ConnectionState::Unfilled);
    assert_eq!(fixture.state.lists.load(Ordering::SeqCst), 0, "nobody went there");

    fill(&world, &ann, &[("api-key", " anns-secret ")]).await.unwrap();
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!((row.inputs[0].state, row.inputs[0].value.as_str()), (InputState::Filled, ""));
    assert!(!serde_json::to_string(&row).unwrap().contains("anns-secret"));
    assert_eq!(world.call(&ann, "s__whoami", json!({})).await.text, "key anns-secret");

    // Another's stays another's.
    assert_eq!(world.row(&bob).await.state, ConnectionState::Unfilled);
    assert!(world.names(&bob).await.is_empty());
    fill(&world, &bob, &[("api-key", "bobs-secret")]).await.unwrap();
    world.until(&bob, ConnectionState::Connected).await;
    assert_eq!(world.call(&bob, "s__whoami", json!({})).await.text, "key bobs-secret");
    assert_eq!(world.call(&ann, "s__whoami", json!({})).await.text, "key anns-secret");
    for by in [&ann, &bob] {
        let stored = world.store.connection_inputs(by.user).await.unwrap();
        assert!(stored.len() == 1 && !stored[0].value.contains("secret"), "sealed at rest");
    }

    // Empty leaves a secret as it is; another value is another connection.
    fill(&world, &ann, &[("api-key", "")]).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(world.call(&ann, "s__whoami", json!({})).await.text, "key anns-secret");
    fill(&world, &ann, &[("api-key", "anns-newest")]).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(world.call(&ann, "s__whoami", json!({})).await.text, "key anns-newest");

    world.connections.switch(&ann, ID, false).await.unwrap();
    world.connections.empty(&ann, ID).await.unwrap();
    assert_eq!(world.row(&ann).await.state, ConnectionState::Off, "switched off is switched off");
    world.connections.switch(&ann, ID, true).await.unwrap();
    assert_eq!(world.row(&ann).await.state, ConnectionState::Unfilled);
    assert!(world.names(&ann).await.is_empty() && world.store.connection_inputs(ann.user).await.unwrap().is_empty());
    assert_eq!(world.call(&bob, "s__whoami", json!({})).await.text, "key bobs-secret");
    world.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_value_is_told_without_it_and_changes_nothing() {
    let world = World::with(quick(), keyed(&Fixture::new(false)).await).await;
    let ann = world.person("ann").await;
    for (given, words) in [
        (("api-key", "hunter2\r\nX-Admin: 1"), "«Your API key» has a line break"),
        (("api-key", "hünter2"), "ASCII"),
        (("api-key", " "), "Fill in what this server needs."),
        (("another", "hunter2"), "does not ask for that"),
    ] {
        let told = refused(&world, &ann, &[given]).await;
        assert!(told.contains(words) && !told.contains("nter2"), "{told}");
    }
    assert!(refused(&world, &ann, &[]).await.contains("Fill in"));
    assert!(world.store.connection_inputs(ann.user).await.unwrap().is_empty());
    for id in ["operator:t", "s", ""] {
        let lost = world.connections.fill(&ann, id, values(&[("api-key", "x")])).await;
        assert!(matches!(lost, Err(ConnectError::NotFound)), "{id}: {lost:?}");
        assert!(matches!(world.connections.empty(&ann, id).await, Err(ConnectError::NotFound)), "{id}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_filled_in_outlives_a_restart_and_a_new_key_and_opens_for_its_person_alone() {
    let key = |byte: u8| SecretString::from(STANDARD.encode([byte; 32]));
    let file = keyed(&Fixture::new(false)).await;
    let start = |world: World, keys: Vec<SecretString>| {
        let tasks = Tasks::default();
        let config = ServersConfig { operator: file.clone(), private: Nearby::All, tools_share: 5 };
        let mut means = means(&world.store, &world.keys, &tasks, config, quick());
        means.secrets = Secrets::new(&SecretsConfig { keys, file: "/nowhere/at/all".into() });
        World { connections: Connections::new(means).unwrap(), tasks, ..world }
    };
    let world = start(World::with(quick(), Vec::new()).await, vec![key(1)]);
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    fill(&world, &ann, &[("api-key", "anns-secret")]).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    world.stop().await;
    // Somebody moves her row to another person.
    let stored = world.store.connection_inputs(ann.user).await.unwrap().remove(0);
    world.store.put_connection_inputs(bob.user, ID, &[(stored.input, Some(stored.value))]).await.unwrap();

    let world = start(world, vec![key(2), key(1)]);
    world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(world.call(&ann, "s__whoami", json!({})).await.text, "key anns-secret");
    let row = world.row(&bob).await;
    assert_eq!((row.state, row.inputs[0].state), (ConnectionState::Unfilled, InputState::Lost));
    world.stop().await;

    let world = start(world, vec![key(2)]);
    let row = world.row(&ann).await;
    assert_eq!((row.state, row.inputs[0].state), (ConnectionState::Unfilled, InputState::Lost));
    fill(&world, &ann, &[("api-key", "again")]).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(world.call(&ann, "s__whoami", json!({})).await.text, "key again");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_filled_in_behind_its_host() {
    let routes = Router::new().nest("/acme", Fixture::new(false).routes());
    let at = serving::listen(routes).await;
    let world = World::with(
        quick(),
        operator(&json!({
            "url": format!("http://{at}/${{input:tenant}}/mcp"), "inputs": [{"id": "tenant", "default": "nobody"}],
        })),
    )
    .await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let row = world.until(&bob, ConnectionState::Away).await;
    assert_eq!((row.inputs[0].state, row.inputs[0].default.as_str()), (InputState::Default, "nobody"));
    assert!(row.error.contains("no MCP server at this address"), "{}", row.error);
    assert!(refused(&world, &ann, &[("tenant", "..")]).await.contains("lead elsewhere"));
    fill(&world, &ann, &[("tenant", "acme")]).await.unwrap();
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!((row.inputs[0].value.as_str(), row.place.contains("acme")), ("acme", false));
    // What is no secret is shown, and emptied by being left empty.
    fill(&world, &ann, &[("tenant", "")]).await.unwrap();
    assert_eq!(world.until(&ann, ConnectionState::Away).await.inputs[0].state, InputState::Default);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_is_given_its_persons_values_and_nothing_else() {
    let folder = Folder::new();
    let file = operator(&json!({
        "command": node(), "args": [script(&folder, ""), "${input:word}", "--word=${input:word}"],
        "env": {"KEY": "<${input:key}>", "PATH": "/usr/bin:/bin"},
        "inputs": [{"id": "key", "password": true}, {"id": "word"}],
    }));
    let world = World::with(quick(), file).await;
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    // Half of it is kept, and not enough.
    fill(&world, &ann, &[("key", "anns-secret"), ("word", "")]).await.unwrap();
    assert_eq!(world.row(&ann).await.state, ConnectionState::Unfilled);
    assert!(refused(&world, &ann, &[("word", "--inspect")]).await.contains("options"));
    fill(&world, &ann, &[("key", ""), ("word", "hello")]).await.unwrap();
    fill(&world, &bob, &[("key", "bobs-secret"), ("word", "--")]).await.unwrap_err();
    fill(&world, &bob, &[("key", "bobs-secret"), ("word", "x y; z")]).await.unwrap();
    for (by, key) in [(&ann, "<anns-secret>"), (&bob, "<bobs-secret>")] {
        world.until(by, ConnectionState::Connected).await;
        let told = world.call(by, "s__env", json!({})).await;
        let env: BTreeMap<String, String> = serde_json::from_str(&told.text).unwrap();
        let names: Vec<&str> = env.keys().map(String::as_str).collect();
        assert_eq!((names, env["KEY"].as_str()), (vec!["KEY", "PATH"], key));
    }
    let of = |by: &Caller| {
        let person = lock(&world.connections.0.people)[&by.user].clone();
        let Ok(connect::Access::Program { args, .. }) = &person.links()[0].access else { panic!("a program") };
        args[1..].iter().map(|arg| arg.expose_secret().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of(&ann), of(&bob)),
        (vec!["hello".into(), "--word=hello".into()], vec!["x y; z".into(), "--word=x y; z".into()])
    );
    world.stop().await;
}

/// A program that refuses to begin, and says again what it was given.
const REFUSES: &str = r"
console.error(`bad key ${process.env.KEY}`);
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const error = { code: -32000, message: `bad key ${process.env.KEY}` };
  console.log(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(line).id, error }));
});
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_a_value_again_is_not_quoted_with_it() {
    let folder = Folder::new();
    let script = folder.path().join("refuses.js");
    std::fs::write(&script, REFUSES).unwrap();
    let env = json!({"KEY": "${input:key}"});
    let inputs = json!([{"id": "key", "password": true}]);
    let server = json!({"command": node(), "args": [script], "env": env, "inputs": inputs});
    let world = World::with(quick(), operator(&server)).await;
    let ann = world.person("ann").await;
    fill(&world, &ann, &[("key", "anns-secret")]).await.unwrap();
    let row = world.until(&ann, ConnectionState::Away).await;
    assert!(row.error.contains("bad key …") && !row.error.contains("anns-secret"), "{}", row.error);
    world.stop().await;
}
