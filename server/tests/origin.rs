//! Forged requests: what changes something, and every socket, must come from our own page.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{TestApp, TestUser, log::listen, path_of};
use app::backend::config::Settings;
use reqwest::{Method, StatusCode, header};
use server::middleware::origin::Gate;

/// The status of a sign-out with those headers.
async fn post(user: &TestUser, headers: &[(&str, &str)]) -> StatusCode {
    let request = user.bare(Method::POST, &path_of("sign_out")).header(header::ACCEPT, "application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    user.send(request).await.status()
}

/// The status of a socket's handshake with that `Origin`.
async fn upgrade(user: &TestUser, path: &str, origin: Option<&str>) -> StatusCode {
    user.upgrade(path, origin).await.status()
}

#[tokio::test]
async fn forged_posts_are_refused_and_the_session_stays() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let forged: [&[(&str, &str)]; 8] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", &app.url.replace("http", "https"))],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ];
    for headers in forged {
        assert_eq!(post(&ada, headers).await, StatusCode::FORBIDDEN, "{headers:?}");
    }
    assert!(ada.is_signed_in().await);
    assert!(post(&ada, &[("sec-fetch-site", "same-origin")]).await.is_success());
    assert!(!ada.is_signed_in().await);
}

#[tokio::test]
async fn a_refusal_is_readable_by_the_page() {
    let app = TestApp::start().await;
    let request = app.visitor().bare(Method::POST, &path_of("sign_in")).header("origin", "https://evil.example");
    let response = request.send().await.unwrap();
    insta::assert_snapshot!(
        format!("{} {}", response.status(), response.text().await.unwrap()),
        @r#"403 Forbidden {"forbidden":{"reason":"This request does not come from Parley's own page at the address it knows. Load the page again. If that does not help, whoever runs this Parley sets PARLEY_PUBLIC_URL to the address in your browser's address bar, and starts it again."}}"#
    );
}

#[tokio::test]
async fn sockets_are_for_our_own_page() {
    let allowed = "http://guide.example:5500";
    let app = TestApp::start_with(|settings| settings.allowed_origins = Some(allowed.to_owned())).await;
    let ada = app.person("ada").await;
    for origin in [None, Some("https://evil.example"), Some("null"), Some(allowed)] {
        assert_eq!(upgrade(&ada, "/ws/chat", origin).await, StatusCode::FORBIDDEN, "{origin:?}");
    }
    assert_eq!(upgrade(&ada, "/ws/chat/room/", Some("https://evil.example")).await, StatusCode::FORBIDDEN);
    assert_ne!(upgrade(&ada, "/ws/chat/room/", Some(allowed)).await, StatusCode::FORBIDDEN);
    assert_ne!(upgrade(&ada, "/ws/chat", Some(&app.url)).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_name_that_was_made_to_point_here_is_not_ours() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let port = app.url.rsplit(':').next().unwrap();
    for (host, status) in [("evil.example", StatusCode::FORBIDDEN), ("localhost", StatusCode::OK)] {
        let (host, origin) = (format!("{host}:{port}"), format!("http://{host}:{port}"));
        let status_of = post(&ada, &[("host", &host), ("origin", &origin)]).await;
        assert_eq!(status_of.is_success(), status.is_success(), "{host}: {status_of}");
    }
}

#[tokio::test]
async fn who_uses_a_name_that_it_was_not_told_of_is_told_the_setting_and_nothing_else() {
    let app = TestApp::start().await;
    for accept in ["application/json", "text/html"] {
        let request = app.visitor().bare(Method::POST, &path_of("sign_up"));
        let request = request.header(header::HOST, "chat.example").header(header::ORIGIN, "https://chat.example");
        let response = request.header(header::ACCEPT, accept).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN, "{accept}");
        let told = response.text().await.unwrap();
        assert!(told.contains("sets PARLEY_PUBLIC_URL to the address in your browser's address bar"), "{told}");
        assert!(!told.contains(app.url.trim_start_matches("http://")), "{told}");
        // A form posted without JavaScript is answered with a sentence.
        assert_eq!(told.starts_with('{'), accept == "application/json", "{told}");
    }
}

#[tokio::test]
async fn each_origin_is_logged_once_with_the_setting_that_may_be_missing() {
    let (log, _heard) = listen();
    let app = TestApp::start().await;
    let (ada, other) = (app.person("ada").await, "https://chat.example");
    for origin in [other, other, "http://evil.example:81/path?secret", "null", other] {
        assert_eq!(post(&ada, &[("origin", origin)]).await, StatusCode::FORBIDDEN, "{origin}");
    }
    let lines = log.lines(
        "refused: it does not come from our page. If people reach Parley at this origin, set PARLEY_PUBLIC_URL to it",
    );
    let told: Vec<_> = lines.iter().map(|line| (&line["origin"], &line["expected"])).collect();
    assert!(
        matches!(&told[..], [(first, at), (second, _)]
            if **first == other && **second == "http://evil.example:81" && **at == "http://127.0.0.1:3000"),
        "{told:?}"
    );
    assert!(!log.text().contains("secret"), "{}", log.text());
}

#[test]
fn an_address_that_nobody_can_type_is_told_at_the_start() {
    for (bind, told) in [("0.0.0.0:3000", 1), ("[::]:3000", 1), ("192.0.2.1:3000", 0)] {
        let (log, _heard) = listen();
        let settings = Settings { bind: Some(bind.to_owned()), ..Settings::default() };
        let _gate = Gate::new(&settings.check(|_| None).unwrap());
        let text = log.text();
        assert_eq!(text.matches("PARLEY_PUBLIC_URL is not set").count(), told, "{bind}: {text}");
    }
}

#[tokio::test]
async fn reading_needs_no_origin() {
    let app = TestApp::start().await;
    assert_eq!(app.visitor().get("/sign-in").await.status(), StatusCode::OK);
}
