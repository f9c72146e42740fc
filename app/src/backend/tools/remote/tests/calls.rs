//! Calls over a sound connection, in both eras.

use super::{peer::Fixture, *};
use std::sync::atomic::Ordering;

/// Both eras, each with a person whose server it is.
async fn both() -> Vec<(World, Fixture, Caller)> {
    let mut out = Vec::new();
    for legacy in [false, true] {
        let (world, fixture) = (World::new().await, Fixture::new(legacy));
        let ann = world.person("ann").await;
        world.add_with(&ann, "My server", &fixture.serve().await, &[("X-Key", "hunter2")]).await;
        world.until(&ann, ConnectionState::Connected).await;
        out.push((world, fixture, ann));
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_serves_every_call_and_its_list_is_read_once() {
    for (world, fixture, ann) in both().await {
        let row = world.row(&ann).await;
        let version =
            if fixture.state.lists.load(Ordering::SeqCst) == 0 { "" } else { row.protocol.as_deref().unwrap() };
        assert!(["2026-07-28", "2025-11-25"].contains(&version), "{version}");
        assert_eq!(row.calls_itself.as_deref(), Some("fixture 1.2.3"));
        assert_eq!((row.name.as_str(), row.tools.len(), row.error.as_str()), ("My server", 8, ""));
        assert!(row.latency_ms.is_some() && row.answered_at.is_some() && row.cost() > 8 * 20);
        for n in 0..10 {
            let told = world.call(&ann, "my_server__echo", json!({"text": format!("hello {n}")})).await;
            assert_eq!((told.text, told.is_error), (format!("hello {n}"), false));
            assert_eq!(world.names(&ann).await.len(), 8);
        }
        let spec = world.connections.spec(&ann, "my_server__echo").unwrap();
        assert!(spec.annotations.read_only_hint && !spec.server.as_ref().unwrap().trusted);
        assert_eq!(world.call(&ann, "my_server__whoami", json!({})).await.text, "hunter2");
        let failed = world.call(&ann, "my_server__fail", Value::Null).await;
        assert!(failed.is_error && failed.text.contains("broke"));
        assert_eq!(fixture.state.lists.load(Ordering::SeqCst), 1, "no list per message");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_or_uses_anothers_server() {
    for (world, _fixture, ann) in both().await {
        let eve = world.person("eve").await;
        assert!(world.names(&eve).await.is_empty() && world.connections.rows(&eve).await.is_empty());
        assert!(world.connections.spec(&eve, "my_server__echo").is_none());
        let call = call("my_server__echo", json!({"text": "x"}));
        assert!(world.connections.call(&world.cx(&eve), &call).await.is_none());
        let id: ConnectionId = world.row(&ann).await.id.parse().unwrap();
        let text = id.to_string();
        for refused in [
            world.connections.remove(&eve, id).await,
            world.connections.rename(&eve, id, "Mine").await,
            world.connections.reconnect(&eve, &text).await,
            world.connections.switch(&eve, &text, false).await,
            world.connections.choose(&eve, &text, "echo", crate::wire::connection::ToolChoice::Off).await,
        ] {
            assert!(matches!(refused, Err(ConnectError::NotFound)), "{refused:?}");
        }
        assert_eq!(world.row(&ann).await.state, ConnectionState::Connected);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_list_is_read_again_without_being_asked_for() {
    for (world, fixture, ann) in both().await {
        // The stream that tells of changes opens beside the first list.
        tokio::time::sleep(Duration::from_millis(300)).await;
        fixture.state.more.lock().unwrap().push("new_one".to_owned());
        fixture.state.changed.notify_one();
        within(async {
            while !world.names(&ann).await.contains(&"my_server__new_one".to_owned()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        assert_eq!(world.call(&ann, "my_server__new_one", json!({})).await.text, "new_one was called");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_is_told_and_keeps_a_call_alive() {
    for legacy in [false, true] {
        let world = World::with(Options { silence: Duration::from_secs(1), ..quick() }, Vec::new()).await;
        let ann = world.person("ann").await;
        world.add(&ann, "s", &Fixture::new(legacy).serve().await).await;
        world.until(&ann, ConnectionState::Connected).await;
        let told = Arc::<Mutex<Vec<(Option<f32>, Option<String>)>>>::default();
        let hear = Arc::clone(&told);
        let cx = ToolCx { progress: Arc::new(move |share, note| lock(&hear).push((share, note))), ..world.cx(&ann) };
        // Ten steps take longer in all than the server may be silent.
        let outcome = within(world.connections.call(&cx, &call("s__steps", json!({})))).await.unwrap();
        assert_eq!((outcome.text.as_str(), outcome.is_error), ("ten steps", false));
        let told = lock(&told).clone();
        assert!(told.len() >= 8, "{told:?}");
        assert!(told.contains(&(Some(0.5), Some("step 5".to_owned()))), "{told:?}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_waits_for_any_more_is_cancelled_at_the_server() {
    for (world, fixture, ann) in both().await {
        let cx = world.cx(&ann);
        let slow = call("my_server__slow", json!({}));
        let begun = || fixture.state.begun.load(Ordering::SeqCst) == 1;
        tokio::select! {
            outcome = world.connections.call(&cx, &slow) => panic!("it ended by itself: {outcome:?}"),
            () = eventually(begun) => {}
        }
        eventually(|| fixture.state.cancelled.load(Ordering::SeqCst) == 1).await;
        assert_eq!(world.call(&ann, "my_server__echo", json!({"text": "still there"})).await.text, "still there");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_call_ends_with_a_sentence_and_the_server_is_told() {
    for legacy in [false, true] {
        let world = World::with(Options { silence: Duration::from_millis(300), ..quick() }, Vec::new()).await;
        let (ann, fixture) = (world.person("ann").await, Fixture::new(legacy));
        world.add(&ann, "s", &fixture.serve().await).await;
        world.until(&ann, ConnectionState::Connected).await;
        let outcome = world.call(&ann, "s__slow", json!({})).await;
        assert!(outcome.is_error && outcome.text.contains("did not answer within 0.3 seconds"), "{}", outcome.text);
        eventually(|| fixture.state.cancelled.load(Ordering::SeqCst) == 1).await;
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_huge_result_is_refused_and_the_connection_lives_on() {
    for (world, _fixture, ann) in both().await {
        let outcome = world.call(&ann, "my_server__big", json!({})).await;
        assert!(outcome.is_error, "{}", outcome.text.len());
        assert!(outcome.text.contains("larger than 256 KiB"), "{}", outcome.text);
        let told = world.call(&ann, "my_server__echo", json!({"text": "again"})).await;
        assert_eq!(told.text, "again");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_declined_and_the_model_hears_of_it() {
    let (world, fixture) = (World::new().await, Fixture::new(true));
    let ann = world.person("ann").await;
    world.add(&ann, "s", &fixture.serve().await).await;
    world.until(&ann, ConnectionState::Connected).await;
    let outcome = world.call(&ann, "s__ask", json!({})).await;
    assert!(outcome.text.starts_with("decline"), "{}", outcome.text);
    assert!(
        outcome.text.contains("Parley declined") && outcome.text.contains("What is your name?"),
        "{}",
        outcome.text
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_looked_after_to_its_end_and_cancelled_with_its_call() {
    let (world, fixture) = (World::new().await, Fixture::new(false));
    let ann = world.person("ann").await;
    world.add(&ann, "s", &fixture.serve().await).await;
    world.until(&ann, ConnectionState::Connected).await;
    let notes = Arc::<Mutex<Vec<String>>>::default();
    let hear = Arc::clone(&notes);
    let cx = ToolCx { progress: Arc::new(move |_, note| lock(&hear).extend(note)), ..world.cx(&ann) };
    let outcome = within(world.connections.call(&cx, &call("s__task", json!({})))).await.unwrap();
    assert_eq!(outcome.text, "the task is done");
    assert_eq!(lock(&notes)[..2], ["at it", "nearly there"]);

    fixture.state.polls.store(0, Ordering::SeqCst);
    let again = call("s__task", json!({}));
    tokio::select! {
        outcome = world.connections.call(&cx, &again) => panic!("it ended by itself: {outcome:?}"),
        () = eventually(|| fixture.state.polls.load(Ordering::SeqCst) == 1) => {}
    }
    eventually(|| fixture.state.cancelled.load(Ordering::SeqCst) == 1).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_whose_server_is_away_is_called_off_when_it_is_back() {
    use axum::{extract::Request, http::StatusCode, middleware, response::IntoResponse};
    for legacy in [false, true] {
        let (world, fixture) = (World::new().await, Fixture::new(legacy));
        let away = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let gate = Arc::clone(&away);
        let routes = fixture.routes().layer(middleware::from_fn(move |request: Request, next: middleware::Next| {
            let away = gate.load(Ordering::SeqCst);
            async move { if away { StatusCode::SERVICE_UNAVAILABLE.into_response() } else { next.run(request).await } }
        }));
        let ann = world.person("ann").await;
        world.add(&ann, "s", &format!("http://{}/mcp", super::serving::listen(routes).await)).await;
        world.until(&ann, ConnectionState::Connected).await;
        // It goes away as soon as it works at the task, before it is looked at.
        let (notes, leave) = (Arc::<Mutex<Vec<String>>>::default(), Arc::clone(&away));
        let hear = Arc::clone(&notes);
        let progress = move |_, note: Option<String>| {
            leave.store(true, Ordering::SeqCst);
            lock(&hear).extend(note);
        };
        let cx = ToolCx { progress: Arc::new(progress), ..world.cx(&ann) };
        let waits = async {
            eventually(|| lock(&notes).iter().any(|note| note.starts_with("Waiting for «s» to come back."))).await;
            world.until(&ann, ConnectionState::Away).await;
        };
        let works = call("s__task", json!({}));
        tokio::select! {
            outcome = world.connections.call(&cx, &works) => panic!("it ended by itself: {outcome:?}"),
            () = waits => {}
        }
        assert_eq!(fixture.state.cancelled.load(Ordering::SeqCst), 0);
        away.store(false, Ordering::SeqCst);
        eventually(|| fixture.state.cancelled.load(Ordering::SeqCst) == 1).await;
        world.stop().await;
    }
}
