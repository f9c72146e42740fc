//! What a person does to their servers: add, rename, remove, switch, reconnect, choose tools.
//!
//! Invariant: the store first, then what is in memory; a connection whose access or name changed is a new link, and the
//! old one ends with everything that ran over it.

use super::{
    Connections, SEARCH,
    inputs::Held,
    lock,
    person::{self, Person, Sealed, purpose},
};
use crate::{
    backend::{
        caller::Caller,
        config::{Nearby, servers::prefix},
        http::{self, address::is_here},
        secrets::SecretsError,
        store::{
            StoreError,
            connections::{StoredChoice, StoredConnection},
        },
    },
    wire::{
        connection::{ToolChoice, parse_name},
        id::ConnectionId,
        limits::{CONNECTIONS_MAX, HEADER_VALUE_MAX},
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::{collections::BTreeMap, sync::Arc};

/// A server to connect.
#[derive(Debug)]
pub struct NewConnection {
    /// What to call it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Headers of every request: name and value.
    pub headers: Vec<(String, SecretString)>,
}

/// Why something was not done to a server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// An input that cannot be taken.
    #[error("{reason}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// A sentence for the person.
        reason: String,
    },
    /// There are enough.
    #[error("You have connected {CONNECTIONS_MAX} servers, which is the most. Remove one first.")]
    Full,
    /// No such server, or not theirs.
    #[error("not found")]
    NotFound,
    /// Its secrets cannot be kept.
    #[error("its secrets cannot be kept: {0}")]
    Secrets(#[from] SecretsError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ConnectError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict("connections_max") => Self::Full,
            error => Self::Store(error),
        }
    }
}

pub(super) fn invalid(field: &'static str, reason: impl Into<String>) -> ConnectError {
    ConnectError::Invalid { field, reason: reason.into() }
}

impl Connections {
    /// Connects a server for the caller.
    ///
    /// # Errors
    /// What is wrong with it; too many; the store.
    pub async fn add(&self, caller: &Caller, new: NewConnection) -> Result<ConnectionId, ConnectError> {
        let name = parse_name(&new.name).map_err(|reason| invalid("name", reason))?;
        let access = self.access(&new)?;
        let pool = &self.0;
        let person = self.of(caller).await?;
        let id: ConnectionId = pool.clock.id();
        let sealed = pool.secrets.seal(&purpose(id), &access)?;
        let mut stored = StoredConnection { id, name: name.clone(), prefix: String::new(), access: sealed };
        // Two connections at once may want the same prefix: the store decides, and the other takes the next.
        for n in 1..=CONNECTIONS_MAX + 1 {
            stored.prefix = if n == 1 { prefix(&name) } else { format!("{}_{n}", prefix(&name)) };
            let taken = person.links().iter().any(|link| link.owner.prefix == stored.prefix);
            if taken || SEARCH.starts_with(&format!("{}__", stored.prefix)) {
                continue;
            }
            match pool.store.create_connection(caller.user, &stored).await {
                Err(StoreError::Conflict("prefix")) => {}
                Err(error) => return Err(error.into()),
                Ok(()) => break,
            }
        }
        let link = person::own(&pool.keep, caller.user, &stored, &person.links(), false);
        lock(&person.links).push(Arc::clone(&link));
        link.touch(pool);
        Ok(id)
    }

    /// Calls a server otherwise; its tools keep their names.
    ///
    /// # Errors
    /// A bad name; not theirs.
    pub async fn rename(&self, caller: &Caller, id: ConnectionId, name: &str) -> Result<(), ConnectError> {
        let name = parse_name(name).map_err(|reason| invalid("name", reason))?;
        let person = self.of(caller).await?;
        self.0.store.rename_connection(caller.user, id, &name).await?;
        self.renew(caller, &person, id).await
    }

    /// Ends a server's connection and forgets it.
    ///
    /// # Errors
    /// Not theirs.
    pub async fn remove(&self, caller: &Caller, id: ConnectionId) -> Result<(), ConnectError> {
        let person = self.of(caller).await?;
        self.0.store.remove_connection(caller.user, id).await?;
        let id = id.to_string();
        self.0.store.forget_remote_sign_ins(caller.user, &id).await?;
        lock(&person.choices).retain(|(server, _), _| *server != id);
        lock(&person.links).retain(|link| {
            let stays = link.id != id;
            if !stays {
                link.over.cancel();
            }
            stays
        });
        Ok(())
    }

    /// Connects a server afresh, now.
    ///
    /// # Errors
    /// Not theirs.
    pub async fn reconnect(&self, caller: &Caller, id: &str) -> Result<(), ConnectError> {
        let person = self.of(caller).await?;
        let link = person.link(id).ok_or(ConnectError::NotFound)?;
        if link.is_awake() {
            link.again.notify_one();
        } else {
            link.outdated();
        }
        link.touch(&self.0);
        Ok(())
    }

    /// Switches a whole server on or off.
    ///
    /// # Errors
    /// Not theirs.
    pub async fn switch(&self, caller: &Caller, id: &str, on: bool) -> Result<(), ConnectError> {
        let person = self.of(caller).await?;
        let choice = if on { ToolChoice::On } else { ToolChoice::Off };
        self.decide(caller, &person, id, "", choice).await?;
        if let Ok(id) = id.parse() {
            return self.renew(caller, &person, id).await;
        }
        let _alone = person.filling.lock().await;
        self.renew_of_operator(caller, &person, id).await
    }

    /// Decides about one tool of a server.
    ///
    /// # Errors
    /// Not theirs, or no such tool.
    pub async fn choose(&self, caller: &Caller, id: &str, tool: &str, choice: ToolChoice) -> Result<(), ConnectError> {
        let person = self.of(caller).await?;
        let link = person.link(id).ok_or(ConnectError::NotFound)?;
        if !link.seen().catalog.tools.iter().any(|known| known.own == tool) {
            return Err(ConnectError::NotFound);
        }
        self.decide(caller, &person, id, tool, choice).await
    }

    async fn decide(
        &self,
        caller: &Caller,
        person: &Person,
        id: &str,
        tool: &str,
        choice: ToolChoice,
    ) -> Result<(), ConnectError> {
        person.link(id).ok_or(ConnectError::NotFound)?;
        let (server, tool) = (id.to_owned(), tool.to_owned());
        let chosen = StoredChoice { server: server.clone(), tool: tool.clone(), choice };
        self.0.store.choose_tool(caller.user, &chosen).await?;
        lock(&person.choices).insert((server, tool), choice);
        Ok(())
    }

    pub(super) async fn of(&self, caller: &Caller) -> Result<Arc<Person>, ConnectError> {
        // Why it cannot be read is in the log.
        self.person(caller.user).await.ok_or(ConnectError::Store(StoreError::Busy))
    }

    /// Replaces a link by one of what is stored now.
    async fn renew(&self, caller: &Caller, person: &Person, id: ConnectionId) -> Result<(), ConnectError> {
        let stored = self.0.store.connections(caller.user).await?;
        let stored = stored.into_iter().find(|stored| stored.id == id).ok_or(ConnectError::NotFound)?;
        let off = person.choice(&id.to_string(), "") == ToolChoice::Off;
        self.replace(person, &id.to_string(), |others| person::own(&self.0.keep, caller.user, &stored, others, off))
    }

    /// The same for an operator's server; whoever calls holds what was filled in.
    pub(super) async fn renew_of_operator(
        &self,
        caller: &Caller,
        person: &Person,
        id: &str,
    ) -> Result<(), ConnectError> {
        let held = Held::load(&self.0.keep, caller.user).await?;
        let server = self.0.operator.iter().find(|server| person::operator_id(server) == id);
        let server = server.ok_or(ConnectError::NotFound)?;
        let off = person.choice(id, "") == ToolChoice::Off;
        self.replace(person, id, |_| person::of_operator(&self.0.keep, caller.user, server, id.to_owned(), off, &held))
    }

    fn replace(
        &self,
        person: &Person,
        id: &str,
        make: impl FnOnce(&[Arc<super::link::Link>]) -> Arc<super::link::Link>,
    ) -> Result<(), ConnectError> {
        let link = {
            let mut links = lock(&person.links);
            let at = links.iter().position(|link| link.id == id).ok_or(ConnectError::NotFound)?;
            let new = make(&links[..at]);
            links[at].over.cancel();
            links[at] = Arc::clone(&new);
            new
        };
        link.touch(&self.0);
        Ok(())
    }

    /// Checks an address and headers; what is to be sealed of them.
    fn access(&self, new: &NewConnection) -> Result<SecretString, ConnectError> {
        let pool = &self.0;
        let url = pool
            .reach
            .target(&new.url)
            .map_err(|refused| invalid("url", super::words::sentence(&refused.to_string())))?;
        let plain = match pool.private {
            Nearby::None => false,
            Nearby::ThisMachine => is_here(&url),
            Nearby::All => true,
        };
        if url.scheme() != "https" && !plain {
            let reason = "A server must be reached by https://, so that nobody on the way reads what is sent to it.";
            return Err(invalid("url", reason));
        }
        let mut headers = BTreeMap::new();
        for (name, value) in &new.headers {
            if name.trim().is_empty() && value.expose_secret().trim().is_empty() {
                continue;
            }
            if value.expose_secret().len() > HEADER_VALUE_MAX {
                return Err(invalid("headers", format!("A header's value has at most {HEADER_VALUE_MAX} characters.")));
            }
            let (name, value) =
                http::header(name, value).map_err(|reason| invalid("headers", super::words::sentence(&reason)))?;
            let value = value.to_str().map_err(|_| {
                invalid("headers", format!("The value of the header «{name}» may have ASCII characters only."))
            })?;
            if headers.insert(name.to_string(), value.to_owned()).is_some() {
                return Err(invalid("headers", format!("The header «{name}» is there twice.")));
            }
        }
        let json = serde_json::to_string(&Sealed { url: url.into(), headers });
        json.map(SecretString::from).map_err(|_| invalid("url", "This address cannot be kept."))
    }
}
