//! What is shown when, for how long, and how often: Leptos' own components with their types taken off.
//!
//! Leptos compiles `Show`, `For`, `Suspense` and effects anew for every closure they are given. These take the closure
//! into a box first, so that the machinery behind is in the bundle once. They are used in the same way.

use leptos::{
    children::ViewFnOnce,
    prelude::{self as leptos_prelude, *},
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

/// Shows its children while `when` holds, and the fallback otherwise.
#[component]
pub fn Show(
    /// The condition.
    #[prop(into)]
    when: Signal<bool>,
    /// Shown while it does not hold.
    #[prop(optional, into)]
    fallback: ViewFn,
    /// Shown while it holds.
    children: ChildrenFn,
) -> impl IntoView {
    let when = memo(move || when.get());
    move || if when.get() { children() } else { fallback.run() }
}

/// Waits for what its children load; shows the fallback meanwhile, each time.
#[component]
pub fn Suspense(
    /// Shown meanwhile.
    #[prop(optional, into)]
    fallback: ViewFnOnce,
    /// What loads.
    children: Children,
) -> impl IntoView {
    view! { <leptos_prelude::Suspense fallback>{children()}</leptos_prelude::Suspense> }
}

/// Waits for what its children load; shows the fallback the first time, and afterwards what was there before.
#[component]
pub fn Transition(
    /// Shown the first time.
    #[prop(optional, into)]
    fallback: ViewFnOnce,
    /// What loads.
    children: Children,
) -> impl IntoView {
    view! { <leptos_prelude::Transition fallback>{children()}</leptos_prelude::Transition> }
}

/// A line of a [`For`]: told apart by its key's hash, drawn when it is new.
struct Line {
    key: u64,
    draw: Box<dyn FnOnce() -> AnyView + Send>,
}

/// Draws a list; a line whose key stays keeps its elements. Keys are compared by 64 bits of hash, which is plenty for
/// as many lines as a page can hold.
#[component]
pub fn For<T, I, K, V>(
    /// The items, in order.
    each: impl Fn() -> I + Send + Sync + 'static,
    /// What tells one from another.
    key: impl Fn(&T) -> K + Send + Sync + 'static,
    /// Draws one.
    children: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    I: IntoIterator<Item = T>,
    K: Hash,
    V: IntoView + 'static,
{
    let line = move |item| {
        let mut hasher = DefaultHasher::new();
        key(&item).hash(&mut hasher);
        let children = children.clone();
        Line { key: hasher.finish(), draw: Box::new(move || children(item).into_any()) }
    };
    lines(Arc::new(move || each().into_iter().map(&line).collect()))
}

fn lines(each: Arc<dyn Fn() -> Vec<Line> + Send + Sync>) -> AnyView {
    view! { <leptos_prelude::For each=move || each() key=|line| line.key children=|line| (line.draw)()/> }.into_any()
}

/// Runs in the browser, once the page is awake and whenever what it read has changed.
pub fn effect(run: impl FnMut() + 'static) {
    fn boxed(run: Box<dyn FnMut()>) {
        Effect::new(run);
    }
    boxed(Box::new(run));
}

/// A value that is worked out again when what it read has changed, and wakes others only if it is another then.
pub fn memo<T: PartialEq + Send + Sync + 'static>(value: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    fn boxed<T: PartialEq + Send + Sync + 'static>(value: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
        Memo::new(move |_| value())
    }
    boxed(Box::new(value))
}
