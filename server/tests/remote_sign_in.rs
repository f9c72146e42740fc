//! One Parley signs in to another's `/mcp` by OAuth: the whole way, by forms and redirects as a browser goes it.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp, path_of,
    peers::{page_with, parley_with},
};
use reqwest::{Method, StatusCode, header};
use url::Url;

const PAGE: &str = "/settings/connections";

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_parley_signs_in_to_another() {
    let there = TestApp::start_at(app::backend::clock::Clock::System, |settings, url| {
        settings.public_url = Some(url.to_owned());
    })
    .await;
    let here = TestApp::start_at(app::backend::clock::Clock::System, |settings, url| {
        settings.public_url = Some(url.to_owned());
        settings.mcp_private = Some("allow".to_owned());
    })
    .await;
    let (ada, bea) = (here.person("ada").await, there.person("bea").await);
    let eve = here.person("eve").await;
    let fields = [("name", "Other side"), ("url", &*format!("{}/mcp", there.url))];
    assert_eq!(ada.form(&path_of("add_connection"), &fields).await.status(), StatusCode::FOUND);
    let page = page_with(&ada, "Needs sign-in").await;
    let server = between(&page, "name=\"server\" value=\"", "\"").to_owned();
    let foreign = eve.form("/connections/sign-in", &[("server", &*server)]).await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);

    let leads = ada.form("/connections/sign-in", &[("server", &*server)]).await;
    assert_eq!(leads.status(), StatusCode::OK);
    let leads = leads.text().await.unwrap();
    assert!(leads.contains("Go on to 127.0.0.1"), "{leads}");
    let address = between(&leads, &format!("href=\"{}/oauth/authorize?", there.url), "\"").replace("&amp;", "&");
    let asked: Vec<(String, String)> = url::form_urlencoded::parse(address.as_bytes()).into_owned().collect();
    let fields: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (&**name, &**value)).collect();
    let boxes = [("allow", "read"), ("allow", "write"), ("allow", "run"), ("decision", "allow")];
    let decided = bea.form("/oauth/authorize", &[&fields[..], &boxes].concat()).await;
    assert_eq!(decided.status(), StatusCode::SEE_OTHER);
    let back = Url::parse(decided.headers()[header::LOCATION].to_str().unwrap()).unwrap();
    let back = format!("{}?{}", back.path(), back.query().unwrap());

    let stolen = eve.get(&back).await;
    assert_eq!(stolen.status(), StatusCode::BAD_REQUEST);
    assert!(stolen.text().await.unwrap().contains("not known here"));
    let home = ada.get(&back).await;
    assert_eq!((home.status(), home.headers()[header::LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, PAGE));
    let page = page_with(&ada, "other_side__sum").await;
    assert!(page.contains("Connected") && page.contains("Sign out"), "{page}");
    assert_eq!(ada.get(&back).await.status(), StatusCode::BAD_REQUEST, "an answer counts once");

    assert!(bea.get("/settings/clients").await.text().await.unwrap().contains("Parley"));
    let out = ada.form("/connections/sign-out", &[("server", &*server)]).await;
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    page_with(&ada, "You signed out.").await;
    here.stop().await;
    there.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_why_parley_gets_no_token_without_a_person() {
    let there = TestApp::start_at(app::backend::clock::Clock::System, |settings, url| {
        settings.public_url = Some(url.to_owned());
    })
    .await;
    let auth = serde_json::json!({
        "grant_type": "client_credentials", "client_id": "parley", "client_secret": "hunter2",
    });
    let server = serde_json::json!({"url": format!("{}/mcp", there.url), "auth": auth});
    let here = parley_with("other", &server).await;
    let ada = here.person("ada").await;
    let page = page_with(&ada, "Not let in").await;
    assert!(page.contains("gives no tokens by «client_credentials», as Parley is to get them."), "{page}");
    assert!(!page.contains("hunter2") && !page.contains("/connections/sign-in"), "nobody signs in for it: {page}");
    here.stop().await;
    there.stop().await;
}

#[tokio::test]
async fn only_people_sign_in_and_only_a_public_parley_describes_itself() {
    let app = TestApp::start_with(|settings| settings.public_url = Some("https://chat.example".to_owned())).await;
    let visitor = app.visitor();
    let told: serde_json::Value =
        visitor.bare(Method::GET, "/client-metadata.json").send().await.unwrap().json().await.unwrap();
    assert_eq!(told["client_id"], "https://chat.example/client-metadata.json");
    assert_eq!(told["redirect_uris"], serde_json::json!(["https://chat.example/connections/callback"]));
    assert_eq!((&told["application_type"], &told["token_endpoint_auth_method"]), (&"web".into(), &"none".into()));
    app.stop().await;
    let local = TestApp::start().await;
    let visitor = local.visitor();
    assert_eq!(visitor.get("/client-metadata.json").await.status(), StatusCode::NOT_FOUND);
    for path in ["/connections/sign-in", "/connections/sign-out"] {
        let sent = visitor.form(path, &[("server", "x")]).await;
        assert!(sent.headers()[header::LOCATION].to_str().unwrap().starts_with("/sign-in"), "{path}");
    }
    let sent = visitor.get("/connections/callback?state=x&code=y").await;
    assert!(sent.headers()[header::LOCATION].to_str().unwrap().starts_with("/sign-in"));
    local.stop().await;
}
