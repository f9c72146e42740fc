//! Buttons and links that look like them. Further attributes are put on the component itself (`<Button attr:title=…>`),
//! but never an event: Leptos leaves the old listener in place when a part of the page is drawn again, so that one press
//! would count twice, or reach what is gone by then. What a press does is a [`Press`].

use super::{Glyph, Icon, Show, Spinner};
use leptos::{ev::MouseEvent, prelude::*};
use std::fmt;

/// What a press does: a closure (`press=move || …`), or nothing, where a form or the browser does it.
#[derive(Default)]
pub struct Press(Option<Box<dyn FnMut()>>);

impl Press {
    /// For the element that is pressed; of one type, whatever the closure.
    pub fn heard(mut self) -> Box<dyn FnMut(MouseEvent)> {
        Box::new(move |_| {
            if let Some(act) = &mut self.0 {
                act();
            }
        })
    }
}

impl fmt::Debug for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Press").field(&self.0.is_some()).finish()
    }
}

impl<F: FnMut() + 'static> From<F> for Press {
    fn from(act: F) -> Self {
        Self(Some(Box::new(act)))
    }
}

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
        Size::Small => "h-8 gap-1.5 px-3 text-sm pointer-coarse:h-10",
        Size::Medium => "h-10 gap-2 px-4 text-sm",
        Size::Wide => "min-h-11 w-full gap-2 px-4 py-2 text-center text-base wrap-anywhere",
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
    /// What a press does.
    #[prop(optional, into)]
    press: Press,
    /// Its text.
    children: Children,
) -> impl IntoView {
    view! {
        <button
            r#type=kind
            class=format!("{} {class}", classes(variant, size))
            disabled=move || disabled.get() || busy.get()
            aria-busy=move || busy.get().then_some("true")
            on:click=press.heard()
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
    /// What a press does.
    #[prop(optional, into)]
    press: Press,
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
            on:click=press.heard()
        >
            <Icon glyph/>
        </button>
    }
}
