//! What a page says when it has something to say, nothing to show, or has not got it yet.

use super::{Glyph, Icon};
use leptos::prelude::*;

/// The mood of a [`Banner`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Good to know.
    #[default]
    Info,
    /// Done.
    Success,
    /// Look out.
    Warning,
    /// Went wrong; spoken at once.
    Danger,
}

impl Tone {
    fn looks(self) -> (&'static str, Glyph) {
        match self {
            Self::Info => ("bg-brand-soft text-brand-strong", Glyph::Info),
            Self::Success => ("bg-success-soft text-success", Glyph::Check),
            Self::Warning => ("bg-warning-soft text-warning", Glyph::Alert),
            Self::Danger => ("bg-danger-soft text-danger", Glyph::Alert),
        }
    }
}

/// A sentence across the width, with an icon.
#[component]
pub fn Banner(
    /// Its mood.
    #[prop(optional)]
    tone: Tone,
    /// Further classes.
    #[prop(optional, into)]
    class: String,
    /// The sentence.
    children: Children,
) -> impl IntoView {
    let (looks, glyph) = tone.looks();
    let role = if tone == Tone::Danger { "alert" } else { "status" };
    view! {
        <div role=role class=format!("flex items-start gap-2.5 rounded-md px-3.5 py-2.5 text-sm {looks} {class}")>
            <Icon glyph class="mt-0.5 size-4 shrink-0"/>
            <div class="min-w-0 flex-1">{children()}</div>
        </div>
    }
}

/// Nothing here yet, and what to do about it.
#[component]
pub fn EmptyState(
    /// A picture.
    glyph: Glyph,
    /// What there is none of.
    #[prop(into)]
    title: String,
    /// Whether it is all that its page says: its title is the page's heading then.
    #[prop(optional)]
    heading: bool,
    /// What to do about it.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let title = if heading {
        view! { <h1 class="font-medium">{title}</h1> }.into_any()
    } else {
        view! { <p class="font-medium">{title}</p> }.into_any()
    };
    view! {
        <div class="flex flex-col items-center gap-3 px-6 py-12 text-center">
            <span class="inline-flex size-12 items-center justify-center rounded-full bg-brand-soft text-brand">
                <Icon glyph class="size-6"/>
            </span>
            {title}
            {children.map(|children| view! { <div class="max-w-prose text-sm text-muted">{children()}</div> })}
        </div>
    }
}

/// The place of something that is being loaded.
#[component]
pub fn Skeleton(
    /// Its size, as classes.
    #[prop(default = "h-4 w-full".to_owned(), into)]
    class: String,
) -> impl IntoView {
    view! { <div class=format!("animate-shimmer rounded-sm bg-hover {class}") aria-hidden="true"></div> }
}
