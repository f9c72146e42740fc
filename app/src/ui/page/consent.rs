//! Letting a program in: who asks, where its answer goes, what it wants, and which of it one grants.
//!
//! Invariant: what is proven of a program and what it only says of itself are told apart; nothing here runs script
//! ([`plain`](mod@crate::ui::plain)).

use super::{form::Card, settings::tokens::meaning};
use crate::{
    ui::kit::{Banner, Button, LinkButton, Size, Tone, Variant},
    wire::{
        api_token::{Scope, Scopes},
        oauth::Consent,
    },
};
use leptos::prelude::*;

/// The question. `nothing`: it was answered by «allow» with no box ticked.
#[component]
pub fn ConsentPage(consent: Consent, action: &'static str, nothing: bool) -> impl IntoView {
    let Consent { person, name, host, place, endpoint, loopback_only, asked, fields } = consent;
    view! {
        <Card title=format!("Let «{name}» in?") lead=format!("You are signed in as {person}.")>
            <div class="space-y-4 text-sm">
                {who(&name, host)}
                <p>"Its answer goes to " <strong class="wrap-anywhere">{place}</strong> "."</p>
                <p>"It would reach " <code class="font-mono wrap-anywhere">{endpoint}</code> " and nothing else here."</p>
                {loopback_only.then(|| {
                    view! {
                        <Banner tone=Tone::Warning>
                            "It waits for the answer on this computer, where any other program can pass for it. Go on only if \
                             you have just begun to sign in from it yourself."
                        </Banner>
                    }
                })}
                {nothing.then(|| {
                    view! { <Banner tone=Tone::Danger>"Choose what it may do, or do not let it in."</Banner> }
                })}
                <form method="post" action=action class="space-y-4">
                    {fields
                        .into_iter()
                        .map(|(name, value)| view! { <input r#type="hidden" name=name value=value/> })
                        .collect_view()}
                    <Boxes asked/>
                    <Button kind="submit" variant=Variant::Primary size=Size::Wide attr:name="decision" attr:value="allow">
                        "Let it in"
                    </Button>
                    <Button kind="submit" size=Size::Wide attr:name="decision" attr:value="deny">
                        "Do not let it in"
                    </Button>
                </form>
                <p class="text-muted">
                    "You can end this at any time in the settings, under «Connected programs»."
                </p>
            </div>
        </Card>
    }
}

fn who(name: &str, host: Option<String>) -> impl IntoView {
    match host {
        Some(host) => view! {
            <p>
                "«" {name.to_owned()} "» of " <strong class="wrap-anywhere">{host}</strong>
                " wants to use your Parley. That it is described there is checked; who runs that host you must know."
            </p>
        }
        .into_any(),
        None => view! {
            <p>
                "A program that calls itself «" {name.to_owned()}
                "» wants to use your Parley. Any program can call itself so: go on only if you have just begun this yourself."
            </p>
        }
        .into_any(),
    }
}

/// A box for each scope that is asked for.
#[component]
fn Boxes(asked: Scopes) -> impl IntoView {
    view! {
        <fieldset class="space-y-2">
            <legend class="mb-1.5 font-medium">"What it may do"</legend>
            {Scope::ALL
                .into_iter()
                .filter(|scope| asked.contains(*scope))
                .map(|scope| {
                    view! {
                        <label class="flex items-start gap-2.5">
                            <input
                                type="checkbox"
                                name="allow"
                                value=scope.name()
                                checked=true
                                class="mt-0.5 size-4 shrink-0 accent-brand"
                            />
                            <span>{meaning(scope)}</span>
                        </label>
                    }
                })
                .collect_view()}
        </fieldset>
    }
}

/// A request that cannot be answered to whoever made it.
#[component]
pub fn NotConnected(reason: String) -> impl IntoView {
    view! {
        <Card title="This program cannot be let in" lead="Nothing was allowed, and nobody was told.">
            <div class="space-y-4">
                <Banner tone=Tone::Danger>{reason}</Banner>
                <LinkButton href="/settings/check" size=Size::Wide>
                    "Find out if programs can sign in at all"
                </LinkButton>
                <LinkButton href="/" variant=Variant::Ghost size=Size::Wide>
                    "To your conversations"
                </LinkButton>
            </div>
        </Card>
    }
}
