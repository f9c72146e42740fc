//! The whole way: from a refusal at `/mcp` to signing out, and what tokens open.

use super::*;
use app::{
    backend::{
        auth::token::Token,
        store::oauth::{Fresh, NewCode},
    },
    wire::{account::Username, api_token::Scopes, limits::OAUTH_ACCESS_MS},
};

#[tokio::test]
async fn a_program_signs_in_works_renews_and_signs_out() {
    let (app, clock) = start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;

    let refused = app.visitor().bare(Method::POST, "/mcp").send().await.unwrap();
    let challenge = refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().to_owned();
    let resource = challenge.split("resource_metadata=\"").nth(1).unwrap().split('"').next().unwrap();
    let visitor = app.visitor();
    let get = async |url: &str| -> Value {
        let path = url.strip_prefix(&app.url).unwrap();
        visitor.bare(Method::GET, path).send().await.unwrap().json().await.unwrap()
    };
    let resource = get(resource).await;
    assert_eq!(resource["resource"], format!("{}/mcp", app.url));
    let issuer = resource["authorization_servers"][0].as_str().unwrap();
    let server = get(&format!("{issuer}/.well-known/oauth-authorization-server")).await;
    assert_eq!(server["issuer"], issuer);
    assert_eq!(server["registration_endpoint"], format!("{}/oauth/register", app.url));

    let program = Program::public(&app).await;
    let first = program.tokens(&app, &ada).await;
    let access = first["access_token"].as_str().unwrap();
    let sum = mcp(&app, access, Some(("sum", json!({"numbers": [2, 40]})))).await;
    assert!(sum.text().await.unwrap().contains("42"));
    let rename = ("rename_conversation", json!({"conversation_id": room, "title": "Engines"}));
    assert_eq!(mcp(&app, access, Some(rename)).await.status(), StatusCode::OK);
    assert_eq!(ada.conversations().await[0].title, "Engines");

    clock.advance(OAUTH_ACCESS_MS);
    let lapsed = mcp(&app, access, None).await;
    assert_eq!(lapsed.status(), StatusCode::UNAUTHORIZED);
    let told = lapsed.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(told.contains("error=\"invalid_token\"") && told.contains("resource_metadata="), "{told}");
    let (status, second) = program.renew(&app, &first["refresh_token"], &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(opens(&app, &second).await);

    let out = changed(&[("token", second["refresh_token"].as_str().unwrap()), ("client_id", &program.id)], &[]);
    assert_eq!(post(&app, REVOKE, &out, None).await.0, StatusCode::OK);
    assert!(!opens(&app, &second).await);
    assert_eq!(post(&app, REVOKE, &out, None).await.0, StatusCode::OK, "twice changes nothing");
    app.stop().await;
}

#[tokio::test]
async fn a_token_does_what_was_allowed_and_is_told_what_more_it_needs() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let program = Program::public(&app).await;
    let allowed = decide(&ada, &program.asks(&app, &[]), "allow", &["read"]).await;
    let code = answered(&allowed, "code").unwrap();
    let (_, told) = post(&app, TOKEN, &program.shows(&code, &[]), None).await;
    let rename = ("rename_conversation", json!({"conversation_id": room, "title": "Engines"}));
    let response = mcp(&app, told["access_token"].as_str().unwrap(), Some(rename)).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenge = response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.ends_with("scope=\"read write\", error=\"insufficient_scope\""), "{challenge}");
    assert!(challenge.contains("resource_metadata="));
    assert_ne!(ada.conversations().await[0].title, "Engines");
    app.stop().await;
}

#[tokio::test]
async fn a_token_for_something_else_opens_nothing_here() {
    let (app, _) = start().await;
    app.person("ada").await;
    let program = Program::public(&app).await;
    let store = &app.backend.store;
    let user = store.user_by_name(&Username::parse("ada").unwrap()).await.unwrap().unwrap().id;
    for (code, resource, opens) in
        [("elsewhere", "https://elsewhere.example/mcp".to_owned(), false), ("here", format!("{}/mcp", app.url), true)]
    {
        let new = NewCode {
            user,
            client: &program.id,
            redirect_uri: CALLBACK,
            scopes: Scopes::ALL,
            resource: &resource,
            challenge: CHALLENGE,
        };
        store.create_oauth_code(code, new).await.unwrap();
        let (access, refresh) = (Token::generate().unwrap(), Token::generate().unwrap());
        let fresh = Fresh { access: access.hash(), refresh: refresh.hash() };
        store.redeem_oauth_code(code, &fresh).await.unwrap().unwrap();
        let status = mcp(&app, &format!("parley_access_{}", access.expose()), None).await.status();
        assert_eq!(status == StatusCode::OK, opens, "{resource}");
        let refresh = json!(format!("parley_refresh_{}", refresh.expose()));
        let (status, told) = program.renew(&app, &refresh, &[]).await;
        assert_eq!(status == StatusCode::OK, opens, "{told}");
    }
    app.stop().await;
}

#[tokio::test]
async fn each_endpoint_is_a_resource_of_its_own() {
    let app = TestApp::start_at(Clock::System, |settings, url| {
        settings.public_url = Some(url.to_owned());
        settings.mcp_endpoints = Some("/mcp/readonly=conversations,arithmetic".to_owned());
    })
    .await;
    let ada = app.person("ada").await;
    let program = Program::public(&app).await;
    let refused = app.visitor().bare(Method::POST, "/mcp/readonly").send().await.unwrap();
    let challenge = refused.headers()[header::WWW_AUTHENTICATE].to_str().unwrap();
    let about = "/.well-known/oauth-protected-resource/mcp/readonly";
    assert!(challenge.contains(&format!("resource_metadata=\"{}{about}\"", app.url)), "{challenge}");
    let get = async |path: &str| app.visitor().bare(Method::GET, path).send().await.unwrap();
    let told: Value = get(about).await.json().await.unwrap();
    let (main, readonly) = (format!("{}/mcp", app.url), format!("{}/mcp/readonly", app.url));
    assert_eq!(told["resource"], readonly);
    let server: Value = get("/.well-known/oauth-authorization-server").await.json().await.unwrap();
    assert_eq!(server["protected_resources"], json!([main, readonly]));
    for unknown in ["/mcp/other", "/", "/settings"] {
        let path = format!("/.well-known/oauth-protected-resource{unknown}");
        assert_eq!(get(&path).await.status(), StatusCode::NOT_FOUND, "{unknown}");
    }

    let mut both = program.asks(&app, &[("resource", &readonly)]);
    both.push(("resource".to_owned(), main.clone()));
    assert_eq!(answered(&open(&ada, &both).await, "error").as_deref(), Some("invalid_target"));
    for (resource, other) in [(&main, &readonly), (&readonly, &main)] {
        let page = open(&ada, &program.asks(&app, &[("resource", resource)])).await.text().await.unwrap();
        assert!(page.contains(&format!(">{resource}<")) && !page.contains(&format!(">{other}<")), "{page}");
        let allowed = decide(&ada, &program.asks(&app, &[("resource", resource)]), "allow", &["read"]).await;
        let code = answered(&allowed, "code").unwrap();
        let (_, told) = post(&app, TOKEN, &program.shows(&code, &[("resource", other)]), None).await;
        assert_eq!(told["error"], "invalid_target", "{told}");
        let (_, told) = post(&app, TOKEN, &program.shows(&code, &[("resource", resource)]), None).await;
        assert_eq!(
            program.renew(&app, &told["refresh_token"], &[("resource", other)]).await.1["error"],
            "invalid_target"
        );
        let (_, told) = program.renew(&app, &told["refresh_token"], &[]).await;
        for path in ["/mcp", "/mcp/readonly"] {
            let status = mcp_at(&app, path, told["access_token"].as_str().unwrap(), None).await.status();
            assert_eq!(status == StatusCode::OK, resource.ends_with(path), "{resource} at {path}: {status}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn only_the_access_token_opens_and_none_of_it_is_kept_in_clear() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let program = Program::known(&app, "client_secret_post").await;
    let code = program.code(&app, &ada).await;
    let secret = program.secret.clone().unwrap();
    let (_, told) = post(&app, TOKEN, &program.shows(&code, &[("client_secret", &secret)]), None).await;
    let (access, refresh) = (told["access_token"].as_str().unwrap(), told["refresh_token"].as_str().unwrap());
    let session = ada.cookie().unwrap().split_once('=').unwrap().1.to_owned();
    let bare = access.trim_start_matches("parley_access_");
    for other in [refresh, &code, &secret, bare, &format!("parley_{bare}"), &format!("parley_access_{session}")] {
        assert_eq!(mcp(&app, other, None).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert!(opens(&app, &told).await);
    let mut seen = 0;
    for entry in std::fs::read_dir(app.folder.path().join("data")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        seen += bytes.len();
        for secret in [access, refresh, &*code, &*secret] {
            let secret = secret.rsplit_once('_').map_or(secret, |_| &secret[secret.len() - 43..]);
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    assert!(seen > 0);
    app.stop().await;
}

#[tokio::test]
async fn a_token_is_given_back_by_whose_it_is() {
    let (app, _) = start().await;
    let ada = app.person("ada").await;
    let (program, other) = (Program::public(&app).await, Program::public(&app).await);
    let told = program.tokens(&app, &ada).await;
    let access = told["access_token"].as_str().unwrap();
    let form = |id: &str, token: &str| changed(&[("token", token), ("client_id", id)], &[]);
    let (status, refusal) = post(&app, REVOKE, &form(&other.id, access), None).await;
    assert_eq!((status, refusal["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")));
    assert_eq!(post(&app, REVOKE, &form("nobody", access), None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(post(&app, REVOKE, &form(&program.id, ""), None).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&app, REVOKE, &form(&program.id, "nonsense"), None).await.0, StatusCode::OK);
    assert!(opens(&app, &told).await);
    assert_eq!(post(&app, REVOKE, &form(&program.id, access), None).await.0, StatusCode::OK);
    assert!(!opens(&app, &told).await);
    assert_eq!(program.renew(&app, &told["refresh_token"], &[]).await.1["error"], "invalid_grant");
    app.stop().await;
}
