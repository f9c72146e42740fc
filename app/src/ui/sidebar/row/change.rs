//! What one does with a conversation of the list: downloaded when its menu is first opened.

use super::menu_id;
use crate::{
    api::conversations::{delete_conversation, pin_conversation, rename_conversation, restore_conversation},
    ui::{
        kit::{Glyph, MenuItem, Toaster, effect, lazy::lazy, menu::arrange},
        sidebar::Conversations,
    },
    wire::{conversation::ConversationSummary, id::ConversationId, limits},
};
use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local, wasm_bindgen::JsCast, web_sys};
use leptos_router::{NavigateOptions, hooks::use_navigate};

lazy! {
    /// The items of a row's menu.
    pub(super) static ITEMS: fn(ConversationSummary, RwSignal<bool>, Memo<bool>) -> AnyView =
        more(|row, renaming, here| view! { <Items row renaming here/> }.into_any());
    /// The row's title as a field.
    pub(super) static RENAMING: fn(ConversationSummary, RwSignal<bool>) -> AnyView =
        more(|row, renaming| view! { <Renaming row renaming/> }.into_any());
}

#[component]
fn Items(row: ConversationSummary, renaming: RwSignal<bool>, here: Memo<bool>) -> impl IntoView {
    let conversations = expect_context::<Conversations>();
    let toaster = Toaster::expect();
    let navigate = use_navigate();
    let (id, pinned, owned) = (row.id, row.pinned, row.owned);
    let (pin_glyph, pin_words) = if pinned { (Glyph::PinOff, "Unpin") } else { (Glyph::Pin, "Pin") };
    let pin = move || {
        spawn_local(async move {
            match pin_conversation(id, !pinned).await {
                Ok(summary) => conversations.put(summary),
                Err(error) => toaster.fail(error),
            }
        });
    };
    let delete = move || {
        if here.get_untracked() {
            navigate("/", NavigateOptions::default());
        }
        delete_with_undo(id, conversations, toaster);
    };
    let menu = menu_id(&row);
    effect(move || arrange(&menu));
    view! {
        <MenuItem glyph=pin_glyph press=pin>{pin_words}</MenuItem>
        {owned
            .then(|| {
                view! {
                    <MenuItem glyph=Glyph::Pencil press=move || renaming.set(true)>"Rename"</MenuItem>
                    <MenuItem glyph=Glyph::Trash danger=true press=delete>"Delete"</MenuItem>
                }
            })}
    }
}

fn delete_with_undo(id: ConversationId, conversations: Conversations, toaster: Toaster) {
    spawn_local(async move {
        match delete_conversation(id).await {
            Ok(()) => {
                conversations.drop(id);
                toaster.undoable("Conversation deleted.", move || {
                    spawn_local(async move {
                        match restore_conversation(id).await {
                            Ok(summary) => conversations.put(summary),
                            Err(error) => toaster.fail(error),
                        }
                    });
                });
            }
            Err(error) => toaster.fail(error),
        }
    });
}

/// Puts the focus on the conversation's link, once that is drawn, unless it has gone elsewhere by then.
fn focus_again(id: ConversationId) {
    request_animation_frame(move || {
        let elsewhere = document().active_element().is_some_and(|active| active.tag_name() != "BODY");
        let link = document().query_selector(&format!("nav a[href='/c/{id}']")).ok().flatten();
        if !elsewhere && let Some(link) = link.and_then(|link| link.dyn_into::<web_sys::HtmlElement>().ok()) {
            _ = link.focus();
        }
    });
}

#[component]
fn Renaming(row: ConversationSummary, renaming: RwSignal<bool>) -> impl IntoView {
    let conversations = expect_context::<Conversations>();
    let toaster = Toaster::expect();
    let node = NodeRef::<html::Input>::new();
    let (id, before) = (row.id, row.title);
    let title = before.clone();
    let full = RwSignal::new(is_full(&title));
    effect(move || {
        if let Some(input) = node.get() {
            // Here, because only what is there already can be selected.
            input.set_value(&title);
            _ = input.focus();
            input.select();
        }
    });
    let save = move |by_keys: bool| {
        let Some(title) = node.get_untracked().map(|input| input.value().trim().to_owned()) else { return };
        renaming.set(false);
        if title.is_empty() || title == before {
            return;
        }
        spawn_local(async move {
            match rename_conversation(id, title).await {
                Ok(summary) => {
                    conversations.put(summary);
                    // By now the row was drawn anew, here or because the server told this tab of it first.
                    if by_keys {
                        focus_again(id);
                    }
                }
                Err(error) => toaster.fail(error),
            }
        });
    };
    let keyed = {
        let save = save.clone();
        move |event: KeyboardEvent| match event.key().as_str() {
            "Enter" if !event.is_composing() => {
                save(true);
                focus_again(id);
            }
            "Escape" => {
                event.prevent_default();
                renaming.set(false);
                focus_again(id);
            }
            _ => {}
        }
    };
    view! {
        <input
            node_ref=node
            class="h-10 w-full rounded-md border border-brand bg-raised px-3 text-sm focus-visible:-outline-offset-2"
            aria-label="New title"
            aria-describedby="title-full"
            maxlength=limits::TITLE_MAX.to_string()
            on:input=move |event| full.set(is_full(&event_target_value(&event)))
            on:keydown=keyed
            on:blur=move |_| {
                if renaming.try_get_untracked() == Some(true) {
                    save(false);
                }
            }
        />
        <p id="title-full" class="px-3 text-xs text-muted not-empty:py-1" role="status">
            {move || full.get().then(|| format!("A title has at most {} characters.", limits::TITLE_MAX))}
        </p>
    }
}

/// Whether the browser takes no more characters, as it counts them.
fn is_full(title: &str) -> bool {
    title.encode_utf16().count() >= limits::TITLE_MAX
}
