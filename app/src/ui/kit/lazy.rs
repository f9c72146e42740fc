//! Parts of the page that are downloaded when they are first needed: a first visit pays for what it shows, not for what
//! it might come to.
//!
//! `lazy!` names such a part. With the feature `split`, which the bundler sets, its code, and what no other code
//! reaches, is a file of its own; on the server, and in a browser's module that was not split (`cargo leptos watch`),
//! it is simply there. So a part is looked at, never assumed: [`later`] draws it as soon as it is here, and says so
//! plainly where it cannot be had (no network, or the server has other files by now).
//!
//! Waking is one step, with all code at hand: a part is either never in the server's HTML, like a dialog's inside, or
//! [`dormant`] in it, or it is a page, whose code is awaited before anything wakes (see `page::of`). Parts that are needed together
//! have the same chunk's name: fewer files, and less that several must share.

use super::{Banner, Button, Size, Spinner, Tone, Variant};
use js_sys::Promise;
use leptos::{prelude::*, task::spawn_local, wasm_split::SplitLoaderError};
use std::{future::Future, pin::Pin, sync::OnceLock};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// The part did not come: the network, or a server that has other files by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This part of the page could not be loaded.")]
pub struct NotLoaded;

impl From<SplitLoaderError> for NotLoaded {
    fn from(_: SplitLoaderError) -> Self {
        Self
    }
}

/// What [`Lazy::load`] waits for.
pub type Coming<F> = Pin<Box<dyn Future<Output = Result<F, NotLoaded>> + Send>>;

/// A part: a function, or a few, to be called once it is here.
#[derive(Debug)]
pub struct Lazy<F: 'static> {
    source: Source<F>,
    fetched: OnceLock<F>,
}

#[derive(Debug)]
enum Source<F: 'static> {
    Here(F),
    Elsewhere(fn() -> Coming<F>),
}

impl<F: Copy + 'static> Lazy<F> {
    /// One that is in the same module.
    pub const fn here(part: F) -> Self {
        Self { source: Source::Here(part), fetched: OnceLock::new() }
    }

    /// One that is fetched; a fetch that failed may be tried again.
    pub const fn elsewhere(fetch: fn() -> Coming<F>) -> Self {
        Self { source: Source::Elsewhere(fetch), fetched: OnceLock::new() }
    }

    /// The part, if it is here.
    pub fn get(&self) -> Option<F> {
        match self.source {
            Source::Here(part) => Some(part),
            Source::Elsewhere(_) => self.fetched.get().copied(),
        }
    }

    /// The part, fetched if it has to be.
    pub async fn load(&self) -> Result<F, NotLoaded> {
        match self.source {
            Source::Here(part) => Ok(part),
            Source::Elsewhere(fetch) => match self.fetched.get() {
                Some(part) => Ok(*part),
                None => fetch().await.map(|part| *self.fetched.get_or_init(|| part)),
            },
        }
    }

    /// Fetches it for one who will want it soon. Should that fail, whoever then wants it is told.
    pub fn expect(&'static self) {
        if self.get().is_none() {
            spawn_local(async move { _ = self.load().await });
        }
    }

    /// The part, for a page that cannot wake without it: until it is here, the reader is asked to try again.
    pub async fn insist(&self) -> F {
        loop {
            match self.load().await {
                Ok(part) => return part,
                Err(error) => _ = ask(error).await,
            }
        }
    }
}

/// Says over a page that is not awake, and so by hand, what is wrong; ready when the reader wants to try again.
async fn ask(error: NotLoaded) -> Result<(), JsValue> {
    let (note, button) = (document().create_element("div")?, document().create_element("button")?);
    note.set_attribute("role", "alert")?;
    note.set_class_name(
        "fixed inset-x-0 bottom-0 z-50 flex items-center justify-center gap-3 bg-danger-soft p-3 text-sm text-danger",
    );
    note.set_text_content(Some(&error.to_string()));
    button.set_class_name("rounded-sm px-2 py-1 font-medium underline");
    button.set_text_content(Some("Try again"));
    note.append_child(&button)?;
    document().body().ok_or(JsValue::NULL)?.append_child(&note)?;
    let pressed = Promise::new(&mut |resolve, _| _ = button.add_event_listener_with_callback("click", &resolve));
    let pressed = JsFuture::from(pressed).await;
    note.remove();
    pressed.map(drop)
}

/// Who draws something first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The server, now.
    Server,
    /// The server did; this page is about to wake it.
    Woken,
    /// This page, which is awake.
    Page,
}

impl First {
    /// Who draws what is being made just now.
    pub fn now() -> Self {
        match Owner::current_shared_context() {
            Some(shared) if !shared.is_browser() => Self::Server,
            Some(shared) if shared.during_hydration() => Self::Woken,
            _ => Self::Page,
        }
    }
}

/// Draws a part: at once if it is here, otherwise when it has come.
pub fn later<F>(part: &'static Lazy<F>, draw: impl Fn(F) -> AnyView + Send + Sync + 'static) -> AnyView
where
    F: Copy + Send + Sync + 'static,
{
    coming(part, None, draw)
}

/// The same for a part that stands in the place of something else: as long as it is not here, one can go back to that.
pub fn later_unless<F>(
    part: &'static Lazy<F>,
    leave: impl Fn() + Send + Sync + 'static,
    draw: impl Fn(F) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    F: Copy + Send + Sync + 'static,
{
    coming(part, Some(Callback::new(move |()| leave())), draw)
}

fn coming<F>(
    part: &'static Lazy<F>,
    leave: Option<Callback<()>>,
    draw: impl Fn(F) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    F: Copy + Send + Sync + 'static,
{
    if let Some(part) = part.get() {
        return draw(part);
    }
    let failed = RwSignal::new(None);
    let fetch = move || {
        failed.set(None);
        spawn_local(async move { _ = failed.try_set(Some(part.load().await.is_err())) });
    };
    fetch();
    let shown = move || match (part.get(), failed.get()) {
        (Some(part), Some(_)) => draw(part),
        (_, Some(true)) => view! { <Missing again=fetch leave/> }.into_any(),
        _ => view! { <Awaited leave/> }.into_any(),
    };
    shown.into_any()
}

/// Draws a part that the server draws as well, but that is not needed yet: what the server wrote is left as it is until
/// `woken`, and until the part has come that takes its place.
pub fn dormant<F>(
    part: &'static Lazy<F>,
    woken: RwSignal<bool>,
    draw: impl Fn(F) -> AnyView + Send + Sync + 'static,
) -> impl IntoView
where
    F: Copy + Send + Sync + 'static,
{
    let html = match (First::now(), part.get()) {
        (First::Server, Some(part)) => draw(part).to_html(),
        _ => String::new(),
    };
    let failed = RwSignal::new(None);
    let fetch = move || spawn_local(async move { _ = failed.try_set(Some(part.load().await.is_err())) });
    let still = move || view! { <div class="contents" inner_html=html.clone()></div> };
    move || match (woken.get(), part.get(), failed.get()) {
        (true, Some(part), _) => draw(part),
        (true, None, Some(_)) => view! { {still()} <Missing again=move || failed.set(None) leave=None/> }.into_any(),
        (true, None, None) => {
            fetch();
            view! { {still()} <Awaited leave=None/> }.into_any()
        }
        (false, ..) => still().into_any(),
    }
}

#[component]
fn Awaited(leave: Option<Callback<()>>) -> impl IntoView {
    view! {
        <p class="flex items-center justify-center gap-2 p-4 text-sm text-muted" role="status">
            <Spinner class="size-4"/>
            "Loading…"
        </p>
        {leave.map(|leave| view! { <Leave leave/> })}
    }
}

/// Goes back to what stood there.
#[component]
fn Leave(leave: Callback<()>) -> impl IntoView {
    view! {
        <Button size=Size::Small variant=Variant::Ghost press=move || leave.run(())>"Cancel"</Button>
    }
}

/// What stands in the place of a part that did not come.
#[component]
fn Missing(again: impl Fn() + Send + Sync + 'static, leave: Option<Callback<()>>) -> impl IntoView {
    view! {
        <Banner tone=Tone::Danger class="m-2">
            <p>{NotLoaded.to_string()}</p>
            <div class="mt-2 flex flex-wrap gap-2">
                <Button size=Size::Small press=move || again()>"Try again"</Button>
                <Button size=Size::Small variant=Variant::Ghost press=move || _ = window().location().reload()>
                    "Load the page again"
                </Button>
                {leave.map(|leave| view! { <Leave leave/> })}
            </div>
        </Banner>
    }
}

/// Names parts: `static NAME: TYPE = chunk(value);`. The chunk's name is a part of its file's.
#[cfg(feature = "split")]
macro_rules! lazy {
    ($($(#[$doc:meta])* $vis:vis static $NAME:ident: $F:ty = $chunk:ident($part:expr);)*) => { $(
        $(#[$doc])*
        $vis static $NAME: $crate::ui::kit::lazy::Lazy<$F> = {
            #[leptos::wasm_split::wasm_split($chunk, wasm_split_path = leptos::wasm_split, fallible)]
            fn $chunk() -> Result<$F, $crate::ui::kit::lazy::NotLoaded> {
                Ok($part)
            }
            $crate::ui::kit::lazy::Lazy::elsewhere(|| Box::pin(send_wrapper::SendWrapper::new($chunk())))
        };
    )* };
}

/// Names parts: `static NAME: TYPE = chunk(value);`. In this build there are no chunks.
#[cfg(not(feature = "split"))]
macro_rules! lazy {
    ($($(#[$doc:meta])* $vis:vis static $NAME:ident: $F:ty = $chunk:ident($part:expr);)*) => { $(
        $(#[$doc])*
        $vis static $NAME: $crate::ui::kit::lazy::Lazy<$F> = $crate::ui::kit::lazy::Lazy::here($part);
    )* };
}

pub(crate) use lazy;

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    lazy! {
        static SUM: fn(u32, u32) -> u32 = tests(|a, b| a + b);
    }

    #[test]
    fn what_is_in_the_same_module_is_here_at_once() {
        assert_eq!(SUM.get().map(|sum| sum(1, 2)), Some(3));
        assert_eq!(SUM.load().now_or_never().map(|sum| sum.map(|sum| sum(1, 2))), Some(Ok(3)));
    }

    #[test]
    fn what_failed_to_come_is_asked_for_again_and_what_came_is_kept() {
        static ASKED: AtomicU32 = AtomicU32::new(0);
        let part = Lazy::elsewhere(|| {
            let first = ASKED.fetch_add(1, Ordering::SeqCst) == 0;
            Box::pin(async move { if first { Err(NotLoaded) } else { Ok(7) } })
        });
        assert_eq!(part.load().now_or_never(), Some(Err(NotLoaded)));
        assert_eq!(part.get(), None);
        assert_eq!(part.load().now_or_never(), Some(Ok(7)));
        assert_eq!((part.load().now_or_never(), part.get()), (Some(Ok(7)), Some(7)));
        assert_eq!(ASKED.load(Ordering::SeqCst), 2);
    }
}
