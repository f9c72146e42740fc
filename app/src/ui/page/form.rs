//! What the account forms share: the card they stand on, and how a refusal finds its place.
//!
//! A form works without script: its post is answered with a redirect back to the page, whose query carries the error
//! (`__err`); Leptos puts that into the action's value on both sides, so one reading serves both ways.

use crate::{
    ui::kit::{Banner, BotAvatar, Tone},
    wire::error::ApiError,
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_query_map;

/// The error of the last try that belongs to `field`.
pub(super) fn field_error<S>(action: ServerAction<S>, field: &'static str) -> Signal<Option<String>>
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let value = action.value();
    Signal::derive(move || {
        value.with(|value| match value {
            Some(Err(ApiError::Invalid { field: at, reason })) if at == field => Some(reason.clone()),
            _ => None,
        })
    })
}

/// The error of the last try that belongs to none of `fields`.
#[component]
pub(super) fn FormError<S>(action: ServerAction<S>, fields: &'static [&'static str]) -> impl IntoView
where
    S: ServerFn<Error = ApiError> + Clone + Send + Sync + 'static,
    S::Output: Send + Sync + 'static,
{
    let value = action.value();
    let error = move || {
        value.with(|value| match value {
            Some(Err(ApiError::Invalid { field, .. })) if fields.contains(&field.as_str()) => None,
            Some(Err(error)) => Some(error.to_string()),
            _ => None,
        })
    };
    move || error().map(|error| view! { <Banner tone=Tone::Danger>{error}</Banner> })
}

/// A value of the page's query, as it was when the page was opened; empty if there is none.
pub(super) fn asked(key: &'static str) -> String {
    use_query_map().with_untracked(|query| query.get(key)).unwrap_or_default()
}

/// Where to go afterwards: a path of this site, or home. The server checks it again.
pub(super) fn next_path() -> String {
    let next = asked("next");
    let local = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\t', '\r', '\n']);
    if local { next } else { "/".to_owned() }
}

/// A card in the middle of the page, under the brand's sign.
#[component]
pub(super) fn Card(#[prop(into)] title: String, #[prop(into)] lead: String, children: Children) -> impl IntoView {
    view! {
        <main class="grid min-h-dvh place-items-center px-4 py-10">
            <div class="w-full max-w-sm">
                <header class="mb-6 flex flex-col items-center gap-3 text-center">
                    <BotAvatar class="size-14 shadow-md"/>
                    <h1 class="text-2xl font-semibold tracking-tight">{title}</h1>
                    <p class="text-sm text-muted">{lead}</p>
                </header>
                <div class="rounded-2xl border border-line bg-raised p-6 shadow-md sm:p-7">{children()}</div>
            </div>
        </main>
    }
}
