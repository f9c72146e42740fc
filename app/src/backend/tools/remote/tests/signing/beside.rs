//! Two processes on one database, as the server and `parley mcp-stdio` are: of one sign-in, at an authorization server
//! that ends everything when a refresh token is shown twice.

use super::*;

/// Another process on the world's database.
struct Beside {
    connections: Connections,
    tasks: Tasks,
}

impl Beside {
    fn of(world: &World) -> Self {
        let tasks = Tasks::default();
        let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
        let connections = Connections::new(means(&world.store, &world.keys, &tasks, config, quick())).unwrap();
        Self { connections, tasks }
    }

    /// Waits until its connection of the person's first server is in that state.
    async fn until(&self, by: &Caller, state: ConnectionState) {
        within(async {
            while self.connections.rows(by).await.remove(0).state != state {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    async fn call(&self, world: &World, by: &Caller) -> ToolOutcome {
        within(self.connections.call(&world.cx(by), &call(ECHO, json!({"text": "x"})))).await.unwrap()
    }

    async fn stop(self) {
        self.tasks.stop();
        assert!(self.tasks.wait(PATIENCE).await);
    }
}

const ECHO: &str = "guarded__echo";

/// Calls by both at once, all of which are answered.
async fn both(world: &World, beside: &Beside, by: &Caller) {
    let here = (0..4).map(|_| world.call(by, ECHO, json!({"text": "x"})));
    let there = (0..4).map(|_| beside.call(world, by));
    let (here, there) = futures::join!(join_all(here), join_all(there));
    for outcome in here.into_iter().chain(there) {
        assert_eq!((outcome.text.as_str(), outcome.is_error), ("x", false));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_renew_once_and_nobody_is_signed_out() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    let beside = Beside::of(&world);
    beside.until(&ann, ConnectionState::Connected).await;
    both(&world, &beside, &ann).await;
    for round in 1..=3 {
        world.store.clock.advance(3_600_000);
        both(&world, &beside, &ann).await;
        let seen = guardian.seen();
        assert_eq!((seen.refreshed, seen.reused), (round, 0));
    }
    // One after the other: the second has a refresh token in memory that is used up.
    world.store.clock.advance(3_600_000);
    assert!(!world.call(&ann, ECHO, json!({"text": "x"})).await.is_error);
    assert!(!beside.call(&world, &ann).await.is_error);
    // And where both find out at a call that their token lapsed.
    guardian.forget_access();
    both(&world, &beside, &ann).await;
    let seen = guardian.seen();
    assert_eq!((seen.refreshed, seen.reused), (5, 0));
    assert_eq!(world.row(&ann).await.sign_in, SignIn::In);
    beside.stop().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_does_to_a_sign_in_counts_in_the_other() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    let beside = Beside::of(&world);
    beside.until(&ann, ConnectionState::SignIn).await;
    sign_in(&world, &guardian, &ann).await;
    let server = id(&world, &ann).await;
    // Whoever waits for a sign-in tries again when it is told to, and finds it.
    beside.connections.reconnect(&ann, &server).await.unwrap();
    beside.until(&ann, ConnectionState::Connected).await;

    // Renewed there, signed out here: what is given back is what there is now.
    world.store.clock.advance(3_600_000);
    assert!(!beside.call(&world, &ann).await.is_error);
    world.connections.sign_out(&ann, &server).await.unwrap();
    let seen = guardian.seen();
    assert_eq!((seen.refreshed, seen.revoked, seen.reused), (1, 1, 0));
    let out = beside.call(&world, &ann).await;
    assert!(out.is_error && out.text.contains("Your sign-in has ended. Sign in again."), "{}", out.text);
    assert!(world.store.store.remote_grant(ann.user, &server).await.unwrap().is_none());
    beside.stop().await;
    world.stop().await;
}
