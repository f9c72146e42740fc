//! An own message, being written anew in its place. Enter sends, Escape leaves it as it was.
//!
//! Invariant: what was typed is never lost: it is the message's draft until it was sent or given up, and again when the
//! server refuses it ([`Room::give_back`]). Drawn in the browser alone: nobody edits before the page is awake.

use super::{browser, drafts::Drafts, room::Room};
use crate::{
    ui::kit::{Button, Size, Variant, effect, lazy::lazy, memo},
    wire::{id::MessageId, limits},
};
use leptos::{ev::KeyboardEvent, html, prelude::*};

lazy! {
    /// The editor of a message.
    pub static EDITOR: fn(Room, MessageId) -> AnyView = more(|room, id| view! { <Editor room id/> }.into_any());
}

#[component]
fn Editor(room: Room, id: MessageId) -> impl IntoView {
    let drafts = Drafts::of(room.me);
    let before = drafts.version(id).unwrap_or_else(|| room.text(id));
    let lines = before.lines().count().clamp(2, 12);
    let text = RwSignal::new(before.clone());
    let node = NodeRef::<html::Textarea>::new();
    effect(move || {
        if let Some(area) = node.get() {
            _ = area.focus();
        }
    });
    effect(move || {
        // Told of again while this is open: an earlier version came back, and the draft has both.
        room.editing.track();
        if let Some(draft) = drafts.version(id) {
            text.set(draft);
        }
    });
    let close = move || {
        drafts.keep_version(id, "");
        room.editing.set(None);
        browser::focus("message");
    };
    let fits = memo(move || (1..=limits::MESSAGE_MAX).contains(&text.read().trim().chars().count()));
    let save = move || {
        let new = text.get_untracked().trim().to_owned();
        if fits.get_untracked() {
            // From here on the outbox keeps it.
            drafts.keep_version(id, "");
            room.edit(id, new);
            browser::focus("message");
        }
    };
    let keyed = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.shift_key() && !event.is_composing() && event.key_code() != 229 => {
            event.prevent_default();
            save();
        }
        "Escape" => {
            event.stop_propagation();
            close();
        }
        _ => {}
    };
    view! {
        <div class="flex w-[min(36rem,80vw)] max-w-full flex-col gap-2 rounded-2xl border border-brand bg-raised p-2">
            <textarea
                node_ref=node
                rows=lines.to_string()
                class="w-full resize-y bg-transparent px-2 py-1 text-base text-text outline-none"
                aria-label="Edit message"
                prop:value=move || text.get()
                on:input=move |event| {
                    let value = event_target_value(&event);
                    drafts.keep_version(id, &value);
                    text.set(value);
                }
                on:keydown=keyed
            >
                {before}
            </textarea>
            <p class="px-2 text-xs text-muted">
                "The old version stays: you can walk between them."
                {move || (!fits.get()).then_some(format!(" A message has 1 to {} characters.", limits::MESSAGE_MAX))}
            </p>
            <div class="flex justify-end gap-2">
                <Button size=Size::Small variant=Variant::Ghost press=move || close()>"Cancel"</Button>
                <Button size=Size::Small variant=Variant::Primary disabled=Signal::derive(move || !fits.get()) press=move || save()>
                    "Send"
                </Button>
            </div>
        </div>
    }
}
