//! A server's part of the page where its person fills in what it needs. A secret is never shown again: an empty field
//! leaves it as it is.

use super::{
    super::super::form::{Form, Post},
    FOLD,
};
use crate::{
    ui::{
        app::encode,
        kit::{Button, Variant},
    },
    wire::{
        connection::{ConnectionInput, InputState},
        limits,
    },
};
use leptos::prelude::*;

/// What one fills in for the server of that id.
#[component]
pub fn Inputs(
    id: String,
    name: String,
    /// Whether the server waits for it.
    waits: bool,
    inputs: Vec<ConnectionInput>,
    fill: Post,
    empty: Post,
) -> impl IntoView {
    let filled = inputs.iter().any(|input| matches!(input.state, InputState::Filled | InputState::Lost));
    let (summary, words, variant) = if waits {
        ("What it needs from you", "Connect", Variant::Primary)
    } else {
        ("What you filled in", "Save and reconnect", Variant::default())
    };
    let (label, empty_label) = (format!("{words}: {name}"), format!("Forget what I filled in: {name}"));
    let emptied = id.clone();
    let prefix = encode(&id);
    let fields = inputs.into_iter().enumerate().map(|(at, input)| {
        let id = format!("input-{prefix}-{at}");
        view! { <Input id input/> }
    });
    let fields = fields.collect_view();
    view! {
        <details open=waits class="border-t border-line">
            <summary class=FOLD>{summary}</summary>
            <div class="space-y-4 px-4 pt-2 pb-4">
                <p class="text-sm text-muted">
                    "It is kept sealed, and used for your own connection to this server alone."
                </p>
                <Form post=fill class="space-y-4">
                    <input r#type="hidden" name="id" value=id/>
                    {fields}
                    <Button kind="submit" variant attr:aria-label=label>
                        {words}
                    </Button>
                </Form>
                {filled
                    .then(|| {
                        view! {
                            <Form post=empty>
                                <input r#type="hidden" name="id" value=emptied/>
                                <Button kind="submit" variant=Variant::Danger attr:aria-label=empty_label>
                                    "Forget what I filled in"
                                </Button>
                            </Form>
                        }
                    })}
            </div>
        </details>
    }
}

#[component]
fn Input(id: String, input: ConnectionInput) -> impl IntoView {
    let hint = hint(&input);
    let ConnectionInput { id: name, description, password, state, value, .. } = input;
    let (label, told) = (id.clone(), format!("{id}-hint"));
    let described = (!hint.is_empty()).then(|| told.clone());
    view! {
        <div class="space-y-1.5">
            <label for=label class="block text-sm font-medium">{description}</label>
            <input
                id=id
                name=format!("values[{name}]")
                r#type=if password { "password" } else { "text" }
                value=value
                required=matches!(state, InputState::Missing | InputState::Lost)
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                maxlength=limits::CONNECTION_INPUT_MAX.to_string()
                aria-describedby=described
                class="block h-11 w-full rounded-md border border-line-strong bg-raised px-3 text-base"
            />
            {(!hint.is_empty()).then(|| view! { <p id=told class="text-sm text-muted">{hint}</p> })}
        </div>
    }
}

/// What an empty field means.
fn hint(input: &ConnectionInput) -> String {
    match (input.state, input.password) {
        (InputState::Lost, _) => "What you filled in cannot be read any more: fill it in again.".to_owned(),
        (InputState::Filled, true) => "It is filled in. Leave it empty to keep it.".to_owned(),
        (InputState::Default, true) => "Leave it empty for what the operator filled in.".to_owned(),
        (InputState::Filled | InputState::Default, false) if !input.default.is_empty() => {
            format!("Leave it empty for «{}».", input.default)
        }
        _ => String::new(),
    }
}
