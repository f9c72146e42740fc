//! The headers of every kind of response, and how long each may be kept.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{PASSWORD, TestApp, encode, path_of};
use reqwest::{Method, Response, StatusCode, header};

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// The nonce in a policy.
fn nonce(policy: &str) -> &str {
    policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap()
}

#[tokio::test]
async fn a_page_signs_every_inline_script_and_allows_nothing_else() {
    let app = TestApp::start().await;
    let response = app.visitor().get("/sign-in").await;
    assert_eq!(response.status(), StatusCode::OK);
    let policy = header(&response, "content-security-policy").to_owned();
    let nonce = nonce(&policy).to_owned();
    insta::assert_snapshot!(
        policy.replace(&nonce, "NONCE"),
        @"default-src 'self'; script-src 'self' 'nonce-NONCE' 'wasm-unsafe-eval'; style-src 'self' 'nonce-NONCE'; img-src 'self' data: blob:; connect-src 'self' ws://127.0.0.1:3000; frame-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    assert_eq!(header(&response, "cache-control"), "private, no-store");
    let page = response.text().await.unwrap();
    let scripts: Vec<&str> = page.split("<script").skip(1).map(|rest| rest.split('>').next().unwrap()).collect();
    assert!(!scripts.is_empty());
    assert!(scripts.iter().all(|tag| tag.contains(&format!("nonce=\"{nonce}\""))), "{scripts:?}");
    assert!(!page.contains(" style=\"") && !page.contains(" onclick="));
    let again = app.visitor().get("/sign-in").await;
    assert_ne!(self::nonce(header(&again, "content-security-policy")), nonce);
}

#[tokio::test]
async fn every_response_is_locked_down() {
    let app = TestApp::start().await;
    app.site_file("robots.txt", b"User-agent: *\n");
    app.site_file("pkg/parley.js", b"export {}");
    let user = app.person("ada").await;
    let mut responses = Vec::new();
    for path in ["/", "/sign-in", "/no/such/page", "/robots.txt", "/pkg/parley.js", "/pkg/nothing.js", "/health/live"] {
        responses.push((path, user.get(path).await));
    }
    responses.push(("a call", user.call(&path_of("sessions"), &[]).await));
    responses.push(("a refusal", user.bare(Method::POST, "/api/x").send().await.unwrap()));
    for (path, response) in &responses {
        assert_eq!(header(response, "x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header(response, "x-frame-options"), "DENY", "{path}");
        assert_eq!(header(response, "referrer-policy"), "same-origin", "{path}");
        // What means something for documents alone, the files of a page do not carry.
        let page = header(response, "content-type").starts_with("text/html");
        assert_eq!(header(response, "cross-origin-opener-policy"), if page { "same-origin" } else { "" }, "{path}");
        assert_eq!(header(response, "permissions-policy").contains("camera=()"), page, "{path}");
        assert_eq!(header(response, "cross-origin-resource-policy"), "same-origin", "{path}");
        assert!(header(response, "content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(header(response, "strict-transport-security"), "", "{path}: not on HTTP");
    }
}

#[tokio::test]
async fn https_locks_the_browser_to_it() {
    let app = TestApp::start_with(|settings| settings.public_url = Some("https://chat.example".to_owned())).await;
    let user = app.visitor();
    let body = format!("name=ada&password={}&next=", encode(PASSWORD));
    let request = user
        .bare(Method::POST, &path_of("sign_up"))
        .header(header::ORIGIN, "https://chat.example")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    let response = user.send(request).await;
    assert_eq!(header(&response, "strict-transport-security"), "max-age=31536000");
    let cookie = header(&response, "set-cookie");
    assert!(cookie.starts_with("__Host-parley=") && cookie.ends_with("HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    let page = user.get("/sign-in").await;
    assert!(header(&page, "content-security-policy").contains("connect-src 'self' wss://chat.example;"));
}

#[tokio::test]
async fn files_are_kept_compressed_and_typed() {
    let app = TestApp::start().await;
    app.site_file("pkg/parley.wasm", b"\0asm-plain");
    app.site_file("pkg/parley.wasm.br", b"brotli");
    app.site_file("favicon.svg", b"<svg/>");
    let user = app.visitor();
    let get = async |path: &str, encoding: &str| {
        user.bare(Method::GET, path).header(header::ACCEPT_ENCODING, encoding).send().await.unwrap()
    };
    let wasm = get("/pkg/parley.wasm", "gzip, br").await;
    assert_eq!(header(&wasm, "content-type"), "application/wasm");
    assert_eq!(header(&wasm, "content-encoding"), "br");
    assert_eq!(header(&wasm, "vary"), "accept-encoding");
    assert_eq!(header(&wasm, "cache-control"), "no-cache", "names without a hash are asked for again");
    assert_eq!(wasm.bytes().await.unwrap(), "brotli");
    assert_eq!(get("/pkg/parley.wasm", "identity").await.bytes().await.unwrap(), "\0asm-plain");
    let icon = get("/favicon.svg", "identity").await;
    assert_eq!(
        (header(&icon, "content-type"), header(&icon, "cache-control")),
        ("image/svg+xml", "public, max-age=3600")
    );
    let missing = get("/pkg/other.js", "identity").await;
    assert_eq!((missing.status(), header(&missing, "cache-control")), (StatusCode::NOT_FOUND, "no-store"));
    for outside in ["/../data/parley.db", "/%2e%2e/data/parley.db", "/pkg/..%2f..%2fdata/parley.db"] {
        assert_eq!(get(outside, "identity").await.status(), StatusCode::NOT_FOUND, "{outside}");
    }
}

#[tokio::test]
async fn pages_are_compressed_and_unknown_ones_are_pages_of_404() {
    let app = TestApp::start().await;
    let request = app.visitor().bare(Method::GET, "/no/such/page").header(header::ACCEPT_ENCODING, "br");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(header(&response, "content-type").starts_with("text/html"));
    assert_eq!(header(&response, "content-encoding"), "br");
}

#[tokio::test]
async fn a_function_of_an_older_page_says_so() {
    let app = TestApp::start().await;
    let response = app.visitor().call("/api/sign_in1", &[]).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert!(response.text().await.unwrap().contains("older than the server"));
}

#[tokio::test]
async fn health_says_alive_and_ready() {
    let app = TestApp::start().await;
    for (path, word) in [("/health/live", "alive\n"), ("/health/ready", "ready\n")] {
        let response = app.visitor().get(path).await;
        assert_eq!((response.status(), response.text().await.unwrap().as_str()), (StatusCode::OK, word));
    }
}
