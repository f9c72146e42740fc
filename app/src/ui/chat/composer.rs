//! Where one writes. Enter sends, Shift+Enter breaks the line, Escape stops the reply, Arrow-up in an empty box edits
//! the last own message; while an input method composes, Enter is its own.
//!
//! Invariant: what was typed is never lost: it is kept by person and conversation in this browser until it was sent, and
//! comes back when the server refuses it. What it refers to is kept and comes back with it ([`Picker`]).

use super::{
    browser,
    drafts::{Draft, Drafts, joined},
    picker::{ATTACHED, PICKING, Picker},
    text::MARKDOWN,
};
use crate::{
    ui::{
        kit::{Banner, Glyph, Icon, Show, Tone, Watched, effect, memo},
        page::route,
    },
    wire::{
        account::Viewer,
        id::{ConversationId, Millis},
        limits,
    },
};
use leptos::{ev::KeyboardEvent, html, prelude::*};

/// The composer's buttons.
const SHAPE: &str = "inline-flex size-10 shrink-0 items-center justify-center rounded-xl transition disabled:opacity-45 pointer-coarse:size-11";
/// Milliseconds between two signs of typing.
const TYPING_EVERY: i64 = 3_000;

/// A draft that comes back to the box, and why.
pub type Returned = Watched<Option<(Draft, String)>>;

/// The box and its button.
#[component]
pub fn Composer(
    /// Whose draft is kept; `None` on the page for a new conversation.
    conversation: Option<ConversationId>,
    /// A draft that came back, and why.
    returned: Returned,
    /// Whether a reply is being written: there is something to stop.
    #[prop(into)]
    writing: Signal<bool>,
    /// Whether sending has to wait.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Takes what is to be sent.
    on_send: Callback<Draft>,
    /// Ends the reply.
    #[prop(optional)]
    on_stop: Option<Callback<()>>,
    /// Hears that one types.
    #[prop(optional)]
    on_type: Option<Callback<()>>,
    /// Edits the last own message.
    #[prop(optional)]
    on_edit_last: Option<Callback<()>>,
) -> impl IntoView {
    let drafts = Drafts::of(expect_context::<Viewer>().id);
    let text = RwSignal::new(String::new());
    let reason = Watched::new(None::<String>);
    let node = NodeRef::<html::Textarea>::new();
    let typed_at = StoredValue::new(Millis(0));
    let picker = Picker::new(text, node, drafts, conversation);
    provide_context(picker);
    effect(move || begin(node, text, drafts, conversation));
    effect(move || picker.refer(drafts.references(conversation)));
    effect(move || {
        if give_back(returned, text, reason, picker) {
            text.with_untracked(|text| drafts.keep_draft(conversation, text));
        }
    });
    effect(move || {
        let text = text.get();
        if let Some(area) = node.get() {
            // Not a property of the view: hydration would overwrite what was typed before the page woke.
            if area.value() != text {
                area.set_value(&text);
            }
            grow(&area);
        }
    });
    let length = memo(move || text.read().trim().chars().count());
    let empty = memo(move || length.get() == 0);
    let ready = Signal::derive(move || !empty.get() && length.get() <= limits::MESSAGE_MAX && !busy.get());
    let send = move || {
        if ready.get_untracked() {
            let message = text.get_untracked().trim().to_owned();
            reason.set(None);
            text.set(String::new());
            drafts.keep_draft(conversation, "");
            on_send.run(Draft { text: message, references: picker.take() });
            focus(node);
        }
    };
    let input = move |value: String| {
        MARKDOWN.expect();
        drafts.keep_draft(conversation, &value);
        picker.typed(&value);
        text.set(value);
        let now = browser::now();
        if let Some(on_type) = on_type.filter(|_| now.0 - typed_at.get_value().0 >= TYPING_EVERY) {
            typed_at.set_value(now);
            on_type.run(());
        }
    };
    let keyed = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.shift_key() && !event.is_composing() && event.key_code() != 229 => {
            event.prevent_default();
            send();
        }
        "Escape" if picker.open.read_untracked().is_some() => picker.open.set(None),
        "Escape" if writing.get_untracked() => {
            event.prevent_default();
            on_stop.inspect(|stop| stop.run(()));
        }
        "ArrowUp" if text.read_untracked().is_empty() => {
            event.prevent_default();
            on_edit_last.inspect(|edit| edit.run(()));
        }
        _ => {}
    };
    view! {
        <div class="relative">
            <Show when=move || picker.open.read().is_some()>{route(&PICKING)()}</Show>
            <form
                class="rounded-2xl border border-line-strong bg-raised p-2 shadow-sm transition focus-within:border-brand focus-within:shadow-md"
                on:submit=move |event| {
                    event.prevent_default();
                    send();
                }
            >
                {move || reason.get().map(|reason| view! { <Banner tone=Tone::Danger class="mb-2">{reason}</Banner> })}
                <Show when=move || !picker.references.read().is_empty()>{route(&ATTACHED)()}</Show>
                <div class="flex items-end gap-2">
                    <More picker/>
                    <label for="message" class="sr-only">"Message"</label>
                    <textarea
                        id="message"
                        name="message"
                        node_ref=node
                        rows="1"
                        class="max-h-[40dvh] min-h-10 min-w-0 flex-1 resize-none overflow-y-auto bg-transparent px-3 py-2 pointer-coarse:min-h-11 pointer-coarse:py-2.5 text-base leading-6 text-text outline-none placeholder:text-muted"
                        placeholder="Type your message…"
                        aria-describedby="message-note"
                        enterkeyhint="send"
                        on:input=move |event| input(event_target_value(&event))
                        on:keydown=keyed
                    ></textarea>
                    <Actions writing ready empty on_stop/>
                </div>
                <Note length writing/>
            </form>
        </div>
    }
}

/// Opens what can be taken up, for those who do not know the keys.
#[component]
fn More(picker: Picker) -> impl IntoView {
    view! {
        <button
            r#type="button"
            class=format!("{SHAPE} text-muted hover:bg-hover hover:text-text")
            aria-label="Add a prompt or a resource"
            title="Prompts (/) and resources (@)"
            aria-expanded=move || if picker.open.read().is_some() { "true" } else { "false" }
            on:focus=move |_| PICKING.expect()
            on:click=move |_| picker.toggle()
        >
            <Icon glyph=Glyph::Plus/>
        </button>
    }
}

/// Characters left to a message of that `length`, negative if there are too many; nothing while the limit is far.
pub(super) fn left_of_limit(length: usize) -> Option<i64> {
    (length >= limits::MESSAGE_WARN)
        .then(|| i64::try_from(limits::MESSAGE_MAX).unwrap_or(0) - i64::try_from(length).unwrap_or(0))
}

/// What is said of them.
pub(super) fn left_in_words(left: i64) -> String {
    if left < 0 {
        let characters = if left == -1 { "character" } else { "characters" };
        format!("{} {characters} too many: a message has at most {}.", -left, limits::MESSAGE_MAX)
    } else {
        format!("{left} characters left of {}.", limits::MESSAGE_MAX)
    }
}

/// What is left of the limit, or how to use the keys.
#[component]
fn Note(length: Memo<usize>, writing: Signal<bool>) -> impl IntoView {
    let left = memo(move || left_of_limit(length.get()));
    let words = move || match left.get() {
        Some(left) => left_in_words(left),
        None if writing.get() => "Esc stops the reply. What you send now waits its turn.".to_owned(),
        None => "Enter sends, Shift+Enter makes a new line.".to_owned(),
    };
    view! {
        <p
            id="message-note"
            class="px-3 pt-1 text-xs text-muted max-sm:data-[idle]:hidden data-[over]:text-danger"
            data-idle=move || left.get().is_none().then_some("")
            data-over=move || left.get().is_some_and(|left| left < 0).then_some("")
            aria-live=move || if left.get().is_some() { "polite" } else { "off" }
        >
            {words}
        </p>
    }
}

#[component]
fn Actions(
    writing: Signal<bool>,
    ready: Signal<bool>,
    empty: Memo<bool>,
    on_stop: Option<Callback<()>>,
) -> impl IntoView {
    let stops = move || writing.get() && empty.get();
    let why = move || if empty.get() { "Write something first" } else { "Send" };
    view! {
        <Show
            when=stops
            fallback=move || {
                view! {
                    <button
                        r#type="submit"
                        class=format!("{SHAPE} bg-brand-gradient text-on-brand shadow-sm hover:brightness-110")
                        disabled=move || !ready.get()
                        aria-label="Send"
                        title=why
                    >
                        <Icon glyph=Glyph::ArrowUp/>
                    </button>
                }
            }
        >
            <button
                r#type="button"
                class=format!("{SHAPE} border border-line-strong bg-raised text-text hover:bg-hover")
                aria-label="Stop"
                title="Stop (Esc)"
                on:click=move |_| {
                    on_stop.inspect(|stop| stop.run(()));
                }
            >
                <Icon glyph=Glyph::Stop/>
            </button>
        </Show>
    }
}

/// Takes up what was typed before the page woke, or else the kept draft.
fn begin(node: NodeRef<html::Textarea>, text: RwSignal<String>, drafts: Drafts, conversation: Option<ConversationId>) {
    let Some(area) = node.get() else { return };
    let typed = area.value();
    let first = if typed.is_empty() { drafts.draft(conversation) } else { typed };
    if !first.is_empty() {
        text.set(first);
    }
    // A finger did not ask for its keyboard; every other device is ready to write.
    if !browser::media("(pointer: coarse)") {
        // A page one has just been led to is put in place after this: only then can it take the focus.
        request_animation_frame(move || focus(node));
    }
}

/// Puts a refused draft back, before whatever was typed since; whether there was one.
fn give_back(returned: Returned, text: RwSignal<String>, reason: Watched<Option<String>>, picker: Picker) -> bool {
    let Some((Draft { text: back, references }, why)) = returned.get() else { return false };
    returned.set(None);
    reason.set(Some(why));
    picker.refer(references);
    if back.is_empty() {
        return false;
    }
    text.update(|text| *text = joined(back, text));
    picker.focus();
    true
}

fn focus(node: NodeRef<html::Textarea>) {
    if let Some(area) = node.get_untracked() {
        _ = area.focus();
    }
}

/// As high as its text, up to the class's limit.
fn grow(area: &leptos::web_sys::HtmlTextAreaElement) {
    let area = area.clone();
    request_animation_frame(move || {
        let style = leptos::web_sys::HtmlElement::style(&area);
        _ = style.set_property("height", "auto");
        _ = style.set_property("height", &format!("{}px", area.scroll_height()));
    });
}
