//! One's own settings: a page for each kind, and beside them the way from one to the other.
//!
//! The pages have addresses of their own, and all of them work without script but the theme, which is the browser's own
//! affair, and the making of tokens. `PARTS` has them all.
//! Addresses of the time when everything was one page lead to what they meant ([`moved`]).

pub mod account;
pub mod calls;
pub mod clients;
pub mod connections;
pub mod floors;
pub mod moved;
pub mod password;
pub mod prompts;
pub mod sessions;
pub mod theme;
pub mod tokens;
pub mod tools;
pub mod usage;

use crate::{
    ui::{
        app::SignedIn,
        kit::{Glyph, Icon, lazy::First},
    },
    wire::account::Viewer,
};
use leptos::{html, prelude::*};
use leptos_meta::Title;
use leptos_router::hooks::use_location;

/// The heading's id; what a page holds that is one section goes by it.
const HEADING: &str = "settings-page";

/// A page of the settings.
#[derive(Debug)]
struct Part {
    path: &'static str,
    title: &'static str,
    glyph: Glyph,
    draw: fn() -> AnyView,
}

/// Every page, in the order of the list. Each has a route in [`App`](crate::ui::App).
static PARTS: [Part; 7] = [
    Part {
        path: "/settings",
        title: "Account",
        glyph: Glyph::User,
        draw: || {
            view! {
                <account::Account/>
                <theme::ThemeSection/>
                <sessions::SessionsSection/>
                <password::PasswordSection/>
            }
            .into_any()
        },
    },
    Part {
        path: "/settings/prompts",
        title: "Prompts",
        glyph: Glyph::Message,
        draw: || view! { <prompts::PromptsSection/> }.into_any(),
    },
    Part {
        path: "/settings/tools",
        title: "Tools",
        glyph: Glyph::Shield,
        draw: || {
            let admin = expect_context::<Viewer>().admin;
            view! {
                <tools::ToolsSection/>
                {admin.then(|| view! { <floors::FloorsSection/> })}
            }
            .into_any()
        },
    },
    Part {
        path: "/settings/calls",
        title: "Tool calls",
        glyph: Glyph::Clock,
        draw: || view! { <calls::CallsSection/> }.into_any(),
    },
    Part {
        path: "/settings/programs",
        title: "Programs",
        glyph: Glyph::Key,
        draw: || {
            view! {
                <clients::ClientsSection/>
                <tokens::TokensSection/>
            }
            .into_any()
        },
    },
    Part {
        path: "/settings/connections",
        title: "Connections",
        glyph: Glyph::Wrench,
        draw: || view! { <connections::Connections/> }.into_any(),
    },
    Part {
        path: "/settings/usage",
        title: "Model and usage",
        glyph: Glyph::Info,
        draw: || view! { <usage::UsageSection/> }.into_any(),
    },
];

/// Which page an address is of.
fn part_at(path: &str) -> Option<usize> {
    PARTS.iter().position(|part| part.path == path.trim_end_matches('/'))
}

/// The page.
#[component]
pub fn SettingsPage() -> impl IntoView {
    view! {
        <SignedIn>
            <Frame/>
        </SignedIn>
    }
}

#[component]
fn Frame() -> impl IntoView {
    let path = use_location().pathname;
    // When one leaves, the address is already another's: what is shown stays until it is gone.
    let shown = Memo::new(move |before: Option<&usize>| {
        path.with(|path| part_at(path)).or(before.copied()).unwrap_or_default()
    });
    let title = move || PARTS[shown.get()].title;
    let heading = NodeRef::<html::H1>::new();
    let drawn_here = First::now() == First::Page;
    // Who came by a link of the page goes on reading at the heading; who loaded it begins at its top.
    Effect::new(move |before: Option<usize>| {
        let now = shown.get();
        if before.map_or(drawn_here, |before| before != now)
            && let Some(heading) = heading.get_untracked()
        {
            _ = heading.focus();
        }
        now
    });
    view! {
        <Title text=move || format!("{} · Settings", title())/>
        <moved::Moved/>
        <div class="mx-auto max-w-4xl px-4 py-8 sm:py-12 md:grid md:grid-cols-[12rem_minmax(0,1fr)] md:gap-10">
            <header class="mb-8 md:sticky md:top-12 md:mb-0 md:self-start">
                <a href="/" class="-ms-2 mb-4 inline-flex items-center gap-1.5 rounded-md px-2 py-1.5 text-sm text-muted hover:bg-hover hover:text-text">
                    <Icon glyph=Glyph::ArrowLeft class="size-4"/>
                    "Conversations"
                </a>
                <nav aria-label="Settings">
                    <ul class="-mx-1 flex flex-wrap gap-1 md:flex-col">
                        {PARTS.iter().enumerate().map(|(at, part)| view! { <Way at part shown/> }).collect_view()}
                    </ul>
                </nav>
            </header>
            <main class="min-w-0">
                <h1 id=HEADING node_ref=heading tabindex="-1" class="mb-6 text-2xl font-semibold tracking-tight">
                    {title}
                </h1>
                <div class="space-y-10">{move || (PARTS[shown.get()].draw)()}</div>
            </main>
        </div>
    }
}

/// The way to a page.
#[component]
fn Way(at: usize, part: &'static Part, shown: Memo<usize>) -> impl IntoView {
    view! {
        <li>
            <a
                href=part.path
                class="flex items-center gap-2.5 rounded-md px-3 py-2 text-sm text-muted transition-colors hover:bg-hover hover:text-text \
                       aria-[current=page]:bg-brand-soft aria-[current=page]:font-medium aria-[current=page]:text-brand-strong \
                       pointer-coarse:min-h-11"
                aria-current=move || (shown.get() == at).then_some("page")
            >
                <Icon glyph=part.glyph class="size-4 shrink-0"/>
                {part.title}
            </a>
        </li>
    }
}

/// A titled part of a page.
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

/// All of a page, which has its title.
#[component]
fn Sheet(
    /// What it is for.
    lead: &'static str,
    children: Children,
) -> impl IntoView {
    view! {
        <section aria-labelledby=HEADING>
            <p class="-mt-4 mb-3 text-sm text-muted">{lead}</p>
            <div class="rounded-xl border border-line bg-raised">{children()}</div>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_its_own_address_and_no_other_address_has_one() {
        for (at, part) in PARTS.iter().enumerate() {
            assert_eq!(part_at(part.path), Some(at));
            assert_eq!(part_at(&format!("{}/", part.path)), Some(at));
        }
        for path in ["/", "/settings/check", "/settings/promptsy", "/c/0190"] {
            assert_eq!(part_at(path), None, "{path}");
        }
    }
}
