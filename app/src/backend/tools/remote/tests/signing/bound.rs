//! Sign-ins whose tokens are bound to a key: at an authorization server that checks every proof, and at servers that want
//! their nonce in it.

use super::*;

/// A guardian that binds tokens.
async fn binding(turn: impl FnOnce(&mut Knobs)) -> Guardian {
    let guardian = Guardian::serve().await;
    guardian.turn(|knobs| {
        knobs.proofs = Some(vec!["RS256".to_owned(), "ES256".to_owned()]);
        turn(knobs);
    });
    guardian
}

fn nonces(of: &str) -> (String, String) {
    (format!("tokens-{of}"), format!("calls-{of}"))
}

#[tokio::test]
async fn a_bound_token_is_shown_with_a_proof_of_its_own_and_its_key_outlives_a_restart() {
    let (world, guardian) = (World::new().await, binding(|_| {}).await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    let begun_with = guardian.seen().begun_with.unwrap();
    let calls = (0..8).map(|_| world.call(&ann, "guarded__echo", json!({"text": "x"})));
    assert!(join_all(calls).await.iter().all(|outcome| outcome.text == "x"));
    let seen = guardian.seen();
    assert!(seen.schemes.len() >= 8 && seen.schemes.iter().all(|scheme| scheme == "DPoP"), "{:?}", seen.schemes);
    assert_eq!((seen.unproven, seen.nonces_wanted), (Vec::new(), (0, 0)), "no proof is wrong or shown twice");

    let server = id(&world, &ann).await;
    let kept = world.store.store.remote_grant(ann.user, &server).await.unwrap().unwrap();
    assert!(!kept.contains("access-") && !kept.contains("prover"), "the key is sealed with the tokens");
    world.stop().await;
    let tasks = Tasks::default();
    let config = ServersConfig { operator: Vec::new(), private: Nearby::All, tools_share: 5 };
    let connections = Connections::new(means(&world.store, &world.keys, &tasks, config, quick())).unwrap();
    let world = World { connections, tasks, ..world };
    world.store.clock.advance(3_600_000);
    world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(world.call(&ann, "guarded__echo", json!({"text": "again"})).await.text, "again");
    let seen = guardian.seen();
    assert_eq!((seen.refreshed, seen.unproven), (1, Vec::new()), "renewed with the same key");

    // Another sign-in has another key.
    sign_in(&world, &guardian, &ann).await;
    assert_ne!(guardian.seen().begun_with.unwrap(), begun_with);
    world.stop().await;
}

#[tokio::test]
async fn nonces_are_given_back_where_they_came_from_and_replaced_when_they_change() {
    let (world, guardian) = (World::new().await, binding(|knobs| knobs.nonces = Some(nonces("1"))).await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    let seen = guardian.seen();
    assert_eq!((seen.redeemed, seen.nonces_wanted.0), (1, 1), "asked once, and then with the nonce");
    assert!(seen.nonces_wanted.1 >= 1);
    let before = guardian.seen().nonces_wanted.1;
    assert_eq!(world.call(&ann, "guarded__echo", json!({"text": "x"})).await.text, "x");
    assert_eq!(guardian.seen().nonces_wanted.1, before, "the newest nonce is kept");
    guardian.turn(|knobs| knobs.nonces = Some(nonces("2")));
    assert_eq!(world.call(&ann, "guarded__echo", json!({"text": "y"})).await.text, "y");
    assert!(guardian.seen().nonces_wanted.1 > before);
    world.store.clock.advance(3_600_000);
    assert_eq!(world.call(&ann, "guarded__echo", json!({"text": "z"})).await.text, "z");
    let seen = guardian.seen();
    assert_eq!((seen.refreshed, seen.nonces_wanted.0, seen.unproven), (1, 2, Vec::new()));
    world.stop().await;
}

#[tokio::test]
async fn whoever_is_never_content_with_a_nonce_costs_an_error_and_no_loop() {
    let (world, guardian) = (World::new().await, binding(|_| {}).await);
    let ann = asked(&world, &guardian).await;
    guardian.turn(|knobs| (knobs.nonces, knobs.insatiable) = (Some(nonces("1")), true));
    let answer = browse(&world, &guardian, &ann).await;
    let refused = world.connections.finish_sign_in(&ann, &answer).await.unwrap_err().to_string();
    assert!(refused.contains("gives no token («use_dpop_nonce»)"), "{refused}");
    assert_eq!(guardian.seen().nonces_wanted, (2, 0));

    guardian.turn(|knobs| knobs.nonces = None);
    sign_in(&world, &guardian, &ann).await;
    guardian.turn(|knobs| knobs.nonces = Some(nonces("1")));
    let outcome = world.call(&ann, "guarded__echo", json!({})).await;
    assert!(outcome.is_error && outcome.text.contains("keeps asking for another proof"), "{}", outcome.text);
    assert_eq!(guardian.seen().refreshed, 0, "tokens are not renewed for it");
    world.stop().await;
}

#[tokio::test]
async fn what_is_not_bound_is_used_only_where_it_need_not_be() {
    let (world, guardian) = (World::new().await, binding(|knobs| knobs.binds = false).await);
    let ann = asked(&world, &guardian).await;
    guardian.turn(|knobs| knobs.bound = true);
    let answer = browse(&world, &guardian, &ann).await;
    let refused = world.connections.finish_sign_in(&ann, &answer).await.unwrap_err().to_string();
    assert!(refused.contains("anybody could use"), "{refused}");
    guardian.turn(|knobs| knobs.proofs = Some(vec!["EdDSA".to_owned()]));
    assert!(not_begun(&world, &ann).await.contains("takes none of Parley's kind (ES256)"));
    guardian.turn(|knobs| knobs.bound = false);
    guardian.turn(|knobs| knobs.proofs = Some(vec!["ES256".to_owned()]));
    sign_in(&world, &guardian, &ann).await;
    assert!(guardian.seen().schemes.iter().all(|scheme| scheme == "Bearer"));
    world.stop().await;
}

#[tokio::test]
async fn a_proof_that_is_not_accepted_costs_no_token() {
    let (world, guardian) = (World::new().await, binding(|_| {}).await);
    let ann = asked(&world, &guardian).await;
    sign_in(&world, &guardian, &ann).await;
    guardian.turn(|knobs| knobs.distrustful = true);
    let outcome = world.call(&ann, "guarded__echo", json!({})).await;
    assert!(outcome.is_error && outcome.text.contains("does not accept the proof"), "{}", outcome.text);
    guardian.turn(|knobs| knobs.distrustful = false);
    // The connection may have been given up meanwhile, and comes back by itself.
    within(async {
        while world.call(&ann, "guarded__echo", json!({"text": "x"})).await.is_error {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(guardian.seen().refreshed, 0, "it was not the token");
    assert_eq!(world.row(&ann).await.sign_in, SignIn::In);
    world.stop().await;
}
