//! An invitation's page, as whoever opens the link gets it.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, path_of};
use reqwest::{StatusCode, header};

#[tokio::test]
async fn a_link_says_who_invites_and_to_what_until_it_is_revoked() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.person("Ada").await, app.person("bob").await);
    let made: serde_json::Value = ada.call(&path_of("create_conversation"), &[]).await.json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    let title = "Engines <of> brass";
    ada.call(&path_of("rename_conversation"), &[("id", id), ("title", title)]).await;
    let invitation: serde_json::Value = ada.call(&path_of("invite"), &[("id", id)]).await.json().await.unwrap();
    let link = format!("/join/{}", invitation["token"].as_str().unwrap());

    let visitor = app.visitor().get(&link).await;
    let led = visitor.headers()[header::LOCATION].to_str().unwrap().to_owned();
    assert!(visitor.status().is_redirection() && led.starts_with("/sign-in?next=%2Fjoin%2F"), "{led}");
    assert!(!visitor.text().await.unwrap().contains("Engines"));

    let page = bob.get(&link).await;
    assert_eq!(page.status(), StatusCode::OK);
    let html = page.text().await.unwrap();
    assert!(html.contains("Ada asks you to join «Engines &lt;of&gt; brass»"), "{html}");
    assert!(html.contains("Join the conversation"));

    ada.call(&path_of("revoke_invitations"), &[("id", id)]).await;
    for dead in [link.as_str(), "/join/x", &format!("/join/{}", "A".repeat(43))] {
        let page = bob.get(dead).await;
        assert_eq!(page.status(), StatusCode::NOT_FOUND, "{dead}");
        let html = page.text().await.unwrap();
        assert!(
            html.contains("This invitation is no longer good") && !html.contains("Join the conversation"),
            "{html}"
        );
        assert!(!html.contains("Engines"));
    }
}
