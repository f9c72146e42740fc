//! A modal question. It is the browser's own `<dialog>`: focus is kept inside and goes back to where it was, Escape and
//! a press beside it close it.

use super::{Glyph, IconButton, Show, effect};
use leptos::{html, prelude::*};

/// A dialog with a title, open while `open` is.
#[component]
pub fn Dialog(
    /// Whether it is open; the dialog clears it when it is closed.
    open: RwSignal<bool>,
    /// What it asks.
    #[prop(into)]
    title: Signal<String>,
    /// What is in it; made anew each time it opens.
    children: ChildrenFn,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    effect(move || {
        let Some(dialog) = node.get() else { return };
        match (open.get(), dialog.open()) {
            (true, false) => _ = dialog.show_modal(),
            (false, true) => dialog.close(),
            _ => {}
        }
    });
    let children = StoredValue::new(children);
    view! {
        <dialog
            node_ref=node
            aria-label=move || title.get()
            class="m-auto w-[min(30rem,calc(100vw-2rem))] rounded-xl border border-line bg-raised p-0 text-text shadow-lg \
                   open:animate-pop-in"
            on:close=move |_| open.set(false)
            on:click=move |ev| {
                // Only the backdrop's presses have the dialog itself as their target: its contents fill it.
                if node.get().is_some_and(|dialog| ev.target().is_some_and(|target| target == ****dialog)) {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                <div class="flex flex-col gap-4 p-5">
                    <div class="flex items-start justify-between gap-4">
                        <h2 class="pt-1 text-lg font-semibold">{move || title.get()}</h2>
                        <IconButton glyph=Glyph::X label="Close" class="-me-2 -mt-1" press=move || open.set(false)/>
                    </div>
                    {children.with_value(|children| children())}
                </div>
            </Show>
        </dialog>
    }
}
