//! The chat's pages: the frame with the sidebar, the page for a new conversation, and a conversation.

use crate::{
    api::conversations::{models, open_conversation},
    ui::{
        app::SignedIn,
        chat::{
            Chat, NewChat,
            header::TopBar,
            room::Room,
            session::{Link, Session},
            text,
        },
        kit::{EmptyState, Glyph, LinkButton, Skeleton, Toaster, Transition, Variant, effect},
        load::Loaded,
        sidebar::{Conversations, Sidebar},
    },
    wire::{account::Viewer, conversation::ModelChoice, error::ApiError, id::ConversationId},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{components::Outlet, hooks::use_params_map};

/// The models on offer, asked once; as context.
#[derive(Clone, Copy, Debug)]
pub struct Models(pub Loaded<Vec<ModelChoice>>);

/// The sidebar, and beside it the page of the route.
#[component]
pub fn ChatFrame() -> impl IntoView {
    view! {
        <SignedIn>
            <Frame/>
        </SignedIn>
    }
}

#[component]
fn Frame() -> impl IntoView {
    let session = Session::new();
    provide_context(session);
    provide_context(Models(Loaded::once(models)));
    let conversations = Conversations::provide();
    let toaster = Toaster::expect();
    effect(move || {
        session.listen(Callback::new(move |event| conversations.hear(&event)));
        session.start();
    });
    Effect::new(move |before: Option<u32>| {
        let connected = before.unwrap_or(0) + u32::from(session.link.get() == Link::Online);
        if connected > 1 && before != Some(connected) {
            conversations.reload();
        }
        connected
    });
    effect(move || {
        if let Some(notice) = session.notice.get() {
            toaster.fail(notice);
            session.notice.set(None);
        }
    });
    view! {
        <a
            href="#message"
            class="sr-only focus:not-sr-only focus:fixed focus:start-2 focus:top-2 focus:z-50 focus:rounded-md focus:bg-raised focus:px-4 focus:py-2"
        >
            "Skip to the message box"
        </a>
        <div class="flex h-dvh overflow-hidden">
            <Sidebar/>
            <main class="flex min-w-0 flex-1 flex-col">
                <Outlet/>
            </main>
        </div>
    }
}

/// A conversation that is yet to be begun.
#[component]
pub fn ChatHome() -> impl IntoView {
    view! {
        <Title text="New chat"/>
        <NewChat/>
    }
}

/// A conversation.
#[component]
pub fn ChatRoom() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let session = expect_context::<Session>();
    let params = use_params_map();
    let id = move || params.read().get("id").unwrap_or_default();
    let opened = Loaded::by(id, |id| async move {
        match id.parse::<ConversationId>() {
            Ok(id) => open_conversation(id).await,
            Err(_) => Err(ApiError::NotFound),
        }
    });
    view! {
        <Transition fallback=Loading>
            {move || Suspend::new(async move {
                match opened.await {
                    Ok(view) => {
                        text::ready().await;
                        let room = Room::open(viewer.id, view, session);
                        view! { <Chat room/> }.into_any()
                    }
                    Err(error) => view! { <Closed error retry=move || opened.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}

#[component]
fn Loading() -> impl IntoView {
    view! {
        <div class="mx-auto flex w-full max-w-3xl flex-1 flex-col gap-6 p-6" role="status">
            <span class="sr-only">"Loading the conversation…"</span>
            <Skeleton class="h-10 w-2/3 self-end"/>
            <Skeleton class="h-28 w-full"/>
            <Skeleton class="h-10 w-1/2 self-end"/>
            <Skeleton class="h-40 w-full"/>
        </div>
    }
}

#[component]
fn Closed(error: ApiError, retry: impl Fn() + Send + Sync + 'static) -> impl IntoView {
    let missing = error == ApiError::NotFound;
    let title = if missing { "No such conversation" } else { "This conversation could not be opened" };
    let glyph = if missing { Glyph::Message } else { Glyph::WifiOff };
    view! {
        <Title text=title/>
        // The way to the others, on a page too narrow for their list.
        <TopBar>""</TopBar>
        <div class="m-auto">
            <EmptyState glyph title>
                <p class="mb-4">{error.to_string()}</p>
                <div class="flex justify-center gap-2">
                    {(!missing)
                        .then(|| view! { <crate::ui::kit::Button press=move || retry()>"Try again"</crate::ui::kit::Button> })}
                    <LinkButton href="/" variant=Variant::Primary>"New chat"</LinkButton>
                </div>
            </EmptyState>
        </div>
    }
}
