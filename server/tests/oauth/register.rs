//! Dynamic registration (RFC 7591).

use super::*;

#[tokio::test]
async fn what_a_program_says_is_told_back_and_the_rest_means_nothing() {
    let (app, _) = start().await;
    let response = register(
        &app,
        json!({
            "client_name": " Claude\u{202e}\n", "redirect_uris": ["cursor://x/cb", "https://a.example/cb"],
            "logo_uri": "javascript:alert(1)", "application_type": "native", "scope": "admin",
            "grant_types": ["authorization_code", "urn:x"],
        }),
    )
    .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    let mut told: Value = response.json().await.unwrap();
    assert!(told["client_secret"].as_str().unwrap().starts_with("parley_secret_"));
    assert!(told["client_id"].as_str().unwrap().len() > 30);
    told["client_secret"] = json!("SECRET");
    told["client_id"] = json!("ID");
    insta::assert_json_snapshot!(told, @r#"
    {
      "client_id": "ID",
      "client_id_issued_at": 1800000000,
      "client_name": "Claude",
      "client_secret": "SECRET",
      "client_secret_expires_at": 0,
      "grant_types": [
        "authorization_code",
        "refresh_token"
      ],
      "redirect_uris": [
        "cursor://x/cb",
        "https://a.example/cb"
      ],
      "response_types": [
        "code"
      ],
      "scope": "read write run",
      "token_endpoint_auth_method": "client_secret_basic"
    }
    "#);
    app.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (app, _) = start().await;
    let good = json!({"redirect_uris": ["https://a.example/cb"], "token_endpoint_auth_method": "none"});
    let with = |key: &str, value: Value| {
        let mut metadata = good.clone();
        metadata[key] = value;
        metadata
    };
    for (metadata, error) in [
        (json!([]), "invalid_client_metadata"),
        (json!("x"), "invalid_client_metadata"),
        (json!({}), "invalid_redirect_uri"),
        (with("redirect_uris", json!([])), "invalid_redirect_uri"),
        (with("redirect_uris", json!("https://a.example/cb")), "invalid_client_metadata"),
        (with("redirect_uris", json!(["http://a.example/cb"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!(["https://a.example/cb#x"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!(["javascript:alert(1)"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!(["https://a.example/cb", "/cb"])), "invalid_redirect_uri"),
        (with("redirect_uris", json!(vec!["https://a.example/cb"; 21])), "invalid_redirect_uri"),
        (with("token_endpoint_auth_method", json!("private_key_jwt")), "invalid_client_metadata"),
        (with("grant_types", json!(["implicit"])), "invalid_client_metadata"),
        (with("response_types", json!(["token"])), "invalid_client_metadata"),
    ] {
        let response = register(&app, metadata.clone()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{metadata}");
        let told: Value = response.json().await.unwrap();
        assert_eq!(told["error"], error, "{metadata}");
        assert!(
            told["error_description"].as_str().is_some_and(|words| words.is_ascii() && words.ends_with('.')),
            "{told}"
        );
    }
    let broken = app.visitor().bare(Method::POST, "/oauth/register").body("{").send().await.unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    app.stop().await;
}

#[tokio::test]
async fn one_address_registers_so_many_only() {
    let app = TestApp::start_with(|settings| settings.rate_register = Some("2/1h".to_owned())).await;
    for _ in 0..2 {
        Program::public(&app).await;
    }
    let response = register(&app, json!({"redirect_uris": ["https://a.example/cb"]})).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(response.headers()[header::RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap() > 0);
    app.stop().await;
}
