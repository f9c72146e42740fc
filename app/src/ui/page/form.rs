//! What the forms share: how one is posted, the card it stands on, and how a refusal finds its place.
//!
//! A form works without script: its post is answered with a redirect back to the page, whose query carries the error
//! (`__err`); Leptos puts that into the context on both sides, so one reading serves both ways. With script the page
//! stays, and [`Form`] posts the same fields to the same address.

use crate::{
    api::call::{self, Answer},
    ui::kit::{Banner, BotAvatar, Tone, Watched, effect},
    wire::error::ApiError,
};
use leptos::{
    ev::SubmitEvent,
    html,
    prelude::*,
    server::ServerActionError,
    server_fn::{ServerFn, client::Client, error::ServerFnUrlError},
    task::spawn_local,
    web_sys::{Element, FormData, HtmlFormElement, UrlSearchParams, wasm_bindgen::JsCast},
};
use leptos_router::hooks::use_query_map;

/// The state of a form, and of those that post to the same function; a handle, free to copy. It knows answers as JSON,
/// so that there is one of its kind for all functions.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    address: &'static str,
    send: fn(String) -> Answer,
    answer: Watched<Option<Result<String, ApiError>>>,
    pending: RwSignal<bool>,
    version: Watched<usize>,
}

impl Post {
    /// Of a form that posts to the function `F`. Its answer is the refusal that the page was opened with, if there is
    /// one of that function.
    pub fn to<F>() -> Self
    where
        F: ServerFn<Error = ApiError>,
        F::Client: Client<ApiError>,
    {
        Self::begin(F::PATH, call::post::<F>)
    }

    fn begin(address: &'static str, send: fn(String) -> Answer) -> Self {
        let refused = use_context::<ServerActionError>().filter(|error| error.path() == address);
        let answer = refused.map(|error| Err(ServerFnUrlError::<ApiError>::decode_err(error.err())));
        Self { address, send, answer: Watched::new(answer), pending: RwSignal::new(false), version: Watched::new(0) }
    }

    /// What was answered last, as JSON, or why it was refused.
    pub fn answer(self) -> Watched<Option<Result<String, ApiError>>> {
        self.answer
    }

    /// Whether an answer is awaited.
    pub fn pending(self) -> Signal<bool> {
        self.pending.into()
    }

    /// How many answers there were.
    pub fn version(self) -> Watched<usize> {
        self.version
    }

    /// Why the last try was refused; read within what is to follow it.
    fn refusal<T>(self, read: impl FnOnce(&ApiError) -> Option<T>) -> Option<T> {
        self.answer.with(|answer| answer.as_ref().and_then(|answer| answer.as_ref().err()).and_then(read))
    }

    /// The error of the last try that belongs to `field`.
    pub fn field_error(self, field: &'static str) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.refusal(|error| match error {
                ApiError::Invalid { field: at, reason } if at == field => Some(reason.clone()),
                _ => None,
            })
        })
    }

    fn submit(self, event: &SubmitEvent) {
        event.prevent_default();
        let form = event.target().map(JsCast::unchecked_into::<HtmlFormElement>);
        let fields = form.and_then(|form| FormData::new_with_form(&form).ok());
        let fields = fields.and_then(|fields| UrlSearchParams::new_with_str_sequence_sequence(&fields).ok());
        // The button that was pressed may say which answer is meant, as it does without script.
        let pressed = event.submitter().map(JsCast::unchecked_into::<Element>);
        let said = pressed.and_then(|button| Some((button.get_attribute("name")?, button.get_attribute("value")?)));
        if let (Some(fields), Some((name, value))) = (&fields, said) {
            fields.append(&name, &value);
        }
        let Some(fields) = fields.and_then(|fields| fields.to_string().as_string()) else { return };
        self.pending.set(true);
        spawn_local(async move {
            let answer = (self.send)(fields).await;
            self.pending.try_set(false);
            self.answer.set(Some(answer));
            self.version.update(|version| *version += 1);
        });
    }
}

/// A form that is posted by [`Post`], or by the browser where there is no script.
#[component]
pub fn Form(
    /// Its state.
    post: Post,
    /// Classes.
    #[prop(optional)]
    class: &'static str,
    /// Its fields and buttons.
    children: Children,
) -> impl IntoView {
    view! {
        <form action=post.address method="post" class=class on:submit=move |event| post.submit(&event)>
            {children()}
        </form>
    }
}

/// The error of the last try that belongs to none of `fields`.
#[component]
pub(super) fn FormError(post: Post, fields: &'static [&'static str]) -> impl IntoView {
    let error = move || {
        post.refusal(|error| match error {
            ApiError::Invalid { field, .. } if fields.contains(&field.as_str()) => None,
            error => Some(error.to_string()),
        })
    };
    move || error().map(|error| view! { <Banner tone=Tone::Danger>{error}</Banner> })
}

/// Empties the form once what it asks for is done; it is in the element of this node.
pub(super) fn empty_when_done(post: Post) -> NodeRef<html::Div> {
    let node = NodeRef::<html::Div>::new();
    effect(move || {
        let done = post.answer().with(|answer| matches!(answer, Some(Ok(_))));
        let form = node.get_untracked().filter(|_| done).and_then(|node| node.query_selector("form").ok().flatten());
        if let Some(form) = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok()) {
            form.reset();
        }
    });
    node
}

/// A value of the page's query, as it was when the page was opened; empty if there is none.
pub(super) fn asked(key: &'static str) -> String {
    use_query_map().with_untracked(|query| query.get(key)).unwrap_or_default()
}

/// Where to go afterwards: a path of this site, or home. The server checks it again.
pub(super) fn next_path() -> String {
    let next = asked("next");
    let local = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\t', '\r', '\n']);
    if local { next } else { "/".to_owned() }
}

/// A card in the middle of the page, under the brand's sign.
#[component]
pub(super) fn Card(#[prop(into)] title: String, #[prop(into)] lead: String, children: Children) -> impl IntoView {
    view! {
        <main class="grid min-h-dvh place-items-center px-4 py-10">
            <div class="w-full max-w-sm">
                <header class="mb-6 flex flex-col items-center gap-3 text-center">
                    <BotAvatar class="size-14 shadow-md"/>
                    <h1 class="text-2xl font-semibold tracking-tight">{title}</h1>
                    <p class="text-sm text-muted">{lead}</p>
                </header>
                <div class="rounded-2xl border border-line bg-raised p-6 shadow-md sm:p-7">{children()}</div>
            </div>
        </main>
    }
}
