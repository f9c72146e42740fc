//! The operator's servers that Parley gets tokens for itself: each way, at an authorization server that checks what it is
//! shown, and each way in which nothing may be shown.

mod warden;

use self::warden::{Knobs, Warden};
use super::{proof::public, *};
use crate::backend::{
    config::{
        OperatorAccess,
        servers::{OperatorAuth, OperatorClient, OperatorGrant, OperatorProof, Told},
    },
    jwt::Key,
};
use futures::future::join_all;
use secrecy::ExposeSecret;

const ECHO: &str = "machine__echo";

fn secret(secret: &str, posted: Option<bool>) -> OperatorProof {
    OperatorProof::Secret { secret: secret.into(), posted }
}

fn auth(grant: OperatorGrant, proof: OperatorProof) -> OperatorAuth {
    let client = OperatorClient { id: Some("parley".to_owned()), proof };
    OperatorAuth { grant, client, scope: None, issuer: None }
}

fn server(warden: &Warden, auth: OperatorAuth) -> OperatorServer {
    let url = warden.mcp().parse::<url::Url>().unwrap().into();
    let access = OperatorAccess::Http { url, headers: Vec::new(), auth: Some(Arc::new(auth)) };
    let name = "machine".to_owned();
    OperatorServer { name: name.clone(), title: name.clone(), prefix: name, trusted: false, access, inputs: Vec::new() }
}

async fn world(warden: &Warden, auth: OperatorAuth) -> (World, Caller) {
    let world = World::with(quick(), vec![server(warden, auth)]).await;
    warden.goes_by(&world.store.clock);
    let ann = world.person("ann").await;
    (world, ann)
}

/// With a secret that is good.
async fn known(warden: &Warden) -> (World, Caller) {
    world(warden, auth(OperatorGrant::ClientCredentials, secret("s: ecret", None))).await
}

/// Why nobody is let in.
async fn not_let_in(world: &World, by: &Caller) -> String {
    world.until(by, ConnectionState::Credentials).await.error
}

/// Calls at once, all of which are answered.
async fn calls(world: &World, by: &Caller) {
    let calls = (0..8).map(|_| world.call(by, ECHO, json!({"text": "x"})));
    assert!(join_all(calls).await.iter().all(|outcome| outcome.text == "x"));
}

#[tokio::test]
async fn one_token_serves_everybody_and_is_replaced_once_for_all_who_wait() {
    let warden = Warden::serve().await;
    let (world, ann) = known(&warden).await;
    let bob = world.person("bob").await;
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(row.sign_in, crate::wire::connection::SignIn::None, "nobody signs in");
    assert!(world.connections.begin_sign_in(&ann, &row.id, None).await.is_err());
    world.until(&bob, ConnectionState::Connected).await;
    calls(&world, &bob).await;
    let seen = warden.seen();
    assert_eq!((seen.given, seen.forms[0]["scope"].as_str()), (1, "read"), "the scope that the server wants");
    assert_eq!((seen.forms[0]["resource"].as_str(), seen.told), (warden.mcp().as_str(), 2));
    assert_eq!(seen.basic[0].as_deref(), Some("parley:s%3A+ecret"));
    assert!(!seen.forms[0].contains_key("client_secret"));

    world.store.clock.advance(3_600_000);
    calls(&world, &ann).await;
    assert_eq!((warden.seen().given, warden.seen().told), (2, 2), "who gives tokens is known already");
    warden.forget();
    calls(&world, &ann).await;
    assert_eq!(
        (warden.seen().given, warden.seen().told),
        (3, 4),
        "a token that ended early, too: of whoever gives now"
    );
    assert!(world.store.store.remote_grant(ann.user, &row.id).await.unwrap().is_none(), "none is kept");
    world.stop().await;
}

#[tokio::test]
async fn a_secret_is_posted_where_the_authorization_server_or_the_file_says_so() {
    for (methods, posted) in [(vec!["client_secret_post"], None), (vec!["client_secret_basic"], Some(true))] {
        let warden = Warden::serve().await;
        warden.turn(|knobs| knobs.methods = methods);
        let (world, ann) = world(&warden, auth(OperatorGrant::ClientCredentials, secret("s: ecret", posted))).await;
        world.until(&ann, ConnectionState::Connected).await;
        let seen = warden.seen();
        assert_eq!((seen.forms[0]["client_secret"].as_str(), &seen.basic[0]), ("s: ecret", &None));
        world.stop().await;
    }
}

#[tokio::test]
async fn a_secret_that_is_not_accepted_is_told_and_not_shown_again_and_again() {
    let warden = Warden::serve().await;
    let (world, ann) = world(&warden, auth(OperatorGrant::ClientCredentials, secret("wrong", None))).await;
    let told = not_let_in(&world, &ann).await;
    assert_eq!(told, "Its authorization server gives no token («nobody knows you»).");
    let bob = world.person("bob").await;
    world.until(&bob, ConnectionState::Credentials).await;
    let row = world.row(&ann).await.id;
    world.connections.reconnect(&ann, &row).await.unwrap();
    not_let_in(&world, &ann).await;
    assert_eq!(warden.seen().forms.len(), 1, "one refusal is told to everybody");
    warden.turn(|knobs| knobs.secret = "wrong");
    world.store.clock.advance(10_000);
    world.connections.reconnect(&ann, &row).await.unwrap();
    world.until(&ann, ConnectionState::Connected).await;
    world.stop().await;
}

#[tokio::test]
async fn what_parley_signs_proves_it_and_counts_once() {
    let warden = Warden::serve().await;
    let key = Key::generate().unwrap();
    warden.turn(|knobs| knobs.client = public(&key));
    let (world, ann) = world(&warden, auth(OperatorGrant::ClientCredentials, OperatorProof::Key(key))).await;
    world.until(&ann, ConnectionState::Connected).await;
    warden.forget();
    calls(&world, &ann).await;
    let seen = warden.seen();
    assert_eq!(seen.given, 2, "each time another assertion");
    assert!(!seen.forms[0].contains_key("client_id") && seen.basic[0].is_none());
    warden.turn(|knobs| knobs.client = public(&Key::generate().unwrap()));
    warden.forget();
    assert!(world.call(&ann, ECHO, json!({})).await.text.contains("«nobody knows you»"));
    world.stop().await;
}

/// Something that is wrong with an authorization server.
type Turn = fn(&mut Knobs);

#[tokio::test]
async fn nothing_is_shown_to_whom_it_is_not_for() {
    let key = Key::generate().unwrap();
    let turns: [(Turn, &str); 5] = [
        (|knobs| knobs.grants = vec!["authorization_code"], "gives no tokens by «client_credentials»"),
        (|knobs| knobs.methods = vec!["client_secret_basic"], "takes no clients that sign with ES256"),
        (|knobs| knobs.signing = vec!["EdDSA"], "takes no clients that sign with ES256"),
        (|knobs| knobs.issuer = Some("https://evil.example".to_owned()), "another authorization server"),
        (|knobs| knobs.issuer = Some("http://as.internal".to_owned()), "another authorization server"),
    ];
    for (turn, words) in turns {
        let warden = Warden::serve().await;
        warden.turn(turn);
        let auth = auth(OperatorGrant::ClientCredentials, OperatorProof::Key(key.clone()));
        let (world, ann) = world(&warden, OperatorAuth { issuer: Some(warden.issuer()), ..auth }).await;
        let told = not_let_in(&world, &ann).await;
        assert!(told.contains(words), "{words}: {told}");
        assert!(warden.seen().forms.is_empty());
        world.stop().await;
    }
}

#[tokio::test]
async fn a_secret_goes_over_https_or_stays_on_this_machine() {
    let warden = Warden::serve().await;
    let (store, keys, tasks) = (test_store().await, Folder::new(), Tasks::default());
    let operator = vec![server(&warden, auth(OperatorGrant::ClientCredentials, secret("s: ecret", None)))];
    let config = ServersConfig { operator, private: Nearby::None, tools_share: 5 };
    let connections = Connections::new(means(&store, &keys, &tasks, config, quick())).unwrap();
    let world = World { store, connections, tasks, keys };
    let ann = world.person("ann").await;
    world.until(&ann, ConnectionState::Connected).await;
    warden.turn(|knobs| knobs.issuer = Some("http://192.0.2.1".to_owned()));
    warden.forget();
    let outcome = world.call(&ann, ECHO, json!({})).await;
    assert!(outcome.is_error && outcome.text.contains("not https://"), "{}", outcome.text);
    world.stop().await;
}

#[tokio::test]
async fn a_platforms_assertion_is_read_at_each_use_and_shown_to_nobody_else() {
    let (warden, folder, platform) = (Warden::serve().await, Folder::new(), Key::generate().unwrap());
    warden.turn(|knobs| knobs.platform = public(&platform));
    let file = folder.path().join("token");
    let write = |aud: &str, sub: &str, exp: i64| {
        let signed = platform.sign(&json!({"aud": [aud], "sub": sub, "exp": exp})).unwrap();
        std::fs::write(&file, format!("{}\n", signed.expose_secret())).unwrap();
    };
    let (issuer, later) = (warden.issuer(), 4_000_000_000);
    write(&issuer, "workload", later);
    let grant = OperatorGrant::Assertion(Told::File(file.clone()));
    let (world, ann) = world(&warden, auth(grant, OperatorProof::Nothing)).await;
    world.until(&ann, ConnectionState::Connected).await;
    let first = warden.seen().forms[0].clone();
    assert_eq!(first["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(first["client_id"], "parley");

    let refused = async |shown: usize, words: &str| {
        world.store.clock.advance(10_000);
        warden.forget();
        // A connection that is being replaced breaks: what counts is what is told over the next one.
        within(async {
            while !world.call(&ann, ECHO, json!({})).await.text.contains(words) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        assert_eq!(warden.seen().forms.len(), shown, "{words}");
    };
    write("https://other.example", "workload", later);
    refused(1, "for somebody else").await;
    let row = world.row(&ann).await.id;
    // The connection from before counts as one until the new one is tried: what is waited for is the next token.
    let again = async |given: usize| {
        world.store.clock.advance(10_000);
        world.connections.reconnect(&ann, &row).await.unwrap();
        eventually(|| warden.seen().given == given).await;
        world.until(&ann, ConnectionState::Connected).await;
    };
    write(&issuer, "workload", later);
    again(2).await;
    write(&issuer, "workload", 1);
    refused(2, "has expired").await;
    write(&issuer, "workload", later);
    again(3).await;
    write(&issuer, "somebody", later);
    refused(4, "«nobody vouches for you»").await;
    let seen = warden.seen();
    assert!(seen.forms.iter().all(|form| form["grant_type"] == first["grant_type"]), "no other grant is tried");
    std::fs::remove_file(&file).unwrap();
    world.store.clock.advance(10_000);
    world.connections.reconnect(&ann, &row).await.unwrap();
    let away = world.until(&ann, ConnectionState::Away).await.error;
    assert!(away.contains("cannot be read") && !away.contains("token"), "{away}");
    world.stop().await;
}

#[tokio::test]
async fn an_identity_provider_vouches_for_a_person_at_one_server() {
    let warden = Warden::serve().await;
    let told = |iss: String| json!({"iss": iss, "sub": "ann@example.org", "aud": "at-idp", "exp": 4_000_000_000_i64});
    let by = |token: String, proof: OperatorProof| {
        let client = OperatorClient { id: Some("at-idp".to_owned()), proof };
        let (provider, token) = (warden.provider(), Told::Text(token.into()));
        auth(OperatorGrant::Identity { provider, client, token }, secret("s: ecret", None))
    };
    let good = warden.id_token(told(warden.provider()));
    let (first, ann) = world(&warden, by(good.clone(), OperatorProof::Nothing)).await;
    first.until(&ann, ConnectionState::Connected).await;
    let seen = warden.seen();
    let exchange = &seen.exchanges[0];
    assert_eq!((&exchange["audience"], &exchange["resource"]), (&warden.issuer(), &warden.mcp()));
    assert_eq!((exchange["client_id"].as_str(), exchange["scope"].as_str()), ("at-idp", "read"));
    assert!(!seen.forms[0].contains_key("subject_token") && seen.forms[0]["assertion"] != good);
    warden.forget();
    calls(&first, &ann).await;
    assert_eq!((warden.seen().exchanges.len(), warden.seen().given), (2, 2));
    first.stop().await;

    let foreign = warden.id_token(told("https://other.example".to_owned()));
    let (second, ann) = world(&warden, by(foreign, secret("idp", None))).await;
    assert!(not_let_in(&second, &ann).await.contains("another identity provider"));
    assert_eq!(warden.seen().exchanges.len(), 2, "it stays here");
    second.stop().await;

    warden.turn(|knobs| knobs.gives = "urn:ietf:params:oauth:token-type:access_token");
    let (third, ann) = world(&warden, by(good, OperatorProof::Nothing)).await;
    let told = not_let_in(&third, &ann).await;
    assert!(told.contains("does not vouch") && told.contains("«id-jag»"), "{told}");
    assert_eq!((warden.seen().exchanges.len(), warden.seen().given), (3, 2));
    third.stop().await;
}

#[tokio::test]
async fn more_is_asked_for_once_and_what_never_opens_is_told() {
    let warden = Warden::serve().await;
    let (world, ann) = known(&warden).await;
    world.until(&ann, ConnectionState::Connected).await;
    warden.turn(|knobs| knobs.wants = "write");
    calls(&world, &ann).await;
    let seen = warden.seen();
    assert_eq!((seen.given, seen.forms[1]["scope"].as_str()), (2, "read write"));
    warden.turn(|knobs| (knobs.wants, knobs.never) = ("all", "all"));
    for _ in 0..2 {
        assert!(world.call(&ann, ECHO, json!({})).await.is_error);
    }
    let told = not_let_in(&world, &ann).await;
    assert!(told.contains("wants"), "{told}");
    assert_eq!(warden.seen().given, 3);
    world.stop().await;

    let warden = Warden::serve().await;
    warden.turn(|knobs| knobs.shut = true);
    let (world, ann) = known(&warden).await;
    let told = not_let_in(&world, &ann).await;
    assert!(told.contains("does not accept the token that its own authorization server gave"), "{told}");
    assert_eq!(warden.seen().given, 1);
    world.stop().await;
}

#[tokio::test]
async fn tokens_without_a_person_are_bound_to_a_key_too() {
    let warden = Warden::serve().await;
    warden.turn(|knobs| (knobs.bound, knobs.nonce) = (true, Some("n-1")));
    let key = Key::generate().unwrap();
    warden.turn(|knobs| knobs.client = public(&key));
    let (world, ann) = world(&warden, auth(OperatorGrant::ClientCredentials, OperatorProof::Key(key))).await;
    world.until(&ann, ConnectionState::Connected).await;
    calls(&world, &ann).await;
    let seen = warden.seen();
    assert_eq!((seen.given, seen.nonces_wanted), (1, 1), "one origin, one nonce");
    world.store.clock.advance(3_600_000);
    warden.turn(|knobs| knobs.nonce = Some("n-2"));
    calls(&world, &ann).await;
    assert_eq!(warden.seen().given, 2);

    warden.turn(|knobs| knobs.nonce = Some("never"));
    let outcome = world.call(&ann, ECHO, json!({})).await;
    assert!(outcome.is_error && outcome.text.contains("keeps asking for another proof"), "{}", outcome.text);
    let asked = warden.seen().forms.len();
    warden.forget();
    let row = world.row(&ann).await.id;
    world.connections.reconnect(&ann, &row).await.unwrap();
    let told = not_let_in(&world, &ann).await;
    assert!(told.contains("«a nonce is wanted»"), "{told}");
    assert_eq!(warden.seen().forms.len(), asked + 2, "once more with the nonce, and not again");
    world.stop().await;
}

#[tokio::test]
async fn what_one_call_may_not_leaves_everybodys_token_as_it_is() {
    let warden = Warden::serve().await;
    warden.turn(|knobs| (knobs.wants_of_whoami, knobs.refuses) = ("admin", "admin"));
    let (world, ann) = known(&warden).await;
    world.until(&ann, ConnectionState::Connected).await;
    calls(&world, &ann).await;
    for _ in 0..2 {
        let refused = world.call(&ann, "machine__whoami", json!({})).await;
        assert!(refused.is_error && refused.text.contains("«not that»"), "{}", refused.text);
        calls(&world, &ann).await;
    }
    let seen = warden.seen();
    assert_eq!((seen.given, seen.forms.len()), (1, 2), "one token, and one request in vain for more");
    assert_eq!(seen.forms[1]["scope"], "read admin");
    // Nor is more asked for when the token is renewed.
    world.store.clock.advance(3_600_000);
    calls(&world, &ann).await;
    let seen = warden.seen();
    assert_eq!((seen.given, seen.forms[2]["scope"].as_str()), (2, "read"));
    warden.turn(|knobs| knobs.refuses = "");
    world.store.clock.advance(10_000);
    assert!(!world.call(&ann, "machine__whoami", json!({})).await.is_error);
    assert_eq!(warden.seen().forms[3]["scope"], "read admin");
    world.stop().await;
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_yet_serves_to_its_end() {
    let warden = Warden::serve().await;
    let (world, ann) = known(&warden).await;
    world.until(&ann, ConnectionState::Connected).await;
    warden.turn(|knobs| knobs.broken = true);
    world.store.clock.advance(3_580_000);
    calls(&world, &ann).await;
    assert_eq!(warden.seen().forms.len(), 2, "asked once, and not again at once");
    warden.turn(|knobs| knobs.broken = false);
    world.store.clock.advance(10_000);
    calls(&world, &ann).await;
    assert_eq!((warden.seen().given, warden.seen().told), (2, 4), "whoever is in trouble is looked at anew");

    warden.turn(|knobs| knobs.broken = true);
    world.store.clock.advance(3_600_000);
    let over = world.call(&ann, ECHO, json!({})).await;
    assert!(over.is_error && over.text.contains("trouble of its own (HTTP 503)"), "{}", over.text);
    world.stop().await;
}

#[tokio::test]
async fn what_is_signed_is_as_old_as_the_request_it_is_signed_for() {
    let (warden, key) = (Warden::serve().await, Key::generate().unwrap());
    warden.turn(|knobs| {
        (knobs.bound, knobs.nonce, knobs.slow) = (true, Some("n-1"), 120_000);
        knobs.client = public(&key);
    });
    let (world, ann) = world(&warden, auth(OperatorGrant::ClientCredentials, OperatorProof::Key(key))).await;
    world.until(&ann, ConnectionState::Connected).await;
    let seen = warden.seen();
    assert_eq!((seen.given, seen.forms.len(), seen.nonces_wanted), (1, 2, 1));
    world.stop().await;
}
