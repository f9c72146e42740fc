//! What a server offers, as last listed, and under which names its tools go to models.
//!
//! Invariant: a tool's name here follows from its server's prefix and its own name alone, so it is the same in every
//! turn and after every restart. Lists are bounded in pages and bytes; what did not fit is told, not dropped in silence.
//! Schemas are passed on as they are: they are the server's to check arguments by, and nothing in them is fetched. A list
//! besides the tools that cannot be had takes nothing else away: it stays as it was, and that is told.

use super::{Options, apps::Ui, execution, link::Link, words::Fault};
use crate::{
    backend::tools::schema,
    wire::tool::{Annotations, ToolServer, ToolSpec},
};
use rmcp::{
    RoleClient,
    model::{PaginatedRequestParams, Prompt, Resource, ResourceTemplate, ToolAnnotations},
    service::{Peer, ServiceError},
};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{collections::HashSet, future::Future, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Pages of one list that are read.
const PAGES_MAX: usize = 100;
/// Bytes of one list, as JSON, that are kept: far more than a model could read.
const LIST_MAX: usize = 8 * 1024 * 1024;
/// Characters of a tool's name on offer: vendors accept no more.
const NAME_MAX: usize = 64;
/// Characters of a description that are passed on.
const DESCRIPTION_MAX: usize = 10_000;
/// How long a list is taken for fresh whose server says nothing about it.
const UNSAID: Duration = Duration::from_mins(10);
/// The longest time a list is taken for fresh.
const LONGEST: Duration = Duration::from_hours(24);

/// What a server offers.
#[derive(Debug)]
pub(super) struct Catalog {
    /// Its tools in its order.
    pub(super) tools: Vec<Arc<RemoteTool>>,
    /// Its resources.
    pub(super) resources: Vec<Resource>,
    /// Its ways to further resources.
    pub(super) templates: Vec<ResourceTemplate>,
    /// Its prompts.
    pub(super) prompts: Vec<Prompt>,
    /// Whether it suggests values for what is filled in.
    pub(super) completes: bool,
    /// Until when it need not be asked again, unless it says that something changed.
    pub(super) fresh_until: Instant,
    /// By what its server is known when it is connected again, and until when the lists still count then. `None`: they
    /// are read anew.
    kept: Option<(String, Instant)>,
    /// What is to be said about it, as sentences; empty if nothing is.
    pub(super) note: String,
    /// Whether its server wants its person to sign in for one of the lists.
    pub(super) wants_sign_in: bool,
}

impl Catalog {
    /// Nothing.
    pub(super) fn empty() -> Self {
        Self {
            tools: Vec::new(),
            resources: Vec::new(),
            templates: Vec::new(),
            prompts: Vec::new(),
            completes: false,
            fresh_until: Instant::now(),
            kept: None,
            note: String::new(),
            wants_sign_in: false,
        }
    }

    /// A list besides the tools, or what there was `before` and a sentence about that.
    fn beside<T>(
        &mut self,
        (link, list): (&Link, &'static str),
        found: Result<Pages<T>, Fault>,
        before: impl FnOnce() -> Vec<T>,
    ) -> Vec<T> {
        match found {
            Ok(found) => found.items,
            Err(fault) => {
                self.wants_sign_in |= link.wants_sign_in(&fault).is_some();
                if !self.note.is_empty() {
                    self.note.push(' ');
                }
                self.note.push_str(&link.unread(list, &fault));
                before()
            }
        }
    }

    /// Whether it counts for a server that was just connected again and is known by that.
    pub(super) fn outlives(&self, identity: Option<&str>) -> bool {
        let same = self.kept.as_ref().filter(|(of, _)| Some(of.as_str()) == identity);
        same.is_some_and(|(_, until)| *until > Instant::now())
    }
}

/// A tool of a server.
#[derive(Debug)]
pub(super) struct RemoteTool {
    /// What its server calls it.
    pub(super) own: String,
    /// What a model is told of it.
    pub(super) spec: Arc<ToolSpec>,
    /// Tokens of that, about.
    pub(super) cost: u64,
    /// Its app, and who may call it.
    pub(super) ui: Ui,
    /// Whether it can be called as a task, by the experiment of revision 2025-11-25.
    pub(super) takes_tasks: bool,
}

/// Whose catalog it is.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) prefix: String,
    pub(super) server: ToolServer,
}

/// By what a server is known again after a gap in its connection: what it said of itself at the beginning. `None`: it
/// cannot be, for a server of sessions that tells of changed lists told nobody of those during the gap; nor do older
/// servers say how long a list counts.
pub(super) fn identity(peer: &Peer<RoleClient>) -> Option<String> {
    let info = peer.peer_info()?;
    let has = &info.capabilities;
    let tells = [
        has.tools.as_ref().and_then(|has| has.list_changed),
        has.resources.as_ref().and_then(|has| has.list_changed),
        has.prompts.as_ref().and_then(|has| has.list_changed),
    ];
    if info.protocol_version.has_initialize() && tells.contains(&Some(true)) {
        return None;
    }
    Some(json!([info.protocol_version, has, info.server_info]).to_string())
}

/// Asks a server for everything it offers. Of its lists besides the tools, those of which a page cannot be had within
/// `patience` are as they were `before`.
///
/// # Errors
/// It has tools, and does not list them.
pub(super) async fn fetch(
    peer: &Peer<RoleClient>,
    link: &Link,
    options: &Options,
    (before, patience): (&Catalog, Duration),
) -> Result<Catalog, Fault> {
    let info = peer.peer_info();
    let has = info.as_ref().map(|info| &info.capabilities);
    let mut catalog = Catalog::empty();
    let mut tools = Pages::none();
    if has.is_some_and(|has| has.tools.is_some()) {
        let ask = |page| async { peer.list_tools(page).await.map(|page| (page.tools, page.next_cursor, page.ttl_ms)) };
        tools = pages(options.answer, ask).await?;
    }
    let (has_resources, has_prompts) =
        (has.is_some_and(|has| has.resources.is_some()), has.is_some_and(|has| has.prompts.is_some()));
    let (resources, templates, prompts) = tokio::join!(
        declared(has_resources, patience, |page| async {
            peer.list_resources(page).await.map(|page| (page.resources, page.next_cursor, page.ttl_ms))
        }),
        declared(has_resources, patience, |page| async {
            match peer.list_resource_templates(page).await {
                Ok(page) => Ok((page.resource_templates, page.next_cursor, page.ttl_ms)),
                // Not every server with resources knows this request.
                Err(ServiceError::McpError(_)) => Ok((Vec::new(), None, None)),
                Err(error) => Err(error),
            }
        }),
        declared(has_prompts, patience, |page| async {
            peer.list_prompts(page).await.map(|page| (page.prompts, page.next_cursor, page.ttl_ms))
        }),
    );
    if has.is_none_or(|has| has.tools.is_none())
        && let Some(fault) = nothing([(has_resources, resources.as_ref().err()), (has_prompts, prompts.as_ref().err())])
    {
        return Err(fault);
    }
    let whole = resources.is_ok() && templates.is_ok() && prompts.is_ok();
    let lasts = [tools.lasts, lasts(&resources), lasts(&templates), lasts(&prompts)].into_iter().flatten().min();
    if !tools.whole {
        "It lists more tools than Parley takes in; the rest is left out.".clone_into(&mut catalog.note);
    }
    catalog.tools = admit(tools.items, &link.owner);
    catalog.resources = catalog.beside((link, "resources"), resources, || before.resources.clone());
    catalog.templates = catalog.beside((link, "resource templates"), templates, || before.templates.clone());
    catalog.prompts = catalog.beside((link, "prompts"), prompts, || before.prompts.clone());
    catalog.completes = has.is_some_and(|has| has.completions.is_some());
    let now = Instant::now();
    // With more patience what is missing may be had.
    let soon = if patience < options.answer { options.fresh } else { UNSAID };
    let most = if whole { LONGEST } else { soon };
    catalog.fresh_until = now + lasts.unwrap_or(UNSAID).min(most).max(options.fresh);
    // Only what the server said itself counts beyond the connection.
    catalog.kept = identity(peer).filter(|_| whole).zip(lasts.map(|said| now + said.min(LONGEST)));
    Ok(catalog)
}

/// What is wrong if of the lists that a server has none can be had: one without tools is not there then.
fn nothing(lists: [(bool, Option<&Fault>); 2]) -> Option<Fault> {
    let mut had = lists.into_iter().filter(|(has, _)| *has).map(|(_, fault)| fault);
    let first = had.next()??;
    had.all(|fault| fault.is_some()).then(|| first.clone())
}

/// A list as it was read.
struct Pages<T> {
    items: Vec<T>,
    /// Whether nothing had to be left out.
    whole: bool,
    /// How long its shortest-lived page lasts, if that was said.
    lasts: Option<Duration>,
}

impl<T> Pages<T> {
    /// A list that is not there.
    fn none() -> Self {
        Self { items: Vec::new(), whole: true, lasts: None }
    }
}

fn lasts<T>(found: &Result<Pages<T>, Fault>) -> Option<Duration> {
    found.as_ref().ok().and_then(|found| found.lasts)
}

/// A page of a list: what is on it, where the next one is, how long it lasts in milliseconds.
type Page<T> = (Vec<T>, Option<String>, Option<u64>);

/// All pages of a list, if its server says that it has it.
async fn declared<T: Serialize, F: Future<Output = Result<Page<T>, ServiceError>>>(
    has: bool,
    patience: Duration,
    ask: impl Fn(Option<PaginatedRequestParams>) -> F,
) -> Result<Pages<T>, Fault> {
    if has { pages(patience, ask).await } else { Ok(Pages::none()) }
}

/// All pages of a list, each of which must come within `patience`.
async fn pages<T: Serialize, F: Future<Output = Result<Page<T>, ServiceError>>>(
    patience: Duration,
    ask: impl Fn(Option<PaginatedRequestParams>) -> F,
) -> Result<Pages<T>, Fault> {
    let (mut items, mut weight, mut cursor, mut lasts) = (Vec::new(), 0, None, None::<Duration>);
    for _ in 0..PAGES_MAX {
        let mut params = PaginatedRequestParams::default();
        params.cursor = cursor;
        // A time-out drops the request, which tells the server so.
        let page = tokio::time::timeout(patience, ask(Some(params))).await;
        let page = page.map_err(|_| Fault::late(patience))?;
        let (found, next, ttl) = page.map_err(|error| Fault::of_request(&error))?;
        if let Some(ttl) = ttl.map(Duration::from_millis) {
            lasts = Some(lasts.map_or(ttl, |shortest| shortest.min(ttl)));
        }
        for item in found {
            weight += serde_json::to_string(&item).map_or(LIST_MAX, |json| json.len());
            if weight > LIST_MAX {
                return Ok(Pages { items, whole: false, lasts });
            }
            items.push(item);
        }
        cursor = next;
        if cursor.is_none() {
            return Ok(Pages { items, whole: true, lasts });
        }
    }
    Ok(Pages { items, whole: false, lasts })
}

/// Tools as models are told of them; of two with one name the first counts, as it would for the server.
fn admit(tools: Vec<rmcp::model::Tool>, owner: &Owner) -> Vec<Arc<RemoteTool>> {
    let mut names = HashSet::new();
    let tools = tools.into_iter().filter(|tool| names.insert(tool.name.clone()));
    tools.map(|tool| Arc::new(remote(tool, owner))).collect()
}

fn remote(tool: rmcp::model::Tool, owner: &Owner) -> RemoteTool {
    let takes_tasks = execution::takes_tasks(&tool);
    let ui = Ui::of(tool.meta.as_ref());
    let annotations = tool.annotations.unwrap_or_default();
    let title = tool.title.or_else(|| annotations.title.clone()).unwrap_or_else(|| tool.name.to_string());
    let mut input = tool.input_schema.as_ref().clone();
    // Vendors insist on what the protocol demands too.
    input.entry("type").or_insert_with(|| json!("object"));
    let spec = ToolSpec {
        name: offered(&owner.prefix, &tool.name),
        title: clean(&title, 120),
        description: clean(tool.description.as_deref().unwrap_or_default(), DESCRIPTION_MAX),
        input_schema: Value::Object(input),
        output_schema: tool.output_schema.map_or_else(|| json!({}), |schema| Value::Object(schema.as_ref().clone())),
        annotations: claims(&annotations),
        server: Some(owner.server.clone()),
        ui: ui.defined(),
    };
    // What no model is told of takes nothing of its window.
    let cost = if ui.model { schema::cost(&spec) } else { 0 };
    RemoteTool { own: tool.name.to_string(), cost, spec: Arc::new(spec), ui, takes_tasks }
}

/// What a server claims of a tool; what it does not say counts as the worst (the protocol's own defaults).
fn claims(annotations: &ToolAnnotations) -> Annotations {
    let read_only = annotations.read_only_hint.unwrap_or(false);
    Annotations {
        read_only_hint: read_only,
        // Means something only for a tool that changes things.
        destructive_hint: !read_only && annotations.destructive_hint.unwrap_or(true),
        idempotent_hint: annotations.idempotent_hint.unwrap_or(read_only),
        open_world_hint: annotations.open_world_hint.unwrap_or(true),
    }
}

/// The name a tool is offered by: letters, digits, `_` and `-`, at most 64 of them. A name that had to be changed for
/// that ends with a piece of its hash, so that no two become one.
pub(super) fn offered(prefix: &str, own: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let plain: String = own.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    let mut name = format!("{prefix}__{plain}");
    if plain != own || name.len() > NAME_MAX || own.is_empty() {
        name.truncate(NAME_MAX - 7);
        name.push('_');
        name.push_str(&hex::encode(&Sha256::digest(own)[..3]));
    }
    name
}

fn clean(text: &str, most: usize) -> String {
    text.chars().filter(|c| *c != '\0').take(most).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::backend::tools::policy;

    #[test]
    fn names_are_plain_short_and_never_two_alike() {
        assert_eq!(offered("files", "read_file"), "files__read_file");
        let changed = ["read.file", "read file", "read/file", "lire_é", ""];
        let names: HashSet<_> = changed.iter().map(|own| offered("files", own)).collect();
        assert_eq!(names.len(), changed.len());
        let long: Vec<_> = ["a", "b"].iter().map(|end| offered("files", &("x".repeat(100) + end))).collect();
        assert_ne!(long[0], long[1]);
        for name in names.iter().chain(&long) {
            assert!(name.len() <= NAME_MAX, "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), "{name}");
        }
        assert_eq!(offered("files", "read.file"), offered("files", "read.file"));
    }

    #[test]
    fn what_a_server_does_not_say_counts_as_the_worst() {
        let worst = Annotations {
            read_only_hint: false,
            destructive_hint: true,
            idempotent_hint: false,
            open_world_hint: true,
        };
        assert_eq!(claims(&ToolAnnotations::new()), worst);
        let reads = claims(&ToolAnnotations::new().read_only(true).open_world(false));
        assert_eq!(reads, Annotations::READ_ONLY);
    }

    #[test]
    fn a_schema_is_passed_on_as_it_is() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "$defs": {"a": {"$anchor": "a", "type": "string"}}, "properties": {"x": {"$ref": "#a"}},
            "allOf": [{"anyOf": [{"required": ["x"]}]}], "if": {}, "then": {}, "additionalProperties": false,
        });
        let tool: rmcp::model::Tool =
            serde_json::from_value(json!({"name": "t", "inputSchema": schema, "description": "a\u{0}b"})).unwrap();
        let server = ToolServer { id: "s".to_owned(), name: "S".to_owned(), trusted: false };
        let tool = remote(tool, &Owner { prefix: "s".to_owned(), server });
        assert_eq!(tool.spec.input_schema, schema);
        assert_eq!((tool.spec.description.as_str(), tool.spec.title.as_str()), ("ab", "t"));
        assert!(tool.cost > 50);
    }
    #[test]
    fn the_app_of_a_tool_belongs_to_its_definition() {
        let server = ToolServer { id: "s".to_owned(), name: "S".to_owned(), trusted: false };
        let owner = Owner { prefix: "s".to_owned(), server };
        let of = |meta: Value| {
            let tool = json!({"name": "t", "inputSchema": {"type": "object"}, "_meta": meta});
            remote(serde_json::from_value(tool).unwrap(), &owner).spec
        };
        let plain = of(json!({}));
        assert_eq!(plain.ui, None);
        let metas = [
            json!({"ui": {"resourceUri": "ui://a"}}),
            json!({"ui": {"resourceUri": "ui://b"}}),
            json!({"ui": {"resourceUri": "ui://b", "visibility": ["model"]}}),
        ];
        let hashes = metas.map(of).iter().chain([&plain]).map(|spec| policy::definition(spec)).collect::<HashSet<_>>();
        assert_eq!(hashes.len(), 4);
    }
}
