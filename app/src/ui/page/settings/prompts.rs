//! Saved prompts: written here, taken up by `/` in the composer, and by name from any program that is connected.
//!
//! One form serves a new prompt and, at `?prompt=ID`, one that is there: so editing needs no script.

use super::{
    super::form::{Form, FormError, Post, asked},
    Sheet,
};
use crate::{
    api::prompts::{self, DeletePrompt, SavePrompt},
    ui::{
        kit::{Banner, Button, LinkButton, Show, Size, TextArea, TextInput, Tone, Transition, Variant, effect, memo},
        load::Loaded,
    },
    wire::{error::ApiError, limits, prompt::Prompt},
};
use leptos::{
    prelude::*,
    web_sys::{HtmlFormElement, wasm_bindgen::JsCast},
};
use leptos_router::hooks::use_query_map;

/// The section.
#[component]
pub fn PromptsSection() -> impl IntoView {
    let save = Post::to::<SavePrompt>();
    let delete = Post::to::<DeletePrompt>();
    let query = use_query_map();
    let edited = memo(move || query.with(|query| query.get("prompt")).unwrap_or_default());
    // Grows when something was kept: then, and not after a refusal, the form begins anew.
    let kept = Memo::new(move |before: Option<&usize>| {
        let before = before.copied().unwrap_or_default();
        if save.answer().with(|answer| matches!(answer, Some(Ok(_)))) { before + save.version().get() } else { before }
    });
    // What was typed would stay in the fields otherwise, whatever they hold at first.
    effect(move || {
        if kept.get() > 0 {
            let field = document().get_element_by_id("prompt_name");
            let form = field.and_then(|field| field.closest("form").ok().flatten());
            if let Some(form) = form {
                form.unchecked_into::<HtmlFormElement>().reset();
            }
        }
    });
    let listed = Loaded::by(move || format!("{} {}", kept.get(), delete.version().get()), |_| prompts::saved_prompts());
    // By itself, so that what is typed stays while the list changes.
    let open = Loaded::by(
        move || format!("{} {}", kept.get(), edited.get()),
        |key| find(key.split_once(' ').map_or_else(String::new, |(_, id)| id.to_owned())),
    );
    view! {
        <Sheet lead="Texts to use again: type «/» in a message, or let programs that use your Parley offer them. What is left open in one is asked for.">
            <FormError post=delete fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match listed.await {
                        Ok(prompts) => {
                            prompts.into_iter().map(|prompt| view! { <Row prompt delete/> }).collect_view().into_any()
                        }
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
            <Transition>
                {move || Suspend::new(async move {
                    match open.await {
                        Ok(open) => view! { <Editor open save/> }.into_any(),
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
        </Sheet>
    }
}

/// The prompt with that id, if it is one's own.
async fn find(id: String) -> Result<Option<Prompt>, ApiError> {
    if id.is_empty() {
        return Ok(None);
    }
    Ok(prompts::saved_prompts().await?.into_iter().find(|prompt| prompt.id.to_string() == id))
}

#[component]
fn Row(prompt: Prompt, delete: Post) -> impl IntoView {
    let (edit, remove) = (format!("Edit {}", prompt.name), format!("Delete {}", prompt.name));
    let id = prompt.id.to_string();
    let title = prompt.shown().to_owned();
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4">
            <div class="min-w-0 flex-1">
                <p class="truncate text-sm font-medium">{title}</p>
                <p class="truncate text-sm text-muted">
                    <code class="font-mono">{prompt.name}</code>
                    " "
                    {prompt.description}
                </p>
            </div>
            <LinkButton href=format!("/settings/prompts?prompt={id}") size=Size::Small attr:aria-label=edit>
                "Edit"
            </LinkButton>
            <Form post=delete>
                <input r#type="hidden" name="id" value=id/>
                <Button kind="submit" size=Size::Small attr:aria-label=remove>
                    "Delete"
                </Button>
            </Form>
        </div>
    }
}

/// What a field holds at first: what was typed and refused, or what the prompt has.
fn first(field: &'static str, kept: Option<String>) -> String {
    Some(asked(field)).filter(|typed| !typed.is_empty()).or(kept).unwrap_or_default()
}

#[component]
fn Editor(open: Option<Prompt>, save: Post) -> impl IntoView {
    let kept = |read: fn(&Prompt) -> String| open.as_ref().map(read);
    let name = first("prompt_name", kept(|p| p.name.clone()));
    let title = first("prompt_title", kept(|p| p.title.clone()));
    let description = first("prompt_description", kept(|p| p.description.clone()));
    let body = RwSignal::new(first("prompt_body", kept(|p| p.body.clone())));
    let arguments = RwSignal::new(first("prompt_arguments", kept(Prompt::lines)));
    let saved_before = asked("saved") == "prompt";
    let done = move || save.answer().with(|answer| answer.as_ref().map_or(saved_before, Result::is_ok));
    let id = open.as_ref().map(|prompt| prompt.id.to_string()).unwrap_or_default();
    let is_new = open.is_none();
    view! {
        <Form post=save class="space-y-5 p-4">
            <FormError
                post=save
                fields=&["prompt_name", "prompt_title", "prompt_description", "prompt_body", "prompt_arguments"]
            />
            <Show when=done>
                <Banner tone=Tone::Success>"The prompt is saved."</Banner>
            </Show>
            <input r#type="hidden" name="prompt" value=id/>
            <TextInput
                name="prompt_name"
                label=if is_new { "Name of a new prompt" } else { "Name of the prompt" }
                hint="What it is found by, here and in programs: letters, digits, «_», «-», «.»."
                value=name
                max=limits::PROMPT_NAME_MAX
                required=true
                error=save.field_error("prompt_name")
            />
            <TextInput
                name="prompt_title"
                label="Title"
                hint="What people see; the name if left empty."
                value=title
                max=limits::TITLE_MAX
                error=save.field_error("prompt_title")
            />
            <TextInput
                name="prompt_description"
                label="What it is for"
                value=description
                max=limits::PROMPT_DESCRIPTION_MAX
                error=save.field_error("prompt_description")
            />
            <TextArea
                name="prompt_body"
                label="Text"
                hint="Write {{topic}} where something is to be filled in."
                value=body
                max=limits::PROMPT_BODY_MAX
                rows=6
                error=save.field_error("prompt_body")
            />
            <TextArea
                name="prompt_arguments"
                label="What is filled in"
                hint="A line for each: «topic: What it is about». «tone?: How it sounds [kind, sharp]» may be left out, and suggests values."
                value=arguments
                rows=3
                error=save.field_error("prompt_arguments")
            />
            <div class="flex items-center gap-3">
                <Button kind="submit" variant=Variant::Primary busy=save.pending()>
                    "Save the prompt"
                </Button>
                {(!is_new).then(|| view! { <LinkButton href="/settings/prompts">"Write a new one"</LinkButton> })}
            </div>
        </Form>
    }
}
