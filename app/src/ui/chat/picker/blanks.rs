//! What a prompt or a template asks for, as a small form; the server suggests values while one types.

use super::list::{Chosen, Doing, List};
use crate::{
    api::picker::suggest,
    ui::kit::{Button, Size, Variant, Watched, effect},
    wire::{
        limits::PICKED_MAX,
        picker::{Blank, ChoiceKind},
    },
};
use leptos::{html, prelude::*, task::spawn_local};
use std::{collections::BTreeMap, time::Duration};

/// Milliseconds without a key before a server is asked for suggestions.
const PAUSE: u64 = 250;

/// The form's values by name. A handle, free to copy.
type Values = StoredValue<BTreeMap<String, String>>;

fn json(values: Values) -> String {
    values.with_value(|values| serde_json::to_string(values).unwrap_or_default())
}

/// Draws the form of a choice.
pub(super) fn blanks(list: List, chosen: Chosen) -> AnyView {
    view! { <Blanks list chosen/> }.into_any()
}

#[component]
fn Blanks(list: List, chosen: Chosen) -> impl IntoView {
    let values: Values = StoredValue::new(BTreeMap::new());
    let (title, description) = (chosen.choice.title.clone(), chosen.choice.description.clone());
    let from = chosen.from.clone();
    let kept = StoredValue::new(chosen.clone());
    let (action, done) = match chosen.choice.kind {
        ChoiceKind::Prompt => ("Prompt", "Put it into the message"),
        ChoiceKind::Resource | ChoiceKind::Template => ("Resource", "Add it to the message"),
    };
    let label = format!("{action} {title}");
    let fields = chosen.choice.blanks.into_iter().enumerate();
    let fields = fields.map(|(at, blank)| view! { <Field at blank values kept/> }).collect_view();
    view! {
        <form
            class="flex min-h-0 flex-col gap-3 overflow-y-auto p-3"
            aria-label=label
            on:submit=move |event| {
                event.prevent_default();
                if list.doing.get_untracked() != Doing::Asking {
                    list.fill(kept.get_value(), json(values));
                }
            }
        >
            <div>
                <p class="text-sm font-medium break-words">{title} <span class="font-normal text-muted">{format!(" from {from}")}</span></p>
                {(!description.is_empty()).then(|| view! { <p class="text-sm text-muted">{description}</p> })}
            </div>
            {fields}
            <div class="flex flex-wrap gap-2">
                <Button kind="submit" size=Size::Small variant=Variant::Primary disabled=Signal::derive(move || list.doing.get() == Doing::Asking)>{done}</Button>
                <Button
                    size=Size::Small
                    variant=Variant::Ghost
                    press=move || list.back()
                >
                    "Back"
                </Button>
            </div>
        </form>
    }
}

/// One value. Suggestions are the browser's own list: it knows how to show one on a phone.
#[component]
fn Field(at: usize, blank: Blank, values: Values, kept: StoredValue<Chosen>) -> impl IntoView {
    let node = NodeRef::<html::Input>::new();
    let suggestions = Watched::new(Vec::<String>::new());
    let asked = StoredValue::new(0_u32);
    let (id, hint, options) = (format!("blank-{at}"), format!("blank-{at}-hint"), format!("blank-{at}-values"));
    let Blank { name, title, description, required } = blank;
    let name = StoredValue::new(name);
    let ask = move |pause: u64| {
        let number = asked.get_value().wrapping_add(1);
        asked.set_value(number);
        let current = move || asked.try_get_value() == Some(number);
        let work = move || {
            if !current() {
                return;
            }
            let (Chosen { server, choice, .. }, blank) = (kept.get_value(), name.get_value());
            let typed = values.with_value(|values| values.get(&blank).cloned().unwrap_or_default());
            spawn_local(async move {
                // What is not suggested can be typed.
                let found = suggest(server, choice.kind, choice.key, blank, typed, json(values)).await;
                if let (true, Ok(found)) = (current(), found) {
                    suggestions.set(found);
                }
            });
        };
        set_timeout(work, Duration::from_millis(pause));
    };
    effect(move || {
        if let Some(input) = node.get().filter(|_| at == 0) {
            request_animation_frame(move || _ = input.focus());
        }
    });
    let typed = move |value: String| {
        values.update_value(|values| _ = values.insert(name.get_value(), value));
        ask(PAUSE);
    };
    view! {
        <div class="space-y-1">
            <label for=id.clone() class="block text-sm font-medium">
                {title}
                <span class="font-normal text-muted">{if required { " (required)" } else { " (may be left out)" }}</span>
            </label>
            <input
                id=id
                node_ref=node
                r#type="text"
                list=options.clone()
                class="h-10 w-full rounded-md border border-line-strong bg-raised px-3 text-base text-text"
                required=required
                maxlength=PICKED_MAX.to_string()
                aria-describedby=hint.clone()
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                on:focus=move |_| ask(0)
                on:input=move |event| typed(event_target_value(&event))
            />
            <datalist id=options>
                {move || suggestions.get().into_iter().map(|value| view! { <option value=value></option> }).collect_view()}
            </datalist>
            <p id=hint class="text-sm text-muted empty:hidden">{description}</p>
        </div>
    }
}
