//! One's own account: looks, password, signed-in browsers, tools, usage, and what answers here.
//!
//! Each section is a component with its own form; all of them work without script but the theme, which is the
//! browser's own affair, and the making of tokens.

pub mod password;
pub mod sessions;
pub mod theme;
pub mod tokens;
pub mod tools;
pub mod usage;

use crate::{
    api::account::SignOut,
    ui::{
        app::SignedIn,
        kit::{Avatar, Button, Glyph, Icon},
    },
    wire::account::Viewer,
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The page.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! {
        <Title text="Settings"/>
        <SignedIn>
            <Settings/>
        </SignedIn>
    }
}

#[component]
fn Settings() -> impl IntoView {
    view! {
        <main class="mx-auto max-w-2xl px-4 py-8 sm:py-12">
            <a href="/" class="-ms-2 mb-4 inline-flex items-center gap-1.5 rounded-md px-2 py-1.5 text-sm text-muted hover:bg-hover hover:text-text">
                <Icon glyph=Glyph::ArrowLeft class="size-4"/>
                "Conversations"
            </a>
            <h1 class="mb-8 text-2xl font-semibold tracking-tight">"Settings"</h1>
            <div class="space-y-10">
                <Account/>
                <theme::ThemeSection/>
                <usage::UsageSection/>
                <tools::ToolsSection/>
                <sessions::SessionsSection/>
                <tokens::TokensSection/>
                <password::PasswordSection/>
            </div>
        </main>
    }
}

#[component]
fn Account() -> impl IntoView {
    let viewer = expect_context::<Viewer>();
    let action = ServerAction::<SignOut>::new();
    let name = viewer.name.to_string();
    view! {
        <div class="flex flex-wrap items-center gap-4">
            <Avatar name=name.clone() class="size-12 text-base"/>
            <div class="min-w-0 flex-1">
                <p class="truncate font-medium">{name}</p>
                <p class="text-sm text-muted">{if viewer.admin { "Administrator" } else { "Member" }}</p>
            </div>
            <ActionForm action>
                <Button kind="submit" busy=action.pending()>
                    <Icon glyph=Glyph::SignOut class="size-4"/>
                    "Sign out"
                </Button>
            </ActionForm>
        </div>
    }
}

/// A titled part of the page.
#[component]
fn Section(
    /// Its id, for links.
    id: &'static str,
    /// Its title.
    title: &'static str,
    /// What it is for.
    lead: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <section aria-labelledby=id>
            <h2 id=id class="text-lg font-semibold">
                {title}
            </h2>
            <p class="mb-3 text-sm text-muted">{lead}</p>
            <div class="rounded-xl border border-line bg-raised">{children()}</div>
        </section>
    }
}
