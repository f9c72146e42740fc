//! An own message, being written anew in its place. Enter sends, Escape leaves it as it was.

use super::{browser, composer::Returned, drafts::Draft, room::Room};
use crate::{
    ui::kit::{Button, Size, Variant, effect, lazy::lazy, memo},
    wire::{id::MessageId, limits},
};
use leptos::{ev::KeyboardEvent, html, prelude::*, task::spawn_local};
use std::cell::RefCell;

lazy! {
    /// The editor of a message.
    pub static EDITOR: fn(Room, MessageId) -> AnyView = more(|room, id| view! { <Editor room id/> }.into_any());
    /// Gives a new version that came back to the editor of its message, or to the composer if that is gone.
    pub static AGAIN: fn(Room, MessageId, String, Returned, String) =
        more(|room, message, text, returned, why| {
            spawn_local(again(room, message, text, returned, why));
        });
}

thread_local! {
    /// New versions that came back, each for the editor of its message.
    static UNSENT: RefCell<Vec<(MessageId, String)>> = const { RefCell::new(Vec::new()) };
}

/// The editor opens unless another one is open: then the words wait for theirs. The composer is told the reason alone; the
/// words go there only if the message is gone, for they would be sent as a new one.
#[expect(clippy::large_types_passed_by_value, reason = "a future owns what it works on")]
async fn again(room: Room, message: MessageId, text: String, returned: Returned, why: String) {
    let mut back = Draft::default();
    if room.seek(message).await {
        UNSENT.with_borrow_mut(|all| all.push((message, text)));
        if room.editing.with_untracked(Option::is_none) {
            room.editing.set(Some(message));
        }
    } else {
        back = text.into();
    }
    returned.set(Some((back, why)));
}

#[component]
fn Editor(room: Room, id: MessageId) -> impl IntoView {
    // Should what is written here be refused, this is here.
    AGAIN.expect();
    let unsent = UNSENT.with_borrow_mut(|all| all.iter().rposition(|(of, _)| *of == id).map(|at| all.remove(at).1));
    let before = unsent.unwrap_or_else(|| room.text(id));
    let lines = before.lines().count().clamp(2, 12);
    let text = RwSignal::new(before.clone());
    let node = NodeRef::<html::Textarea>::new();
    effect(move || {
        if let Some(area) = node.get() {
            _ = area.focus();
        }
    });
    let close = move || {
        room.editing.set(None);
        browser::focus("message");
    };
    let fits = memo(move || (1..=limits::MESSAGE_MAX).contains(&text.read().trim().chars().count()));
    let save = move || {
        let new = text.get_untracked().trim().to_owned();
        if fits.get_untracked() {
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
                on:input=move |event| text.set(event_target_value(&event))
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
