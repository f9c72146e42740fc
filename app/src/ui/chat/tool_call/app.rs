//! The app of a tool's call (MCP Apps): a frame of its server's page below the call, and what it may ask for.
//!
//! It is loaded when it comes into sight. Invariant: the app is in a frame without an origin and gets nothing but what
//! [`bridge`] lets through: it calls no function of the server's by itself, and never sends a message. What it says is
//! bounded in number and size; what it wants done is asked for beside its frame, where it cannot draw. Over the whole
//! page, too, it has a line above it that is ours: it says whose app it is, and leads back; so does Escape, as long as the
//! focus is not in the frame, whose keys are the app's. What it tells the model is shown over the composer (`words`).

mod ask;
mod bridge;
mod frame;
mod full;
mod look;
mod saving;
mod talk;
mod telling;

use crate::{
    api::apps::open_app,
    ui::{
        chat::cell::ToolView,
        kit::{
            Banner, Button, Glyph, Icon, IconButton, Show, Size, Spinner, Tone, Variant, Watched, effect, lazy::lazy,
            memo,
        },
    },
    wire::{
        app::OpenedApp,
        id::{CallId, MessageId},
    },
};
use ask::asking;
use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local};
use send_wrapper::SendWrapper;
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
                            <Button size=Size::Small class="mt-2" press=move || open()>"Try again"</Button>
                        </Banner>
                    }
                        .into_any()
                }
                Stage::Closed => {
                    view! {
                        <p class="px-3 py-2">
                            <Button variant=Variant::Ghost size=Size::Small press=move || open()>
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
    let (server, url, clipboard, bare) = (opened.server.clone(), opened.url.clone(), opened.clipboard, opened.bare);
    let notes = opened.notes.clone();
    let title = tool.with_untracked(|tool| format!("{}, an app of {server}", super::title_of(&tool.call)));
    let talk = Talk::new(opened, message, call.get_value(), closed);
    talk.listen(tool.clone());
    effect(move || {
        tool.track();
        talk.tell(&tool);
    });
    talk.tell_changes();
    let (card, line) = (NodeRef::<html::Div>::new(), NodeRef::<html::Div>::new());
    place(&talk, card, line);
    let answer = Callback::new(move |(asked, said)| talk.answered(asked, said));
    // Drawn again for another question only: whoever is at its buttons stays there while more wait behind it.
    let first = memo(move || talk.asks.with(|asks| asks.first().cloned()));
    let full = talk.full;
    let named = title.clone();
    let leave = move |event: KeyboardEvent| {
        if full.get_untracked() && event.key() == "Escape" {
            event.stop_propagation();
            full.set(false);
        }
    };
    view! {
        <div
            node_ref=card
            role=move || full.get().then_some("dialog")
            aria-modal=move || full.get().then_some("true")
            aria-label=move || full.get().then(|| named.clone())
            tabindex="-1"
            class=move || if full.get() { OVER } else { "outline-none" }
            on:keydown=leave
        >
            <div class="flex items-center gap-2 ps-3 pe-1.5 text-xs text-muted [[role=dialog]>&]:py-1.5" node_ref=line>
                <Icon glyph=Glyph::Shield class="size-4 shrink-0"/>
                <p class="min-w-0 flex-1 truncate">"App of " <strong class="font-medium text-text">{server}</strong></p>
                <Show when=move || full.get()>
                    <Button size=Size::Small press=move || full.set(false)>"Back to the conversation"</Button>
                </Show>
                <Show when=move || talk.fits.get() && !full.get()>
                    <IconButton glyph=Glyph::Monitor label="Show this app on the whole page" press=move || full.set(true)/>
                </Show>
                <IconButton glyph=Glyph::EyeOff label="Close this app" press=move || talk.dismiss()/>
            </div>
            {notes.into_iter().map(|note| view! { <p class="px-3 pb-2 text-xs text-warning">{note}</p> }).collect_view()}
            <iframe
                node_ref=talk.node
                title=title
                src=url
                sandbox="allow-scripts allow-forms"
                allow=clipboard.then_some("clipboard-write")
                referrerpolicy="no-referrer"
                class=move || match (full.get(), bare) {
                    (true, _) => "block h-auto! min-h-0 w-full flex-1 border-0 border-t border-line",
                    (false, true) => "block h-40 w-full border-0",
                    (false, false) => "block h-40 w-full border-0 border-t border-line",
                }
            ></iframe>
            <div aria-live="polite">
                {move || talk.silent.get().then(|| view! { <p class="border-t border-line px-3 py-2 text-xs text-warning">"This app does not answer. Close it and show it again."</p> })}
                {move || talk.news.get().map(|news| view! { <p class="border-t border-line px-3 py-2 text-xs text-muted">{news}</p> })}
                {move || first.get().map(|asked| asking(asked, answer))}
            </div>
        </div>
    }
}

/// The card of an app over the whole page.
const OVER: &str = "fixed inset-0 z-50 m-0 flex h-dvh max-h-none w-screen max-w-none animate-pop-in flex-col border-0 \
bg-surface p-0 text-text outline-none";

/// Lays the card over the page and puts it back, as it is wanted, and tells the app. The focus goes to the way back.
fn place(talk: &Talk, card: NodeRef<html::Div>, line: NodeRef<html::Div>) {
    let talk = *talk;
    let laid = StoredValue::new(SendWrapper::new(None::<full::Laid>));
    let lift = move || {
        let lying = laid.try_update_value(|laid| Option::take(laid)).flatten();
        let lay = lying.is_some();
        if let Some(lying) = lying {
            lying.lift();
        }
        lay
    };
    effect(move || {
        let (Some(card), full) = (card.get(), talk.full.get()) else { return };
        if full {
            laid.update_value(|laid| **laid = Some(full::lay_over(&card)));
        } else if !lift() {
            return;
        }
        // By then it is drawn.
        request_animation_frame(move || {
            if full && let Some(line) = line.try_get_untracked().flatten() {
                frame::focus(line.query_selector("button").ok().flatten());
            }
            talk.placed();
        });
    });
    on_cleanup(move || _ = lift());
}
