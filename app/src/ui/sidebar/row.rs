//! One conversation of the list: open, rename in place, pin, delete with undo.

mod change;

use crate::{
    ui::kit::{Glyph, Icon, Menu, Show, lazy::later, memo},
    wire::conversation::ConversationSummary,
};
use change::{ITEMS, RENAMING};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// A row.
#[component]
pub fn ConversationRow(row: ConversationSummary) -> impl IntoView {
    let renaming = RwSignal::new(false);
    let row = StoredValue::new(row);
    view! {
        <li>
            <Show when=move || renaming.get() fallback=move || view! { <Closed row=row.get_value() renaming/> }>
                {later(&RENAMING, move |draw| draw(row.get_value(), renaming))}
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
        memo(move || place.pathname.get() == path)
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
            class="group/row relative flex items-center rounded-md pointer-coarse:pe-1 transition-colors hover:bg-hover focus-within:bg-hover data-[here]:bg-brand-soft"
            data-here=move || here.get().then_some("")
        >
            <a
                href=path
                class="flex min-h-10 min-w-0 flex-1 items-center gap-2 rounded-md px-3 text-sm pointer-fine:group-focus-within/row:pe-10 pointer-fine:group-hover/row:pe-10"
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

/// The button; what is in the menu needs script, and is made when it is opened.
#[component]
fn RowMenu(row: ConversationSummary, renaming: RwSignal<bool>, here: Memo<bool>) -> impl IntoView {
    let opened = RwSignal::new(false);
    let label = format!("What to do with «{}»", title_of(&row));
    let id = menu_id(&row);
    let row = StoredValue::new(row);
    let items = move || opened.get().then(|| later(&ITEMS, move |draw| draw(row.get_value(), renaming, here)));
    view! {
        <Menu
            id
            label
            class="inline-flex size-8 shrink-0 items-center justify-center rounded-sm text-muted transition hover:text-text pointer-fine:absolute pointer-fine:end-1 pointer-fine:opacity-0 group-hover/row:opacity-100 group-focus-within/row:opacity-100 aria-expanded:opacity-100"
            opened
        >
            {items}
        </Menu>
    }
}

fn menu_id(row: &ConversationSummary) -> String {
    format!("row-{}", row.id)
}
