//! Text fields: a label, the input, a hint, and beside it the error that concerns it. The limit is said before it is
//! hit, and the server says the same sentence as the browser would.

use super::{Glyph, Icon};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlInputElement};

const INPUT: &str = "block w-full rounded-md border border-line-strong bg-raised px-3 text-base text-text \
                     placeholder:text-muted transition-colors aria-invalid:border-danger";

#[component]
fn Labelled(
    name: &'static str,
    label: &'static str,
    hint: String,
    error: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="space-y-1.5">
            <label for=name class="block text-sm font-medium">
                {label}
            </label>
            {children()}
            {(!hint.is_empty()).then(|| view! { <p id=format!("{name}-hint") class="text-sm text-muted">{hint}</p> })}
            <p id=format!("{name}-error") class="text-sm text-danger empty:hidden" role="alert">
                {move || error.get()}
            </p>
        </div>
    }
}

fn described_by(name: &str, hint: &str) -> String {
    if hint.is_empty() { format!("{name}-error") } else { format!("{name}-hint {name}-error") }
}

/// A line of text with its label. Further attributes (`maxlength`, `on:input` …) go on the component's input through
/// `prop`s here, because the label is its outermost element.
#[component]
pub fn TextInput(
    /// The form's field, and the element's id.
    name: &'static str,
    /// For people.
    label: &'static str,
    /// What it must be like, said beforehand.
    #[prop(optional, into)]
    hint: String,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// What it holds at first.
    #[prop(optional, into)]
    value: String,
    /// What a password manager should put there (HTML 4.10.18.7).
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Characters at most.
    #[prop(optional)]
    max: Option<usize>,
    /// Whether it must not be empty.
    #[prop(optional)]
    required: bool,
    /// Whether the page starts here.
    #[prop(optional)]
    autofocus: bool,
    /// Hears every change.
    #[prop(optional, into)]
    on_input: Option<Callback<String>>,
) -> impl IntoView {
    let described = described_by(name, &hint);
    view! {
        <Labelled name label hint error>
            <input
                id=name
                name=name
                r#type="text"
                class=format!("h-11 {INPUT}")
                value=value
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                maxlength=max.map(|n| n.to_string())
                required=required
                autofocus=autofocus
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                on:input=move |ev| {
                    if let Some(hear) = on_input {
                        hear.run(event_target_value(&ev));
                    }
                }
            />
        </Labelled>
    }
}

/// Listens for presses on the eyes of passwords, on pages that never wake too; called once in the browser.
pub fn listen() {
    // For as long as the page lives: the handle is not needed.
    _ = window_event_listener(leptos::ev::click, |event| {
        let pressed = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(eye) = pressed.and_then(|element| element.closest("[data-eye]").ok().flatten()) else { return };
        let field = eye.get_attribute("data-eye").and_then(|id| document().get_element_by_id(&id));
        let Some(input) = field.and_then(|field| field.dyn_into::<HtmlInputElement>().ok()) else { return };
        let show = input.type_() == "password";
        input.set_type(if show { "text" } else { "password" });
        let words = if show { "Hide password" } else { SHOW };
        _ = eye.set_attribute("aria-label", words);
        _ = eye.set_attribute("title", words);
        _ = eye.toggle_attribute_with_force("data-shown", show);
    });
}

const SHOW: &str = "Show password";

/// A password, hidden until its eye is pressed (see [`listen`]). The eye appears once there is script.
#[component]
pub fn PasswordInput(
    /// The form's field, and the element's id.
    name: &'static str,
    /// For people.
    label: &'static str,
    /// What it must be like, said beforehand.
    #[prop(optional, into)]
    hint: String,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// `current-password` or `new-password`.
    autocomplete: &'static str,
    /// Characters at least; only where a new one is chosen.
    #[prop(optional)]
    min: Option<usize>,
    /// Characters at most.
    #[prop(optional)]
    max: Option<usize>,
) -> impl IntoView {
    let described = described_by(name, &hint);
    view! {
        <Labelled name label hint error>
            <div class="relative">
                <input
                    id=name
                    name=name
                    r#type="password"
                    class=format!("h-11 pe-12 {INPUT}")
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    minlength=min.map(|n| n.to_string())
                    maxlength=max.map(|n| n.to_string())
                    required=true
                    aria-describedby=described
                    aria-invalid=move || error.get().is_some().then_some("true")
                />
                <div class="absolute inset-y-0 end-1 flex items-center">
                    <button
                        r#type="button"
                        class="group inline-flex size-9 shrink-0 items-center justify-center rounded-md text-muted transition hover:bg-hover hover:text-text"
                        data-eye=name
                        aria-label=SHOW
                        title=SHOW
                    >
                        <Icon glyph=Glyph::Eye class="size-5 group-data-shown:hidden"/>
                        <Icon glyph=Glyph::EyeOff class="size-5 not-group-data-shown:hidden"/>
                    </button>
                </div>
            </div>
        </Labelled>
    }
}

/// Several lines of text with a label.
#[component]
pub fn TextArea(
    /// The form's field, and the element's id.
    name: &'static str,
    /// For people.
    label: &'static str,
    /// What it must be like, said beforehand.
    #[prop(optional, into)]
    hint: String,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Signal<Option<String>>,
    /// What it holds.
    value: RwSignal<String>,
    /// Characters at most.
    #[prop(optional)]
    max: Option<usize>,
    /// Lines shown.
    #[prop(default = 4)]
    rows: u32,
) -> impl IntoView {
    let described = described_by(name, &hint);
    view! {
        <Labelled name label hint error>
            <textarea
                id=name
                name=name
                class=format!("py-2 {INPUT}")
                rows=rows.to_string()
                maxlength=max.map(|n| n.to_string())
                aria-describedby=described
                aria-invalid=move || error.get().is_some().then_some("true")
                prop:value=move || value.get()
                on:input=move |ev| value.set(event_target_value(&ev))
            >
                {value.get_untracked()}
            </textarea>
        </Labelled>
    }
}
