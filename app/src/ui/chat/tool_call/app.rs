//! The app of a tool's call (MCP Apps): a frame of its server's page below the call, and what it may ask for.
//!
//! It is loaded when it comes into sight. Invariant: the app is in a frame without an origin and gets nothing but what
//! [`bridge`] lets through: it calls no function of the server's by itself, and never sends a message. What it says is
//! bounded in number and size; what it wants done is asked for beside its frame, where it cannot draw.

mod ask;
mod bridge;
mod frame;
mod talk;

use crate::{
    api::apps::open_app,
    ui::{
        chat::cell::ToolView,
        kit::{Banner, Button, Glyph, Icon, IconButton, Size, Spinner, Tone, Variant, Watched, effect, lazy::lazy},
    },
    wire::{
        app::OpenedApp,
        id::{CallId, MessageId},
    },
};
use ask::asking;
use leptos::{html, prelude::*, task::spawn_local};
use talk::Talk;

lazy! {
    /// The app of a call.
    pub(super) static APP: fn(ArcRwSignal<ToolView>) -> AnyView = apps(|tool| view! { <App tool/> }.into_any());
}

/// How far showing it got.
#[derive(Clone, Debug)]
enum Stage {
    /// Out of sight so far.
    Unseen,
    Opening,
    Shown(Box<OpenedApp>),
    Failed(String),
    Closed,
}

#[component]
fn App(tool: ArcRwSignal<ToolView>) -> impl IntoView {
    let stage = Watched::new(Stage::Unseen);
    let node = NodeRef::<html::Div>::new();
    let (message, call) = tool.with_untracked(|tool| (tool.message, tool.call.id.clone()));
    let label = tool.with_untracked(|tool| format!("App of {}", super::title_of(&tool.call)));
    let call = StoredValue::new(call);
    let open = move || {
        stage.set(Stage::Opening);
        let call = call.get_value();
        spawn_local(async move {
            stage.set(match open_app(message, call).await {
                Ok(opened) => Stage::Shown(Box::new(opened)),
                Err(error) => Stage::Failed(error.to_string()),
            });
        });
    };
    effect(move || {
        if let Some(card) = node.get() {
            frame::once_seen(&card, move || {
                if stage.try_get_untracked().is_some_and(|stage| matches!(stage, Stage::Unseen)) {
                    open();
                }
            });
        }
    });
    view! {
        <div node_ref=node class="border-t border-line" role="group" aria-label=label>
            {move || match stage.get() {
                Stage::Unseen | Stage::Opening => {
                    view! {
                        <p class="flex min-h-40 items-center justify-center gap-2 text-muted" role="status">
                            <Spinner class="size-4"/>
                            "Its app is being loaded…"
                        </p>
                    }
                        .into_any()
                }
                Stage::Failed(why) => {
                    view! {
                        <Banner tone=Tone::Warning class="m-3">
                            <p>{format!("Its app cannot be shown. {why}")}</p>
                            <Button size=Size::Small class="mt-2" on:click=move |_| open()>"Try again"</Button>
                        </Banner>
                    }
                        .into_any()
                }
                Stage::Closed => {
                    view! {
                        <p class="px-3 py-2">
                            <Button variant=Variant::Ghost size=Size::Small on:click=move |_| open()>
                                <Icon glyph=Glyph::Eye class="size-4"/>
                                "Show its app"
                            </Button>
                        </p>
                    }
                        .into_any()
                }
                Stage::Shown(opened) => {
                    let closed = Callback::new(move |()| stage.set(Stage::Closed));
                    view! { <Frame tool=tool.clone() opened=*opened message call closed/> }.into_any()
                }
            }}
        </div>
    }
}

#[component]
fn Frame(
    tool: ArcRwSignal<ToolView>,
    opened: OpenedApp,
    message: MessageId,
    call: StoredValue<CallId>,
    closed: Callback<()>,
) -> impl IntoView {
    let (server, url, clipboard) = (opened.server.clone(), opened.url.clone(), opened.clipboard);
    let notes = opened.notes.clone();
    let title = tool.with_untracked(|tool| format!("{}, an app of {server}", super::title_of(&tool.call)));
    let talk = Talk::new(opened, message, call, closed);
    talk::listen(talk, tool.clone());
    effect(move || {
        tool.track();
        talk.tell(&tool);
    });
    talk::tell_changes(talk);
    let answer = Callback::new(move |(asked, said)| talk.answered(asked, said));
    view! {
        <div class="flex items-center gap-2 ps-3 pe-1.5 text-xs text-muted">
            <Icon glyph=Glyph::Shield class="size-4 shrink-0"/>
            <p class="min-w-0 flex-1 truncate">"App of " <strong class="font-medium text-text">{server}</strong></p>
            <IconButton glyph=Glyph::EyeOff label="Close this app" on:click=move |_| talk.close()/>
        </div>
        {notes.into_iter().map(|note| view! { <p class="px-3 pb-2 text-xs text-warning">{note}</p> }).collect_view()}
        <iframe
            node_ref=talk.node
            title=title
            src=url
            sandbox="allow-scripts allow-forms"
            allow=clipboard.then_some("clipboard-write")
            referrerpolicy="no-referrer"
            class="block h-40 w-full border-0 border-t border-line"
        ></iframe>
        <div aria-live="polite">
            {move || talk.news.get().map(|news| view! { <p class="border-t border-line px-3 py-2 text-xs text-muted">{news}</p> })}
            {move || talk.asks.with(|asks| asks.first().cloned()).map(|asked| asking(asked, answer))}
        </div>
    }
}
