//! The saved prompts' use cases: keep, change, remove, list, fill in.
//!
//! Invariant: whoever changes one says so to the hub ([`Change::Prompts`]), so that MCP clients that listen hear of it
//! ([`SavedPrompts::changes`]). What a prompt must be like is [`PromptForm`]'s.

use crate::{
    backend::{
        hub::{Change, Hub},
        store::{Store, StoreError},
    },
    wire::{
        error::ApiError,
        id::{PromptId, UserId},
        limits,
        prompt::{Piece, Prompt, PromptForm, pieces},
    },
};
use std::collections::BTreeMap;
use tokio::sync::broadcast;
use uuid::Uuid;

/// Changes a listener may be behind; then it looks for itself.
const BEHIND: usize = 64;

/// Everybody's saved prompts.
#[derive(Clone, Debug)]
pub struct SavedPrompts {
    store: Store,
    hub: Hub,
    changed: broadcast::Sender<UserId>,
}

/// Why a prompt was not kept.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Something of it is wrong.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The store failed, or it is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SavedPrompts {
    /// Those of a store; the hub hears of every change, and tells of those that others made.
    pub fn new(store: Store, hub: Hub) -> Self {
        let changed = broadcast::channel(BEHIND).0;
        let teller = changed.clone();
        hub.on_change(move |change| {
            if let Change::Prompts(user) = change {
                // Nobody listens: nobody needs to know.
                let _unheard = teller.send(user);
            }
        });
        Self { store, hub, changed }
    }

    /// Whose prompts changed, from now on.
    pub fn changes(&self) -> broadcast::Receiver<UserId> {
        self.changed.subscribe()
    }

    /// All of one's prompts, by name.
    pub async fn all(&self, by: UserId) -> Result<Vec<Prompt>, StoreError> {
        self.store.prompts(by, None, limits::PROMPTS_MAX).await
    }

    /// Keeps a new prompt, or with an id puts it in that one's place.
    ///
    /// # Errors
    /// A field that is wrong; a name that is taken; too many; not one's own.
    pub async fn save(&self, by: UserId, id: Option<PromptId>, form: &PromptForm) -> Result<(), PromptError> {
        keep(&self.store, &self.hub, by, id, form).await.map(drop)
    }

    /// Removes one of one's prompts.
    pub async fn delete(&self, by: UserId, id: PromptId) -> Result<(), StoreError> {
        remove(&self.store, &self.hub, by, id).await
    }
}

/// Keeps a prompt, as [`SavedPrompts::save`] does, for a tool, which has only what it is called with; its id.
pub(super) async fn keep(
    store: &Store,
    hub: &Hub,
    by: UserId,
    id: Option<PromptId>,
    form: &PromptForm,
) -> Result<PromptId, PromptError> {
    let invalid = |(field, reason): (&'static str, String)| ApiError::invalid(field, reason);
    let prompt = form.parse(id.unwrap_or(PromptId(Uuid::nil()))).map_err(invalid)?;
    let kept = match id {
        Some(id) => store.update_prompt(by, &prompt).await.map(|()| id),
        None => store.create_prompt(by, &prompt).await,
    };
    let id = kept.map_err(|error| match error {
        StoreError::Conflict("prompt_name") => {
            ApiError::invalid("name", format!("You have a prompt called «{}» already.", prompt.name)).into()
        }
        StoreError::Conflict("prompts_max") => {
            let most = limits::PROMPTS_MAX;
            ApiError::invalid("name", format!("You have {most} prompts, and more cannot be. Delete one first.")).into()
        }
        error => PromptError::Store(error),
    })?;
    hub.changed(Change::Prompts(by));
    Ok(id)
}

/// Removes a prompt, as [`SavedPrompts::delete`] does.
pub(super) async fn remove(store: &Store, hub: &Hub, by: UserId, id: PromptId) -> Result<(), StoreError> {
    store.delete_prompt(by, id).await?;
    hub.changed(Change::Prompts(by));
    Ok(())
}

/// The prompt's text with its places filled in.
///
/// # Errors
/// A sentence about a value that is missing, unknown or too long.
pub fn fill(prompt: &Prompt, values: &BTreeMap<String, String>) -> Result<String, String> {
    if let Some(unknown) = values.keys().find(|name| !prompt.arguments.iter().any(|a| a.name == **name)) {
        let shown: String = unknown.chars().take(limits::PROMPT_NAME_MAX).collect();
        let names: Vec<String> = prompt.arguments.iter().map(|a| format!("«{}»", a.name)).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Err(format!("The prompt «{}» has no argument «{shown}»; it has {known}.", prompt.name));
    }
    for argument in &prompt.arguments {
        let value = values.get(&argument.name).map(String::as_str).unwrap_or_default();
        if argument.required && value.trim().is_empty() {
            let (name, what) = (&argument.name, &argument.description);
            return Err(format!("The prompt «{}» needs the argument «{name}»: {what}.", prompt.name));
        }
        if value.chars().count() > limits::MESSAGE_MAX {
            let most = limits::MESSAGE_MAX;
            return Err(format!("The argument «{}» has more than {most} characters.", argument.name));
        }
    }
    let filled = pieces(&prompt.body).into_iter().map(|piece| match piece {
        Piece::Text(text) => text,
        Piece::Place(name) => values.get(name).map(String::as_str).unwrap_or_default(),
    });
    Ok(filled.collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn places_are_filled_once_and_only_with_what_is_known() {
        let form = PromptForm {
            name: "explain".to_owned(),
            body: "Explain {{topic}}{{tone}}, {{ topic }}.".to_owned(),
            arguments: "topic: What it is about\ntone?: How [kindly]".to_owned(),
            ..PromptForm::default()
        };
        let prompt = form.parse(PromptId(Uuid::nil())).unwrap();
        let values = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let filled = fill(&prompt, &values(&[("topic", "{{tone}}")])).unwrap();
        assert_eq!(filled, "Explain {{tone}}, {{tone}}.", "what is filled in is not read again");
        assert_eq!(fill(&prompt, &values(&[("topic", "a"), ("tone", " b")])).unwrap(), "Explain a b, a.");
        let missing = fill(&prompt, &values(&[("tone", "b")])).unwrap_err();
        assert_eq!(missing, "The prompt «explain» needs the argument «topic»: What it is about.");
        let unknown = fill(&prompt, &values(&[("topic", "a"), ("x", "b")])).unwrap_err();
        assert_eq!(unknown, "The prompt «explain» has no argument «x»; it has «topic», «tone».");
        assert!(fill(&prompt, &values(&[("topic", &"x".repeat(limits::MESSAGE_MAX + 1))])).is_err());
    }
}
