//! Saved prompts: texts to use again, which programs offer by name over MCP.

use super::call::Call;
use crate::wire::{error::ApiError, id::PromptId, prompt::Prompt};
use leptos::prelude::*;

/// One's prompts, by name.
#[server(name = ListPrompts, protocol = Call)]
pub async fn saved_prompts() -> Result<Vec<Prompt>, ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.prompts.all(caller.user).await?)
    })
    .await
}

/// Keeps a prompt: in place of the one with the id `prompt`, or a new one if that is empty.
#[server(protocol = Call)]
pub async fn save_prompt(
    #[server(default)] prompt: String,
    prompt_name: String,
    #[server(default)] prompt_title: String,
    #[server(default)] prompt_description: String,
    prompt_body: String,
    #[server(default)] prompt_arguments: String,
) -> Result<(), ApiError> {
    use super::context::{back_to_form, on_to_page, serve, signed_in};
    use crate::{backend::tools::prompts::PromptError, wire::prompt::PromptForm};
    use leptos::server_fn::ServerFn;
    let form = PromptForm {
        name: prompt_name,
        title: prompt_title,
        description: prompt_description,
        body: prompt_body,
        arguments: prompt_arguments,
    };
    serve(async {
        let (backend, caller) = signed_in()?;
        let id = match prompt.as_str() {
            "" => None,
            id => Some(id.parse().map_err(|_| ApiError::NotFound)?),
        };
        backend.prompts.save(caller.user, id, &form).await.map_err(|error| match error {
            // The form's fields have names of their own: there are other forms on the page.
            PromptError::Refused(ApiError::Invalid { field, reason }) => {
                ApiError::Invalid { field: format!("prompt_{field}"), reason }
            }
            PromptError::Refused(error) => error,
            PromptError::Store(error) => error.into(),
        })?;
        on_to_page("/settings/prompts?saved=prompt");
        Ok(())
    })
    .await
    .inspect_err(|error| {
        // A text too long for an address is in the browser's own history.
        let echo = |text: &str| text.chars().nth(1_500).is_none();
        let typed = [
            ("prompt", prompt.as_str()),
            ("prompt_name", &form.name),
            ("prompt_title", &form.title),
            ("prompt_description", &form.description),
            ("prompt_body", &form.body),
            ("prompt_arguments", &form.arguments),
        ];
        let typed: Vec<_> = typed.into_iter().filter(|(_, text)| echo(text)).collect();
        back_to_form("/settings/prompts", SavePrompt::PATH, error, &typed);
    })
}

/// Removes one of one's prompts.
#[server(protocol = Call)]
pub async fn delete_prompt(id: PromptId) -> Result<(), ApiError> {
    use super::context::{serve, signed_in};
    serve(async {
        let (backend, caller) = signed_in()?;
        Ok(backend.prompts.delete(caller.user, id).await?)
    })
    .await
}
