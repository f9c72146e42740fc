//! The writer of saved prompts: what a tool names becomes the form that the page has too, so that the same rules hold and
//! the same clients hear of it.

use super::{
    super::{
        ToolCx,
        prompts::{PromptError, keep, remove},
    },
    failed,
};
use crate::{
    backend::{hub::Hub, store::StoreError},
    wire::{
        error::ApiError,
        id::PromptId,
        limits,
        prompt::{Prompt, PromptArgument, PromptForm},
        tool::ToolOutcome,
    },
};
use serde_json::{Map, Value};

/// Keeps a new prompt; its id.
pub(super) async fn create(cx: &ToolCx, hub: &Hub, values: &Map<String, Value>) -> Result<PromptId, ToolOutcome> {
    let mut form = PromptForm::default();
    put(&mut form, values);
    keep(&cx.store, hub, cx.caller.user, None, &form).await.map_err(refused)
}

/// Changes what is named of a prompt; null takes a value away.
pub(super) async fn update(
    cx: &ToolCx,
    hub: &Hub,
    id: PromptId,
    values: &Map<String, Value>,
) -> Result<(), ToolOutcome> {
    if values.is_empty() {
        return Err(ToolOutcome::error("Name at least one field to change."));
    }
    let (by, prompt) = (cx.caller.user, find(cx, id).await?);
    let arguments = prompt.lines();
    let mut form = PromptForm {
        name: prompt.name,
        title: prompt.title,
        description: prompt.description,
        body: prompt.body,
        arguments,
    };
    put(&mut form, values);
    keep(&cx.store, hub, by, Some(id), &form).await.map(drop).map_err(refused)
}

/// One of the caller's own.
pub(super) async fn find(cx: &ToolCx, id: PromptId) -> Result<Prompt, ToolOutcome> {
    let all =
        cx.store.prompts(cx.caller.user, None, limits::PROMPTS_MAX).await.map_err(|error| failed(error.into()))?;
    let prompt = all.into_iter().find(|prompt| prompt.id == id);
    prompt.ok_or_else(|| failed(StoreError::NotFound.into()))
}

/// Removes a prompt.
pub(super) async fn delete(cx: &ToolCx, hub: &Hub, id: PromptId) -> Result<(), ToolOutcome> {
    remove(&cx.store, hub, cx.caller.user, id).await.map_err(|error| failed(error.into()))
}

/// Puts what is named into the form.
fn put(form: &mut PromptForm, values: &Map<String, Value>) {
    let fields = [
        ("name", &mut form.name),
        ("title", &mut form.title),
        ("description", &mut form.description),
        ("body", &mut form.body),
        ("arguments", &mut form.arguments),
    ];
    for (name, field) in fields {
        if let Some(value) = values.get(name) {
            value.as_str().unwrap_or_default().clone_into(field);
        }
    }
    // As the collection tells them.
    if let Ok(arguments) = serde_json::from_str::<Vec<PromptArgument>>(&form.arguments) {
        form.arguments = arguments.iter().map(PromptArgument::line).collect::<Vec<_>>().join("\n");
    }
}

fn refused(error: PromptError) -> ToolOutcome {
    match error {
        PromptError::Refused(ApiError::Invalid { field, reason }) => ToolOutcome::error(format!("«{field}»: {reason}")),
        PromptError::Refused(error) => ToolOutcome::error(error.to_string()),
        PromptError::Store(error) => failed(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn arguments_are_taken_as_lines_and_as_they_are_told() {
        let lines = "topic: What it is about\ntone?: How it sounds [kind, sharp]";
        let told = json!([
            { "name": "topic", "description": "What it is about", "required": true },
            { "name": "tone", "description": "How it sounds", "required": false, "values": ["kind", "sharp"] },
        ]);
        for given in [json!(lines), json!(told.to_string())] {
            let mut form = PromptForm { title: "Title".to_owned(), ..PromptForm::default() };
            let values = json!({ "name": "explain", "title": null, "arguments": given });
            put(&mut form, values.as_object().unwrap_or(&Map::new()));
            assert_eq!((&*form.name, &*form.title, &*form.arguments), ("explain", "", lines));
        }
    }
}
