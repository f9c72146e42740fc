//! There is no such page. The server gives it the status 404, because it is the fallback of all routes.

use crate::ui::kit::{EmptyState, Glyph, LinkButton, Variant};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Title text="Not found"/>
        <main class="grid min-h-dvh place-items-center p-6">
            <EmptyState glyph=Glyph::Search title="There is no such page here, or it is not yours" heading=true>
                <p class="mb-5">"The address may be mistyped, or what was there is gone."</p>
                <LinkButton href="/" variant=Variant::Primary>
                    "To your conversations"
                </LinkButton>
            </EmptyState>
        </main>
    }
}
