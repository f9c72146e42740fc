//! One conversation of the list: open, rename in place, pin, delete with undo.

use super::Conversations;
use crate::{
    api::conversations::{delete_conversation, pin_conversation, rename_conversation, restore_conversation},
    ui::kit::{Glyph, Icon, Menu, MenuItem, Toaster},
    wire::{conversation::ConversationSummary, id::ConversationId, limits},
};
use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local};
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
};

/// A row.
#[component]
pub fn ConversationRow(row: ConversationSummary) -> impl IntoView {
    let renaming = RwSignal::new(false);
    let row = StoredValue::new(row);
    view! {
        <li>
            <Show when=move || renaming.get() fallback=move || view! { <Closed row=row.get_value() renaming/> }>
                <Renaming row=row.get_value() renaming/>
            </Show>
        </li>
    }
}

fn title_of(row: &ConversationSummary) -> String {
    if row.title.is_empty() { "New chat".to_owned() } else { row.title.clone() }
}

#[component]
fn Closed(row: ConversationSummary, renaming: RwSignal<bool>) -> impl IntoView {
    let place = use_location();
    let path = format!("/c/{}", row.id);
    let here = {
        let path = path.clone();
        Memo::new(move |_| place.pathname.get() == path)
    };
    let title = title_of(&row);
    let shared = (row.members > 1).then(|| {
        view! {
            <span class="inline-flex items-center gap-1 text-xs text-muted">
                <Icon glyph=Glyph::Users class="size-3.5"/>
                <span class="sr-only">"shared by "</span>
                {row.members}
            </span>
        }
    });
    view! {
        <div
            class="group/row flex items-center rounded-md pe-1 transition-colors hover:bg-hover focus-within:bg-hover data-[here]:bg-brand-soft"
            data-here=move || here.get().then_some("")
        >
            <a
                href=path
                class="flex min-h-10 min-w-0 flex-1 items-center gap-2 rounded-md px-3 text-sm"
                aria-current=move || here.get().then_some("page")
                title=title.clone()
            >
                <span class="min-w-0 flex-1 truncate">{title.clone()}</span>
                {shared}
            </a>
            <RowMenu row renaming here/>
        </div>
    }
}

#[component]
fn RowMenu(row: ConversationSummary, renaming: RwSignal<bool>, here: Memo<bool>) -> impl IntoView {
    let conversations = expect_context::<Conversations>();
    let toaster = Toaster::expect();
    let navigate = use_navigate();
    let (id, pinned, owned) = (row.id, row.pinned, row.owned);
    let (pin_glyph, pin_words) = if pinned { (Glyph::PinOff, "Unpin") } else { (Glyph::Pin, "Pin") };
    let pin = move |_| {
        spawn_local(async move {
            match pin_conversation(id, !pinned).await {
                Ok(summary) => conversations.put(summary),
                Err(error) => toaster.fail(error),
            }
        });
    };
    let delete = move |_| {
        if here.get_untracked() {
            navigate("/", NavigateOptions::default());
        }
        delete_with_undo(id, conversations, toaster);
    };
    view! {
        <Menu
            id=format!("row-{id}")
            label=format!("What to do with «{}»", title_of(&row))
            class="inline-flex size-8 shrink-0 items-center justify-center rounded-sm text-muted transition hover:text-text pointer-fine:opacity-0 group-hover/row:opacity-100 group-focus-within/row:opacity-100 aria-expanded:opacity-100"
        >
            <MenuItem glyph=pin_glyph on:click=pin>{pin_words}</MenuItem>
            {owned
                .then(|| {
                    view! {
                        <MenuItem glyph=Glyph::Pencil on:click=move |_| renaming.set(true)>"Rename"</MenuItem>
                        <MenuItem glyph=Glyph::Trash danger=true on:click=delete>"Delete"</MenuItem>
                    }
                })}
        </Menu>
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

#[component]
fn Renaming(row: ConversationSummary, renaming: RwSignal<bool>) -> impl IntoView {
    let conversations = expect_context::<Conversations>();
    let toaster = Toaster::expect();
    let node = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(input) = node.get() {
            _ = input.focus();
            input.select();
        }
    });
    let (id, before) = (row.id, row.title.clone());
    let save = move || {
        let Some(title) = node.get_untracked().map(|input| input.value().trim().to_owned()) else { return };
        renaming.set(false);
        if title.is_empty() || title == before {
            return;
        }
        spawn_local(async move {
            match rename_conversation(id, title).await {
                Ok(summary) => conversations.put(summary),
                Err(error) => toaster.fail(error),
            }
        });
    };
    let keyed = {
        let save = save.clone();
        move |event: KeyboardEvent| match event.key().as_str() {
            "Enter" if !event.is_composing() => save(),
            "Escape" => {
                event.prevent_default();
                renaming.set(false);
            }
            _ => {}
        }
    };
    view! {
        <input
            node_ref=node
            class="h-10 w-full rounded-md border border-brand bg-raised px-3 text-sm"
            aria-label="New title"
            maxlength=limits::TITLE_MAX.to_string()
            prop:value=row.title
            on:keydown=keyed
            on:blur=move |_| {
                if renaming.try_get_untracked() == Some(true) {
                    save();
                }
            }
        />
    }
}
