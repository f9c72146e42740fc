//! [`Person`]: somebody's servers, and what they decided about the tools of each.
//!
//! Invariant: it is read from the store once and changed together with it (`edit`). What another process on the same
//! database changes (`parley mcp-stdio` beside the server) is seen after the next start; but not so tokens, which every
//! process renews (`oauth`).

use super::{
    Pool,
    catalog::{Owner, RemoteTool},
    connect::{Access, Credential},
    inputs::{Asked, Held, waiting},
    link::Link,
    lock,
    oauth::Keep,
    words::{Fault, Kind},
};
use crate::{
    backend::{
        config::{
            OperatorAccess, OperatorServer,
            servers::{Template, Values},
        },
        store::{StoreError, connections::StoredConnection},
    },
    wire::{
        connection::{ConnectionState, ToolChoice},
        id::{ConnectionId, UserId},
        tool::ToolServer,
    },
};
use futures::future::join_all;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Deref,
    sync::{Arc, Mutex},
};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

/// Somebody's servers.
pub(super) struct Person {
    /// The operator's by name, then their own by age. Written when they add or remove one.
    pub(super) links: Mutex<Vec<Arc<Link>>>,
    /// What they decided, by server and tool. Written when they decide.
    pub(super) choices: Mutex<HashMap<(String, String), ToolChoice>>,
    /// Held while what they filled in is changed, and while a link is made of it.
    pub(super) filling: AsyncMutex<()>,
}

/// A tool on offer to somebody.
pub(super) struct Offered {
    tool: Arc<RemoteTool>,
    /// Whether it is offered even if there are too many.
    pub(super) pinned: bool,
}

impl Deref for Offered {
    type Target = RemoteTool;
    fn deref(&self) -> &RemoteTool {
        &self.tool
    }
}

/// What a name leads to.
pub(super) enum Found {
    /// A tool, as its server calls it.
    Tool(Arc<Link>, String),
    /// A server that is away: a sentence about it.
    Away(String),
    /// Nothing.
    Nothing,
}

/// An address and headers as they are sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Sealed {
    pub(super) url: String,
    pub(super) headers: BTreeMap<String, String>,
}

impl Person {
    /// Reads somebody's servers.
    pub(super) async fn load(pool: &Pool, user: UserId) -> Result<Self, StoreError> {
        let stored = pool.store.connections(user).await?;
        let choices = pool.store.tool_choices(user).await?;
        let held = Held::load(&pool.keep, user).await?;
        let choices: HashMap<_, _> =
            choices.into_iter().map(|chosen| ((chosen.server, chosen.tool), chosen.choice)).collect();
        let off = |id: &str| choices.get(&(id.to_owned(), String::new())) == Some(&ToolChoice::Off);
        let operator = pool.operator.iter().map(|server| {
            let id = operator_id(server);
            let off = off(&id);
            of_operator(&pool.keep, user, server, id, off, &held)
        });
        let mut links: Vec<Arc<Link>> = operator.collect();
        for connection in stored {
            let off = off(&connection.id.to_string());
            links.push(own(&pool.keep, user, &connection, &links, off));
        }
        Ok(Self { links: Mutex::new(links), choices: Mutex::new(choices), filling: AsyncMutex::default() })
    }

    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        lock(&self.links).clone()
    }

    /// The server of that id.
    pub(super) fn link(&self, id: &str) -> Option<Arc<Link>> {
        lock(&self.links).iter().find(|link| link.id == id).cloned()
    }

    /// Connects every server, without waiting.
    pub(super) fn touch(&self, pool: &Arc<Pool>) {
        for link in self.links() {
            link.touch(pool);
        }
    }

    /// Waits until every server was tried once.
    pub(super) async fn tried(&self) {
        let links = self.links();
        join_all(links.iter().map(|link| link.tried())).await;
    }

    /// Whether any server is connected or being connected.
    pub(super) fn is_awake(&self) -> bool {
        lock(&self.links).iter().any(|link| link.is_awake())
    }

    pub(super) fn choice(&self, server: &str, tool: &str) -> ToolChoice {
        lock(&self.choices).get(&(server.to_owned(), tool.to_owned())).copied().unwrap_or_default()
    }

    /// Every tool on offer as far as is known, server by server.
    pub(super) fn tools(&self) -> Vec<Offered> {
        let mut names = HashSet::new();
        let mut out = Vec::new();
        for link in self.links().into_iter().filter(|link| link.is_offered()) {
            for tool in &link.seen().catalog.tools {
                let choice = self.choice(&link.id, &tool.own);
                if choice != ToolChoice::Off && names.insert(tool.spec.name.clone()) {
                    out.push(Offered { tool: Arc::clone(tool), pinned: choice == ToolChoice::Pinned });
                }
            }
        }
        out
    }

    /// Those of them that a model may be told of: not the ones that are for apps alone.
    pub(super) fn tools_for_model(&self) -> Vec<Offered> {
        let mut tools = self.tools();
        tools.retain(|tool| tool.ui.model);
        tools
    }

    /// What their servers are called, of those whose tools are on offer.
    pub(super) fn servers(&self) -> Vec<String> {
        let links = self.links();
        let offered = links.iter().filter(|link| link.is_offered() && !link.seen().catalog.tools.is_empty());
        offered.map(|link| link.owner.server.name.clone()).collect()
    }

    /// What a name that a model calls leads to.
    pub(super) fn find(&self, name: &str) -> Found {
        for link in self.links() {
            if !name.starts_with(&format!("{}__", link.owner.prefix)) {
                continue;
            }
            let seen = link.seen();
            if !link.is_offered() {
                return Found::Away(away(&link, seen.fault.as_ref()));
            }
            let tool = seen.catalog.tools.iter().find(|tool| tool.spec.name == name && tool.ui.model);
            match tool.map(|tool| (tool, self.choice(&link.id, &tool.own))) {
                Some((_, ToolChoice::Off)) => {
                    return Found::Away(format!("`{name}` is switched off in the settings, under «Connections»."));
                }
                Some((tool, _)) => return Found::Tool(Arc::clone(&link), tool.own.clone()),
                None => {}
            }
        }
        Found::Nothing
    }
}

/// A sentence about a server whose tools cannot be used.
pub(super) fn away(link: &Link, fault: Option<&Fault>) -> String {
    let name = &link.owner.server.name;
    match (link.state(), fault) {
        (ConnectionState::Off, _) => {
            format!("The server «{name}» is switched off in the settings, under «Connections».")
        }
        (_, Some(fault)) => format!("The tools of «{name}» are away. {fault}"),
        (_, None) => format!("The tools of «{name}» are away."),
    }
}

/// The id of an operator's server.
pub(super) fn operator_id(server: &OperatorServer) -> String {
    format!("operator:{}", server.name)
}

/// A link to an operator's server, by what its person filled in.
pub(super) fn of_operator(
    keep: &Arc<Keep>,
    user: UserId,
    server: &OperatorServer,
    id: String,
    off: bool,
    held: &Held,
) -> Arc<Link> {
    let (asked, values) = Asked::of(server, &id, held);
    let unfit = || Fault::new(Kind::Credentials, "What you filled in does not make an address. Change it.");
    let access = if asked.waits { Err(waiting()) } else { access(keep, user, server, &id, &values).ok_or_else(unfit) };
    let tools = ToolServer { id: id.clone(), name: server.title.clone(), trusted: server.trusted };
    Link::new(id, Owner { prefix: server.prefix.clone(), server: tools }, true, access, off, asked)
}

/// How an operator's server is reached with these values; `None` if one is missing or unfit.
fn access(keep: &Arc<Keep>, user: UserId, server: &OperatorServer, id: &str, values: &Values) -> Option<Access> {
    let fill = |texts: &[(String, Template)]| {
        texts.iter().map(|(name, text)| Some((name.clone(), text.fill(values)?))).collect::<Option<Vec<_>>>()
    };
    Some(match &server.access {
        OperatorAccess::Program { command, args, env } => Access::Program {
            command: command.clone(),
            args: args.iter().map(|arg| arg.fill(values)).collect::<Option<_>>()?,
            env: fill(env)?,
        },
        OperatorAccess::Http { url, headers, auth } => {
            let (url, headers) = (url.fill(values)?, fill(headers)?);
            let credential = match auth {
                Some(auth) => Credential::Machine { headers, machine: keep.machine(id, &url, auth) },
                None => credential(keep, user, id, &url, headers, false),
            };
            Access::Http { url, credential, guarded: false }
        }
    })
}

/// A link to a server of somebody's own; its prefix gives way where one of `others` has it already.
pub(super) fn own(
    keep: &Arc<Keep>,
    user: UserId,
    stored: &StoredConnection,
    others: &[Arc<Link>],
    off: bool,
) -> Arc<Link> {
    let id = stored.id.to_string();
    let taken = others.iter().any(|other| other.owner.prefix == stored.prefix);
    let prefix = if taken { format!("{}_{}", stored.prefix, &id[id.len() - 4..]) } else { stored.prefix.clone() };
    let server = ToolServer { id: id.clone(), name: stored.name.clone(), trusted: false };
    Link::new(id, Owner { prefix, server }, false, open(keep, user, stored), off, Asked::default())
}

/// What an address and headers are sealed for.
pub(super) fn purpose(id: ConnectionId) -> String {
    format!("connection:{id}")
}

fn open(keep: &Arc<Keep>, user: UserId, stored: &StoredConnection) -> Result<Access, Fault> {
    let shut = || {
        Fault::new(
            Kind::Credentials,
            "Its address and headers cannot be read with the server's present keys. Remove it and add it again.",
        )
    };
    let text = keep.secrets.open(&purpose(stored.id), &stored.access).map_err(|error| {
        tracing::warn!(%error, server = %stored.id, "a connection's secrets stay shut");
        shut()
    })?;
    let sealed: Sealed = serde_json::from_str(text.expose_secret()).map_err(|_| shut())?;
    let url = Url::parse(&sealed.url).map_err(|_| shut())?;
    let headers = sealed.headers.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect();
    let credential = credential(keep, user, &stored.id.to_string(), &url, headers, true);
    Ok(Access::Http { url, credential, guarded: true })
}

/// What a server is shown: who gives no header «Authorization» signs in where that is wanted.
fn credential(
    keep: &Arc<Keep>,
    user: UserId,
    id: &str,
    url: &Url,
    headers: Vec<(String, SecretString)>,
    guarded: bool,
) -> Credential {
    if headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case("authorization")) {
        return Credential::Headers(headers);
    }
    Credential::SignIn { headers, account: keep.account(user, id, url, guarded) }
}
