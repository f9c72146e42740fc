//! Answers whose streams end before they come: the rest is asked for, as their server wants it.

use super::{raw::Raw, *};

async fn world(options: Options) -> (World, Arc<Raw>, Caller) {
    let (world, server) = (World::with(options, Vec::new()).await, Arc::<Raw>::default());
    let ann = world.person("ann").await;
    world.add_with(&ann, "s", &server.serve().await, &[("X-Key", "hunter2")]).await;
    world.until(&ann, ConnectionState::Connected).await;
    (world, server, ann)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_of_an_answer_is_asked_for_with_the_same_headers_and_the_call_is_made_once() {
    let (world, server, ann) = world(quick()).await;
    let told = world.call(&ann, "s__polled", json!({})).await;
    assert_eq!((told.text.as_str(), told.is_error), ("the rest", false));
    assert_eq!(server.seen(), ["POST polled", "GET polled-1 s-1 hunter2", "GET polled-2 s-1 hunter2"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_calls_go_on_while_the_rest_of_an_answer_is_waited_for() {
    let (world, server, ann) = world(quick()).await;
    both(&world, &server, &ann).await;
    assert_eq!(server.seen(), ["POST later", "GET later-1 s-1 hunter2", "POST plain"]);
    world.stop().await;
}

/// A call whose rest comes after another call's answer, and that other call.
async fn both(world: &World, server: &Raw, ann: &Caller) {
    let between = async {
        eventually(|| server.count("GET later-1") == 1).await;
        world.call(ann, "s__plain", json!({})).await
    };
    let (later, plain) = futures::join!(world.call(ann, "s__later", json!({})), between);
    assert_eq!((later.text.as_str(), plain.text.as_str()), ("the rest", "plain after 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_that_passes_is_put_up_with() {
    let (world, server, ann) = world(quick()).await;
    assert_eq!(world.call(&ann, "s__away", json!({})).await.text, "the rest");
    assert_eq!((server.count("POST away"), server.count("GET away-1")), (1, 2));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_and_not_asked_for_twice() {
    let (world, server, ann) = world(quick()).await;
    for (tool, words) in [("gone", "does not give the rest of it (HTTP 404)"), ("deaf", "(HTTP 405)")] {
        let told = world.call(&ann, &format!("s__{tool}"), json!({})).await;
        assert!(told.is_error && told.text.starts_with("The call of «s» did not succeed. It ended"), "{}", told.text);
        assert!(told.text.contains(words) && !told.text.contains("127.0.0.1"), "{}", told.text);
        assert_eq!((server.count(&format!("POST {tool}")), server.count(&format!("GET {tool}"))), (1, 1));
    }
    assert_eq!(world.call(&ann, "s__plain", json!({})).await.text, "plain after 1", "the connection is sound");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_comes_to_it_is_told_so_at_the_deadline() {
    let (world, server, ann) = world(Options { silence: Duration::from_millis(1_500), ..quick() }).await;
    let told = world.call(&ann, "s__empty", json!({})).await;
    assert!(told.is_error && told.text.contains("did not answer within 1.5 seconds"), "{}", told.text);
    eventually(|| server.count("cancelled") == 1).await;
    assert_eq!(server.count("POST empty"), 1);
    assert!(server.count("GET empty-1") >= 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_call_is_cancelled_and_its_rest_not_asked_for() {
    let (world, server, ann) = world(quick()).await;
    let (cx, waits) = (world.cx(&ann), call("s__later", json!({})));
    tokio::select! {
        outcome = world.connections.call(&cx, &waits) => panic!("it ended by itself: {outcome:?}"),
        () = eventually(|| server.count("POST later") == 1) => {}
    }
    eventually(|| server.count("cancelled") == 1).await;
    // The rest of a later call comes after that of the first would have.
    both(&world, &server, &ann).await;
    let seen = server.seen();
    assert_eq!(seen, ["POST later", "cancelled", "POST later", "GET later-1 s-1 hunter2", "POST plain"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rest_is_bounded_as_its_beginning_is() {
    let (world, server, ann) = world(quick()).await;
    let told = world.call(&ann, "s__big", json!({})).await;
    assert!(told.is_error && told.text.contains("larger than 256 KiB"), "{}", told.text);
    assert_eq!((server.count("POST big"), server.count("GET big-1")), (1, 1));
    world.stop().await;
}
