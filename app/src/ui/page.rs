//! The pages: one file each, layout only.
//!
//! Those beside a conversation are no part of what a conversation downloads: each is named here, and [`of`] says which one an
//! address shows, so that its code is there before the page wakes. Signing in and up never wake: they are plain forms,
//! which lose nothing but a round trip where a field is refused, and what comes after them is downloaded meanwhile.

pub mod chat;
pub mod consent;
pub mod form;
pub mod join;
pub mod mcp_check;
pub mod not_found;
pub mod remote_sign_in;
pub mod settings;
pub mod sign_in;
pub mod sign_up;

use super::kit::lazy::{Lazy, later, lazy};
use leptos::prelude::*;

/// What draws a page.
pub type Page = fn() -> AnyView;

lazy! {
    /// A conversation that is yet to be begun.
    pub static HOME: Page = home(|| view! { <chat::ChatHome/> }.into_any());
    /// Signing in.
    pub static SIGN_IN: Page = account(|| view! { <sign_in::SignInPage/> }.into_any());
    /// Making an account.
    pub static SIGN_UP: Page = account(|| view! { <sign_up::SignUpPage/> }.into_any());
    /// Taking up an invitation.
    pub static JOIN: Page = pages(|| view! { <join::JoinPage/> }.into_any());
    /// One's own settings: every page of them.
    pub static SETTINGS: Page = pages(|| view! { <settings::SettingsPage/> }.into_any());
}

/// What it takes to wake the page of an address.
#[derive(Clone, Copy, Debug)]
pub enum Waking {
    /// Nothing that is not here.
    Ready,
    /// The code of that page.
    With(&'static Lazy<Page>),
    /// It works as the server wrote it.
    Never,
}

/// What it takes to wake the page at `path`.
pub fn of(path: &str) -> Waking {
    match path.trim_start_matches('/').split('/').next().unwrap_or_default() {
        "" => Waking::With(&HOME),
        "sign-in" | "sign-up" => Waking::Never,
        "join" => Waking::With(&JOIN),
        "settings" => Waking::With(&SETTINGS),
        _ => Waking::Ready,
    }
}

/// The view of a route whose page is downloaded for itself.
pub fn route(page: &'static Lazy<Page>) -> impl Fn() -> AnyView + Clone + Send {
    move || later(page, |page| page())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_which_page_it_needs() {
        for (path, page) in [
            ("/", &HOME),
            ("/join/abc", &JOIN),
            ("/settings", &SETTINGS),
            ("/settings/", &SETTINGS),
            ("/settings/connections", &SETTINGS),
        ] {
            assert!(matches!(of(path), Waking::With(found) if std::ptr::eq(found, page)), "{path}");
        }
        for path in ["/sign-in", "/sign-up"] {
            assert!(matches!(of(path), Waking::Never), "{path}");
        }
        for path in ["/c/0190", "/nowhere"] {
            assert!(matches!(of(path), Waking::Ready), "{path}");
        }
    }
}
