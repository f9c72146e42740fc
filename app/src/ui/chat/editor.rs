//! An own message, being written anew in its place. Enter sends, Escape leaves it as it was.
//!
//! Invariant: what was typed is never lost: it is the message's draft until it was sent or given up, and again when the
//! server refuses it ([`Room::give_back`]). Drawn in the browser alone: nobody edits before the page is awake.

use super::{
    browser,
    composer::{left_in_words, left_of_limit},
    drafts::Drafts,
    room::Room,
};
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
    let length = memo(move || text.read().trim().chars().count());
    let fits = memo(move || (1..=limits::MESSAGE_MAX).contains(&length.get()));
    let left = memo(move || left_of_limit(length.get()));
    let note = move || match left.get() {
        Some(left) => left_in_words(left),
        None if length.get() == 0 => "A message has at least one character.".to_owned(),
        None => "The old version stays: you can walk between them.".to_owned(),
    };
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
                aria-describedby="version-note"
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
            <p
                id="version-note"
                class="px-2 text-xs text-muted data-[over]:text-danger"
                data-over=move || left.get().is_some_and(|left| left < 0).then_some("")
                aria-live=move || if left.get().is_some() { "polite" } else { "off" }
            >
                {note}
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
