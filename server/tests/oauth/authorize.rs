//! The authorization endpoint and the consent page.

use super::*;
use crate::support::path_of;

#[tokio::test]
async fn who_does_not_prove_itself_is_answered_on_our_page_only() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let one = Program::public(&app).await;
    let several = register(&app, json!({"redirect_uris": ["https://a.example/cb", "https://b.example/cb"]})).await;
    let several: Value = several.json().await.unwrap();
    let several = Program { id: several["client_id"].as_str().unwrap().to_owned(), secret: None };
    let twice = |name: &str| {
        let mut params = one.asks(&app, &[]);
        params.push((name.to_owned(), "x".to_owned()));
        params
    };
    for (params, told) in [
        (one.asks(&app, &[("client_id", "")]), "«client_id» is missing"),
        (one.asks(&app, &[("client_id", "nobody")]), "No program of that client_id"),
        (one.asks(&app, &[("client_id", "a\0b")]), "No program of that client_id"),
        (twice("client_id"), "«client_id» is there more than once"),
        (one.asks(&app, &[("client_id", "https://127.0.0.1/client.json")]), "private and may not be visited"),
        (one.asks(&app, &[("client_id", "https://10.0.0.1/client.json")]), "private and may not be visited"),
        (one.asks(&app, &[("client_id", "https://[::ffff:7f00:1]/c.json")]), "private and may not be visited"),
        (one.asks(&app, &[("client_id", "https://0x7f.1/client.json")]), "is not spelled as"),
        (one.asks(&app, &[("client_id", "https://localhost/client.json")]), "names a machine nearby"),
        (one.asks(&app, &[("client_id", "https://example.com")]), "has no path"),
        (twice("redirect_uri"), "«redirect_uri» is there more than once"),
        (one.asks(&app, &[("redirect_uri", "https://evil.example/cb")]), "not its own"),
        (one.asks(&app, &[("redirect_uri", "http://127.0.0.1:51000/other")]), "not its own"),
        (one.asks(&app, &[("redirect_uri", "http://localhost:51000/callback")]), "not its own"),
        (one.asks(&app, &[("redirect_uri", "http://127.0.0.1:51000/callback?x=1")]), "not its own"),
        (one.asks(&app, &[("redirect_uri", "https://127.0.0.1:51000/callback")]), "not its own"),
        (several.asks(&app, &[("redirect_uri", "")]), "does not say where the answer is to go"),
        // The client comes before everything else that is wrong.
        (one.asks(&app, &[("client_id", "nobody"), ("response_type", "token")]), "No program of that client_id"),
    ] {
        for response in [open(&ada, &params).await, decide(&ada, &params, "allow", &["read"]).await] {
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{params:?}");
            assert_eq!(location(&response), "", "{params:?}");
            let page = response.text().await.unwrap();
            assert!(page.contains("This program cannot be let in") && page.contains(told), "{params:?}: {page}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn everything_else_is_told_to_the_client_with_state_and_issuer() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let twice = |name: &str| {
        let mut params = program.asks(&app, &[]);
        params.push((name.to_owned(), "x".to_owned()));
        params
    };
    let asks = |changes: &[(&str, &str)]| program.asks(&app, changes);
    for (params, error) in [
        (twice("scope"), "invalid_request"),
        (twice("code_challenge"), "invalid_request"),
        (asks(&[("response_type", "")]), "invalid_request"),
        (asks(&[("response_type", "token")]), "unsupported_response_type"),
        (asks(&[("response_type", "code id_token")]), "unsupported_response_type"),
        (asks(&[("response_mode", "fragment")]), "invalid_request"),
        (asks(&[("code_challenge", "")]), "invalid_request"),
        (asks(&[("code_challenge_method", "")]), "invalid_request"),
        (asks(&[("code_challenge_method", "plain"), ("code_challenge", VERIFIER)]), "invalid_request"),
        (asks(&[("code_challenge", "tooshort")]), "invalid_request"),
        (asks(&[("code_challenge", &CHALLENGE.replace('-', "+"))]), "invalid_request"),
        (asks(&[("resource", "https://elsewhere.example/mcp")]), "invalid_target"),
        (asks(&[("resource", &app.url)]), "invalid_target"),
        (asks(&[("resource", &format!("{}/mcp#x", app.url))]), "invalid_target"),
        (twice("resource"), "invalid_target"),
        (asks(&[("scope", "admin openid")]), "invalid_scope"),
        // The first thing that is wrong is the one that is told.
        (asks(&[("response_type", "token"), ("code_challenge", ""), ("scope", "admin")]), "unsupported_response_type"),
    ] {
        for response in [open(&ada, &params).await, decide(&ada, &params, "allow", &["read"]).await] {
            assert_eq!(answered(&response, "error").as_deref(), Some(error), "{params:?}");
            assert_eq!(answered(&response, "state").as_deref(), Some("a state"), "{params:?}");
            assert_eq!(answered(&response, "iss").as_deref(), Some(&*app.url), "{params:?}");
            assert_eq!(answered(&response, "code"), None);
            assert!(answered(&response, "error_description").unwrap().is_ascii());
        }
    }
    let response = open(&ada, &twice("state")).await;
    assert_eq!(answered(&response, "error").as_deref(), Some("invalid_request"));
    assert_eq!(answered(&response, "state"), None, "nobody knows which");
    let without = open(&ada, &asks(&[("state", ""), ("scope", "admin")])).await;
    assert_eq!((answered(&without, "state"), answered(&without, "iss").as_deref()), (None, Some(&*app.url)));
    app.stop().await;
}

#[tokio::test]
async fn the_page_says_who_asks_for_what_and_runs_no_script() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let state = "\"><script>alert(1)</script>";
    let response = open(&ada, &program.asks(&app, &[("state", state)])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_SECURITY_POLICY],
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' http://127.0.0.1:51000; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    assert_eq!(response.headers()[header::X_FRAME_OPTIONS], "DENY");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "private, no-store");
    let page = response.text().await.unwrap();
    assert!(page.contains("<title>Let a program in · Parley</title>"), "{page}");
    assert!(!page.contains("<script") && !page.contains("<b>Code"), "{page}");
    for told in [
        "Claude &lt;b&gt;Code&lt;/b&gt;",
        "You are signed in as ada.",
        "this computer (127.0.0.1)",
        "any other program can pass for it",
        "Read your conversations",
        "Change what is yours here",
        "Connected programs",
        "action=\"/oauth/authorize\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("Reach other machines"), "not asked for");

    let hosted = register(&app, json!({"redirect_uris": ["https://a.example:8443/cb"], "client_name": "Hosted"})).await;
    let hosted: Value = hosted.json().await.unwrap();
    let hosted = Program { id: hosted["client_id"].as_str().unwrap().to_owned(), secret: None };
    let response = open(&ada, &hosted.asks(&app, &[("redirect_uri", "")])).await;
    let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("form-action 'self' https://a.example:8443;"), "{policy}");
    let page = response.text().await.unwrap();
    assert!(page.contains("a.example:8443") && !page.contains("any other program can pass for it"), "{page}");
    app.stop().await;
}

#[tokio::test]
async fn who_is_not_signed_in_signs_in_first_and_comes_back() {
    let (app, _) = start().await;
    app.person("ada").await;
    let program = Program::public(&app).await;
    let visitor = app.visitor();
    let params = program.asks(&app, &[]);
    let response = open(&visitor, &params).await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    let to = location(&response).to_owned();
    assert!(to.starts_with("/sign-in?next=%2Foauth%2Fauthorize%3F"), "{to}");
    // Nothing is looked up, and nobody told, before that.
    for wrong in [program.asks(&app, &[("client_id", "nobody")]), program.asks(&app, &[("scope", "admin")])] {
        assert!(location(&open(&visitor, &wrong).await).starts_with("/sign-in?next="));
        assert!(location(&decide(&visitor, &wrong, "allow", &["read"]).await).starts_with("/sign-in?next="));
    }
    let next = url::Url::parse(&app.url).unwrap().join(&to).unwrap();
    let next = next.query_pairs().find(|(name, _)| name == "next").unwrap().1.into_owned();
    assert_eq!(visitor.get(&to).await.status(), StatusCode::OK);
    let fields = [("name", "ada"), ("password", PASSWORD), ("next", &*next)];
    let back = visitor.form(&path_of("sign_in"), &fields).await;
    assert_eq!(location(&back), next);
    let page = visitor.get(&next).await.text().await.unwrap();
    assert!(page.contains("You are signed in as ada."), "{page}");
    app.stop().await;
}

#[tokio::test]
async fn the_person_decides_what_of_it() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let params = program.asks(&app, &[("scope", "read write")]);

    let denied = decide(&ada, &params, "deny", &["read"]).await;
    assert_eq!(answered(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!((answered(&denied, "code"), answered(&denied, "iss")), (None, Some(app.url.clone())));

    for (decision, boxes) in [("allow", &[][..]), ("allow", &["run"][..]), ("", &["read"][..])] {
        let again = decide(&ada, &params, decision, boxes).await;
        assert_eq!((again.status(), location(&again)), (StatusCode::OK, ""), "{decision} {boxes:?}");
    }

    // Not asked for is not granted, whatever is ticked.
    for (boxes, granted) in [(&["write", "run"][..], "write"), (&["read", "write"][..], "read write")] {
        let allowed = decide(&ada, &params, "allow", boxes).await;
        assert_eq!(answered(&allowed, "state").as_deref(), Some("a state"));
        assert_eq!(answered(&allowed, "iss"), Some(app.url.clone()));
        let code = answered(&allowed, "code").unwrap();
        let (_, told) = post(&app, TOKEN, &program.shows(&code, &[]), None).await;
        assert_eq!(told["scope"], granted, "{told}");
    }
    // What the request smuggles in beside the known parameters decides nothing.
    let page = open(&ada, &program.asks(&app, &[("allow", "run"), ("decision", "allow")])).await;
    let page = page.text().await.unwrap();
    assert!(!page.contains("type=\"hidden\" name=\"decision\"") && !page.contains("type=\"hidden\" name=\"allow\""));
    app.stop().await;
}

#[tokio::test]
async fn nobody_decides_from_elsewhere() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let mut form = program.asks(&app, &[]);
    form.extend([("allow", "read"), ("decision", "allow")].map(|(name, value)| (name.to_owned(), value.to_owned())));
    for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let request = ada.bare(Method::POST, AUTHORIZE).header(name, value);
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(query(&form));
        let response = ada.send(request).await;
        assert_eq!((response.status(), location(&response)), (StatusCode::FORBIDDEN, ""), "{name}: {value}");
    }
    app.stop().await;
}
