//! What the operator decides of the MCP server: its name and words, further endpoints, whether there are sessions; and
//! what clients may decide: how much they are told of what happens.
#![expect(clippy::unwrap_used, reason = "tests")]

use crate::support::{
    TestApp,
    mcp::{Client, MODERN, answer, challenge, me, message, token},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn names(tools: &Value) -> Vec<&str> {
    tools["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_second_endpoint_offers_what_it_was_told_and_has_sessions_of_its_own() {
    let app = TestApp::start_with(|settings| {
        settings.mcp_endpoints = Some("/mcp/readonly=conversations,clock,resources /mcp/quiet=prompts".to_owned());
        settings.mcp_instructions_tool = Some("off".to_owned());
    })
    .await;
    let ada = app.person("ada").await;
    let room = ada.room().await;
    let token = token(&app, "ada", "read write run").await;
    let readonly = Client::modern(&app, &token).at("/mcp/readonly");
    let tools = readonly.result("tools/list", json!({})).await;
    let wanted = [
        "get_conversation_history",
        "search_conversations",
        "current_time",
        "list_conversations",
        "export_conversation",
    ];
    assert_eq!(names(&tools), wanted);
    assert!(tools["tools"].as_array().unwrap().iter().all(|tool| tool["annotations"]["readOnlyHint"] == true));
    let rename = json!({"name": "rename_conversation", "arguments": {"conversation_id": room, "title": "No"}});
    assert_eq!(readonly.error("tools/call", rename.clone()).await.0, -32602);
    let found = readonly.result("server/discover", json!({})).await;
    let capabilities = &found["capabilities"];
    assert!(capabilities["resources"]["subscribe"] == true && capabilities.get("prompts").is_none(), "{capabilities}");
    assert_eq!(readonly.error("prompts/get", json!({"name": "x"})).await.0, -32602);
    assert!(!found["instructions"].as_str().unwrap().contains("send_message"), "not offered, not told");

    let quiet = Client::modern(&app, &token).at("/mcp/quiet");
    let found = quiet.result("server/discover", json!({})).await;
    assert!(
        found["capabilities"].get("tools").is_none() && found["capabilities"].get("resources").is_none(),
        "{found}"
    );
    assert_eq!(quiet.result("prompts/list", json!({})).await["prompts"], json!([]));
    assert_eq!(quiet.error("resources/read", json!({"uri": format!("parley://conversations/{room}")})).await.0, -32602);

    // The same gate, and sessions that are good at one endpoint only.
    let mut nobody = Client::modern(&app, "").at("/mcp/readonly");
    nobody.token = None;
    let response = nobody.post("tools/list", json!({})).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(challenge(&response).starts_with("Bearer "));
    let there = Client::modern(&app, &token).at("/mcp/readonly").begun().await;
    assert_eq!(there.post("tools/list", json!({})).await.status(), StatusCode::OK);
    let here = there.clone().at("/mcp");
    assert_eq!(here.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND);
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(Client::modern(&app, &token).at("/mcp/readonly").begun().await);
    }
    assert_eq!(there.post("tools/list", json!({})).await.status(), StatusCode::NOT_FOUND, "the oldest one ended");
    assert_eq!(sessions[15].post("tools/list", json!({})).await.status(), StatusCode::OK);
    assert_eq!(Client::legacy(&app, &token).await.post("tools/list", json!({})).await.status(), StatusCode::OK);
    app.stop().await;
}

#[tokio::test]
async fn name_and_words_are_the_operators() {
    let app = TestApp::start_with(|settings| {
        settings.mcp_name = Some("brass".to_owned());
        settings.mcp_instructions = Some("Ask about engines only.".to_owned());
    })
    .await;
    app.person("ada").await;
    let token = token(&app, "ada", "read").await;
    let modern = Client::modern(&app, &token);
    let found = modern.result("server/discover", json!({})).await;
    assert_eq!(found["instructions"], "Ask about engines only.");
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], "brass");
    assert!(found["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)));
    let told = modern.done("get_server_instructions", json!({})).await;
    assert_eq!(told, json!({"instructions": "Ask about engines only."}));
    let hello = modern.request(Method::POST).json(&message("initialize", me())).send().await.unwrap();
    let hello = answer(hello).await["result"].clone();
    assert_eq!((&hello["serverInfo"]["name"], &hello["instructions"]), (&json!("brass"), &found["instructions"]));
    assert_eq!(hello["capabilities"]["resources"], json!({"subscribe": true, "listChanged": true}));
    app.stop().await;
}

#[tokio::test]
async fn without_sessions_older_clients_are_served_request_by_request() {
    let app = TestApp::start_with(|settings| settings.mcp_sessions = Some("off".to_owned())).await;
    app.person("ada").await;
    let client = Client::modern(&app, &token(&app, "ada", "read").await);
    let response = client.request(Method::POST).json(&message("initialize", me())).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("mcp-session-id"));
    let hello = answer(response).await["result"].clone();
    assert_eq!(hello["capabilities"]["resources"], json!({}));
    assert!(hello["capabilities"].get("logging").is_none(), "{hello}");
    let older = |method: &str, params: Value| {
        let request = client.request(Method::POST).header("mcp-protocol-version", "2025-11-25");
        request.json(&message(method, params)).send()
    };
    let tools = answer(older("tools/list", json!({})).await.unwrap()).await;
    assert!(names(&tools["result"]).contains(&"sum"), "{tools}");
    for (method, params) in [
        ("logging/setLevel", json!({"level": "info"})),
        ("resources/subscribe", json!({"uri": "parley://conversations/x"})),
    ] {
        let refused = answer(older(method, params).await.unwrap()).await;
        assert!(refused["error"]["message"].as_str().unwrap().contains("keeps no sessions"), "{refused}");
    }
    assert_eq!(client.request(Method::GET).send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(names(&client.result("tools/list", json!({})).await).contains(&"sum"));
    app.stop().await;
}

#[tokio::test]
async fn a_client_is_told_what_happens_if_it_asked_to_be() {
    let app = TestApp::start().await;
    app.person("ada").await;
    let token = token(&app, "ada", "read").await;
    let sum = json!({"name": "sum", "arguments": {"numbers": [1]}});
    let log = async |client: &Client<'_>, params: &Value| {
        let mut stream = client.stream("tools/call", params.clone()).await;
        let (mut logs, mut answered) = (Vec::new(), false);
        while let Some(message) = stream.next().await {
            answered |= message.get("result").is_some() || message.get("error").is_some();
            if message["method"] == "notifications/message" {
                assert!(!answered, "after its answer a request says nothing");
                logs.push(message["params"].clone());
            }
        }
        assert!(answered);
        logs
    };
    let mut modern = Client::modern(&app, &token);
    let response = modern.post("logging/setLevel", json!({"level": "info"})).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND, "it is not of today's protocol");
    assert_eq!(answer(response).await["error"]["code"], -32601);
    assert!(log(&modern, &sum).await.is_empty(), "unasked");
    modern.meta = json!({"io.modelcontextprotocol/logLevel": "info"});
    let told = log(&modern, &sum).await;
    assert_eq!(
        (&told[0]["level"], &told[0]["data"]["tool"], &told[0]["data"]["outcome"]),
        (&json!("info"), &json!("sum"), &json!("ok"))
    );
    modern.meta = json!({"io.modelcontextprotocol/logLevel": "warning"});
    assert!(log(&modern, &sum).await.is_empty());
    let told = log(&modern, &json!({"name": "sum", "arguments": {"numbers": "x"}})).await;
    assert_eq!((&told[0]["level"], &told[0]["data"]["outcome"]), (&json!("warning"), &json!("tool_error")));

    let legacy = Client::legacy(&app, &token).await;
    let mut session = legacy.listen().await;
    assert!(!legacy.call("sum", json!({"numbers": [1]})).await.0);
    assert!(legacy.result("logging/setLevel", json!({"level": "warning"})).await.is_object());
    assert!(!legacy.call("sum", json!({"numbers": [2]})).await.0);
    assert!(legacy.call("sum", json!({"numbers": "x"})).await.0);
    let told = session.until("notifications/message").await;
    assert_eq!(told["params"]["data"]["outcome"], "tool_error", "the ones before were not asked for");
    app.stop().await;
}

#[tokio::test]
async fn what_asks_collections_is_offered_without_what_changes_them() {
    let app = TestApp::start_with(|settings| {
        settings.mcp_endpoints = Some("/mcp/readonly=conversations,collections /mcp/edits=edits".to_owned());
    })
    .await;
    app.person("ada").await;
    let token = token(&app, "ada", "read write run").await;
    let readonly = Client::modern(&app, &token).at("/mcp/readonly");
    let tools = readonly.result("tools/list", json!({})).await;
    assert!(names(&tools).contains(&"query_data_collections"), "{tools}");
    let changing = tools["tools"].as_array().unwrap().iter().find(|tool| tool["annotations"]["readOnlyHint"] != true);
    assert!(changing.is_none(), "{changing:?}");
    let create = json!({"name": "create_prompt", "arguments": {"name": "x", "body": "x"}});
    assert_eq!(readonly.error("tools/call", create.clone()).await.0, -32602);
    let edits = Client::modern(&app, &token).at("/mcp/edits");
    let tools = edits.result("tools/list", json!({})).await;
    let offered = names(&tools);
    for name in ["update_conversation", "create_prompt", "update_prompt", "delete_prompt"] {
        assert!(offered.contains(&name), "{name}");
    }
    assert!(edits.result("tools/call", create).await["isError"] != true);
    app.stop().await;
}
