//! The page before there is a conversation: a greeting, four things to try, the composer.
//!
//! Invariant: the first message is kept in this browser before the page moves to the conversation, which sends it.

use super::{
    browser,
    composer::Composer,
    drafts::{Draft, Drafts},
    header::{LinkState, ModelPicker, NoModel, TopBar},
    session::Session,
    state::pending::{Pending, PendingKind},
};
use crate::{
    api::conversations::create_conversation,
    ui::kit::{BotAvatar, Watched, effect},
    wire::{account::Viewer, id::ModelId},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// Things to try; each uses a tool.
const SUGGESTIONS: [(&str, &str); 4] = [
    ("Check a website", "Is example.org up?"),
    ("Sense a mood", "How does this sound: I love how quick this is!"),
    ("Do a sum", "Sum 2 and 40"),
    ("Look around", "What can you do?"),
];

/// The page `/`.
#[component]
pub fn NewChat() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let session = expect_context::<Session>();
    effect(move || session.follow(None));
    let drafts = Drafts::of(viewer.id);
    let returned = Watched::new(None);
    let busy = RwSignal::new(false);
    let model = Watched::new(None::<ModelId>);
    let navigate = StoredValue::new(use_navigate());
    let begin = Callback::new(move |draft: Draft| {
        busy.set(true);
        spawn_local(async move {
            match create_conversation().await {
                Ok(summary) => {
                    let client_id = browser::new_client_id();
                    let kind = PendingKind::Send { parent: None };
                    let model = model.get_untracked();
                    let Draft { text, references } = draft;
                    drafts.post(summary.id, &Pending { client_id, kind, text, references, model });
                    let path = format!("/c/{}", summary.id);
                    navigate.try_with_value(|navigate| navigate(&path, NavigateOptions::default()));
                }
                Err(error) => {
                    returned.set(Some((draft, error.to_string())));
                }
            }
            busy.try_set(false);
        });
    });
    view! {
        <TopBar>
            <ModelPicker model/>
        </TopBar>
        <LinkState/>
        <div class="flex min-h-0 flex-1 flex-col overflow-y-auto">
            <div class="m-auto w-full max-w-3xl px-4 py-8">
                <div class="flex flex-col items-center gap-4 text-center">
                    <BotAvatar class="size-14"/>
                    <h1 class="text-2xl font-semibold sm:text-3xl">{format!("Hello, {}.", viewer.name)}</h1>
                    <p class="max-w-prose text-muted">"What shall we find out? The assistant can use tools, and shows you each use."</p>
                </div>
                <NoModel/>
                <Suggestions begin busy/>
            </div>
        </div>
        <div class="mx-auto w-full max-w-3xl shrink-0 px-3 pb-3 sm:px-4 sm:pb-4">
            <Composer conversation=None returned writing=Signal::from(false) busy on_send=begin/>
            <noscript>
                <p class="pt-2 text-center text-sm text-muted">"Reading works without JavaScript; writing needs it."</p>
            </noscript>
        </div>
    }
}

#[component]
fn Suggestions(begin: Callback<Draft>, busy: RwSignal<bool>) -> impl IntoView {
    let chips = SUGGESTIONS
        .into_iter()
        .map(|(title, text)| {
            view! {
                <li>
                    <button
                        r#type="button"
                        class="h-full w-full rounded-xl border border-line bg-raised px-4 py-3 text-start transition hover:border-line-strong hover:bg-hover disabled:opacity-60"
                        disabled=move || busy.get()
                        on:click=move |_| begin.run(text.to_owned().into())
                    >
                        <span class="block text-sm font-medium">{title}</span>
                        <span class="block text-sm text-muted">{text}</span>
                    </button>
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="mt-8 grid gap-3 sm:grid-cols-2" aria-label="Suggestions">
            {chips}
        </ul>
    }
}
