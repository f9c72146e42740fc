//! The pages of the settings: each at its own address, and what earlier addresses lead to.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::TestApp;
use reqwest::{StatusCode, header};

#[tokio::test]
async fn every_page_has_its_title_its_heading_and_the_way_to_the_others() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let pages = [
        ("/settings", "Account", "Signed-in browsers"),
        ("/settings/prompts", "Prompts", "Save the prompt"),
        ("/settings/tools", "Tools", "Tool permissions"),
        ("/settings/calls", "Tool calls", "No tool was called."),
        ("/settings/programs", "Programs", "Connected programs"),
        ("/settings/connections", "Connections", "Connect a server"),
        ("/settings/usage", "Model and usage", "Tokens read"),
    ];
    for (path, title, holds) in pages {
        let response = ada.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let html = response.text().await.unwrap();
        assert!(html.contains(&format!("<title>{title} · Settings · Parley</title>")), "{path}: {html}");
        let heading = html.split("<h1").nth(1).unwrap().split("</h1>").next().unwrap();
        assert!(heading.contains(title), "{path}: {heading}");
        assert!(html.contains(holds), "{path}: {html}");
        for (other, _, theirs) in pages {
            assert_eq!(html.contains(theirs), other == path, "{path} holds «{theirs}»");
            let way = html.split("<a ").filter_map(|rest| rest.split('>').next());
            let way = way.filter(|tag| tag.contains(&format!("href=\"{other}\""))).collect::<Vec<_>>();
            assert_eq!(way[0].contains("aria-current=\"page\""), other == path, "{path}: {way:?}");
        }
        let visitor = app.visitor().get(path).await;
        assert_eq!(visitor.status(), StatusCode::FOUND, "{path}");
        assert!(visitor.headers()[header::LOCATION].to_str().unwrap().starts_with("/sign-in?next="));
    }
    assert_eq!(ada.get("/settings/nothing").await.status(), StatusCode::NOT_FOUND);
    app.stop().await;
}

#[tokio::test]
async fn an_address_of_the_one_long_page_leads_to_the_page_that_was_meant() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    for (old, new) in [
        ("/settings?whose=all", "/settings/calls?whose=all"),
        ("/settings?calls=0190", "/settings/calls?calls=0190"),
        ("/settings?prompt=0190", "/settings/prompts?prompt=0190"),
    ] {
        let response = ada.get(old).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{old}");
        assert_eq!(response.headers()[header::LOCATION], new);
    }
    assert_eq!(ada.get("/settings?changed=password").await.status(), StatusCode::OK);
    app.stop().await;
}
