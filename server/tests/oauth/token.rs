//! The token endpoint: every refusal, and what replay costs.

use super::*;
use app::wire::limits::{OAUTH_CODE_MS, OAUTH_GRANT_MS};

#[tokio::test]
async fn every_refusal_names_what_is_wrong_and_uses_no_code_up() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let (program, other) = (Program::public(&app).await, Program::public(&app).await);
    let code = program.code(&app, &ada).await;
    let shows = |changes: &[(&str, &str)]| program.shows(&code, changes);
    let mut twice = shows(&[]);
    twice.push(("code_verifier".to_owned(), VERIFIER.to_owned()));
    let unknown = format!("parley_code_{}", "A".repeat(43));
    let short = &VERIFIER[..42];
    let long = "a".repeat(129);
    for (form, status, error) in [
        (Vec::new(), 400, "invalid_request"),
        (shows(&[("grant_type", "")]), 400, "invalid_request"),
        (shows(&[("grant_type", "password")]), 400, "unsupported_grant_type"),
        (shows(&[("grant_type", "client_credentials"), ("client_id", "nobody")]), 400, "unsupported_grant_type"),
        (shows(&[("client_id", "")]), 400, "invalid_request"),
        (shows(&[("client_id", "nobody")]), 401, "invalid_client"),
        (shows(&[("client_secret", "parley_secret_x")]), 401, "invalid_client"),
        (shows(&[("code", "")]), 400, "invalid_request"),
        (shows(&[("code_verifier", "")]), 400, "invalid_request"),
        (twice, 400, "invalid_request"),
        (shows(&[("code", "nonsense")]), 400, "invalid_grant"),
        (shows(&[("code", &unknown)]), 400, "invalid_grant"),
        (other.shows(&code, &[]), 400, "invalid_grant"),
        (shows(&[("redirect_uri", "http://127.0.0.1:51001/callback")]), 400, "invalid_grant"),
        (shows(&[("code_verifier", CHALLENGE)]), 400, "invalid_grant"),
        (shows(&[("code_verifier", short)]), 400, "invalid_grant"),
        (shows(&[("code_verifier", &long)]), 400, "invalid_grant"),
        (shows(&[("resource", "https://elsewhere.example/mcp")]), 400, "invalid_target"),
    ] {
        let (got, told) = post(&app, TOKEN, &form, None).await;
        assert_eq!((got.as_u16(), told["error"].as_str()), (status, Some(error)), "{form:?}: {told}");
        assert!(told["error_description"].as_str().unwrap().is_ascii());
    }
    let json = app.visitor().bare(Method::POST, TOKEN).json(&json!({"grant_type": "authorization_code"}));
    let response = json.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.json::<Value>().await.unwrap()["error"], "invalid_request");
    // OAuth 2.1 clients leave the redirect URI out.
    let (status, told) = post(&app, TOKEN, &shows(&[("redirect_uri", "")]), None).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    app.stop().await;
}

#[tokio::test]
async fn the_answer_is_whole_and_nobody_may_keep_it() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let code = program.code(&app, &ada).await;
    let request = app
        .visitor()
        .bare(Method::POST, TOKEN)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=UTF-8")
        .body(query(&program.shows(&code, &[])));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    let told: Value = response.json().await.unwrap();
    assert!(told["access_token"].as_str().unwrap().starts_with("parley_access_"));
    assert!(told["refresh_token"].as_str().unwrap().starts_with("parley_refresh_"));
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(told["scope"], "read write");
    app.stop().await;
}

#[tokio::test]
async fn a_code_that_is_shown_twice_ends_what_it_gave() {
    let (app, clock) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let code = program.code(&app, &ada).await;
    let (_, told) = post(&app, TOKEN, &program.shows(&code, &[]), None).await;
    assert!(opens(&app, &told).await);
    // Another program that shows it learns nothing and ends nothing.
    let thief = Program::public(&app).await;
    assert_eq!(post(&app, TOKEN, &thief.shows(&code, &[]), None).await.1["error"], "invalid_grant");
    assert!(opens(&app, &told).await);
    // Late, and with whatever verifier.
    clock.advance(OAUTH_CODE_MS * 2);
    let again = program.shows(&code, &[("code_verifier", CHALLENGE)]);
    assert_eq!(post(&app, TOKEN, &again, None).await.1["error"], "invalid_grant");
    assert!(!opens(&app, &told).await);
    assert_eq!(program.renew(&app, &told["refresh_token"], &[]).await.1["error"], "invalid_grant");
    app.stop().await;
}

#[tokio::test]
async fn a_code_lapses() {
    let (app, clock) = start().await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let code = program.code(&app, &ada).await;
    clock.advance(OAUTH_CODE_MS);
    let (status, told) = post(&app, TOKEN, &program.shows(&code, &[]), None).await;
    assert_eq!((status, told["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    app.stop().await;
}

#[tokio::test]
async fn a_refresh_token_works_once_and_using_it_again_ends_everything() {
    let (app, clock) = start().await;
    let ada = app.person("ada").await;
    let (program, other) = (Program::public(&app).await, Program::public(&app).await);
    let first = program.tokens(&app, &ada).await;
    let separate = program.tokens(&app, &ada).await;
    let unknown = json!(format!("parley_refresh_{}", "A".repeat(43)));
    for (refresh, changes, error) in [
        (&first["refresh_token"], &[("client_id", &*other.id)][..], "invalid_grant"),
        (&first["access_token"], &[][..], "invalid_grant"),
        (&unknown, &[][..], "invalid_grant"),
        (&first["refresh_token"], &[("refresh_token", "")][..], "invalid_request"),
        (&first["refresh_token"], &[("scope", "read run")][..], "invalid_scope"),
        (&first["refresh_token"], &[("scope", "admin")][..], "invalid_scope"),
        (&first["refresh_token"], &[("resource", "https://elsewhere.example/mcp")][..], "invalid_target"),
    ] {
        let (status, told) = program.renew(&app, refresh, changes).await;
        assert_eq!((status, told["error"].as_str()), (StatusCode::BAD_REQUEST, Some(error)), "{changes:?}");
    }
    // Less is possible, and is not less for ever.
    let (_, second) = program.renew(&app, &first["refresh_token"], &[("scope", "read")]).await;
    assert_eq!(second["scope"], "read");
    let (_, third) = program.renew(&app, &second["refresh_token"], &[]).await;
    assert_eq!(third["scope"], "read write");
    assert!(opens(&app, &first).await && opens(&app, &third).await);

    clock.advance(1000);
    assert_eq!(program.renew(&app, &first["refresh_token"], &[]).await.1["error"], "invalid_grant");
    for told in [&first, &second, &third] {
        assert!(!opens(&app, told).await);
        assert_eq!(program.renew(&app, &told["refresh_token"], &[]).await.1["error"], "invalid_grant");
    }
    assert!(opens(&app, &separate).await, "another sign-in of the same program is another thing");
    clock.advance(OAUTH_GRANT_MS);
    assert_eq!(program.renew(&app, &separate["refresh_token"], &[]).await.1["error"], "invalid_grant");
    app.stop().await;
}

#[tokio::test]
async fn a_program_with_a_secret_shows_it_and_one_without_does_not() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::known(&app, "client_secret_basic").await;
    let other = Program::known(&app, "client_secret_post").await;
    let (secret, foreign) = (program.secret.clone().unwrap(), other.secret.clone().unwrap());
    let code = program.code(&app, &ada).await;
    let (plain, posted) = (program.shows(&code, &[]), program.shows(&code, &[("client_secret", &foreign)]));
    for (form, basic) in [
        (&plain, None),
        (&posted, None),
        (&plain, Some((&*program.id, &*foreign))),
        (&plain, Some((&*program.id, ""))),
        (&plain, Some((&*program.id, "parley_secret_"))),
        (&program.shows(&code, &[("client_id", "")]), Some(("nobody", &*secret))),
    ] {
        let (status, told) = post(&app, TOKEN, form, basic).await;
        assert_eq!((status, told["error"].as_str()), (StatusCode::UNAUTHORIZED, Some("invalid_client")), "{form:?}");
    }
    let both = program.shows(&code, &[("client_secret", &secret)]);
    for (form, basic) in [(&both, (&*program.id, &*secret)), (&plain, (&*other.id, &*foreign))] {
        let (status, told) = post(&app, TOKEN, form, Some(basic)).await;
        assert_eq!((status, told["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")));
    }
    let bad = app.visitor().bare(Method::POST, TOKEN).basic_auth(&program.id, Some("x"));
    let bad = bad.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(query(&plain));
    assert_eq!(bad.send().await.unwrap().headers()[header::WWW_AUTHENTICATE], "Basic realm=\"Parley\"");

    let (status, told) = post(&app, TOKEN, &plain, Some((&program.id, &secret))).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    assert_eq!(program.renew(&app, &told["refresh_token"], &[]).await.0, StatusCode::UNAUTHORIZED);
    let (status, _) = program.renew(&app, &told["refresh_token"], &[("client_secret", &secret)]).await;
    assert_eq!(status, StatusCode::OK, "either way proves the same");
    app.stop().await;
}
