//! Search over one's own messages and the titles of one's conversations: asked a moment after the last key, shown as text with the match marked.

use crate::{
    api::conversations::search,
    ui::kit::{EmptyState, Glyph, Icon, IconButton, Show, Spinner, Time, TimeStyle, Watched, lazy::lazy, memo},
    wire::{
        conversation::{Found, SearchHit, TitleHit},
        id::Millis,
        limits,
    },
};
use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local};
use std::time::Duration;

lazy! {
    /// Asks the server, unless something else was typed since.
    pub static ASK: fn(SearchState, u32) = more(SearchState::ask);
    /// What was found.
    pub static HITS: fn(SearchState) -> AnyView = more(|search| view! { <Hits search/> }.into_any());
}

/// Milliseconds without a key before the server is asked.
const PAUSE: u64 = 250;
/// The id of what says that no more can be typed.
const FULL: &str = "search-full";

/// What is looked for and found. A handle, free to copy.
#[derive(Clone, Copy, Debug)]
pub struct SearchState {
    query: RwSignal<String>,
    found: Watched<Option<Result<Found, String>>>,
    node: NodeRef<html::Input>,
    asked: StoredValue<u32>,
}

impl Default for SearchState {
    fn default() -> Self {
        Self::new()
    }
}

impl SearchState {
    /// Looks for nothing.
    pub fn new() -> Self {
        Self {
            query: RwSignal::new(String::new()),
            found: Watched::new(None),
            node: NodeRef::new(),
            asked: StoredValue::new(0),
        }
    }

    /// Whether nothing is looked for; tracked.
    pub fn idle(self) -> bool {
        self.query.read().trim().is_empty()
    }

    /// Puts the cursor into the box.
    pub fn focus(self) {
        request_animation_frame(move || {
            if let Some(input) = self.node.try_get_untracked().flatten() {
                _ = input.focus();
                input.select();
            }
        });
    }

    fn clear(self) {
        self.query.set(String::new());
        self.found.set(None);
    }

    fn typed(self, query: String) {
        let asked = self.asked.get_value().wrapping_add(1);
        self.asked.set_value(asked);
        let blank = query.trim().is_empty();
        self.query.set(query);
        if blank {
            return self.found.set(None);
        }
        let ask = move || {
            spawn_local(async move {
                // If it did not come, the place for what is found says so.
                if let Ok(ask) = ASK.load().await {
                    ask(self, asked);
                }
            });
        };
        set_timeout(ask, Duration::from_millis(PAUSE));
    }

    fn ask(self, asked: u32) {
        let current = move || self.asked.try_get_value() == Some(asked);
        if !current() {
            return;
        }
        let query = self.query.get_untracked().trim().to_owned();
        spawn_local(async move {
            let found = search(query).await.map_err(|error| error.to_string());
            if current() {
                self.found.set(Some(found));
            }
        });
    }
}

/// The box.
#[component]
pub fn Search(search: SearchState) -> impl IntoView {
    let escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" && !search.query.read_untracked().is_empty() {
            event.prevent_default();
            search.clear();
        }
    };
    view! {
        <div class="relative px-3 pb-2" role="search">
            <Icon glyph=Glyph::Search class="pointer-events-none absolute start-6 top-2.5 size-4 text-muted"/>
            <input
                node_ref=search.node
                r#type="search"
                class="h-9 w-full rounded-md border border-line bg-raised ps-9 pe-9 text-sm placeholder:text-muted [&::-webkit-search-cancel-button]:hidden"
                placeholder="Search"
                aria-label="Search your messages and titles (Ctrl+K)"
                aria-describedby=FULL
                maxlength=limits::SEARCH_MAX.to_string()
                prop:value=move || search.query.get()
                on:input=move |event| search.typed(event_target_value(&event))
                on:keydown=escape
            />
            <Show when=move || !search.query.read().is_empty()>
                <IconButton
                    glyph=Glyph::X
                    label="Clear search"
                    class="absolute! end-3 top-0 size-9! [&>svg]:size-4"
                    press=move || search.clear()
                />
            </Show>
        </div>
    }
}

#[component]
fn Hits(search: SearchState) -> impl IntoView {
    // As the browser counts, which takes no more.
    let full = memo(move || search.query.read().encode_utf16().count() >= limits::SEARCH_MAX);
    view! {
        <p id=FULL class="px-3 text-xs text-muted not-empty:py-1" role="status">
            {move || full.get().then(|| format!("A search has at most {} characters.", limits::SEARCH_MAX))}
        </p>
        {move || found(search)}
    }
}

fn found(search: SearchState) -> AnyView {
    match search.found.get() {
        None => {
            view! {
                <p class="flex items-center gap-2 p-3 text-sm text-muted" role="status">
                    <Spinner class="size-4"/>
                    "Searching…"
                </p>
            }
            .into_any()
        }
        Some(Err(error)) => view! { <p class="p-3 text-sm text-danger" role="alert">{error}</p> }.into_any(),
        Some(Ok(Found { titles, messages })) if titles.is_empty() && messages.is_empty() => {
            view! { <EmptyState glyph=Glyph::Search title="Nothing found">"Try another word, or fewer of them."</EmptyState> }
                .into_any()
        }
        Some(Ok(Found { titles, messages })) => {
            let count = titles.len() + messages.len();
            view! {
                <p class="sr-only" role="status">{format!("{count} found")}</p>
                <ul class="flex flex-col gap-0.5">
                    {titles.into_iter().map(titled).collect_view()}
                    {messages.into_iter().map(written).collect_view()}
                </ul>
            }
            .into_any()
        }
    }
}

/// A message that is found by its text.
fn written(hit: SearchHit) -> AnyView {
    let title = if hit.title.is_empty() { "New chat".to_owned() } else { hit.title };
    let path = format!("/c/{}#m-{}", hit.conversation, hit.message);
    line(path, title.into_any(), hit.created_at, Some(marked(hit.snippet)))
}

/// A conversation that is found by its title.
fn titled(hit: TitleHit) -> AnyView {
    line(format!("/c/{}", hit.conversation), marked(hit.title), hit.updated_at, None)
}

fn line(path: String, title: AnyView, at: Millis, text: Option<AnyView>) -> AnyView {
    view! {
        <li>
            <a href=path class="block rounded-md px-3 py-2 hover:bg-hover">
                <span class="block truncate text-sm font-medium">{title}</span>
                {text.map(|text| view! { <span class="line-clamp-2 text-sm text-muted">{text}</span> })}
                <span class="block text-xs text-muted"><Time at style=TimeStyle::Full/></span>
            </a>
        </li>
    }
    .into_any()
}

fn marked(pieces: Vec<(String, bool)>) -> AnyView {
    let piece = |(text, matches): (String, bool)| {
        if matches {
            view! { <mark class="rounded-sm bg-warning-soft text-warning">{text}</mark> }.into_any()
        } else {
            text.into_any()
        }
    };
    pieces.into_iter().map(piece).collect_view().into_any()
}
