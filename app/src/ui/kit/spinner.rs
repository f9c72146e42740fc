//! Signs that something is under way. They are decoration: the words that go with them are for screen readers.

use leptos::prelude::*;

/// A turning ring.
#[component]
pub fn Spinner(
    /// Its size, as classes.
    #[prop(default = "size-5".to_owned(), into)]
    class: String,
) -> impl IntoView {
    view! {
        <svg class=format!("animate-spin {class}") viewBox="0 0 24 24" fill="none" aria-hidden="true">
            <circle cx="12" cy="12" r="9" stroke="currentColor" stroke-width="3" opacity="0.25"></circle>
            <path d="M21 12a9 9 0 0 0-9-9" stroke="currentColor" stroke-width="3" stroke-linecap="round"></path>
        </svg>
    }
}

/// Three dots that hop: somebody is writing.
#[component]
pub fn TypingDots(
    /// What a screen reader says.
    #[prop(default = "Writing…".to_owned(), into)]
    label: String,
) -> impl IntoView {
    const DOT: &str = "size-1.5 rounded-full bg-current animate-dot";
    view! {
        <span class="inline-flex h-5 items-center gap-1 text-muted">
            <span class="sr-only">{label}</span>
            <span class=DOT></span>
            <span class=format!("{DOT} [animation-delay:140ms]")></span>
            <span class=format!("{DOT} [animation-delay:280ms]")></span>
        </span>
    }
}
