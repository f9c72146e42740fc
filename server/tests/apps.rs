//! Apps of MCP servers over the wire: from a tool's call to its frame, and what the app may ask for.
#![expect(clippy::unwrap_used, reason = "tests")]

mod telling;

use crate::support::{TestApp, TestUser, path_of, remote::serve, socket::PATIENCE};
use app::{
    backend::{
        caller::{Caller, Via},
        config::Settings,
        tools::remote::NewConnection,
    },
    wire::{
        account::Username,
        app::{AppAnswer, OpenedApp},
        conversation::Page,
        event::{ChatEvent, ClientEvent},
        id::ConversationId,
        message::{Message, Part},
        policy::{ANY_SERVER, CallEnd, CallRow, CalledBy, FloorKind, Policy, Rule},
        tool::{Approval, ToolCall, ToolState},
    },
};
use reqwest::{Method, Response, StatusCode, header};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents,
        ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

const PAGE: &str = "<!doctype html><title>Chart</title><p>chart";

/// A server with a tool that has an app, and one for apps alone.
#[derive(Clone)]
struct Charts;

impl ServerHandler for Charts {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().build())
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let listed = serde_json::from_value(json!({"uri": "data://rows", "name": "rows", "mimeType": "text/csv"}));
        Ok(ListResourcesResult::with_all_items(vec![listed.unwrap()]))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = [
            ("draw", json!({"ui": {"resourceUri": "ui://charts/page"}})),
            ("fail", json!({"ui": {"resourceUri": "ui://charts/page"}})),
            ("paint", json!({"ui": {"resourceUri": "ui://charts/page"}})),
            ("mural", json!({"ui": {"resourceUri": "ui://charts/page"}})),
            ("refresh", json!({"ui": {"visibility": ["app"]}})),
            ("wipe", json!({"ui": {"visibility": ["model"]}})),
        ];
        let tools = tools.map(|(name, meta)| {
            let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
            let mut tool = Tool::new(name, format!("Does {name}."), schema.as_object().unwrap().clone());
            tool.meta = serde_json::from_value(meta).ok();
            tool.annotations = Some(ToolAnnotations::new().read_only(false));
            tool
        });
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let told = vec![ContentBlock::text(format!("{} ran", call.name))];
        if call.name == "fail" {
            return Ok(CallToolResult::error(told).into());
        }
        let mut result = CallToolResult::success(told);
        result.content.extend(telling::more(&call.name));
        result.structured_content = Some(json!({"n": call.arguments.unwrap_or_default().get("n")}));
        result.meta = serde_json::from_value(json!({"drawn": "by hand"})).ok();
        Ok(result.into())
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let meta = json!({"ui": {
            "csp": {"connectDomains": ["https://api.example.org", "https://x; script-src *"]},
            "permissions": {"clipboardWrite": {}},
        }});
        let content = json!({"uri": asked.uri, "mimeType": "text/html;profile=mcp-app", "text": PAGE, "_meta": meta});
        let content: ResourceContents = serde_json::from_value(content).unwrap();
        Ok(ReadResourceResult::new(vec![content]).into())
    }
}

/// A Parley, and in it somebody who has connected the server.
struct World {
    app: TestApp,
    ada: TestUser,
    room: ConversationId,
}

impl World {
    async fn new() -> Self {
        Self::with(None).await
    }

    async fn with(origin: Option<&str>) -> Self {
        Self::changed(|settings| settings.apps_origin = origin.map(str::to_owned)).await
    }

    async fn changed(change: impl FnOnce(&mut Settings)) -> Self {
        let app = TestApp::scripted_with(|settings| {
            settings.mcp_private = Some("allow".to_owned());
            change(settings);
        })
        .await;
        let ada = app.person("ada").await;
        connect(&app, "ada", &serve(Charts).await).await;
        let room = ada.room().await;
        Self { app, ada, room }
    }

    /// Has the model call a tool, says that about it, and gives the reply.
    async fn called(&self, tool: &str, approval: Approval) -> Message {
        let mut tab = self.ada.tab(self.room).await;
        tab.send(self.room, &format!("script:\ntool charts__{tool} {{\"n\": 7}}\nsay done")).await;
        loop {
            match tab.next().await.unwrap() {
                ChatEvent::Tool { turn, call, state: ToolState::Asked { .. }, .. } => {
                    assert!(call.app.is_none(), "no app before the call is permitted");
                    tab.say(&ClientEvent::Decide { turn, call: call.id, approval, arguments: None }).await;
                }
                ChatEvent::TurnEnded { .. } => break,
                ChatEvent::Refused { error, .. } => panic!("{error}"),
                _ => {}
            }
        }
        self.ada.messages(self.room).await.pop().unwrap()
    }

    async fn open(&self, by: &TestUser, message: &Message, call: &ToolCall) -> Response {
        let fields = [("message", &*message.id.to_string()), ("call", &*call.id.0)];
        by.call(&path_of("open_app"), &fields).await
    }

    async fn call(&self, by: &TestUser, message: &Message, fields: &[(&str, &str)]) -> Response {
        let id = message.id.to_string();
        let usual = [("message", &*id), ("call", &*drawn(message).id.0), ("arguments", "{\"n\": 3}")];
        by.call(&path_of("call_for_app"), &[&usual[..], fields].concat()).await
    }
}

/// Connects a server for somebody, and waits for its tools.
async fn connect(app: &TestApp, name: &str, url: &str) {
    let user = app.backend.store.user_by_name(&Username::parse(name).unwrap()).await.unwrap().unwrap();
    let caller = Caller { user: user.id, name: user.name, admin: false, via: Via::Process };
    let new = NewConnection { name: "Charts".to_owned(), url: url.to_owned(), headers: Vec::new() };
    app.backend.connections.add(&caller, new).await.unwrap();
    let known = async {
        while app.backend.connections.list(&caller).await.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.unwrap();
}

fn drawn(message: &Message) -> ToolCall {
    let mut calls =
        message.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None });
    calls.next_back().unwrap().clone()
}

async fn opened(answer: Response) -> OpenedApp {
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

async fn answer(response: Response) -> AppAnswer {
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

async fn result(response: Response) -> Value {
    match answer(response).await {
        AppAnswer::Done { result } => result,
        other @ AppAnswer::Asks { .. } => panic!("{other:?}"),
    }
}

fn header_of<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permitted_call_is_shown_by_its_app_in_a_frame_without_an_origin() {
    let world = World::new().await;
    let denied = world.called("draw", Approval::Deny).await;
    assert!(drawn(&denied).app.is_none());
    assert_eq!(world.open(&world.ada, &denied, &drawn(&denied)).await.status(), StatusCode::NOT_FOUND);

    let reply = world.called("draw", Approval::Once).await;
    let call = drawn(&reply);
    assert_eq!(call.app.as_ref().unwrap().uri, "ui://charts/page");
    let shown = opened(world.open(&world.ada, &reply, &call).await).await;
    assert_eq!((shown.server.as_str(), shown.clipboard), ("Charts", true));
    assert_eq!(shown.domains.connect, ["https://api.example.org"]);
    assert_eq!(shown.notes, ["It wants to reach what apps may not: https://x; script-src *."]);
    assert_eq!(shown.tool["name"], "draw");

    let frame = world.ada.get(&shown.url).await;
    assert_eq!(frame.status(), StatusCode::OK);
    let policy = header_of(&frame, "content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'unsafe-inline';"), "{policy}");
    assert!(policy.contains("connect-src https://api.example.org;") && policy.contains("frame-ancestors 'self';"));
    assert!(policy.ends_with("sandbox allow-scripts allow-forms"), "{policy}");
    assert_eq!(header_of(&frame, "x-frame-options"), "", "it is framed");
    assert_eq!(header_of(&frame, "x-content-type-options"), "nosniff");
    assert_eq!(header_of(&frame, "cache-control"), "private, no-store");
    assert!(header_of(&frame, "content-type").starts_with("text/html"));
    assert_eq!(frame.text().await.unwrap(), PAGE);

    // To nobody else, nowhere else, and under no other address.
    let eve = world.app.person("eve").await;
    assert_eq!(eve.get(&shown.url).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.app.visitor().get(&shown.url).await.status(), StatusCode::NOT_FOUND);
    let top = world.ada.bare(Method::GET, &shown.url).header("sec-fetch-dest", "document");
    let top = world.ada.send(top).await;
    assert_eq!(top.status(), StatusCode::FORBIDDEN);
    assert_eq!(header_of(&top, "x-frame-options"), "DENY");
    assert_eq!(world.ada.get("/apps/1.x.y").await.status(), StatusCode::NOT_FOUND);
    assert!(header_of(&world.ada.get("/").await, "content-security-policy").contains("; frame-src 'self'; "));
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_is_in_the_conversation_and_has_the_server_opens_it() {
    let world = World::new().await;
    let reply = world.called("draw", Approval::Once).await;
    let call = drawn(&reply);
    let eve = world.app.person("eve").await;
    assert_eq!(world.open(&eve, &reply, &call).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(world.call(&eve, &reply, &[("tool", "refresh")]).await.status(), StatusCode::NOT_FOUND);
    world.ada.invite(&eve, world.room).await;
    assert_eq!(world.open(&eve, &reply, &call).await.status(), StatusCode::NOT_FOUND, "the server is Ada's");
    connect(&world.app, "eve", &serve(Charts).await).await;
    assert_eq!(world.open(&eve, &reply, &call).await.status(), StatusCode::NOT_FOUND, "hers is another connection");
    assert_eq!(world.call(&eve, &reply, &[("tool", "refresh")]).await.status(), StatusCode::NOT_FOUND);
    let read = [("message", &*reply.id.to_string()), ("call", &*call.id.0), ("uri", "ui://charts/page")];
    assert_eq!(eve.call(&path_of("read_for_app"), &read).await.status(), StatusCode::NOT_FOUND);
    let found: Value = world.ada.call(&path_of("read_for_app"), &read).await.json().await.unwrap();
    assert_eq!(found["contents"][0]["text"], PAGE);
    for path in ["open_app", "call_for_app", "read_for_app"] {
        let fields = [&read[..], &[("tool", "refresh"), ("arguments", "{}")]].concat();
        let answer = world.app.visitor().call(&path_of(path), &fields).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        // As the app itself would ask, were it to find the way: from an origin that is nobody's.
        let body = "message=x&call=x&tool=x&arguments=x&uri=x";
        let forged = world.ada.bare(Method::POST, &path_of(path)).header(header::ORIGIN, "null").body(body);
        assert_eq!(world.ada.send(forged).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_app_calls_is_asked_about_decided_and_recorded() {
    let world = World::new().await;
    let reply = world.called("draw", Approval::Once).await;
    let refresh = [("tool", "refresh")];
    let AppAnswer::Asks { title, question, definition } = answer(world.call(&world.ada, &reply, &refresh).await).await
    else {
        panic!("it runs unasked")
    };
    assert_eq!((title.as_str(), question.server.unwrap().name.as_str()), ("refresh", "Charts"));
    // A word about something else is no word about this.
    let other = [("tool", "refresh"), ("approval", "once"), ("definition", "another")];
    assert!(matches!(answer(world.call(&world.ada, &reply, &other).await).await, AppAnswer::Asks { .. }));
    let said = |approval| [("tool", "refresh"), ("approval", approval), ("definition", &*definition)];
    let denied = result(world.call(&world.ada, &reply, &said("deny")).await).await;
    assert_eq!(
        (&denied["isError"], &denied["content"][0]["text"]),
        (&json!(true), &json!("The person denied this call. It was not run."))
    );
    let ran = result(world.call(&world.ada, &reply, &said("once")).await).await;
    assert_eq!((&ran["structuredContent"], &ran["_meta"]), (&json!({"n": 3}), &json!({"drawn": "by hand"})));
    assert!(
        matches!(answer(world.call(&world.ada, &reply, &refresh).await).await, AppAnswer::Asks { .. }),
        "once is once"
    );
    let ran = result(world.call(&world.ada, &reply, &said("always")).await).await;
    assert_eq!(ran["content"][0]["text"], "refresh ran");
    assert_eq!(result(world.call(&world.ada, &reply, &refresh).await).await["content"][0]["text"], "refresh ran");

    // Neither what is for models alone, nor other servers' tools, nor Parley's own.
    for tool in ["wipe", "charts__refresh", "sum", "rename_conversation", ""] {
        let refused = world.call(&world.ada, &reply, &[("tool", tool)]).await;
        assert_eq!(refused.status(), StatusCode::CONFLICT, "{tool}");
        assert!(refused.text().await.unwrap().contains("that an app may call"));
    }
    for (arguments, words) in [("{", "not JSON"), (&*"1".repeat(70_000), "more than")] {
        let id = reply.id.to_string();
        let fields = [("message", &*id), ("call", &*drawn(&reply).id.0), ("tool", "refresh"), ("arguments", arguments)];
        let refused = world.ada.call(&path_of("call_for_app"), &fields).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().await.unwrap().contains(words), "{words}");
    }
    let page: Page<CallRow> = world.ada.call(&path_of("tool_calls"), &[]).await.json().await.unwrap();
    let rows: Vec<_> = page.items.iter().filter(|row| row.via == CalledBy::App).collect();
    let told: Vec<_> = rows.iter().rev().map(|row| (row.rule, row.end)).collect();
    let expected = [
        (Rule::Once, CallEnd::Denied),
        (Rule::Once, CallEnd::Ok),
        (Rule::Always, CallEnd::Ok),
        (Rule::Always, CallEnd::Ok),
    ];
    assert_eq!(told, expected);
    assert!(rows.iter().all(|row| row.tool == "charts__refresh" && row.conversation == Some(world.room)));
    assert!(rows.iter().all(|row| row.server.as_deref() == Some("Charts") && row.credential.is_some()));
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_failed_has_its_app_and_a_model_is_not_offered_what_is_for_apps() {
    let world = World::new().await;
    let failed = world.called("fail", Approval::Once).await;
    assert_eq!(opened(world.open(&world.ada, &failed, &drawn(&failed)).await).await.tool["name"], "fail");
    let reply = world.called("refresh", Approval::Once).await;
    assert!(drawn(&reply).app.is_none());
    let told = reply
        .parts
        .iter()
        .find_map(|part| if let Part::ToolResult(r) = part { Some(r.outcome.text.clone()) } else { None });
    assert!(told.unwrap().contains("There is no tool «charts__refresh»"));
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_of_their_own_serves_apps_and_nothing_else() {
    let world = World::with(Some("http://apps.example:8080")).await;
    let reply = world.called("draw", Approval::Once).await;
    let shown = opened(world.open(&world.ada, &reply, &drawn(&reply)).await).await;
    let path = shown.url.strip_prefix("http://apps.example:8080").unwrap();
    // It has none of Parley's cookies.
    let there = world.app.visitor();
    let at =
        async |path: &str| there.send(there.bare(Method::GET, path).header(header::HOST, "apps.example:8080")).await;
    let frame = at(path).await;
    assert_eq!(frame.status(), StatusCode::OK);
    let policy = header_of(&frame, "content-security-policy").to_owned();
    assert!(
        policy.contains("frame-ancestors http://127.0.0.1:3000;")
            && policy.ends_with("sandbox allow-scripts allow-forms")
    );
    for path in ["/", "/sign-in", "/robots.txt", "/mcp", "/health/live", "/api/sessions"] {
        assert_eq!(at(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let policy = header_of(&world.ada.get("/").await, "content-security-policy").to_owned();
    assert!(policy.contains("; frame-src http://apps.example:8080/apps/; "), "{policy}");
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_an_administrator_lets_nobody_use_a_server_its_apps_read_nothing() {
    let world = World::new().await;
    let reply = world.called("draw", Approval::Once).await;
    let call = drawn(&reply);
    let fields = [("message", &*reply.id.to_string()), ("call", &*call.id.0), ("uri", "ui://charts/page")];
    let read = async || world.ada.call(&path_of("read_for_app"), &fields).await;
    assert_eq!(read().await.status(), StatusCode::OK);
    let store = &world.app.backend.store;
    let root = store.create_user(&Username::parse("root").unwrap(), "no password", true).await.unwrap().id;
    for (floor, words) in [(Policy::Deny, "lets nobody use"), (Policy::Ask, "wants a person asked")] {
        store.set_tool_floor(root, FloorKind::Server, ANY_SERVER, Some(floor)).await.unwrap();
        let refused = read().await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        let told = refused.text().await.unwrap();
        assert!(told.contains(words), "{told}");
    }
    store.set_tool_floor(root, FloorKind::Server, ANY_SERVER, None).await.unwrap();
    assert_eq!(read().await.status(), StatusCode::OK);
    let page: Page<CallRow> = world.ada.call(&path_of("tool_calls"), &[]).await.json().await.unwrap();
    let rows: Vec<_> =
        page.items.iter().filter(|row| row.via == CalledBy::App).map(|row| (row.rule, row.end)).collect();
    let (ok, denied) = ((Rule::ReadOnly, CallEnd::Ok), (Rule::Floor, CallEnd::Denied));
    assert_eq!(rows, [ok, denied, denied, ok]);
    world.app.stop().await;
}
