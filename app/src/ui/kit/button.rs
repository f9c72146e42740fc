//! Buttons and links that look like them. Events and further attributes are put on the component itself
//! (`<Button on:click=…>`), so there is no property for each.

use super::{Glyph, Icon, Show, Spinner};
use leptos::prelude::*;

/// How much a button wants to be pressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variant {
    /// The one thing to do here: the brand's gradient.
    Primary,
    /// An ordinary choice.
    #[default]
    Secondary,
    /// No frame until it is pointed at.
    Ghost,
    /// Destroys something.
    Danger,
}

/// How big a button is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// In a row of others.
    Small,
    /// Usual.
    #[default]
    Medium,
    /// Fills a form's width.
    Wide,
}

fn classes(variant: Variant, size: Size) -> String {
    let looks = match variant {
        Variant::Primary => "bg-brand-gradient text-on-brand shadow-sm hover:brightness-110 active:brightness-95",
        Variant::Secondary => "border border-line bg-raised text-text hover:bg-hover",
        Variant::Ghost => "text-muted hover:bg-hover hover:text-text",
        Variant::Danger => "bg-danger-fill text-on-brand hover:brightness-110 active:brightness-95",
    };
    let measure = match size {
        Size::Small => "h-8 gap-1.5 px-3 text-sm",
        Size::Medium => "h-10 gap-2 px-4 text-sm",
        Size::Wide => "h-11 w-full gap-2 px-4 text-base",
    };
    format!(
        "inline-flex shrink-0 items-center justify-center rounded-md font-medium select-none transition \
         disabled:opacity-60 disabled:hover:brightness-100 {looks} {measure}"
    )
}

/// A button. While `busy` it shows a spinner and takes no presses.
#[component]
pub fn Button(
    /// How much it wants to be pressed.
    #[prop(optional)]
    variant: Variant,
    /// How big it is.
    #[prop(optional)]
    size: Size,
    /// Whether its work is under way.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Whether it cannot be pressed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// `button`, or `submit` in a form.
    #[prop(default = "button")]
    kind: &'static str,
    /// Further classes.
    #[prop(optional, into)]
    class: String,
    /// Its text.
    children: Children,
) -> impl IntoView {
    view! {
        <button
            r#type=kind
            class=format!("{} {class}", classes(variant, size))
            disabled=move || disabled.get() || busy.get()
            aria-busy=move || busy.get().then_some("true")
        >
            <Show when=move || busy.get()>
                <Spinner class="size-4"/>
            </Show>
            {children()}
        </button>
    }
}

/// A link that looks like a button.
#[component]
pub fn LinkButton(
    /// Where it leads.
    #[prop(into)]
    href: String,
    /// How much it wants to be pressed.
    #[prop(optional)]
    variant: Variant,
    /// How big it is.
    #[prop(optional)]
    size: Size,
    /// Its text.
    children: Children,
) -> impl IntoView {
    view! {
        <a href=href class=classes(variant, size)>
            {children()}
        </a>
    }
}

/// A button that is only an icon: its label is spoken and shown as a tooltip.
#[component]
pub fn IconButton(
    /// The icon.
    #[prop(into)]
    glyph: Signal<Glyph>,
    /// What it does, in a word or two.
    #[prop(into)]
    label: Signal<String>,
    /// Whether it cannot be pressed.
    #[prop(optional, into)]
    disabled: Signal<bool>,
    /// `button`, or `submit` in a form.
    #[prop(default = "button")]
    kind: &'static str,
    /// Further classes.
    #[prop(optional, into)]
    class: String,
) -> impl IntoView {
    view! {
        <button
            r#type=kind
            class=format!(
                "inline-flex size-9 shrink-0 items-center justify-center rounded-md text-muted transition \
                 hover:bg-hover hover:text-text disabled:opacity-50 pointer-coarse:size-11 {class}",
            )
            aria-label=move || label.get()
            title=move || label.get()
            disabled=move || disabled.get()
        >
            <Icon glyph/>
        </button>
    }
}
