//! On the way to another server's sign-in: where it leads, before anybody goes there; and why somebody was not signed in.
//!
//! Invariant: what another server says of itself is text, and the one link that leads away is named with its host. Nothing
//! here runs script ([`plain`](mod@crate::ui::plain)).

use super::form::Card;
use crate::{
    api::connections::PAGE,
    ui::kit::{Banner, LinkButton, Size, Tone, Variant},
};
use leptos::prelude::*;

/// Where a sign-in to the server `name` leads: to `url`, at `host`, which is asked for `scopes`.
#[component]
pub fn GoThere(name: String, host: String, url: String, scopes: Vec<String>) -> impl IntoView {
    let asked = scopes.join(", ");
    view! {
        <Card title=format!("Sign in to «{name}»") lead="You sign in elsewhere and come back here.">
            <div class="space-y-4 text-sm">
                <p>
                    "This server has its people sign in at " <strong class="break-all">{host.clone()}</strong>
                    ". Parley never sees your password there; it gets a token that you can end at any time."
                </p>
                {(!asked.is_empty()).then(|| {
                    view! {
                        <p class="break-words">"Parley asks to be allowed: " <span class="font-medium">{asked}</span></p>
                    }
                })}
                <LinkButton href=url variant=Variant::Primary size=Size::Wide>{format!("Go on to {host}")}</LinkButton>
                <LinkButton href=PAGE variant=Variant::Ghost size=Size::Wide>"Not now"</LinkButton>
            </div>
        </Card>
    }
}

/// Why nobody is signed in.
#[component]
pub fn NotSignedIn(reason: String) -> impl IntoView {
    view! {
        <Card title="Not signed in" lead="Nothing was changed.">
            <div class="space-y-4">
                <Banner tone=Tone::Danger>{reason}</Banner>
                <LinkButton href=PAGE size=Size::Wide>"To your connections"</LinkButton>
            </div>
        </Card>
    }
}
