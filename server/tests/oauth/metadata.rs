//! What the resource and the authorization server say of themselves.

use super::*;

#[tokio::test]
async fn they_describe_themselves() {
    let (app, _) = start().await;
    let mut shown = String::new();
    for path in [
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization-server",
    ] {
        let response = app.visitor().bare(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let told: Value = response.json().await.unwrap();
        shown = format!("{shown}{path}\n{}\n", serde_json::to_string_pretty(&told).unwrap());
    }
    insta::assert_snapshot!(shown.replace(&app.url, "https://chat.example"));
    app.stop().await;
}

#[tokio::test]
async fn a_refusal_leads_to_them() {
    let (app, _) = start().await;
    let response = app.visitor().bare(Method::POST, "/mcp").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let about = format!("{}/.well-known/oauth-protected-resource/mcp", app.url);
    assert_eq!(
        response.headers()[header::WWW_AUTHENTICATE],
        format!("Bearer realm=\"Parley\", resource_metadata=\"{about}\", scope=\"read write run\"")
    );
    app.stop().await;
}

#[tokio::test]
async fn pages_from_anywhere_may_ask_where_no_cookie_counts() {
    let (app, _) = start().await;
    for path in ["/.well-known/oauth-authorization-server", "/oauth/register", "/oauth/token", "/oauth/revoke"] {
        let preflight = app.visitor().bare(Method::OPTIONS, path).header(header::ORIGIN, "https://inspector.example");
        let response = preflight.header("access-control-request-method", "POST").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "{path}");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "{path}");
        assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
    let page = app.visitor().get(AUTHORIZE).await;
    assert!(!page.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    app.stop().await;
}
