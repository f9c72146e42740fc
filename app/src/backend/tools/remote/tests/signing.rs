//! Signing in to a server that an authorization server guards: the whole way, and every way in which it must not go.

mod beside;
mod bound;
mod guardian;

use self::guardian::{Guardian, Knobs};
use super::*;
use crate::wire::connection::SignIn;
use futures::future::join_all;
use oauth::{Answer, OwnClient};

/// A person with that server among theirs, asked to sign in.
async fn asked(world: &World, guardian: &Guardian) -> Caller {
    guardian.goes_by(&world.store.clock);
    let ann = world.person("ann").await;
    world.add(&ann, "Guarded", &guardian.mcp()).await;
    let row = world.until(&ann, ConnectionState::SignIn).await;
    assert_eq!((row.sign_in, row.error.as_str()), (SignIn::Out, "It wants you to sign in."));
    ann
}

async fn id(world: &World, by: &Caller) -> String {
    world.row(by).await.id
}

/// Goes the way of the browser.
async fn browse(world: &World, guardian: &Guardian, by: &Caller) -> Answer {
    let begun = world.connections.begin_sign_in(by, &id(world, by).await, None).await.unwrap();
    guardian.browse(&begun.url).await
}

async fn sign_in(world: &World, guardian: &Guardian, by: &Caller) {
    let answer = browse(world, guardian, by).await;
    world.connections.finish_sign_in(by, &answer).await.unwrap();
    assert_eq!(world.until(by, ConnectionState::Connected).await.sign_in, SignIn::In);
}

/// Why a sign-in does not even begin.
async fn not_begun(world: &World, by: &Caller) -> String {
    world.connections.begin_sign_in(by, &id(world, by).await, None).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_person_signs_in_and_stays_signed_in_after_a_restart() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    let answer = browse(&world, &guardian, &ann).await;

    // Somebody else's browser brings the answer: nothing is used up.
    let eve = world.person("eve").await;
    let refused = world.connections.finish_sign_in(&eve, &answer).await.unwrap_err();
    assert!(refused.to_string().contains("not known here"), "{refused}");
    world.connections.finish_sign_in(&ann, &answer).await.unwrap();
    let again = world.connections.finish_sign_in(&ann, &answer).await.unwrap_err();
    assert!(again.to_string().contains("not known here"), "an answer counts once: {again}");

    world.until(&ann, ConnectionState::Connected).await;
    let outcome = world.call(&ann, "guarded__echo", json!({"text": "hello"})).await;
    assert_eq!(outcome.text, "hello");
    let asked = guardian.seen();
    assert_eq!(asked.scope.as_deref(), Some("read"), "the challenge's scope, not all there are");
    assert_eq!(asked.resources, [guardian.mcp(), guardian.mcp()], "asked for and redeemed for this server");
    assert_eq!(asked.registered, 1);

    let server = id(&world, &ann).await;
    let kept = world.store.store.remote_grant(ann.user, &server).await.unwrap().unwrap();
    assert!(!kept.contains("access-") && !kept.contains("refresh-"), "tokens are sealed");
    assert!(world.store.store.remote_grant(eve.user, &server).await.unwrap().is_none());
    world.stop().await;

    let tasks = Tasks::default();
    let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
    let connections = Connections::new(means(&world.store, &world.keys, &tasks, config, quick())).unwrap();
    let world = World { connections, tasks, ..world };
    world.until(&ann, ConnectionState::Connected).await;
    world.store.clock.advance(3_600_000);
    assert_eq!(world.call(&ann, "guarded__echo", json!({"text": "again"})).await.text, "again");
    assert_eq!(guardian.seen().refreshed, 1, "a confidential client's secret survives too");
    world.connections.sign_out(&ann, &server).await.unwrap();
    assert_eq!(guardian.seen().revoked, 1);
    let row = world.until(&ann, ConnectionState::SignIn).await;
    assert_eq!(row.error, "You signed out. Sign in again.");
    assert!(world.store.store.remote_grant(ann.user, &server).await.unwrap().is_none());
    world.stop().await;
}

#[tokio::test]
async fn tokens_are_renewed_once_for_all_who_wait() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    for round in 1..=2 {
        world.store.clock.advance(3_600_000);
        let calls = (0..8).map(|_| world.call(&ann, "guarded__echo", json!({"text": "x"})));
        assert!(join_all(calls).await.iter().all(|outcome| outcome.text == "x"));
        assert_eq!(guardian.seen().refreshed, round, "the rotated token was kept");
    }
    // A token that lapsed early is renewed when it is refused.
    guardian.forget_access();
    let calls = (0..8).map(|_| world.call(&ann, "guarded__echo", json!({"text": "x"})));
    assert!(join_all(calls).await.iter().all(|outcome| outcome.text == "x"));
    assert_eq!(guardian.seen().refreshed, 3);
    world.stop().await;
}

#[tokio::test]
async fn a_sign_in_that_was_ended_elsewhere_is_asked_for_again() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    guardian.forget_all();
    assert!(world.call(&ann, "guarded__echo", json!({})).await.is_error);
    let row = world.until(&ann, ConnectionState::SignIn).await;
    assert_eq!((row.sign_in, row.error.as_str()), (SignIn::Out, "Your sign-in has ended. Sign in again."));
    sign_in(&world, &guardian, &ann).await;
    world.stop().await;
}

#[tokio::test]
async fn an_answer_from_another_authorization_server_gets_no_code() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    for (iss, words) in [
        (Some("https://evil.example".to_owned()), "another authorization server"),
        (Some(format!("{}/", guardian.issuer())), "another authorization server"),
        (None, "does not say which"),
    ] {
        for error in [None, Some("access_denied".to_owned())] {
            let answer = browse(&world, &guardian, &ann).await;
            let answer = Answer { iss: iss.clone(), error, ..answer };
            let refused = world.connections.finish_sign_in(&ann, &answer).await.unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
    assert_eq!(guardian.seen().redeemed, 0);
    let answer = browse(&world, &guardian, &ann).await;
    let no = Answer { error: Some("access_denied".to_owned()), ..answer };
    let refused = world.connections.finish_sign_in(&ann, &no).await.unwrap_err().to_string();
    assert!(refused.contains("«access_denied»"), "{refused}");
    world.stop().await;
}

#[tokio::test]
async fn another_authorization_server_never_gets_what_the_first_gave() {
    let (world, first, second) = (World::new().await, Guardian::serve().await, Guardian::serve().await);
    let ann = asked(&world, &first).await;
    sign_in(&world, &first, &ann).await;
    first.turn(|knobs| knobs.issuers = vec![second.issuer()]);
    first.forget_access();
    assert!(world.call(&ann, "guarded__echo", json!({})).await.is_error);
    let row = world.until(&ann, ConnectionState::SignIn).await;
    assert!(row.error.contains("another authorization server"), "{}", row.error);
    assert_eq!((first.seen().refreshed, second.seen().refreshed), (0, 0));
    let begun = world.connections.begin_sign_in(&ann, &row.id, None).await.unwrap();
    assert!(begun.url.starts_with(&second.issuer()) && second.seen().registered == 1, "{}", begun.url);
    world.stop().await;
}

/// Something that is wrong with a server.
type Turn = fn(&mut Knobs);

#[tokio::test]
async fn what_cannot_be_trusted_is_not_followed() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    let cases: [(Turn, &str); 8] = [
        (|knobs| knobs.pkce = vec!["plain".to_owned()], "PKCE"),
        (|knobs| knobs.pkce = Vec::new(), "PKCE"),
        (|knobs| knobs.calls_itself = Some("https://evil.example".to_owned()), "calls itself otherwise"),
        (|knobs| knobs.resource = Some("https://evil.example/mcp".to_owned()), "about another server"),
        (|knobs| knobs.issuers = Vec::new(), "names no authorization server"),
        (|knobs| knobs.issuers = vec!["ftp://as.example".to_owned()], "not https://"),
        (|knobs| knobs.padding = 300_000, "far too much"),
        (|knobs| knobs.elsewhere = true, "does not say how"),
    ];
    for (turn, words) in cases {
        guardian.turn(turn);
        let refused = not_begun(&world, &ann).await;
        assert!(refused.contains(words), "{words}: {refused}");
        guardian.turn(|knobs| *knobs = Knobs::default());
    }
    assert_eq!(guardian.seen().registered, 0);
    world.stop().await;
}

#[tokio::test]
async fn metadata_leads_to_no_private_address() {
    let guardian = Guardian::serve().await;
    let (store, keys, tasks) = (test_store().await, Folder::new(), Tasks::default());
    let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
    let means = means(&store, &keys, &tasks, config, quick());
    let reach = Reach::and(vec![guardian.at]);
    let connections = Connections::with(means, reach, Arc::new(SystemLookup)).unwrap();
    let world = World { store, connections, tasks, keys };
    let ann = asked(&world, &guardian).await;
    for hostile in ["https://169.254.169.254", "https://10.0.0.1/as", "https://localhost", "http://[::1]"] {
        guardian.turn(|knobs| knobs.issuers = vec![hostile.to_owned()]);
        let refused = not_begun(&world, &ann).await;
        assert!(refused.contains("may not be visited"), "{hostile}: {refused}");
    }
    guardian.turn(|knobs| *knobs = Knobs { token: Some("https://169.254.169.254/".to_owned()), ..Knobs::default() });
    assert!(not_begun(&world, &ann).await.contains("may not be visited"));
    world.stop().await;
}

#[tokio::test]
async fn a_server_that_wants_more_is_allowed_more_a_few_times() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    guardian.turn(|knobs| knobs.wants = "write".to_owned());
    let outcome = world.call(&ann, "guarded__echo", json!({})).await;
    assert!(outcome.is_error && outcome.text.contains("wants you to allow more («write»)"), "{}", outcome.text);
    let row = world.until(&ann, ConnectionState::SignIn).await;
    assert_eq!(row.sign_in, SignIn::More);
    assert!(row.error.contains("allow more («write»)"), "{}", row.error);
    let begun = world.connections.begin_sign_in(&ann, &row.id, None).await.unwrap();
    assert_eq!(begun.scopes, ["read", "write"]);
    let answer = guardian.browse(&begun.url).await;
    // It is never content.
    guardian.turn(|knobs| knobs.content = false);
    world.connections.finish_sign_in(&ann, &answer).await.unwrap();
    for _ in 0..2 {
        world.until(&ann, ConnectionState::SignIn).await;
        let answer = browse(&world, &guardian, &ann).await;
        world.connections.finish_sign_in(&ann, &answer).await.unwrap();
    }
    world.until(&ann, ConnectionState::SignIn).await;
    let refused = not_begun(&world, &ann).await;
    assert!(refused.contains("keeps asking for «write»"), "{refused}");
    world.stop().await;
}

#[tokio::test]
async fn a_client_that_a_person_got_themselves_is_used_and_kept() {
    let (world, guardian) = (World::new().await, Guardian::serve().await);
    guardian.turn(|knobs| knobs.registers = false);
    let ann = asked(&world, &guardian).await;
    assert!(not_begun(&world, &ann).await.contains("must know Parley beforehand"));
    let own = OwnClient { id: " mine ".to_owned(), secret: "hunter2".into() };
    let server = id(&world, &ann).await;
    let begun = world.connections.begin_sign_in(&ann, &server, Some(own)).await.unwrap();
    let answer = guardian.browse(&begun.url).await;
    world.connections.finish_sign_in(&ann, &answer).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(guardian.seen().basic.as_deref(), Some("mine:hunter2"));
    assert!(world.connections.begin_sign_in(&ann, &server, None).await.unwrap().url.contains("client_id=mine"));
    let kept = world.store.store.remote_client(ann.user, &server, &guardian.issuer()).await.unwrap().unwrap();
    assert!(!kept.contains("hunter2"));
    world.stop().await;
}
