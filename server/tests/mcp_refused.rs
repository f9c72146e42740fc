//! What `/mcp` turns away: it is on the record, and a page of an origin that may ask can read why.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, at_the_page, token},
};
use app::wire::policy::{CallEnd, CallRow, CalledBy, Rule};
use reqwest::{Method, StatusCode, header};
use serde_json::json;

/// What is recorded of somebody's calls, oldest first; the record follows the answer.
async fn recorded(app: &TestApp, name: &str, count: usize) -> Vec<CallRow> {
    let user = at_the_page(app, name).await.user;
    loop {
        let mut rows = app.backend.store.tool_calls(user, None, 100).await.unwrap().items;
        if rows.len() >= count && rows.iter().all(|row| row.end != CallEnd::Begun) {
            rows.reverse();
            return rows;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_call_of_no_tool_and_one_too_many_are_on_the_record() {
    let app = TestApp::scripted_with(|settings| settings.rate_call = Some("3/1h".to_owned())).await;
    let (_ada, _eve) = (app.person("ada").await, app.person("eve").await);
    let key = token(&app, "ada", "read write run").await;
    for client in Client::both(&app, &key).await {
        let (code, said) = client.error("tools/call", json!({"name": "no_such_tool", "arguments": {"a": 1}})).await;
        assert_eq!((code, said.as_str()), (-32602, "Unknown tool: no_such_tool"));
    }
    let client = Client::modern(&app, &key);
    client.done("sum", json!({"numbers": [40, 2]})).await;
    for name in ["sum", "no_such_tool"] {
        let refused = client.post("tools/call", json!({"name": name, "arguments": {"numbers": [1]}})).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    // A token that may not even read finds out nothing, and is on the record as well.
    let writes = Client::modern(&app, &token(&app, "ada", "write").await);
    let refused = writes.post("tools/call", json!({"name": "no_such_tool", "arguments": {}})).await;
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);

    let rows = recorded(&app, "ada", 6).await;
    let told: Vec<(&str, Rule, CallEnd)> = rows.iter().map(|row| (row.tool.as_str(), row.rule, row.end)).collect();
    assert_eq!(
        told,
        [
            ("no_such_tool", Rule::Unknown, CallEnd::Refused),
            ("no_such_tool", Rule::Unknown, CallEnd::Refused),
            ("sum", Rule::ReadOnly, CallEnd::Ok),
            ("sum", Rule::Limit, CallEnd::Refused),
            ("no_such_tool", Rule::Unknown, CallEnd::Refused),
            ("no_such_tool", Rule::Unknown, CallEnd::Refused),
        ]
    );
    assert!(rows.iter().all(|row| row.via == CalledBy::Program && row.credential.is_some()), "{rows:?}");
    assert_eq!(rows[0].digest, rows[1].digest);
    assert_ne!(rows[0].digest, rows[3].digest, "what it was called with is told apart");
    assert!(recorded(&app, "eve", 0).await.is_empty());
    app.stop().await;
}

/// The names in a header with a list of them.
fn names(response: &reqwest::Response, header: header::HeaderName) -> Vec<String> {
    let list = response.headers().get(header).map(|value| value.to_str().unwrap().to_lowercase()).unwrap_or_default();
    list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_reads_where_to_sign_in_and_a_strange_one_reads_nothing() {
    const FRIEND: &str = "https://friend.example";
    let app = TestApp::start_with(|settings| settings.allowed_origins = Some(FRIEND.to_owned())).await;
    let _ada = app.person("ada").await;
    let key = token(&app, "ada", "read").await;
    let (mut nobody, known) = (Client::modern(&app, ""), Client::modern(&app, &key));
    nobody.token = None;

    for (client, status) in [(&nobody, StatusCode::UNAUTHORIZED), (&known, StatusCode::OK)] {
        let hello =
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
        let response = client.request(Method::POST).header(header::ORIGIN, FRIEND).json(&hello).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], FRIEND);
        assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), "no cookie opens it");
        assert!(names(&response, header::VARY).contains(&"origin".to_owned()));
        let told = names(&response, header::ACCESS_CONTROL_EXPOSE_HEADERS);
        for name in ["www-authenticate", "mcp-session-id", "mcp-protocol-version", "retry-after"] {
            assert!(told.contains(&name.to_owned()), "{name}: {told:?}");
        }
        let theirs = if status == StatusCode::OK { "mcp-session-id" } else { "www-authenticate" };
        assert!(response.headers().contains_key(theirs), "{theirs}");
    }

    let preflight = |origin: &'static str| {
        app.visitor()
            .bare(Method::OPTIONS, "/mcp")
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type,mcp-param-city")
            .send()
    };
    let response = preflight(FRIEND).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], FRIEND);
    assert!(names(&response, header::ACCESS_CONTROL_ALLOW_METHODS).contains(&"delete".to_owned()));
    assert!(names(&response, header::ACCESS_CONTROL_ALLOW_HEADERS).contains(&"mcp-param-city".to_owned()));

    let response = preflight("https://stranger.example").await.unwrap();
    assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    let asked = known.request(Method::POST).header(header::ORIGIN, "https://stranger.example");
    let response = asked.json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    app.stop().await;
}
