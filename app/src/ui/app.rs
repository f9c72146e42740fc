//! The routes, and what every page may take from context: the [`Session`], the theme, the toaster.
//!
//! Every page is rendered whole before it is sent (`SsrMode::Async`): it can be read without script, and a visitor is
//! sent to the sign-in page by a real redirect.

use super::{
    kit::{Banner, Button, EmptyState, Glyph, Suspense, Toaster, Toasts, Tone, copy, field},
    load::Loaded,
    page::{
        self, Waking,
        chat::{ChatFrame, ChatRoom},
        not_found::NotFoundPage,
    },
    theme::Theme,
};
use crate::{
    api::account,
    wire::{account::Viewer, error::ApiError},
};
use leptos::{prelude::*, server_fn::redirect::set_redirect_hook};
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Redirect, Route, Router, Routes},
    hooks::use_location,
    path,
};

/// Who looks at the page, asked once for each page load; as context.
#[derive(Clone, Copy, Debug)]
pub struct Session(pub Loaded<Option<Viewer>>);

/// Called once in the browser, with what wakes the page; that is run as soon as the page's code is here. A form that
/// answers with a redirect (sign in, sign out, join) loads the page it leads to: who looks has changed, so nothing that
/// was drawn before may stay.
pub fn wake(hydrate: impl FnOnce() + 'static) {
    _ = set_redirect_hook(|path: &str| _ = window().location().set_href(path));
    field::listen();
    match page::of(&window().location().pathname().unwrap_or_default()) {
        Waking::Ready => hydrate(),
        Waking::With(page) => wasm_bindgen_futures::spawn_local(async move {
            page.insist().await;
            hydrate();
        }),
        Waking::Never => copy::tell_awake(),
    }
}

/// The page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Theme::provide();
    Toaster::provide();
    copy::listen();
    provide_context(Session(Loaded::once(account::viewer)));
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Parley".to_owned() } else { format!("{title} · Parley") }/>
        <Router>
            <Routes fallback=NotFoundPage>
                <ParentRoute path=path!("") view=ChatFrame ssr=SsrMode::Async>
                    <Route path=path!("") view=page::route(&page::HOME)/>
                    <Route path=path!("c/:id") view=ChatRoom/>
                </ParentRoute>
                <Route path=path!("sign-in") view=page::route(&page::SIGN_IN) ssr=SsrMode::Async/>
                <Route path=path!("sign-up") view=page::route(&page::SIGN_UP) ssr=SsrMode::Async/>
                // One page draws them all: it looks at the address itself.
                <Route path=path!("settings") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("settings/prompts") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("settings/tools") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("settings/calls") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("settings/programs") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("settings/connections") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("settings/usage") view=page::route(&page::SETTINGS) ssr=SsrMode::Async/>
                <Route path=path!("join/:token") view=page::route(&page::JOIN) ssr=SsrMode::Async/>
            </Routes>
        </Router>
        <Toasts/>
    }
}

/// Shows its children to one who is signed in, with their [`Viewer`] as context; sends a visitor to the sign-in page
/// and back afterwards.
#[component]
pub fn SignedIn(children: ChildrenFn) -> impl IntoView {
    let Session(viewer) = expect_context();
    let place = use_location();
    let here = move || format!("{}{}", place.pathname.get_untracked(), question(&place.search.get_untracked()));
    let children = StoredValue::new(children);
    view! {
        <Suspense>
            {move || {
                Suspend::new(async move {
                    match viewer.await {
                        Ok(Some(viewer)) => {
                            provide_context(viewer);
                            children.with_value(|children| children()).into_any()
                        }
                        Ok(None) => view! { <Redirect path=sign_in_path(&here())/> }.into_any(),
                        Err(error) => view! { <Unreachable error/> }.into_any(),
                    }
                })
            }}
        </Suspense>
    }
}

/// The sign-in page that leads back to `path`.
pub fn sign_in_path(path: &str) -> String {
    if path == "/" { "/sign-in".to_owned() } else { format!("/sign-in?next={}", encode(path)) }
}

fn question(search: &str) -> String {
    if search.is_empty() { String::new() } else { format!("?{}", search.trim_start_matches('?')) }
}

/// Percent-encodes all but RFC 3986's unreserved characters; the same bytes on both sides.
pub fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.extend([byte >> 4, byte & 15].map(|nibble| char::from(b"0123456789ABCDEF"[usize::from(nibble)])));
        }
        out
    })
}

#[component]
fn Unreachable(error: ApiError) -> impl IntoView {
    view! {
        <main class="mx-auto max-w-lg p-6">
            <EmptyState glyph=Glyph::WifiOff title="This page could not be made">
                <Banner tone=Tone::Danger class="mb-4">{error.to_string()}</Banner>
                <Button press=move || _ = window().location().reload()>"Try again"</Button>
            </EmptyState>
        </main>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_is_led_back() {
        assert_eq!(sign_in_path("/"), "/sign-in");
        assert_eq!(sign_in_path("/c/0190?x=1&y=é"), "/sign-in?next=%2Fc%2F0190%3Fx%3D1%26y%3D%C3%A9");
    }
}
