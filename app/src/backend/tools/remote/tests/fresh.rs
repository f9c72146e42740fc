//! How long a list counts: as long as its server says, over gaps in the connection too, unless something was missed.

use super::{peer::Fixture, *};
use std::sync::atomic::Ordering;

/// Numbers with which a server is looked after all the time.
fn watchful() -> Options {
    Options { beat: Duration::from_millis(20), fresh: Duration::from_millis(1), ..quick() }
}

async fn connected(options: Options, fixture: &Fixture) -> (World, Caller) {
    let world = World::with(options, Vec::new()).await;
    let ann = world.person("ann").await;
    world.add(&ann, "s", &fixture.serve().await).await;
    world.until(&ann, ConnectionState::Connected).await;
    (world, ann)
}

fn lists(fixture: &Fixture) -> usize {
    fixture.state.lists.load(Ordering::SeqCst)
}

fn beats(fixture: &Fixture) -> usize {
    fixture.state.beats.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_read_again_when_its_time_is_over_and_not_before() {
    for legacy in [false, true] {
        let fixture = Fixture::new(legacy);
        let (world, _) = connected(watchful(), &fixture).await;
        let before = beats(&fixture);
        eventually(|| beats(&fixture) >= before + 5).await;
        assert_eq!(lists(&fixture), 1, "it counts for an hour: it is only asked whether it lives");
        world.stop().await;

        let fixture = Fixture::new(legacy);
        fixture.state.ttl.store(1, Ordering::SeqCst);
        let (world, _) = connected(watchful(), &fixture).await;
        eventually(|| lists(&fixture) >= 3).await;
        world.stop().await;
    }
}

/// Lets the connection fall asleep and wakes it by a call; how often the tools were listed by then.
async fn slept(world: &World, ann: &Caller, fixture: &Fixture) -> usize {
    let person = lock(&world.connections.0.people)[&ann.user].clone();
    eventually(|| !person.is_awake()).await;
    assert_eq!(world.call(ann, "s__echo", json!({"text": "awake"})).await.text, "awake");
    lists(fixture)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_in_the_connection_is_no_reason_to_list_again_unless_something_can_have_been_missed() {
    // Longer than a call takes: one that is idle during a call would end it.
    let options = Options { idle: Duration::from_millis(1500), beat: Duration::from_millis(50), ..quick() };
    let fixture = Fixture::new(false);
    let (world, ann) = connected(options, &fixture).await;
    assert_eq!(slept(&world, &ann, &fixture).await, 1, "the same server, and its list still counts");
    assert_eq!(slept(&world, &ann, &fixture).await, 1);
    let person = lock(&world.connections.0.people)[&ann.user].clone();
    assert_eq!(person.tools().len(), 8, "what it offers is known all the time");
    fixture.state.version.store(1, Ordering::SeqCst);
    assert_eq!(slept(&world, &ann, &fixture).await, 2, "another version of it may offer something else");
    let id = world.row(&ann).await.id;
    world.connections.reconnect(&ann, &id).await.unwrap();
    eventually(|| lists(&fixture) == 3).await;
    world.stop().await;

    // A list that counts for a moment does not count after a gap.
    let fixture = Fixture::new(false);
    fixture.state.ttl.store(1, Ordering::SeqCst);
    let (world, ann) = connected(options, &fixture).await;
    assert_eq!(slept(&world, &ann, &fixture).await, 2);
    world.stop().await;

    // An older server tells of changed lists, and told nobody during the gap.
    let fixture = Fixture::new(true);
    let (world, ann) = connected(options, &fixture).await;
    assert_eq!(slept(&world, &ann, &fixture).await, 2);
    world.stop().await;
}

#[tokio::test]
async fn a_turn_waits_once_for_servers_that_were_never_connected() {
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", hung.local_addr().unwrap());
    let world = World::with(Options { connect: Duration::from_hours(1), ..quick() }, Vec::new()).await;
    let ann = world.person("ann").await;
    world.add(&ann, "hung", &url).await;
    let room = world.store.create_conversation(ann.user, "").await.unwrap().id;
    let before = world.connections.late();
    assert!(world.connections.offer(&ann, room, 100_000).await.is_empty());
    assert_eq!(world.connections.late(), before + 1);
    for _ in 0..5 {
        assert!(world.connections.offer_again(&ann, room, 100_000).await.is_empty());
    }
    assert_eq!(world.connections.late(), before + 1, "the rounds after the first wait for nobody");
    world.stop().await;
}

#[tokio::test]
async fn a_turn_gives_a_hung_server_its_short_wait_and_no_more() {
    // What a turn waits is this and nothing else: the server below never answers, and is not waited for any longer.
    assert!(Options::default().first <= Duration::from_millis(20));
    let hung = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", hung.local_addr().unwrap());
    let connect = Duration::from_hours(1);
    let world =
        World::with(Options { connect, wake: connect, answer: connect, ..Options::default() }, Vec::new()).await;
    let ann = world.person("ann").await;
    world.add(&ann, "hung", &url).await;
    let room = world.store.create_conversation(ann.user, "").await.unwrap().id;
    let before = world.connections.late();
    assert!(within(world.connections.offer(&ann, room, 100_000)).await.is_empty());
    assert_eq!(world.connections.late(), before + 1, "that wait ended it");
    world.stop().await;
}
