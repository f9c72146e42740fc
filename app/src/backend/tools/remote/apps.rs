//! Apps of people's servers (MCP Apps, SEP-1865, revision 2026-01-26): which tool has one, the app's page, and what the
//! page asks of its server.
//!
//! Invariant: an app is opened, calls and reads over the connection of whoever looks at it, and over that server's
//! alone. Whoever has not connected the server finds nothing. What a server says of its app is read into a closed set of
//! facts ([`declared`]) before any of it reaches a header.
//!
//! Decision: an app's page is read again from its server, and each person's last copy is kept (`store::apps`) for when
//! the server is away; it is not stored with the message. A page is the same for every call of its tool and may weigh two
//! megabytes; what differs, arguments and result, is in the message anyway.
//!
//! Decision: one frame of an opaque origin, not two frames and a second port. The specification wants a web host to put
//! a «sandbox proxy» of another origin between itself and the app, because a page alone can give a document it makes
//! neither an origin nor a policy. Parley is a server and can: the page comes from `/apps/` with its policy in its own
//! headers, `sandbox` without `allow-same-origin` among it, and in a frame whose attribute says the same. That origin is
//! nobody's: no cookie, no storage, no DOM of Parley's, also if the address is opened by itself. Another port would be
//! weaker: cookies know no ports, so an app could set Parley's. What the app sees is the same either way: it talks to
//! `window.parent`. An operator who wants another site besides names one (`PARLEY_APPS_ORIGIN`).

mod context;
mod declared;
mod frame;
mod read;

pub use declared::Ui;
pub use frame::Framed;

use super::{Connections, call, link::Link, words::Fault};
use crate::{
    backend::{
        caller::Caller,
        config::AppsConfig,
        secrets::SecretsError,
        store::{StoreError, apps::StoredApp},
        tools::ToolCx,
    },
    wire::{
        app::{AppList, OpenedApp, ToolApp, result_of},
        connection::{ConnectionState, ToolChoice},
        limits::APP_FRESH_MS,
        message::Resource,
        tool::{Annotations, ToolOutcome, ToolSpec},
    },
};
use declared::Declared;
use rmcp::model::CallToolResult;
use serde_json::{Value, json};
use std::sync::Arc;

/// The extension's name.
pub(super) const EXTENSION: &str = "io.modelcontextprotocol/ui";
/// What an app's page is.
pub(super) const MEDIA_TYPE: &str = "text/html;profile=mcp-app";

/// What the record calls the reading of a resource: the protocol's method.
const READING: &str = "resources/read";

/// Why an app cannot be shown, or does not get what it wants.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such server of theirs, or no such app.
    #[error("not found")]
    NotFound,
    /// A sentence for the person.
    #[error("{0}")]
    Refused(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A frame's ticket cannot be sealed.
    #[error("an app's frame cannot be made: {0}")]
    Secrets(#[from] SecretsError),
}

impl Connections {
    /// Which app shows the results of one of the caller's tools, as far as is known now.
    pub fn app_of(&self, caller: &Caller, name: &str) -> Option<ToolApp> {
        let person = super::lock(&self.0.people).get(&caller.user).cloned()?;
        let tool = person.tools().into_iter().find(|tool| tool.spec.name == name)?;
        let server = tool.spec.server.as_ref()?.id.clone();
        Some(ToolApp { server, uri: tool.ui.resource.clone()? })
    }

    /// Opens the app of the tool called `tool`: reads its page, or takes the copy that there is.
    ///
    /// # Errors
    /// Not a server of theirs; its page cannot be had.
    pub async fn open_app(
        &self,
        caller: &Caller,
        app: &ToolApp,
        tool: &str,
        site: &AppsConfig,
    ) -> Result<OpenedApp, AppError> {
        let link = self.link_of_app(caller, app).await?;
        let (page, old) = self.page(caller, &link, &app.uri).await?;
        let declared = Declared::read(&page.declared);
        let policy = declared.policy(&self.rules(site));
        // What it declares is a server's word and stays out of the log; the copy of that digest has it.
        let refused = policy.refused.len();
        tracing::info!(server = %link.id, digest = page.digest, refused, "an app is shown");
        let name = &link.owner.server.name;
        let mut notes: Vec<String> = old.into_iter().collect();
        if !policy.refused.is_empty() {
            notes.push(format!("It wants to reach what apps may not: {}.", policy.refused.join(", ")));
        }
        let ticket = self.0.ticket(caller.user, app)?;
        Ok(OpenedApp {
            url: format!("{}/apps/{ticket}", site.origin.as_deref().unwrap_or_default()),
            server: name.clone(),
            tool: definition(&link, tool),
            clipboard: policy.clipboard,
            domains: policy.domains,
            bare: declared.bare,
            notes,
        })
    }

    /// The tool of an app's server that the app calls by `own`, if apps may call it.
    ///
    /// # Errors
    /// A sentence why not.
    pub async fn tool_of_app(&self, caller: &Caller, app: &ToolApp, own: &str) -> Result<Arc<ToolSpec>, AppError> {
        let link = self.link_of_app(caller, app).await?;
        link.line(&self.0, self.0.options.wake).await.map_err(|fault| away(&link, &fault))?;
        let seen = link.seen();
        let found = seen.catalog.tools.iter().find(|tool| tool.own == own && tool.ui.app);
        let Some(tool) = found else {
            let shown = super::words::quote(own);
            let name = &link.owner.server.name;
            return Err(AppError::Refused(format!("«{name}» has no tool «{shown}» that an app may call.")));
        };
        let off = self.person(caller.user).await.is_none_or(|person| person.choice(&link.id, own) == ToolChoice::Off);
        if off {
            let told = format!("`{}` is switched off in the settings, under «Connections».", tool.spec.name);
            return Err(AppError::Refused(told));
        }
        Ok(Arc::clone(&tool.spec))
    }

    /// Runs a call of an app's that is permitted; what is recorded of it, and what the app reads.
    pub async fn call_for_app(&self, cx: &ToolCx, app: &ToolApp, own: &str, arguments: &Value) -> (ToolOutcome, Value) {
        let mut whole = None;
        let outcome = match self.link_of_app(&cx.caller, app).await {
            Ok(link) => Box::pin(call::run(&self.0, &link, own, cx, arguments, Some(&mut whole))).await,
            Err(error) => ToolOutcome::error(error.to_string()),
        };
        let result = whole.as_ref().and_then(as_sent).unwrap_or_else(|| result_of(&outcome));
        (outcome, result)
    }

    /// The servers of the caller's that are not switched off, by their ids; none if they cannot be read.
    pub async fn switched_on(&self, caller: &Caller) -> Vec<String> {
        let Some(person) = self.person(caller.user).await else { return Vec::new() };
        let on = person.links().into_iter().filter(|link| link.state() != ConnectionState::Off);
        on.map(|link| link.id.clone()).collect()
    }

    /// The reading of an app's server's resources as the record of tool calls has it.
    ///
    /// # Errors
    /// Not a server of theirs, or one that is switched off.
    pub async fn reading_of_app(&self, caller: &Caller, app: &ToolApp) -> Result<ToolSpec, AppError> {
        let link = self.link_of_app(caller, app).await?;
        Ok(ToolSpec {
            name: READING.to_owned(),
            title: "Read a resource".to_owned(),
            description: "Reads a resource of the server for its app.".to_owned(),
            input_schema: json!({ "type": "object", "properties": { "uri": { "type": "string" } } }),
            output_schema: Value::Null,
            annotations: Annotations { open_world_hint: true, ..Annotations::READ_ONLY },
            server: Some(link.owner.server.clone()),
            ui: None,
        })
    }

    /// Reads a resource of an app's server for the app; MCP `ReadResourceResult`.
    ///
    /// # Errors
    /// A sentence why not.
    pub async fn read_for_app(&self, caller: &Caller, app: &ToolApp, uri: &str) -> Result<Value, AppError> {
        let link = self.link_of_app(caller, app).await?;
        let found = read::resource(&self.0, &link, uri).await.map_err(|fault| away(&link, &fault))?;
        Ok(json!({ "contents": found.contents }))
    }

    /// Lists what an app's server has, for the app, as far as Parley has read it: MCP `ListResourcesResult` or
    /// `ListResourceTemplatesResult`, on one page.
    ///
    /// # Errors
    /// A sentence why not.
    pub async fn list_for_app(&self, caller: &Caller, app: &ToolApp, list: AppList) -> Result<Value, AppError> {
        let link = self.link_of_app(caller, app).await?;
        link.line(&self.0, self.0.options.wake).await.map_err(|fault| away(&link, &fault))?;
        let catalog = link.seen().catalog;
        Ok(match list {
            AppList::Resources => json!({ "resources": catalog.resources }),
            AppList::Templates => json!({ "resourceTemplates": catalog.templates }),
        })
    }

    /// What an app tells the model, as it is given it: material, with whose it is; `None` if the app takes back what it
    /// told before. `title` is what the app's tool is called.
    ///
    /// # Errors
    /// A sentence why it cannot be told.
    pub async fn told_by_app(
        &self,
        caller: &Caller,
        app: &ToolApp,
        title: &str,
        told: &Value,
    ) -> Result<Option<Resource>, AppError> {
        let link = self.link_of_app(caller, app).await?;
        let text = context::text(told).map_err(AppError::Refused)?;
        let (server, uri, name) = (link.owner.server.name.clone(), app.uri.clone(), title.to_owned());
        Ok(text.map(|text| Resource { server, uri, name, text, cut: false, app: true }))
    }

    /// The caller's way to an app's server, unless it is switched off.
    async fn link_of_app(&self, caller: &Caller, app: &ToolApp) -> Result<Arc<Link>, AppError> {
        let person = self.person(caller.user).await.ok_or(AppError::NotFound)?;
        let link = person.link(&app.server).ok_or(AppError::NotFound)?;
        if link.state() == ConnectionState::Off {
            return Err(AppError::Refused(super::person::away(&link, None)));
        }
        Ok(link)
    }

    /// An app's page; if it is an old copy, with a sentence about that.
    async fn page(
        &self,
        caller: &Caller,
        link: &Arc<Link>,
        uri: &str,
    ) -> Result<(StoredApp, Option<String>), AppError> {
        let pool = &self.0;
        let kept = pool.store.app(caller.user, &link.id, uri).await?;
        let now = pool.clock.now();
        let kept = match kept {
            Some(kept) if (0..APP_FRESH_MS).contains(&(now.0 - kept.read_at.0)) => return Ok((kept, None)),
            kept => kept,
        };
        match read::page(pool, link, uri).await {
            Ok(page) => {
                let page = StoredApp { read_at: now, ..page };
                pool.store.keep_app(caller.user, &page).await?;
                Ok((page, None))
            }
            Err(fault) => match kept {
                Some(kept) => Ok((kept, Some(format!("This is a copy from earlier. {fault}")))),
                None => Err(away(link, &fault)),
            },
        }
    }
}

fn away(link: &Link, fault: &Fault) -> AppError {
    AppError::Refused(format!("«{}» cannot be asked for it. {fault}", link.owner.server.name))
}

/// A tool as its app is told of it; of one that is not there any more, its name.
fn definition(link: &Link, name: &str) -> Value {
    let seen = link.seen();
    match seen.catalog.tools.iter().find(|tool| tool.spec.name == name) {
        Some(tool) => {
            let spec = &tool.spec;
            let mut told = json!({
                "name": tool.own,
                "title": spec.title,
                "description": spec.description,
                "inputSchema": spec.input_schema,
                "annotations": spec.annotations,
            });
            if spec.output_schema.as_object().is_some_and(|schema| !schema.is_empty()) {
                told["outputSchema"] = spec.output_schema.clone();
            }
            if let Some(uri) = &tool.ui.resource {
                told["_meta"] = json!({ "ui": { "resourceUri": uri } });
            }
            told
        }
        None => json!({ "name": name, "inputSchema": { "type": "object" } }),
    }
}

/// A result as the app reads it: as the server sent it, without what is between it and Parley.
pub(super) fn as_sent(result: &CallToolResult) -> Option<Value> {
    let mut result = serde_json::to_value(result).ok()?;
    result.as_object_mut()?.remove("resultType");
    Some(result)
}
