//! What a model is offered: everything while it fits, a search and what it found where it does not.

use super::{peer::Fixture, *};
use crate::wire::connection::ToolChoice;

/// A window of which eight small tools take less than five percent, and one of which they take more.
const LARGE: u32 = 200_000;
const SMALL: u32 = 2_000;

async fn offered(world: &World, by: &Caller, at: ConversationId, window: u32) -> Vec<String> {
    world.connections.offer(by, at, window).await.iter().map(|spec| spec.name.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_tools_are_searched_and_what_is_found_stays() {
    let (world, fixture) = (World::new().await, Fixture::new(false));
    let ann = world.person("ann").await;
    let id = world.add(&ann, "s", &fixture.serve().await).await.to_string();
    world.until(&ann, ConnectionState::Connected).await;
    let one = world.store.create_conversation(ann.user, "").await.unwrap().id;
    let two = world.store.create_conversation(ann.user, "").await.unwrap().id;
    assert_eq!(offered(&world, &ann, one, LARGE).await.len(), 8);
    assert_eq!(offered(&world, &ann, one, SMALL).await, [SEARCH]);
    world.connections.choose(&ann, &id, "echo", ToolChoice::Pinned).await.unwrap();
    assert_eq!(offered(&world, &ann, one, SMALL).await, [SEARCH, "s__echo"]);
    let spec = world.connections.spec(&ann, SEARCH).unwrap();
    assert!(spec.annotations.read_only_hint && spec.description.ends_with("Connected are: s."), "{}", spec.description);

    let cx = ToolCx { conversation: Some(one), ..world.cx(&ann) };
    let search = call(SEARCH, json!({"query": "fail, or do steps", "limit": 2}));
    let told = within(world.connections.call(&cx, &search)).await.unwrap();
    assert!(told.text.contains("s__fail") && told.text.contains("s__steps"), "{}", told.text);
    let found = offered(&world, &ann, one, SMALL).await;
    assert_eq!(found[..2], [SEARCH, "s__echo"], "what was there before stays where it was");
    assert_eq!(found.len(), 4);
    assert_eq!(offered(&world, &ann, two, SMALL).await, [SEARCH, "s__echo"], "of this conversation alone");
    let more = call(SEARCH, json!({"query": "whoami"}));
    within(world.connections.call(&cx, &more)).await.unwrap();
    let later = offered(&world, &ann, one, SMALL).await;
    assert_eq!((&later[..4], later[4].as_str()), (&found[..], "s__whoami"));

    for (arguments, words) in [(json!({"query": " "}), "blank"), (json!({"query": "weather"}), "No tool")] {
        let told = within(world.connections.call(&cx, &call(SEARCH, arguments))).await.unwrap();
        assert!(told.text.contains(words), "{}", told.text);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_are_offered_in_every_turn() {
    let (world, fixture) = (World::new().await, Fixture::new(true));
    let ann = world.person("ann").await;
    let (zoo, ark) = (fixture.serve().await, Fixture::new(false).serve().await);
    world.add(&ann, "zoo", &zoo).await;
    world.add(&ann, "ark", &ark).await;
    within(async {
        while world.names(&ann).await.len() < 16 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let room = world.store.create_conversation(ann.user, "").await.unwrap().id;
    for window in [LARGE, SMALL] {
        let first = serde_json::to_vec(&world.connections.offer(&ann, room, window).await).unwrap();
        for _ in 0..20 {
            assert_eq!(serde_json::to_vec(&world.connections.offer(&ann, room, window).await).unwrap(), first);
        }
    }
    assert_eq!(world.names(&ann).await[0], "zoo__echo", "in the order they were added");
    world.stop().await;
}
