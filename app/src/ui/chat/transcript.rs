//! The shown branch as a keyed list, older messages on demand, and the way back to the newest.
//!
//! Invariant: a line is drawn once and lives as long as it is shown; what changes in it changes there. Screen readers
//! hear a reply once, when it is finished, from a live region of its own, and never its pieces.

use super::{
    message::{MessageView, PendingView},
    room::{Older, Room, Row},
    scroll::Scroll,
};
use crate::{
    ui::kit::{Button, EmptyState, For, Glyph, Icon, Show, Size, Spinner, Time, TimeStyle, Variant, effect},
    wire::id::{MessageId, Millis},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::hooks::use_location;

/// The transcript.
#[component]
pub fn Transcript(room: Room) -> impl IntoView {
    let scroll = Scroll::new();
    provide_context(scroll);
    effect(move || scroll.watch());
    Effect::new(move |before: Option<(u32, u32, Older)>| {
        room.painted.track();
        let (arrived, sent, older) = (room.arrived.get(), room.sent.get(), room.older.get());
        match before {
            None => scroll.to_end(),
            Some((_, _, Older::Loading)) if older != Older::Loading => scroll.hold(),
            Some((_, seen, _)) if seen != sent => scroll.to_end(),
            Some((seen, ..)) if seen != arrived => scroll.arrived(),
            Some(_) => scroll.follow(),
        }
        (arrived, sent, older)
    });
    let hash = use_location().hash;
    effect(move || {
        let target = hash.read().trim_start_matches('#').strip_prefix("m-").and_then(|id| id.parse::<MessageId>().ok());
        if let Some(message) = target {
            spawn_local(async move {
                if room.seek(message).await {
                    scroll.to_message(message);
                }
            });
        }
    });
    let scrolled = move |_| {
        if scroll.moved() && room.older.get_untracked() == Older::More {
            room.load_older();
        }
    };
    view! {
        <div class="relative min-h-0 flex-1">
            <div
                node_ref=scroll.node
                class="h-full overflow-y-auto overscroll-contain scroll-pt-12 [overflow-anchor:none] [scrollbar-gutter:stable_both-edges]"
                tabindex="0"
                role="log"
                aria-live="off"
                aria-label="Conversation"
                on:scroll=scrolled
            >
                <div class="mx-auto flex w-full max-w-3xl flex-col gap-5 px-3 py-6 sm:px-4">
                    <OlderMessages room/>
                    <Show when=move || room.rows.read().is_empty()>
                        <EmptyState glyph=Glyph::Sparkles title="Nothing here yet">
                            "Say something, and the assistant answers."
                        </EmptyState>
                    </Show>
                    <For each=move || room.rows.get() key=|row| *row let(row)>
                        <RowView room row/>
                    </For>
                </div>
            </div>
            <ToEnd scroll/>
            <p class="sr-only" aria-live="polite" role="status">{move || room.announced.get()}</p>
        </div>
    }
}

#[component]
fn RowView(room: Room, row: Row) -> impl IntoView {
    match row {
        Row::Day(_, first) => view! { <Day room first/> }.into_any(),
        Row::Message(id) => view! { <MessageView room id/> }.into_any(),
        Row::Pending(key) => view! { <PendingView room key/> }.into_any(),
    }
}

#[component]
fn Day(room: Room, first: MessageId) -> impl IntoView {
    let at = room.cell(first).map_or(Millis(0), |cell| cell.head.read_untracked().created_at);
    view! {
        <div class="flex items-center gap-3 text-xs text-muted" role="separator">
            <span class="h-px flex-1 bg-line"></span>
            <Time at style=TimeStyle::Day/>
            <span class="h-px flex-1 bg-line"></span>
        </div>
    }
}

#[component]
fn OlderMessages(room: Room) -> impl IntoView {
    let words = move || match room.older.get() {
        Older::Failed => "Older messages did not come. Try again",
        _ => "Show older messages",
    };
    view! {
        <div class="flex justify-center empty:hidden">
            {move || match room.older.get() {
                Older::None => ().into_any(),
                Older::Loading => {
                    view! {
                        <span class="flex items-center gap-2 text-sm text-muted" role="status">
                            <Spinner class="size-4"/>
                            "Loading older messages…"
                        </span>
                    }
                        .into_any()
                }
                Older::More | Older::Failed => {
                    view! {
                        <Button variant=Variant::Ghost size=Size::Small press=move || room.load_older()>
                            {words}
                        </Button>
                    }
                        .into_any()
                }
            }}
        </div>
    }
}

#[component]
fn ToEnd(scroll: Scroll) -> impl IntoView {
    let label = move || match scroll.unseen.get() {
        0 => "To the newest message".to_owned(),
        1 => "1 new message".to_owned(),
        n => format!("{n} new messages"),
    };
    view! {
        <Show when=move || !scroll.at_end.get()>
            <button
                r#type="button"
                class="absolute inset-x-0 bottom-3 mx-auto inline-flex h-9 w-fit items-center gap-2 rounded-full border border-line bg-raised px-3.5 text-sm shadow-lg animate-fade-in hover:bg-hover"
                aria-label=label
                on:click=move |_| scroll.to_end()
            >
                <Icon glyph=Glyph::ArrowDown class="size-4"/>
                {move || (scroll.unseen.get() > 0).then(label)}
            </button>
        </Show>
    }
}
