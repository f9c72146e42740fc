//! Short news that need no answer, in a corner; some can be taken back. They go by themselves, except while one points
//! at them or holds focus there, and a screen reader says them when it has time (a polite live region).

use super::{For, Glyph, IconButton, Watched, effect};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use std::time::Duration;

/// How long one stays: long enough to read two lines and decide to take it back.
const STAY: Duration = Duration::from_secs(7);
/// More than this at once would cover the page; the oldest goes.
const AT_ONCE: usize = 4;

#[derive(Clone, Debug)]
struct Toast {
    key: u32,
    text: String,
    danger: bool,
    undo: Option<Callback<()>>,
}

/// Where news are put; taken from context.
#[derive(Clone, Copy, Debug)]
pub struct Toaster {
    toasts: Watched<Vec<Toast>>,
    next: StoredValue<u32>,
}

impl Toaster {
    /// Makes it and provides it.
    pub fn provide() {
        provide_context(Self { toasts: Watched::new(Vec::new()), next: StoredValue::new(0) });
    }

    /// The page's own.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Says something.
    pub fn say(self, text: impl Into<String>) {
        self.add(text.into(), false, None);
    }

    /// Says what went wrong.
    pub fn fail(self, text: impl ToString) {
        self.add(text.to_string(), true, None);
    }

    /// Says something that can be taken back while it is shown.
    pub fn undoable(self, text: impl Into<String>, undo: impl Fn() + Send + Sync + 'static) {
        self.add(text.into(), false, Some(Callback::new(move |()| undo())));
    }

    fn add(self, text: String, danger: bool, undo: Option<Callback<()>>) {
        let key = self.next.get_value();
        self.next.set_value(key.wrapping_add(1));
        self.toasts.update(|toasts| {
            if toasts.len() == AT_ONCE {
                toasts.remove(0);
            }
            toasts.push(Toast { key, text, danger, undo });
        });
    }

    fn remove(self, key: u32) {
        self.toasts.update(|toasts| toasts.retain(|toast| toast.key != key));
    }
}

/// The corner itself; once on the page.
#[component]
pub fn Toasts() -> impl IntoView {
    let toaster = Toaster::expect();
    view! {
        <div
            role="status"
            aria-live="polite"
            class="pointer-events-none fixed inset-x-4 bottom-24 z-50 flex flex-col items-center gap-2 sm:bottom-28"
        >
            <For each=move || toaster.toasts.get() key=|toast| toast.key let(toast)>
                <ToastView toast/>
            </For>
        </div>
    }
}

#[component]
fn ToastView(toast: Toast) -> impl IntoView {
    let toaster = Toaster::expect();
    let key = toast.key;
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let hold = move || {
        if let Some(timer) = timer.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    let release = move || {
        hold();
        timer.set_value(set_timeout_with_handle(move || toaster.remove(key), STAY).ok());
    };
    effect(release);
    on_cleanup(hold);
    let looks = if toast.danger { "border-danger text-danger" } else { "border-line text-text" };
    view! {
        <div
            class=format!(
                "pointer-events-auto flex max-w-[min(32rem,100%)] items-center gap-3 rounded-lg border bg-raised py-1.5 ps-4 pe-1.5 \
                 text-sm shadow-lg animate-fade-in {looks}",
            )
            on:pointerenter=move |_| hold()
            on:pointerleave=move |_| release()
            on:focusin=move |_| hold()
            on:focusout=move |_| release()
        >
            <p class="min-w-0 flex-1 py-1.5">{toast.text}</p>
            {toast
                .undo
                .map(|undo| {
                    view! {
                        <button
                            r#type="button"
                            class="rounded-md px-3 py-1.5 font-medium text-brand hover:bg-hover"
                            on:click=move |_| {
                                toaster.remove(key);
                                undo.run(());
                            }
                        >
                            "Undo"
                        </button>
                    }
                })}
            <IconButton glyph=Glyph::X label="Dismiss" press=move || toaster.remove(key)/>
        </div>
    }
}
