//! What a person takes up from their servers: prompts and resources as last listed, read and filled in when chosen.
//!
//! Invariant: listing waits for no server ([`Connections::picked`] tells what is known now); reading, filling in and
//! suggesting values go over the person's own connection and end within [`Options::wake`](super::Options) and
//! [`Options::answer`](super::Options). What comes back is cleaned, and a sentence says why it did not come.

use super::{Connections, Pool, catalog::Catalog, link::Link, person::Person, words::Fault};
use crate::{
    backend::{
        caller::Caller,
        tools::picker::{blanks, fits, line},
    },
    wire::{
        connection::ConnectionState,
        limits,
        picker::{Blank, Choice, ChoiceKind, Group, Pick},
    },
};
use rmcp::{
    RoleClient,
    model::{
        ArgumentInfo, CompleteRequestParams, CompletionContext, GetPromptRequestParams, GetPromptResponse,
        GetPromptResult, ReadResourceRequestParams, ReadResourceResponse, Reference as Completed, ResourceContents,
    },
    service::{Peer, ServiceError},
};
use std::{collections::BTreeMap, future::Future, sync::Arc};

/// Choices of one server that are shown at once; what was typed tells which.
const SHOWN: usize = 40;
/// Characters of a title, and of a description.
const TITLE: usize = 120;
const DESCRIPTION: usize = 300;
/// Blanks of one choice.
const BLANKS: usize = limits::PROMPT_ARGUMENTS_MAX;
/// Suggestions the protocol has for one value.
const VALUES: usize = 100;

/// Why something of a server's was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// No such server, or not theirs.
    #[error("There is no such server, or it is not yours.")]
    NotFound,
    /// Why, as a sentence.
    #[error("{0}")]
    Told(String),
}

impl From<Fault> for Unread {
    fn from(fault: Fault) -> Self {
        Self::Told(fault.told)
    }
}

impl Connections {
    /// What the caller's servers have of it, as far as is known now, that goes with what was typed.
    pub async fn picked(&self, caller: &Caller, pick: Pick, typed: &str) -> Vec<Group> {
        let Some(person) = self.ready(caller).await else { return Vec::new() };
        let links = person.links().into_iter().filter(|link| link.state() != ConnectionState::Off);
        links.map(|link| group(&link, pick, typed)).filter(|g| !g.choices.is_empty() || !g.note.is_empty()).collect()
    }

    /// What a choice was listed as, and what its server is called.
    pub async fn chosen(
        &self,
        caller: &Caller,
        server: &str,
        (kind, key): (ChoiceKind, &str),
    ) -> Result<(Option<Choice>, String), Unread> {
        let link = self.link_of(caller, server).await?;
        let seen = link.seen();
        let pick = if kind == ChoiceKind::Prompt { Pick::Prompts } else { Pick::Resources };
        let found = choices(&seen.catalog, pick).find(|choice| choice.kind == kind && choice.key == key);
        Ok((found, link.owner.server.name.clone()))
    }

    /// What is at an address of a server's.
    pub async fn read_resource(
        &self,
        caller: &Caller,
        server: &str,
        uri: &str,
    ) -> Result<Vec<ResourceContents>, Unread> {
        let asked = ReadResourceRequestParams::new(uri);
        let answer = self.ask(caller, server, |peer| async move { peer.read_resource_once(asked).await }).await?;
        match answer {
            ReadResourceResponse::Complete(result) => Ok(result.contents),
            _ => Err(asks_back()),
        }
    }

    /// A prompt of a server's with these values.
    pub async fn get_prompt(
        &self,
        caller: &Caller,
        server: &str,
        name: &str,
        values: BTreeMap<String, String>,
    ) -> Result<GetPromptResult, Unread> {
        let mut asked = GetPromptRequestParams::new(name);
        asked.arguments = Some(values.into_iter().map(|(name, value)| (name, value.into())).collect());
        let answer = self.ask(caller, server, |peer| async move { peer.get_prompt_once(asked).await }).await?;
        match answer {
            GetPromptResponse::Complete(result) => Ok(result),
            _ => Err(asks_back()),
        }
    }

    /// Values that a server suggests for a blank; none if it suggests none.
    pub async fn suggested(
        &self,
        caller: &Caller,
        server: &str,
        (kind, key): (ChoiceKind, &str),
        (blank, typed): (&str, &str),
        given: BTreeMap<String, String>,
    ) -> Result<Vec<String>, Unread> {
        if !self.link_of(caller, server).await?.seen().catalog.completes {
            return Ok(Vec::new());
        }
        let of = match kind {
            ChoiceKind::Prompt => Completed::for_prompt(key),
            ChoiceKind::Resource | ChoiceKind::Template => Completed::for_resource(key),
        };
        let mut asked = CompleteRequestParams::new(of, ArgumentInfo::new(blank, typed));
        asked.context = Some(CompletionContext::with_arguments(given.into_iter().collect()));
        let answer = self.ask(caller, server, |peer| async move { peer.complete(asked).await }).await?;
        let values = answer.completion.values.into_iter().take(VALUES);
        // One that is cleaned would be another: what is odd in it is left out whole.
        Ok(values.filter(|value| !value.is_empty() && line(value, limits::PICKED_MAX) == *value).collect())
    }

    async fn link_of(&self, caller: &Caller, server: &str) -> Result<Arc<Link>, Unread> {
        let person: Arc<Person> = self.person(caller.user).await.ok_or(Unread::NotFound)?;
        person.link(server).ok_or(Unread::NotFound)
    }

    /// Asks a server something, within the time there is for it.
    async fn ask<T, F>(
        &self,
        caller: &Caller,
        server: &str,
        ask: impl FnOnce(Peer<RoleClient>) -> F,
    ) -> Result<T, Unread>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let link = self.link_of(caller, server).await?;
        let pool: &Arc<Pool> = &self.0;
        let (peer, _ear) = link.line(pool, pool.options.wake).await?;
        let within = pool.options.answer;
        // A time-out drops the request, which tells the server so.
        let answer = tokio::time::timeout(within, ask(peer))
            .await
            .unwrap_or_else(|_| Err(ServiceError::Timeout { timeout: within }));
        answer.map_err(|error| {
            if !matches!(error, ServiceError::McpError(_)) {
                link.suspect.notify_one();
            }
            Fault::of_request(&error).into()
        })
    }
}

fn asks_back() -> Unread {
    Unread::Told("It wants to ask you something first, which cannot be answered from here.".to_owned())
}

fn group(link: &Link, pick: Pick, typed: &str) -> Group {
    let seen = link.seen();
    let offered = link.is_offered();
    let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let fitting = choices(&seen.catalog, pick).filter(|choice| fits(choice, &words));
    let mut found: Vec<Choice> = fitting.take(if offered { SHOWN + 1 } else { 0 }).collect();
    let more = found.len() > SHOWN;
    found.truncate(SHOWN);
    let coming = offered && !seen.tried;
    let note = match (&seen.fault, offered) {
        (Some(fault), false) => format!("It is away. {fault}"),
        (None, false) => "It is away.".to_owned(),
        _ if coming => "It is being connected.".to_owned(),
        _ if more => "It has more: type to find it.".to_owned(),
        _ => String::new(),
    };
    Group { server: link.id.clone(), name: line(&link.owner.server.name, TITLE), note, coming, choices: found }
}

/// A server's choices in its order. What has no sensible name for its server is left out.
fn choices(catalog: &Catalog, pick: Pick) -> Box<dyn Iterator<Item = Choice> + '_> {
    let all: Box<dyn Iterator<Item = Choice> + '_> = match pick {
        Pick::Prompts => Box::new(catalog.prompts.iter().map(|prompt| {
            let arguments = prompt.arguments.iter().flatten().take(BLANKS).map(|argument| Blank {
                name: argument.name.clone(),
                title: line(argument.title.as_ref().unwrap_or(&argument.name), TITLE),
                description: line(argument.description.as_deref().unwrap_or_default(), DESCRIPTION),
                required: argument.required.unwrap_or(false),
            });
            let shown = (prompt.title.as_ref(), prompt.description.as_deref());
            choice(ChoiceKind::Prompt, &prompt.name, &prompt.name, shown, arguments.collect())
        })),
        Pick::Resources => {
            let resources = catalog.resources.iter().map(|it| {
                let shown = (it.title.as_ref(), it.description.as_deref());
                choice(ChoiceKind::Resource, &it.uri, &it.name, shown, Vec::new())
            });
            let templates = catalog.templates.iter().map(|it| {
                let shown = (it.title.as_ref(), it.description.as_deref());
                let asked = blanks(&it.uri_template).into_iter().take(BLANKS).collect();
                choice(ChoiceKind::Template, &it.uri_template, &it.name, shown, asked)
            });
            Box::new(resources.chain(templates))
        }
    };
    Box::new(all.filter(|choice| (1..=limits::PICKED_MAX).contains(&choice.key.chars().count())))
}

fn choice(
    kind: ChoiceKind,
    key: &str,
    name: &str,
    (title, description): (Option<&String>, Option<&str>),
    blanks: Vec<Blank>,
) -> Choice {
    let shown = [title.map_or("", String::as_str), name, key].map(|text| line(text, TITLE));
    let title = shown.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    let description = line(description.unwrap_or_default(), DESCRIPTION);
    Choice { kind, key: key.to_owned(), title, description, blanks }
}
