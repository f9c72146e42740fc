//! What outlives a connection: restarts, idleness, renaming, switching, removing.

use super::{peer::Fixture, *};
use crate::{backend::tools::policy::definition, wire::connection::ToolChoice};
use std::sync::atomic::Ordering;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_everything_again() {
    let (world, fixture) = (World::new().await, Fixture::new(false));
    let ann = world.person("ann").await;
    let id = world.add_with(&ann, "My files", &fixture.serve().await, &[("X-Key", "hunter2")]).await;
    world.until(&ann, ConnectionState::Connected).await;
    world.connections.choose(&ann, &id.to_string(), "big", ToolChoice::Off).await.unwrap();
    world.stop().await;

    let stored = world.store.connections(ann.user).await.unwrap();
    assert!(!stored[0].access.contains("hunter2") && !stored[0].access.contains("127.0.0.1"), "sealed at rest");
    let tasks = Tasks::default();
    let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
    let again = Connections::new(means(&world.store, &world.keys, &tasks, config.clone(), quick())).unwrap();
    let world = World { connections: again, tasks, ..world };
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!((row.name.as_str(), row.id), ("My files", id.to_string()));
    assert!(!world.names(&ann).await.contains(&"my_files__big".to_owned()));
    assert_eq!(world.call(&ann, "my_files__whoami", json!({})).await.text, "hunter2");
    world.stop().await;

    // Without its key the secret stays shut, and its person is told what to do.
    let (tasks, keys) = (Tasks::default(), Folder::new());
    let lost = Connections::new(means(&world.store, &keys, &tasks, config, quick())).unwrap();
    let world = World { connections: lost, tasks, keys, ..world };
    let row = world.until(&ann, ConnectionState::Credentials).await;
    assert!(row.error.contains("Remove it and add it again"), "{}", row.error);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unused_connection_sleeps_and_wakes_for_a_call() {
    let options = Options { idle: Duration::from_millis(200), beat: Duration::from_millis(50), ..quick() };
    let (world, fixture) = (World::with(options, Vec::new()).await, Fixture::new(true));
    let ann = world.person("ann").await;
    world.add(&ann, "s", &fixture.serve().await).await;
    world.until(&ann, ConnectionState::Connected).await;
    let person = lock(&world.connections.0.people)[&ann.user].clone();
    eventually(|| !person.is_awake()).await;
    assert_eq!(person.links()[0].state(), ConnectionState::Asleep);
    assert_eq!(person.tools().len(), 8, "its tools stay on offer");
    assert_eq!(world.call(&ann, "s__echo", json!({"text": "awake"})).await.text, "awake");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_turned_into_while_nobody_looked_is_not_called() {
    for legacy in [false, true] {
        let (idle, beat, fresh) = (Duration::from_millis(200), Duration::from_millis(50), Duration::ZERO);
        let options = Options { idle, beat, fresh, ..quick() };
        let (world, fixture) = (World::with(options, Vec::new()).await, Fixture::new(legacy));
        // What it told when it was last connected does not count any more.
        fixture.state.ttl.store(1, Ordering::SeqCst);
        let ann = world.person("ann").await;
        world.add(&ann, "s", &fixture.serve().await).await;
        world.until(&ann, ConnectionState::Connected).await;
        let person = lock(&world.connections.0.people)[&ann.user].clone();
        eventually(|| !person.is_awake()).await;
        let decided = || Some(definition(&world.connections.spec(&ann, "s__echo").unwrap()));
        let cx = ToolCx { definition: decided(), ..world.cx(&ann) };
        *fixture.state.says.lock().unwrap() = Some("Does echo, and tells everybody.".to_owned());
        let echo = call("s__echo", json!({"text": "mine"}));
        let begun = fixture.state.begun.load(Ordering::SeqCst);
        let refused = within(world.connections.call(&cx, &echo)).await.unwrap();
        assert!(refused.is_error && refused.text.contains("changed it after it was decided"), "{}", refused.text);
        assert_eq!(fixture.state.begun.load(Ordering::SeqCst), begun, "the server hears nothing of it");
        // Decided about anew, it runs; what nothing is known of does not.
        let cx = ToolCx { definition: decided(), ..cx };
        assert_eq!(within(world.connections.call(&cx, &echo)).await.unwrap().text, "mine");
        let cx = ToolCx { definition: Some(String::new()), ..cx };
        assert!(within(world.connections.call(&cx, &echo)).await.unwrap().is_error);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_server_keeps_its_tools_names_and_a_removed_one_is_gone() {
    let (world, fixture) = (World::new().await, Fixture::new(false));
    let ann = world.person("ann").await;
    let url = fixture.serve().await;
    let id = world.add(&ann, "Files", &url).await;
    world.until(&ann, ConnectionState::Connected).await;
    world.connections.rename(&ann, id, " Papers ").await.unwrap();
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!((row.name.as_str(), row.tools[0].offered_as.as_str()), ("Papers", "files__echo"));
    let refused = world.connections.rename(&ann, id, " ").await.unwrap_err();
    assert!(matches!(refused, ConnectError::Invalid { field: "name", .. }));

    // A second one of the same name has a prefix of its own.
    world.add(&ann, "Files", &url).await;
    within(async {
        while world.names(&ann).await.len() < 16 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert!(world.names(&ann).await.contains(&"files_2__echo".to_owned()));

    world.connections.remove(&ann, id).await.unwrap();
    assert!(world.names(&ann).await.iter().all(|name| name.starts_with("files_2__")));
    assert!(world.connections.call(&world.cx(&ann), &call("files__echo", json!({}))).await.is_none());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switched_off_is_not_offered_not_called_and_not_connected() {
    let (world, fixture) = (World::new().await, Fixture::new(false));
    let (ann, bob) = (world.person("ann").await, world.person("bob").await);
    let url = fixture.serve().await;
    let id = world.add(&ann, "s", &url).await.to_string();
    world.add(&bob, "s", &url).await;
    world.until(&ann, ConnectionState::Connected).await;
    world.until(&bob, ConnectionState::Connected).await;

    world.connections.choose(&ann, &id, "echo", ToolChoice::Off).await.unwrap();
    assert!(!world.names(&ann).await.contains(&"s__echo".to_owned()));
    assert!(world.names(&bob).await.contains(&"s__echo".to_owned()), "another's choice is another's");
    assert!(world.connections.spec(&ann, "s__echo").is_none());
    let refused = world.call(&ann, "s__echo", json!({})).await;
    assert!(refused.is_error && refused.text.contains("switched off"), "{}", refused.text);
    let unknown = world.connections.choose(&ann, &id, "no such tool", ToolChoice::Off).await;
    assert!(matches!(unknown, Err(ConnectError::NotFound)));
    world.connections.choose(&ann, &id, "echo", ToolChoice::On).await.unwrap();
    assert!(world.names(&ann).await.contains(&"s__echo".to_owned()));

    let before = fixture.state.begun.load(Ordering::SeqCst);
    world.connections.switch(&ann, &id, false).await.unwrap();
    assert_eq!(world.row(&ann).await.state, ConnectionState::Off);
    assert!(world.names(&ann).await.is_empty());
    let refused = world.call(&ann, "s__echo", json!({})).await;
    assert!(refused.is_error && refused.text.contains("«s» is switched off"), "{}", refused.text);
    assert_eq!(fixture.state.begun.load(Ordering::SeqCst), before);
    world.connections.switch(&ann, &id, true).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    world.stop().await;
}
