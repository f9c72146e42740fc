//! A server of a test's own by rmcp with resources, templates, prompts and completion, in one era or both. What it
//! lists is what its state says, and something in it is hostile.

use super::serving;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptRequestParams, GetPromptResponse,
        GetPromptResult, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        PaginatedRequestParams, Prompt, PromptArgument, PromptMessage, ProtocolVersion, ReadResourceRequestParams,
        ReadResourceResponse, ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate, Role,
        ServerCapabilities, ServerConfig, SubscriptionFilter,
    },
    service::{RequestContext, SubscriptionContext},
};
use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

/// What the server has and counts.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) books: Mutex<Vec<String>>,
    pub(super) lists: AtomicUsize,
    pub(super) reads: AtomicUsize,
    pub(super) changed: Notify,
}

/// The server. A book is `book://NAME`; `book://hangs` never comes, `book://empty` is empty, `book://long` is long.
#[derive(Clone, Debug)]
pub(super) struct Library {
    pub(super) shelf: Arc<Shelf>,
    legacy: bool,
}

impl Library {
    pub(super) fn new(legacy: bool, books: &[&str]) -> Self {
        let library = Self { shelf: Arc::default(), legacy };
        *library.shelf.books.lock().unwrap() = books.iter().map(|book| (*book).to_owned()).collect();
        library
    }

    /// Serves on a free port; its address.
    pub(super) async fn serve(&self) -> String {
        serving::serve(self.clone()).await
    }

    /// A page of two, by the number of the first on it.
    fn page<T: Clone>(all: &[T], page: Option<PaginatedRequestParams>) -> (Vec<T>, Option<String>) {
        let from = page.and_then(|page| page.cursor).map_or(0, |cursor| cursor.parse().unwrap());
        let next = (from + 2 < all.len()).then(|| (from + 2).to_string());
        (all.iter().skip(from).take(2).cloned().collect(), next)
    }
}

impl ServerHandler for Library {
    fn get_info(&self) -> ServerConfig {
        let has = ServerCapabilities::builder()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_prompts()
            .enable_completions();
        ServerConfig::new(has.build()).with_server_info(Implementation::new("library", "1"))
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        serving::revisions(self.legacy)
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        cx: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.shelf.lists.fetch_add(1, Ordering::SeqCst);
        if self.legacy {
            let (state, peer) = (Arc::clone(&self.shelf), cx.peer.clone());
            #[expect(clippy::disallowed_methods, reason = "a test's own task")]
            tokio::spawn(async move {
                state.changed.notified().await;
                peer.notify_resource_list_changed().await.unwrap();
            });
        }
        let books = self.shelf.books.lock().unwrap().clone();
        let (books, next) = Self::page(&books, page);
        let books = books.into_iter().map(|book| {
            Resource::new(format!("book://{book}"), book.clone())
                .with_title(format!("The \u{202e}{book}\n"))
                .with_description("A book.\u{e0041}")
        });
        let mut result = ListResourcesResult::with_all_items(books.collect()).with_ttl_ms(3_600_000);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let pages = ResourceTemplate::new("book://{book}/pages/{page}{?notes}", "page").with_title("A page");
        Ok(ListResourceTemplatesResult::with_all_items(vec![pages]))
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let asked = vec![
            PromptArgument::new("book").with_description("Which one").with_required(true),
            PromptArgument::new("tone").with_required(false),
        ];
        Ok(ListPromptsResult::with_all_items(vec![
            Prompt::new("greet", Some("Says hello."), None),
            Prompt::new("review", Some("Reviews a book."), Some(asked)).with_title("Review"),
        ]))
    }

    async fn get_prompt(
        &self,
        asked: GetPromptRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let values = asked.arguments.unwrap_or_default();
        let value = |name: &str| values.get(name).and_then(|value| value.as_str()).unwrap_or("none").to_owned();
        let messages = match asked.name.as_str() {
            "greet" => vec![PromptMessage::new_text(Role::User, "Hello,\u{e0049} library.")],
            _ => vec![
                PromptMessage::new_text(Role::User, format!("Review {} ({}).", value("book"), value("tone"))),
                PromptMessage::new_text(Role::Assistant, "Gladly."),
            ],
        };
        Ok(GetPromptResult::new(messages).into())
    }

    async fn read_resource(
        &self,
        asked: ReadResourceRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.shelf.reads.fetch_add(1, Ordering::SeqCst);
        let text = match asked.uri.as_str() {
            "book://hangs" => std::future::pending().await,
            "book://empty" => String::new(),
            "book://long" => "é".repeat(100_000),
            "book://none" => return Err(ErrorData::resource_not_found("no such book", None)),
            uri => format!("All of {uri}.\u{200b}"),
        };
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, asked.uri)]).into())
    }

    async fn complete(
        &self,
        asked: CompleteRequestParams,
        _cx: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let of = match asked.r#ref {
            Reference::Prompt(prompt) => prompt.name,
            Reference::Resource(template) => template.uri,
            _ => String::new(),
        };
        let given = asked.context.and_then(|context| context.arguments).unwrap_or_default();
        let other = given.get("book").cloned().unwrap_or_default();
        let values = vec![format!("{}1", asked.argument.value), format!("{of} {other}"), "odd\u{200b}".to_owned()];
        Ok(CompleteResult::new(CompletionInfo::new(values).unwrap()))
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, cx: SubscriptionContext) -> Result<(), ErrorData> {
        let sink = cx.sink().clone();
        loop {
            tokio::select! {
                () = cx.cancelled() => return Ok(()),
                () = self.shelf.changed.notified() => sink.notify_resource_list_changed().await.unwrap(),
            }
        }
    }
}
