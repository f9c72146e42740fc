//! The caller's saved prompts as the protocol has them.

use super::{McpServer, page, resources::ReadError};
use crate::{
    backend::{
        caller::Caller,
        store::StoreError,
        tools::prompts::{SavedPrompts, fill},
    },
    wire::{
        limits,
        prompt::{Prompt, PromptArgument},
    },
};
use rmcp::{
    ErrorData,
    model::{CacheScope, GetPromptResult, JsonObject, ListPromptsResult, PromptMessage, Role},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// How long a client may keep the list: it hears of changes if it listens.
const LIST_TTL_MS: u64 = 5_000;
const LIST: &str = "prompts";

impl McpServer {
    fn saved(&self) -> Result<&SavedPrompts, ErrorData> {
        let none = || ErrorData::invalid_params("No prompts are offered here.", None);
        self.offer.prompts.as_ref().ok_or_else(none)
    }

    /// One page of the caller's prompts, by name.
    pub async fn prompt_page(&self, caller: &Caller, cursor: Option<String>) -> Result<ListPromptsResult, ErrorData> {
        let after = page::place(LIST, cursor)?;
        let most = usize::try_from(limits::MCP_PAGE).unwrap_or(usize::MAX);
        let mut prompts = match self.saved() {
            Ok(_) => {
                self.store.prompts(caller.user, after.as_deref(), limits::MCP_PAGE + 1).await.map_err(unreadable)?
            }
            Err(_) => Vec::new(),
        };
        let more = prompts.len() > most;
        prompts.truncate(most);
        let next = prompts.last().filter(|_| more).map(|last| page::cursor(LIST, &last.name));
        let mut result = ListPromptsResult::with_all_items(prompts.iter().map(advertise).collect());
        result.next_cursor = next;
        Ok(result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private))
    }

    /// A prompt of the caller's, filled in.
    pub(super) async fn filled(
        &self,
        caller: &Caller,
        name: &str,
        arguments: Option<JsonObject>,
    ) -> Result<GetPromptResult, ErrorData> {
        let prompt = self.prompt(caller, name).await?;
        let values = arguments.unwrap_or_default().into_iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            _ => Err(ErrorData::invalid_params(format!("The argument «{}» is not a text.", shown(&name)), None)),
        });
        let values = values.collect::<Result<BTreeMap<_, _>, _>>()?;
        let text = fill(&prompt, &values).map_err(|sentence| ErrorData::invalid_params(sentence, None))?;
        let result = GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]);
        Ok(if prompt.description.is_empty() { result } else { result.with_description(prompt.description) })
    }

    /// Values for an argument of a prompt.
    pub(super) async fn complete_prompt(
        &self,
        caller: &Caller,
        name: &str,
        (argument, typed): (&str, &str),
    ) -> Result<Vec<String>, ErrorData> {
        let prompt = self.prompt(caller, name).await?;
        let Some(argument) = prompt.arguments.iter().find(|a| a.name == argument) else {
            let sentence = format!("The prompt «{}» has no argument «{}».", prompt.name, shown(argument));
            return Err(ErrorData::invalid_params(sentence, None));
        };
        let typed = typed.to_lowercase();
        Ok(argument.values.iter().filter(|value| value.to_lowercase().starts_with(&typed)).cloned().collect())
    }

    async fn prompt(&self, caller: &Caller, name: &str) -> Result<Prompt, ErrorData> {
        self.saved()?;
        self.store.prompt(caller.user, name).await.map_err(|error| match error {
            // The specification's answer to a name that is not listed («Prompts», error handling).
            StoreError::NotFound => {
                ErrorData::invalid_params(format!("There is no prompt «{}», or it is not yours.", shown(name)), None)
            }
            other => unreadable(other),
        })
    }
}

fn shown(name: &str) -> String {
    name.chars().take(limits::PROMPT_NAME_MAX).collect()
}

fn unreadable(error: StoreError) -> ErrorData {
    ErrorData::internal_error(ReadError::from(error).to_string(), None)
}

fn advertise(prompt: &Prompt) -> rmcp::model::Prompt {
    let arguments = prompt.arguments.iter().map(|PromptArgument { name, description, required, .. }| {
        rmcp::model::PromptArgument::new(name).with_description(description).with_required(*required)
    });
    let description = Some(prompt.description.clone()).filter(|text| !text.is_empty());
    let arguments: Vec<_> = arguments.collect();
    let offered = rmcp::model::Prompt::new(&prompt.name, description, Some(arguments));
    offered.with_title(prompt.shown())
}
