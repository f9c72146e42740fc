//! Too often, too much: refused with a time to come back.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{PASSWORD, TestApp, path_of};
use app::wire::limits::BODY_MAX;
use reqwest::{Method, Response, StatusCode, header};

fn retry_after(response: &Response) -> u64 {
    response.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn one_account_can_be_tried_so_often_only() {
    let app = TestApp::start_with(|settings| settings.rate_sign_in_account = Some("3/1h".to_owned())).await;
    let ada = app.person("ada").await;
    let path = path_of("sign_in");
    let attempt = async |name: &str, password: &str| {
        app.visitor().call(&path, &[("name", name), ("password", password), ("next", "")]).await
    };
    for _ in 0..3 {
        assert_ne!(attempt("Ada", "wrong password").await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    let refused = attempt("ada", PASSWORD).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "the right password too");
    assert!((1..=1200).contains(&retry_after(&refused)));
    let told: serde_json::Value = refused.json().await.unwrap();
    assert!(told["too_many"].is_object(), "{told}");
    assert_ne!(attempt("bob", "wrong password").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(ada.is_signed_in().await, "who is in stays in");
}

#[tokio::test]
async fn what_cannot_be_a_name_is_nobodys_account_and_only_its_address_is_limited() {
    let app = TestApp::start_with(|settings| {
        settings.rate_sign_in_account = Some("1/1h".to_owned());
        settings.rate_sign_in_address = Some("4/1h".to_owned());
    })
    .await;
    let path = path_of("sign_in");
    let attempt = async |name: &str| {
        app.visitor().call(&path, &[("name", name), ("password", "wrong"), ("next", "")]).await.status()
    };
    for name in ["no name at all!", "ada lovelace", "", "no name at all!"] {
        assert_ne!(attempt(name).await, StatusCode::TOO_MANY_REQUESTS, "{name}");
    }
    assert_eq!(attempt("another one!").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn one_address_can_try_so_many_accounts_only() {
    let app = TestApp::start_with(|settings| {
        settings.rate_sign_in_address = Some("2/1h".to_owned());
        settings.trusted_proxies = Some("1".to_owned());
    })
    .await;
    let attempt = async |name: &str, from: &str| {
        let request = app
            .visitor()
            .bare(Method::POST, &path_of("sign_in"))
            .header(header::ORIGIN, &app.url)
            .header("x-forwarded-for", from)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("name={name}&password=wrong&next="));
        request.send().await.unwrap().status()
    };
    assert_ne!(attempt("ann", "192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_ne!(attempt("ben", "6.6.6.6, 192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(attempt("cat", "7.7.7.7, 192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS, "a forged entry helps not");
    assert_ne!(attempt("cat", "192.0.2.2").await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn sign_ups_of_one_address_are_limited() {
    let app = TestApp::start_with(|settings| settings.rate_sign_up = Some("1/1h".to_owned())).await;
    app.person("ada").await;
    let fields = [("name", "bob"), ("password", PASSWORD), ("next", "")];
    let refused = app.visitor().call(&path_of("sign_up"), &fields).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(retry_after(&refused) > 0);
}

#[tokio::test]
async fn one_person_can_make_so_many_conversations_only() {
    let app = TestApp::start_with(|settings| settings.rate_create = Some("2/1h".to_owned())).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    ada.room().await;
    ada.guide("lobby").await;
    ada.guide("lobby").await;
    let answer = ada.call(&path_of("create_conversation"), &[]).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=1800).contains(&retry_after(&answer)));
    let answer = ada.upgrade("/ws/chat/another/", Some(&app.url)).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!((1..=1800).contains(&retry_after(&answer)));
    assert!(answer.text().await.unwrap().starts_with("Too many attempts. Try again in "));
    assert_eq!(ada.conversations().await.len(), 2);
    ada.guide("lobby").await;
    bob.room().await;
}

#[tokio::test]
async fn an_address_that_floods_is_refused_before_any_work() {
    let app = TestApp::start_with(|settings| settings.rate_request = Some("5/1h".to_owned())).await;
    app.site_file("pkg/parley.js", b"export {}");
    let user = app.visitor();
    for _ in 0..5 {
        assert_eq!(user.get("/sign-in").await.status(), StatusCode::OK);
    }
    let refused = user.get("/sign-in").await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(retry_after(&refused) > 0);
    assert!(refused.text().await.unwrap().starts_with("Too many attempts. Try again in "));
    assert_eq!(user.get("/pkg/parley.js").await.status(), StatusCode::OK, "files are not counted");
    assert_eq!(user.get("/health/live").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let app = TestApp::start().await;
    let long = "x".repeat(BODY_MAX);
    let response = app.visitor().form(&path_of("sign_in"), &[("name", &long), ("password", "x"), ("next", "")]).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
