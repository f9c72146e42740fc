//! Signing in to other MCP servers by OAuth 2.1: Parley as a client of the authorization servers that guard them.
//!
//! Invariant: a token is one person's ([`account`]) or the operator's ([`machine`]), for one server, from one authorization
//! server and for one resource, and is shown to that resource alone; it is sealed wherever it is kept. No address of a
//! stranger's metadata is asked past the guard (`http::session`), be the server a person's or the operator's ([`ask`]),
//! and nothing but https carries a secret. What a sign-in needs is bound to the browser session that began it, by a
//! `state` that counts once. What cannot be proven is refused: no PKCE with S256, another issuer than the one that was
//! asked, a resource that is not this server.
//!
//! Decision: our own small code over [`http::session`](crate::backend::http::session), not rmcp's `auth`. That keeps one
//! sign-in in one process, where a browser's comes back to whatever process runs then; rebuilds a confidential client
//! without its secret after a restart; goes on where PKCE is not offered; falls back to endpoints that nobody published;
//! registers without authentication only; and leaves its address filter behind with a client of one's own. Closing these
//! from the outside would leave little of it in use.

pub(super) mod account;
mod ask;
mod assertion;
mod begin;
pub(super) mod challenge;
mod client;
mod discover;
pub(super) mod dpop;
mod endpoint;
mod finish;
mod grant;
mod kept;
pub(super) mod machine;
mod renew;

pub(super) use self::{client::purpose as client_purpose, finish::pending_purpose, kept::purpose as grant_purpose};
pub use begin::{Begun, OwnClient};
pub use finish::Answer;

use self::{account::Account, machine::Machine};
use super::lock;
use crate::{
    backend::{
        clock::Clock,
        config::{Nearby, servers::OperatorAuth},
        http::session::Session,
        secrets::Secrets,
        store::{Store, StoreError},
        task::Tasks,
    },
    wire::id::UserId,
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, Weak},
};
use url::Url;

/// Where authorization servers send people back to.
pub const CALLBACK: &str = "/connections/callback";
/// Where Parley describes itself to authorization servers, if it has a public https address.
pub const DOCUMENT: &str = "/client-metadata.json";

/// What Parley is to authorization servers.
#[derive(Clone, Debug)]
pub struct Home {
    origin: String,
}

impl Home {
    /// At that public address.
    pub fn at(origin: &str) -> Self {
        Self { origin: origin.to_owned() }
    }

    fn callback(&self) -> String {
        format!("{}{CALLBACK}", self.origin)
    }

    /// The id that is the address of its own description, where others can fetch that.
    fn document(&self) -> Option<String> {
        self.origin.starts_with("https://").then(|| format!("{}{DOCUMENT}", self.origin))
    }

    /// What it says of itself, to be known by or to be registered with.
    fn metadata(&self) -> Value {
        let local = Url::parse(&self.origin).is_ok_and(|url| url.scheme() == "http");
        json!({
            "client_name": "Parley",
            "client_uri": self.origin,
            "redirect_uris": [self.callback()],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
            "application_type": if local { "native" } else { "web" },
        })
    }

    /// The document at [`DOCUMENT`], if there is one.
    pub fn client_document(&self) -> Option<Value> {
        let id = self.document()?;
        let mut told = self.metadata();
        told["client_id"] = id.into();
        Some(told)
    }
}

/// What all accounts share.
pub(super) struct Keep {
    pub(super) store: Store,
    pub(super) secrets: Secrets,
    pub(super) tasks: Tasks,
    pub(super) clock: Clock,
    pub(super) home: Home,
    /// For addresses that people chose.
    pub(super) guarded: Session,
    /// For the operator's.
    pub(super) plain: Session,
    /// Which addresses without https may be asked.
    pub(super) private: Nearby,
    /// Those in use, so that a link and the one that replaces it refresh once. Written when a link is made.
    pub(super) accounts: Mutex<HashMap<(UserId, String), Weak<Account>>>,
    /// Those of the operator's servers that Parley gets tokens for itself, in use. Written when a link is made.
    pub(super) machines: Mutex<HashMap<String, Weak<Machine>>>,
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").finish_non_exhaustive()
    }
}

impl Keep {
    /// A person's account at a server.
    pub(super) fn account(self: &Arc<Self>, user: UserId, server: &str, url: &Url, guarded: bool) -> Arc<Account> {
        let mut accounts = lock(&self.accounts);
        let key = (user, server.to_owned());
        if let Some(account) = accounts.get(&key).and_then(Weak::upgrade).filter(|account| account.url == *url) {
            return account;
        }
        accounts.retain(|_, account| account.strong_count() > 0);
        let account = Arc::new(Account::new(Arc::clone(self), user, server, url.clone(), guarded));
        accounts.insert(key, Arc::downgrade(&account));
        account
    }

    /// Parley's own standing with a server of the operator's: one for everybody here.
    pub(super) fn machine(self: &Arc<Self>, server: &str, url: &Url, auth: &Arc<OperatorAuth>) -> Arc<Machine> {
        let mut machines = lock(&self.machines);
        if let Some(machine) = machines.get(server).and_then(Weak::upgrade) {
            return machine;
        }
        let machine = Arc::new(Machine::new(Arc::clone(self), server, url.clone(), Arc::clone(auth)));
        machines.insert(server.to_owned(), Arc::downgrade(&machine));
        machine
    }
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// It may pass by itself: a sentence.
    #[error("{0}")]
    Away(String),
    /// Only a person, or whoever runs the server, can change it: a sentence.
    #[error("{0}")]
    Refused(String),
    /// The same of what the operator's file says to show there: a sentence.
    #[error("{0}")]
    Denied(String),
}

impl Trouble {
    fn refused(told: impl Into<String>) -> Self {
        Self::Refused(told.into())
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "what belongs to a sign-in cannot be read or kept");
        Self::Away("Its sign-in cannot be read just now.".to_owned())
    }
}
