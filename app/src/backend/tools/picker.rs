//! [`Picker`]: what a person takes up in a message with `/` and `@`, of their own and of their servers'.
//!
//! Invariant: everything is the caller's: their prompts, their conversations, their connections. What a server wrote is
//! cleaned (`visible`) and bounded before anybody sees it; a prompt becomes text in the composer and nothing more, and a
//! resource is read when its message is sent, so that a person knows what they send and a model what it was told.

mod read;
mod template;
mod text;
mod visible;

pub(super) use template::blanks;
pub(super) use visible::line;

use super::{
    address,
    prompts::fill,
    remote::{Connections, Unread},
};
use crate::{
    backend::{
        caller::Caller,
        clock::Clock,
        store::{Store, StoreError},
    },
    wire::{
        error::ApiError,
        limits,
        picker::{Blank, Choice, ChoiceKind, Filled, Group, OWN, Pick, Reference},
        prompt::Prompt,
    },
};
use std::collections::BTreeMap;

/// Conversations among which one chooses: those one was in lately.
const LATELY: u32 = 200;
/// Of them, and of one's prompts, those shown at once.
const SHOWN: usize = 40;
/// Characters of a name, and of a sentence.
const TITLE: usize = 120;

/// See the module; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Picker {
    store: Store,
    clock: Clock,
    remote: Option<Connections>,
}

/// Why something was not taken up.
#[derive(Debug, thiserror::Error)]
pub enum PickError {
    /// A fact for the reader.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The store failed, or it is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unread> for PickError {
    fn from(error: Unread) -> Self {
        Self::Refused(match error {
            Unread::NotFound => ApiError::NotFound,
            Unread::Told(reason) => ApiError::Conflict { reason },
        })
    }
}

fn invalid(field: &str, reason: impl Into<String>) -> PickError {
    ApiError::invalid(field, reason).into()
}

impl Picker {
    /// One over that store and those connections, if there are any.
    pub fn new(store: Store, clock: Clock, remote: Option<Connections>) -> Self {
        Self { store, clock, remote }
    }

    /// What the caller can take up that goes with what was typed: their own first, then server by server, as far as is
    /// known now.
    pub async fn offered(&self, by: &Caller, pick: Pick, typed: &str) -> Result<Vec<Group>, PickError> {
        let typed: String = typed.chars().take(limits::SEARCH_MAX).collect();
        let own = match pick {
            Pick::Prompts => self.own_prompts(by, &typed).await?,
            Pick::Resources => self.own_conversations(by, &typed).await?,
        };
        let servers = match &self.remote {
            Some(remote) => remote.picked(by, pick, &typed).await,
            None => Vec::new(),
        };
        Ok(own.into_iter().chain(servers).collect())
    }

    /// A prompt's text with these values, for the composer.
    ///
    /// # Errors
    /// A value that is missing, a prompt that is not there, a server that does not answer.
    pub async fn filled(
        &self,
        by: &Caller,
        server: &str,
        name: &str,
        values: BTreeMap<String, String>,
    ) -> Result<Filled, PickError> {
        if server == OWN {
            let prompt = self.store.prompt(by.user, name).await?;
            let text = fill(&prompt, &values).map_err(|reason| invalid("values", reason))?;
            return Ok(Filled { text, references: Vec::new(), note: String::new() });
        }
        let (choice, from) = self.remote()?.chosen(by, server, (ChoiceKind::Prompt, name)).await?;
        let choice = choice.ok_or_else(|| gone("prompt"))?;
        let values = checked(&choice, values)?;
        let result = self.remote()?.get_prompt(by, server, name, values).await?;
        Ok(text::of_prompt(result, server, &from))
    }

    /// What a template with these values refers to.
    ///
    /// # Errors
    /// A value that is missing, a template that is not there.
    pub async fn referred(
        &self,
        by: &Caller,
        server: &str,
        template: &str,
        values: BTreeMap<String, String>,
    ) -> Result<Reference, PickError> {
        let (choice, from) = self.remote()?.chosen(by, server, (ChoiceKind::Template, template)).await?;
        let choice = choice.ok_or_else(|| gone("resource"))?;
        let values = checked(&choice, values)?;
        let uri = template::expand(template, &values);
        if uri.chars().count() > limits::PICKED_MAX {
            return Err(invalid("values", "These values make an address that is too long."));
        }
        let told: Vec<&str> = values.values().map(String::as_str).collect();
        let name = line(&format!("{} ({})", choice.title, told.join(", ")), TITLE);
        Ok(Reference { server: server.to_owned(), uri, name, from })
    }

    /// Values to suggest for a blank, by what was typed there; `given` are the other blanks' values.
    ///
    /// # Errors
    /// A server that does not answer.
    pub async fn suggested(
        &self,
        by: &Caller,
        server: &str,
        (kind, key): (ChoiceKind, &str),
        (blank, typed): (&str, &str),
        mut given: BTreeMap<String, String>,
    ) -> Result<Vec<String>, PickError> {
        given.retain(|name, value| name != blank && !value.is_empty());
        if [key, blank, typed].iter().any(|text| text.chars().count() > limits::PICKED_MAX) {
            return Ok(Vec::new());
        }
        if server == OWN {
            let prompt = self.store.prompt(by.user, key).await?;
            let typed = typed.to_lowercase();
            let values = prompt.arguments.into_iter().filter(|a| a.name == blank).flat_map(|a| a.values);
            return Ok(values.filter(|value| value.to_lowercase().starts_with(&typed)).collect());
        }
        Ok(self.remote()?.suggested(by, server, (kind, key), (blank, typed), given).await?)
    }

    fn remote(&self) -> Result<&Connections, PickError> {
        self.remote.as_ref().ok_or(PickError::Refused(ApiError::NotFound))
    }

    async fn own_prompts(&self, by: &Caller, typed: &str) -> Result<Option<Group>, PickError> {
        let prompts = self.store.prompts(by.user, None, limits::PROMPTS_MAX).await?;
        Ok(own("Your prompts", prompts.iter().map(of_prompt), typed))
    }

    async fn own_conversations(&self, by: &Caller, typed: &str) -> Result<Option<Group>, PickError> {
        let page = self.store.conversations(by.user, None, LATELY).await?;
        let titled = page.items.into_iter().filter(|row| !row.title.is_empty());
        let choices = titled.map(|row| Choice {
            kind: ChoiceKind::Resource,
            key: address::conversation(row.id),
            title: line(&row.title, TITLE),
            description: String::new(),
            blanks: Vec::new(),
        });
        Ok(own("Your conversations", choices, typed))
    }
}

fn own(name: &str, choices: impl Iterator<Item = Choice>, typed: &str) -> Option<Group> {
    let words: Vec<String> = typed.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut choices: Vec<Choice> = choices.filter(|choice| fits(choice, &words)).take(SHOWN + 1).collect();
    let note = if choices.len() > SHOWN { "There are more: type to find them." } else { "" };
    choices.truncate(SHOWN);
    let (server, name, note) = (OWN.to_owned(), name.to_owned(), note.to_owned());
    (!choices.is_empty()).then_some(Group { server, name, note, coming: false, choices })
}

/// Whether every word is in what one sees of it.
pub(super) fn fits(choice: &Choice, words: &[String]) -> bool {
    words.is_empty() || {
        let seen = format!("{} {} {}", choice.title, choice.key, choice.description).to_lowercase();
        words.iter().all(|word| seen.contains(word))
    }
}

fn of_prompt(prompt: &Prompt) -> Choice {
    let blanks = prompt.arguments.iter().map(|argument| Blank {
        name: argument.name.clone(),
        title: argument.name.clone(),
        description: argument.description.clone(),
        required: argument.required,
    });
    Choice {
        kind: ChoiceKind::Prompt,
        key: prompt.name.clone(),
        title: prompt.shown().to_owned(),
        description: prompt.description.clone(),
        blanks: blanks.collect(),
    }
}

/// Values as a function is given them: a JSON object of texts; nothing is none.
///
/// # Errors
/// It is something else.
pub fn read_values(json: &str) -> Result<BTreeMap<String, String>, ApiError> {
    if json.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(json).map_err(|_| ApiError::invalid("values", "The values must be a JSON object of texts."))
}

fn gone(what: &str) -> PickError {
    ApiError::Conflict { reason: format!("The server no longer lists this {what}. Choose another.") }.into()
}

/// The values a server is given: those it asks for, none empty.
fn checked(choice: &Choice, mut values: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, PickError> {
    values.retain(|_, value| !value.trim().is_empty());
    if let Some(unknown) = values.keys().find(|name| !choice.blanks.iter().any(|blank| blank.name == **name)) {
        let (title, unknown) = (&choice.title, line(unknown, TITLE));
        return Err(invalid("values", format!("«{title}» asks for nothing called «{unknown}».")));
    }
    for blank in &choice.blanks {
        match values.get(&blank.name) {
            None if blank.required => {
                return Err(invalid("values", format!("«{}» needs «{}».", choice.title, blank.title)));
            }
            Some(value) if value.chars().count() > limits::PICKED_MAX => {
                let most = limits::PICKED_MAX;
                return Err(invalid("values", format!("«{}» has more than {most} characters.", blank.title)));
            }
            _ => {}
        }
    }
    Ok(values)
}
