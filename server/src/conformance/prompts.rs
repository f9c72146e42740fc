//! Prompt fixtures. Those of plain text are saved prompts of the suite's account, so that listing, filling in and
//! completion are ours; what our prompts cannot hold (a picture, a document, a question) is answered here.

use super::content;
use crate::cli::Refusal;
use app::{
    backend::{Backend, caller::Caller},
    wire::prompt::PromptForm,
};
use rmcp::model::{
    ContentBlock, GetPromptRequestParams, GetPromptResult, ImageContent, ListPromptsResult, Prompt, PromptArgument,
    PromptMessage, Role,
};

/// The one that asks before it answers.
pub(super) const ASKING: &str = "test_input_required_result_prompt";
const DOCUMENT: &str = "test_prompt_with_embedded_resource";
const PICTURE: &str = "test_prompt_with_image";

/// Saves what can be saved, for that account.
pub(super) async fn save(backend: &Backend, caller: &Caller) -> Result<(), Refusal> {
    let sentence = |error: &dyn std::fmt::Display| Refusal::Sentence(format!("No prompts for the suite: {error}."));
    let form = |name: &str, body: &str, arguments: &str| PromptForm {
        name: name.to_owned(),
        description: format!("A fixture: {name}."),
        body: body.to_owned(),
        arguments: arguments.to_owned(),
        ..PromptForm::default()
    };
    let there = backend.prompts.all(caller.user).await.map_err(|error| sentence(&error))?;
    for form in [
        form("test_simple_prompt", "This is a simple prompt for testing.", ""),
        form(
            "test_prompt_with_arguments",
            "arg1 is '{{arg1}}' and arg2 is '{{arg2}}'",
            "arg1: The first argument [paris, park, party]\narg2: The second argument",
        ),
    ] {
        if !there.iter().any(|prompt| prompt.name == form.name) {
            backend.prompts.save(caller.user, None, &form).await.map_err(|error| sentence(&error))?;
        }
    }
    Ok(())
}

/// Ours, and what is answered here.
pub(super) fn listed(mut list: ListPromptsResult) -> ListPromptsResult {
    let prompt = |name: &str, arguments| Prompt::new(name, Some(format!("A fixture: {name}.")), arguments);
    let uri = PromptArgument::new("resourceUri").with_description("The address of a document.").with_required(true);
    list.prompts.extend([prompt(DOCUMENT, Some(vec![uri])), prompt(PICTURE, None), prompt(ASKING, None)]);
    list
}

/// The prompt of that name, if it is answered here.
pub(super) fn get(asked: &GetPromptRequestParams) -> Option<GetPromptResult> {
    let arguments = asked.arguments.as_ref();
    let argument = |name: &str| arguments.and_then(|given| given.get(name)?.as_str()).unwrap_or_default();
    let messages = match asked.name.as_str() {
        DOCUMENT => {
            let resource = content::text(argument("resourceUri"), "text/plain", "Embedded resource content.");
            vec![PromptMessage::new(Role::User, ContentBlock::resource(resource)), said("Please process it.")]
        }
        PICTURE => {
            let image = ContentBlock::Image(ImageContent::new(content::PIXEL, "image/png"));
            vec![PromptMessage::new(Role::User, image), said("Please analyse the image.")]
        }
        _ => return None,
    };
    Some(GetPromptResult::new(messages).with_description("A fixture."))
}

pub(super) fn said(words: &str) -> PromptMessage {
    PromptMessage::new_text(Role::User, words)
}
