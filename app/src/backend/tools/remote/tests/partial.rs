//! Servers that have their tools, and not all of what else they say they have.

use super::{serving, *};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, Prompt,
        ProtocolVersion, Resource, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use std::{borrow::Cow, sync::atomic::AtomicU8};

const SOUND: u8 = 0;
const REFUSES: u8 = 1;
const HANGS: u8 = 2;

/// A server with a tool, a prompt and a resource. How it lists the latter two is set; its lists are stale at once.
#[derive(Clone, Debug, Default)]
struct Partial {
    legacy: bool,
    tools: Arc<AtomicU8>,
    rest: Arc<AtomicU8>,
}

async fn as_set(how: &AtomicU8) -> Result<(), ErrorData> {
    match how.load(Ordering::SeqCst) {
        SOUND => Ok(()),
        REFUSES => Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, "no such method", None)),
        _ => std::future::pending().await,
    }
}

impl ServerHandler for Partial {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        serving::revisions(self.legacy)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        as_set(&self.tools).await?;
        let schema = json!({"type": "object"}).as_object().unwrap().clone();
        Ok(ListToolsResult::with_all_items(vec![Tool::new("echo", "Echoes.", schema)]).with_ttl_ms(1))
    }

    async fn call_tool(
        &self,
        _call: CallToolRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text("called")]).into())
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        as_set(&self.rest).await?;
        Ok(ListPromptsResult::with_all_items(vec![Prompt::new("greet", Some("Says hello."), None)]).with_ttl_ms(1))
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        as_set(&self.rest).await?;
        Ok(ListResourcesResult::with_all_items(vec![Resource::new("a://b", "b")]).with_ttl_ms(1))
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::default().with_ttl_ms(1))
    }
}

/// Lists are read again all the time, and no answer is waited for long.
fn restless() -> Options {
    let (answer, beat) = (Duration::from_secs(2), Duration::from_millis(30));
    Options { answer, beat, fresh: Duration::ZERO, ..quick() }
}

impl World {
    /// Waits until the person's first server is seen like that.
    async fn seen(&self, by: &Caller, so: impl Fn(&ConnectionRow) -> bool) -> ConnectionRow {
        within(async {
            loop {
                let row = self.row(by).await;
                if so(&row) {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_cannot_be_had_takes_no_tools_away() {
    for (legacy, how, why) in [
        (false, REFUSES, "It answered with an error: «no such method»."),
        (true, REFUSES, "It answered with an error: «no such method»."),
        (false, HANGS, "It did not answer within 2 seconds."),
        (true, HANGS, "It did not answer within 2 seconds."),
    ] {
        let (world, server) = (World::with(restless(), Vec::new()).await, Partial { legacy, ..Partial::default() });
        server.rest.store(how, Ordering::SeqCst);
        let ann = world.person("ann").await;
        world.add(&ann, "s", &serving::serve(server.clone()).await).await;
        let row = world.until(&ann, ConnectionState::Connected).await;
        assert_eq!((row.tools.len(), row.resources, row.prompts), (1, 0, 0));
        assert_eq!(
            row.error,
            format!("Its resources could not be listed. {why} Its prompts could not be listed. {why}")
        );
        assert_eq!(world.names(&ann).await, ["s__echo"]);
        assert_eq!(world.call(&ann, "s__echo", json!({})).await.text, "called");

        if legacy {
            // How long a list counts is not said there, so it is not read again within a test.
            world.stop().await;
            continue;
        }
        // As soon as they can be had they are there; when they cannot any more, they are as they were.
        server.rest.store(SOUND, Ordering::SeqCst);
        let row = world.seen(&ann, |row| row.error.is_empty()).await;
        assert_eq!((row.tools.len(), row.resources, row.prompts), (1, 1, 1));
        server.rest.store(how, Ordering::SeqCst);
        let row = world.seen(&ann, |row| !row.error.is_empty()).await;
        assert_eq!((row.state, row.tools.len(), row.resources, row.prompts), (ConnectionState::Connected, 1, 1, 1));
        assert!(row.error.contains(why), "{}", row.error);
        assert_eq!(row.last_error, None);
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_tools_a_server_is_away_and_why_stays_known() {
    let (world, server) = (World::with(restless(), Vec::new()).await, Partial::default());
    server.tools.store(REFUSES, Ordering::SeqCst);
    let ann = world.person("ann").await;
    world.add(&ann, "s", &serving::serve(server.clone()).await).await;
    let row = world.until(&ann, ConnectionState::Away).await;
    assert_eq!((row.error.as_str(), row.last_error), ("It answered with an error: «no such method».", None));
    server.tools.store(SOUND, Ordering::SeqCst);
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(row.error, "");
    let last = row.last_error.unwrap();
    assert_eq!(last.told, "It answered with an error: «no such method».");
    // The same once more, for another reason.
    server.tools.store(HANGS, Ordering::SeqCst);
    world.until(&ann, ConnectionState::Away).await;
    server.tools.store(SOUND, Ordering::SeqCst);
    let row = world.until(&ann, ConnectionState::Connected).await;
    assert_eq!(row.last_error.unwrap().told, "It did not answer within 2 seconds.");
    world.stop().await;
}
