//! What people fill in for the operator's servers: kept sealed, told about, and put where the file says.
//!
//! Invariant: a value opens for the person, server and input it was sealed for alone. It goes into that person's own
//! connection, and nowhere else: a secret is never shown again, no log has any, and what a server says of why it cannot
//! be used is told without them.

use super::{
    Connections,
    edit::{ConnectError, invalid},
    oauth::Keep,
    person,
    words::{Fault, Kind},
};
use crate::{
    backend::{
        caller::Caller,
        config::{
            OperatorAccess, OperatorInput, OperatorServer,
            servers::{Values, encoded},
        },
        store::StoreError,
    },
    wire::{
        connection::{ConnectionInput, ConnectionState, InputState},
        id::UserId,
    },
};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, HashMap};

/// Characters from which on a value is not repeated: shorter ones are found in any sentence.
const HIDDEN_MIN: usize = 4;

/// What a value is sealed for.
pub(super) fn purpose(user: UserId, server: &str, input: &str) -> String {
    format!("connection input:{user}:{server}:{input}")
}

/// Everything a person filled in, by server and input; nothing in the place of what no present key opens.
#[derive(Clone)]
pub(super) struct Held(HashMap<(String, String), Option<SecretString>>);

impl Held {
    /// Reads and opens it.
    pub(super) async fn load(keep: &Keep, user: UserId) -> Result<Self, StoreError> {
        let stored = keep.store.connection_inputs(user).await?;
        let open = stored.into_iter().map(|stored| {
            let opened = keep.secrets.open(&purpose(user, &stored.server, &stored.input), &stored.value);
            let opened = opened.inspect_err(|error| {
                tracing::warn!(%error, server = %stored.server, "what was filled in for a server stays shut");
            });
            ((stored.server, stored.input), opened.ok())
        });
        Ok(Self(open.collect()))
    }

    fn of(&self, server: &str, input: &str) -> Option<&Option<SecretString>> {
        self.0.get(&(server.to_owned(), input.to_owned()))
    }

    fn change(&mut self, server: &str, (input, value): (String, Option<SecretString>)) {
        let key = (server.to_owned(), input);
        match value {
            Some(value) => _ = self.0.insert(key, Some(value)),
            None => _ = self.0.remove(&key),
        }
    }
}

/// What a server asks of its person, and what is not to be repeated of it.
#[derive(Default)]
pub(super) struct Asked {
    /// As its person's page has it.
    pub(super) rows: Vec<ConnectionInput>,
    /// Whether it waits for something.
    pub(super) waits: bool,
    /// Where the operator says it is, without anything that may be a key.
    pub(super) place: String,
    hidden: Vec<SecretString>,
}

impl Asked {
    /// What an operator's server asks for, and the values that hold for it.
    pub(super) fn of(server: &OperatorServer, id: &str, held: &Held) -> (Self, Values) {
        let mut values = Values::new();
        let mut asked = Self { place: place(&server.access), ..Self::default() };
        for input in &server.inputs {
            let filled = held.of(id, &input.id);
            let (state, value) = match (filled, &input.default) {
                (Some(Some(value)), _) => (InputState::Filled, Some(value)),
                (Some(None), _) => (InputState::Lost, None),
                (None, Some(value)) => (InputState::Default, Some(value)),
                (None, None) => (InputState::Missing, None),
            };
            asked.waits |= value.is_none();
            asked.rows.push(row(input, state, filled.and_then(Option::as_ref)));
            values.extend(value.map(|value| (input.id.clone(), value.clone())));
        }
        for value in values.values() {
            asked.hide_from_now_on(value.expose_secret());
        }
        (asked, values)
    }

    /// How a server begins that asks for this.
    pub(super) fn at_first(&self) -> ConnectionState {
        if self.waits { ConnectionState::Unfilled } else { ConnectionState::Asleep }
    }

    fn hide_from_now_on(&mut self, value: &str) {
        if value.chars().count() >= HIDDEN_MIN {
            self.hidden.extend([value.to_owned(), encoded(value)].map(SecretString::from));
            // What holds another is hidden first.
            self.hidden.sort_by_key(|value| std::cmp::Reverse(value.expose_secret().len()));
        }
    }

    /// A text without the values.
    pub(super) fn hide(&self, text: &str) -> String {
        self.hidden.iter().fold(text.to_owned(), |text, value| text.replace(value.expose_secret(), "…"))
    }
}

fn row(input: &OperatorInput, state: InputState, filled: Option<&SecretString>) -> ConnectionInput {
    let shown = |value: Option<&SecretString>| match value {
        Some(value) if !input.password => value.expose_secret().to_owned(),
        _ => String::new(),
    };
    ConnectionInput {
        id: input.id.clone(),
        description: input.description.clone(),
        password: input.password,
        state,
        value: shown(filled),
        default: shown(input.default.as_ref()),
    }
}

fn place(access: &OperatorAccess) -> String {
    match access {
        OperatorAccess::Program { command, .. } => {
            command.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
        OperatorAccess::Http { url, .. } => url.origin().to_owned(),
    }
}

/// Why a server is not used whose person has not filled in what it needs.
pub(super) fn waiting() -> Fault {
    Fault::new(Kind::Credentials, "It waits for what you fill in in the settings, under «Connections».")
}

impl Connections {
    /// Fills in what an operator's server asks of the caller, and connects it with that. A secret that is given empty
    /// stays as it is; what else is given empty is forgotten.
    ///
    /// # Errors
    /// No such server, or it asks for nothing; a value that cannot be taken; nothing at all where something is missing.
    pub async fn fill(
        &self,
        caller: &Caller,
        id: &str,
        given: BTreeMap<String, SecretString>,
    ) -> Result<(), ConnectError> {
        let server = self.asking(id)?;
        let (pool, person) = (&self.0, self.of(caller).await?);
        let _alone = person.filling.lock().await;
        let held = Held::load(&pool.keep, caller.user).await?;
        let (mut after, mut changes) = (held.clone(), Vec::new());
        for (name, value) in given {
            let input = server.inputs.iter().find(|input| input.id == name);
            let input = input.ok_or_else(|| invalid("values", "This server does not ask for that."))?;
            let before = held.of(id, &name);
            let value = value.expose_secret().trim();
            let value = match (value.is_empty(), before) {
                (true, None) => continue,
                (true, Some(_)) if input.password => continue,
                (true, Some(_)) => None,
                (false, _) => Some(SecretString::from(value)),
            };
            if let Some(value) = &value {
                let value = value.expose_secret();
                if let Some(reason) = server.access.unfit(&name, value) {
                    return Err(invalid("values", format!("«{}» {reason}.", input.description)));
                }
                if before.is_some_and(|before| before.as_ref().is_some_and(|old| old.expose_secret() == value)) {
                    continue;
                }
            }
            after.change(id, (name.clone(), value.clone()));
            changes.push((name, value));
        }
        let (asked, values) = Asked::of(server, id, &after);
        if changes.is_empty() && asked.waits {
            return Err(invalid("values", "Fill in what this server needs."));
        }
        if !asked.waits && !server.access.fits(&values) {
            return Err(invalid("values", "What you filled in does not make an address: «.» and «..» lead elsewhere."));
        }
        let seal = |(name, value): (String, Option<SecretString>)| {
            let sealed = value.map(|value| pool.secrets.seal(&purpose(caller.user, id, &name), &value));
            Ok::<_, ConnectError>((name, sealed.transpose()?))
        };
        let sealed: Vec<_> = changes.into_iter().map(seal).collect::<Result<_, _>>()?;
        pool.store.put_connection_inputs(caller.user, id, &sealed).await?;
        self.renew_of_operator(caller, &person, id).await
    }

    /// Forgets everything the caller filled in for a server, and ends the connection that was made with it.
    ///
    /// # Errors
    /// No such server, or it asks for nothing.
    pub async fn empty(&self, caller: &Caller, id: &str) -> Result<(), ConnectError> {
        self.asking(id)?;
        let person = self.of(caller).await?;
        let _alone = person.filling.lock().await;
        self.0.store.forget_connection_inputs(caller.user, id).await?;
        self.renew_of_operator(caller, &person, id).await
    }

    /// The operator's server of that id, if it asks for anything.
    fn asking(&self, id: &str) -> Result<&OperatorServer, ConnectError> {
        let mut servers = self.0.operator.iter().filter(|server| !server.inputs.is_empty());
        servers.find(|server| person::operator_id(server) == id).ok_or(ConnectError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_is_not_repeated() {
        let mut asked = Asked::default();
        for value in ["hunter2", "hunter2+more", "abc"] {
            asked.hide_from_now_on(value);
        }
        assert_eq!(asked.hide("no hunter2, hunter2+more or hunter2%2Bmore, but abc"), "no …, … or …, but abc");
        assert_eq!(asked.hide("fine"), "fine");
    }
}
