//! Signing up, in and out; sessions; what strangers learn, which is nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{PASSWORD, TestApp, path_of};
use reqwest::{StatusCode, header};

#[tokio::test]
async fn a_person_signs_up_out_and_in_without_javascript() {
    let app = TestApp::start().await;
    let ada = app.visitor();
    let response = ada.sign_up("Ada", PASSWORD).await;
    assert_eq!((response.status(), response.headers()[header::LOCATION].to_str().unwrap()), (StatusCode::FOUND, "/"));
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    let token = cookie.strip_prefix("parley=").unwrap().split(';').next().unwrap();
    assert_eq!(cookie.replace(token, "TOKEN"), "parley=TOKEN; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
    assert!(ada.is_signed_in().await);
    assert!(ada.form(&path_of("sign_out"), &[]).await.status().is_redirection());
    assert_eq!(ada.cookie(), None);
    assert!(!ada.is_signed_in().await);
    assert!(ada.sign_in("ada", PASSWORD).await.status().is_redirection());
    assert!(ada.is_signed_in().await);
    app.stop().await;
}

#[tokio::test]
async fn every_sign_in_has_a_new_token_and_ends_the_old_session() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let planted = ada.cookie();
    ada.sign_in("ada", PASSWORD).await;
    assert_ne!(ada.cookie(), planted);
    let attacker = app.visitor();
    attacker.set_cookie(planted);
    assert!(!attacker.is_signed_in().await);
    assert_eq!(attacker.cookie(), None, "a cookie that opens nothing is taken away");
    assert!(ada.is_signed_in().await);
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_look_the_same() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let path = path_of("sign_in");
    let mut answers = Vec::new();
    for (name, password) in [("ada", "wrong password"), ("nobody", "wrong password"), ("no name at all!", "x")] {
        let response = app.visitor().call(&path, &[("name", name), ("password", password), ("next", "")]).await;
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        answers.push((response.status(), response.text().await.unwrap()));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert!(answers[0].0.is_client_error());
}

#[tokio::test]
async fn a_revoked_session_is_over_at_once() {
    let app = TestApp::start().await;
    let laptop = app.person("ada").await;
    let phone = app.visitor();
    phone.sign_in("ada", PASSWORD).await;
    let rows: Vec<serde_json::Value> = laptop.call(&path_of("sessions"), &[]).await.json().await.unwrap();
    assert_eq!(rows.len(), 2);
    let other = rows.iter().find(|row| row["current"] == false).unwrap()["id"].as_str().unwrap().to_owned();
    assert!(laptop.call(&path_of("revoke_session"), &[("id", &other)]).await.status().is_success());
    assert!(!phone.is_signed_in().await);
    assert!(laptop.is_signed_in().await);
    let eve = app.person("eve").await;
    let mine = rows.iter().find(|row| row["current"] == true).unwrap()["id"].as_str().unwrap();
    let refused = eve.call(&path_of("revoke_session"), &[("id", mine)]).await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    assert!(laptop.is_signed_in().await);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let app = TestApp::start().await;
    let laptop = app.person("ada").await;
    let phone = app.visitor();
    phone.sign_in("ada", PASSWORD).await;
    let path = path_of("change_password");
    let wrong = laptop.call(&path, &[("current", "not it at all"), ("new", "another password")]).await;
    assert!(wrong.status().is_client_error());
    assert!(phone.is_signed_in().await);
    let done = laptop.call(&path, &[("current", PASSWORD), ("new", "another password")]).await;
    assert!(done.status().is_success());
    assert!(laptop.is_signed_in().await && !phone.is_signed_in().await);
    phone.sign_in("ada", PASSWORD).await;
    assert!(!phone.is_signed_in().await);
    phone.sign_in("ada", "another password").await;
    assert!(phone.is_signed_in().await);
}

#[tokio::test]
async fn without_javascript_the_page_says_that_the_password_was_changed() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let path = path_of("change_password");
    let said = async |response: reqwest::Response| {
        let to = response.headers()[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(response.status(), StatusCode::FOUND, "{to}");
        let html = ada.get(to.split('#').next().unwrap()).await.text().await.unwrap();
        (to, html.contains("The password was changed"), html.contains("That is not your current password"))
    };
    let wrong = said(ada.form(&path, &[("current", "not it at all"), ("new", "another password")]).await).await;
    assert!(wrong.0.starts_with("/settings?") && !wrong.1 && wrong.2, "{wrong:?}");
    let done = said(ada.form(&path, &[("current", PASSWORD), ("new", "another password")]).await).await;
    assert_eq!(done, ("/settings?changed=password#password".to_owned(), true, false));
    let scripted = ada.call(&path, &[("current", "another password"), ("new", PASSWORD)]).await;
    assert!(scripted.status().is_success() && !scripted.headers().contains_key(header::LOCATION));
}

#[tokio::test]
async fn sign_up_can_be_closed() {
    let app = TestApp::start_with(|settings| settings.sign_up = Some("closed".to_owned())).await;
    let ada = app.visitor();
    let fields = [("name", "ada"), ("password", PASSWORD), ("next", "")];
    assert_eq!(ada.call(&path_of("sign_up"), &fields).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(app.backend.store.count_users().await.unwrap(), 0);
}

#[tokio::test]
async fn a_taken_name_is_told_at_sign_up() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let fields = [("name", "ADA"), ("password", PASSWORD), ("next", "")];
    let response = app.visitor().call(&path_of("sign_up"), &fields).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(response.text().await.unwrap().contains("taken"));
}

#[tokio::test]
async fn the_first_account_is_the_administrator() {
    let app = TestApp::start().await;
    app.person("ada").await;
    app.person("bob").await;
    let admin = async |name: &str| {
        let name = app::wire::account::Username::parse(name).unwrap();
        app.backend.store.user_by_name(&name).await.unwrap().unwrap().admin
    };
    assert!(admin("ada").await && !admin("bob").await);
}

#[tokio::test]
async fn nothing_of_the_password_or_token_is_kept_in_clear() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let token = ada.cookie().unwrap().split_once('=').unwrap().1.to_owned();
    let mut seen = 0;
    for entry in std::fs::read_dir(app.folder.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        seen += bytes.len();
        for secret in [PASSWORD, &token] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    assert!(seen > 0);
}
