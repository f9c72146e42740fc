//! Apps over a real connection, in both eras: what is declared, whom a tool is for, the page, and what a page asks for.

use super::{peer::Fixture, *};
use crate::{
    backend::{config::AppsConfig, tools::remote::apps::AppError},
    wire::{
        app::ToolApp,
        connection::ToolChoice,
        limits::{APP_FRESH_MS, APP_TICKET_MS},
    },
};
use rmcp::model::{MetaObject, ReadResourceResult, ResourceContents};

/// The metadata of the fixture's tools that have to do with apps.
pub(super) fn meta(tool: &str) -> Option<MetaObject> {
    let meta = match tool {
        "chart" => json!({"ui": {"resourceUri": "ui://chart/page"}}),
        "old_chart" => json!({"ui/resourceUri": "ui://chart/page"}),
        "nowhere" => json!({"ui": {"resourceUri": "ui://chart/none"}}),
        "refresh" => json!({"ui": {"visibility": ["app"]}}),
        "secret" => json!({"ui": {"visibility": ["model"]}}),
        _ => return None,
    };
    serde_json::from_value(meta).ok()
}

/// The fixture's resources.
pub(super) fn read(uri: &str) -> Option<ReadResourceResult> {
    let meta = json!({"ui": {"csp": {"connectDomains": ["https://api.example.org", "https://localhost"]}}});
    let content = match uri {
        "ui://chart/page" => {
            json!({"uri": uri, "mimeType": "text/html;profile=mcp-app", "text": "<p>\0chart", "_meta": meta})
        }
        "data://rows" => json!({"uri": uri, "mimeType": "text/plain", "text": "1,2,3"}),
        _ => return None,
    };
    let content: ResourceContents = serde_json::from_value(content).ok()?;
    Some(ReadResourceResult::new(vec![content]))
}

/// A person with the fixture, which has tools that have to do with apps.
async fn with_apps(legacy: bool) -> (World, Fixture, Caller, ToolApp) {
    let (world, fixture) =
        (World::with(Options { fresh: Duration::ZERO, ..quick() }, Vec::new()).await, Fixture::new(legacy));
    let names = ["chart", "old_chart", "nowhere", "refresh", "secret", "declared"];
    *fixture.state.more.lock().unwrap() = names.map(str::to_owned).into();
    let ann = world.person("ann").await;
    let server = world.add(&ann, "s", &fixture.serve().await).await.to_string();
    world.until(&ann, ConnectionState::Connected).await;
    (world, fixture, ann, ToolApp { server, uri: "ui://chart/page".to_owned() })
}

fn site() -> AppsConfig {
    AppsConfig { origin: None, framed_by: "https://chat.example".to_owned(), hosts: vec!["chat.example".to_owned()] }
}

fn refused(error: AppError) -> String {
    match error {
        AppError::Refused(told) => told,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_are_declared_and_their_tools_go_to_whom_they_are_for() {
    for legacy in [false, true] {
        let (world, _fixture, ann, app) = with_apps(legacy).await;
        let declared = world.call(&ann, "s__declared", json!({})).await.text;
        let declared: Value = serde_json::from_str(&declared).unwrap();
        assert_eq!(declared["io.modelcontextprotocol/ui"], json!({"mimeTypes": ["text/html;profile=mcp-app"]}));

        for (tool, uri) in
            [("s__chart", Some("ui://chart/page")), ("s__old_chart", Some("ui://chart/page")), ("s__echo", None)]
        {
            let found = world.connections.app_of(&ann, tool);
            assert_eq!(found.as_ref().map(|app| app.uri.as_str()), uri, "{tool}");
            assert!(found.is_none_or(|found| found.server == app.server));
        }
        let room = world.store.create_conversation(ann.user, "").await.unwrap().id;
        let offered: Vec<_> =
            world.connections.offer(&ann, room, 200_000).await.iter().map(|spec| spec.name.clone()).collect();
        assert!(
            offered.contains(&"s__secret".to_owned()) && !offered.contains(&"s__refresh".to_owned()),
            "{offered:?}"
        );
        assert!(world.names(&ann).await.contains(&"s__refresh".to_owned()), "a person may decide about it");
        assert!(world.connections.spec(&ann, "s__refresh").is_none(), "no model may call it");
        assert!(world.connections.call(&world.cx(&ann), &call("s__refresh", json!({}))).await.is_none());
        let spec = world.connections.tool_of_app(&ann, &app, "refresh").await.unwrap();
        assert_eq!(spec.name, "s__refresh");
        for other in ["secret", "s__refresh", "sum"] {
            let told = refused(world.connections.tool_of_app(&ann, &app, other).await.unwrap_err());
            assert!(told.contains("that an app may call"), "{told}");
        }
        let (outcome, result) = world.connections.call_for_app(&world.cx(&ann), &app, "refresh", &json!({})).await;
        assert_eq!(outcome.text, "refresh was called");
        assert_eq!(result["content"], json!([{"type": "text", "text": "refresh was called"}]));
        world.connections.choose(&ann, &app.server, "refresh", ToolChoice::Off).await.unwrap();
        assert!(
            refused(world.connections.tool_of_app(&ann, &app, "refresh").await.unwrap_err()).contains("switched off")
        );
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_read_framed_and_kept_and_nobody_elses() {
    for legacy in [false, true] {
        let (world, _fixture, ann, app) = with_apps(legacy).await;
        let opened = world.connections.open_app(&ann, &app, "s__chart", &site()).await.unwrap();
        assert_eq!((opened.server.as_str(), opened.tool["name"].as_str()), ("s", Some("chart")));
        // Private addresses may be connected here, so an app may reach them too.
        assert_eq!(opened.domains.connect, ["https://api.example.org", "https://localhost"]);
        assert!(!opened.clipboard && opened.notes.is_empty());
        let ticket = opened.url.strip_prefix("/apps/").unwrap();
        let framed = world.connections.framed(ticket, &site()).await.unwrap();
        assert_eq!((framed.user, framed.html.as_str()), (ann.user, "<p>chart"));
        assert!(framed.policy.contains("connect-src https://api.example.org https://localhost;"), "{}", framed.policy);
        assert!(framed.policy.ends_with("frame-ancestors 'self'; sandbox allow-scripts allow-forms"));
        let apart = AppsConfig { origin: Some("https://apps.example".to_owned()), ..site() };
        let opened = world.connections.open_app(&ann, &app, "s__chart", &apart).await.unwrap();
        assert!(opened.url.starts_with("https://apps.example/apps/"), "{}", opened.url);
        assert!(
            world
                .connections
                .framed(ticket, &apart)
                .await
                .unwrap()
                .policy
                .contains("frame-ancestors https://chat.example;")
        );

        let (start, end) = ticket.split_at(ticket.len() - 2);
        for forged in ["", "x", start, &format!("{start}{}", if end == "AA" { "BB" } else { "AA" })] {
            assert!(matches!(world.connections.framed(forged, &site()).await, Err(AppError::NotFound)), "{forged}");
        }
        world.store.clock.advance(APP_TICKET_MS + 1);
        assert!(matches!(world.connections.framed(ticket, &site()).await, Err(AppError::NotFound)), "too old");

        let eve = world.person("eve").await;
        assert!(matches!(world.connections.open_app(&eve, &app, "s__chart", &site()).await, Err(AppError::NotFound)));
        assert!(matches!(world.connections.read_for_app(&eve, &app, "data://rows").await, Err(AppError::NotFound)));
        assert!(matches!(world.connections.tool_of_app(&eve, &app, "refresh").await, Err(AppError::NotFound)));
        let (outcome, _) = world.connections.call_for_app(&world.cx(&eve), &app, "refresh", &json!({})).await;
        assert!(outcome.is_error);

        let rows = world.connections.read_for_app(&ann, &app, "data://rows").await.unwrap();
        assert_eq!(rows["contents"][0]["text"], "1,2,3");
        assert!(
            refused(world.connections.read_for_app(&ann, &app, "data://no").await.unwrap_err())
                .contains("cannot be asked")
        );
        let nowhere = ToolApp { uri: "ui://chart/none".to_owned(), ..app.clone() };
        assert!(world.connections.open_app(&ann, &nowhere, "s__nowhere", &site()).await.is_err());
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_shown_while_the_server_is_away_and_none_while_it_is_switched_off() {
    let (world, _fixture, ann, app) = with_apps(false).await;
    world.connections.open_app(&ann, &app, "s__chart", &site()).await.unwrap();
    world.stop().await;
    // A new process, which finds nobody at the server's address.
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = OperatorServer {
        name: "gone".to_owned(),
        title: "Gone".to_owned(),
        prefix: "gone".to_owned(),
        trusted: false,
        access: crate::backend::config::OperatorAccess::Http {
            url: format!("http://{dead}/mcp").parse::<url::Url>().unwrap().into(),
            headers: Vec::new(),
            auth: None,
        },
        inputs: Vec::new(),
    };
    let tasks = Tasks::default();
    let config = ServersConfig { operator: vec![server], private: Nearby::All, tools_share: 5 };
    let later = Connections::new(means(&world.store, &world.keys, &tasks, config, quick())).unwrap();
    let gone = ToolApp { server: "operator:gone".to_owned(), ..app.clone() };
    let told = refused(later.open_app(&ann, &gone, "gone__chart", &site()).await.unwrap_err());
    assert!(told.contains("«Gone» cannot be asked for it."), "{told}");
    let kept = world.store.app(ann.user, &app.server, &app.uri).await.unwrap().unwrap();
    world
        .store
        .keep_app(ann.user, &crate::backend::store::apps::StoredApp { server: gone.server.clone(), ..kept })
        .await
        .unwrap();
    world.store.clock.advance(APP_FRESH_MS);
    let opened = later.open_app(&ann, &gone, "gone__chart", &site()).await.unwrap();
    assert!(opened.notes[0].contains("a copy from earlier"), "{:?}", opened.notes);
    assert_eq!(opened.tool["name"], "gone__chart");
    later.switch(&ann, "operator:gone", false).await.unwrap();
    assert!(refused(later.open_app(&ann, &gone, "gone__chart", &site()).await.unwrap_err()).contains("switched off"));
    tasks.stop();
    assert!(tasks.wait(PATIENCE).await);
}
