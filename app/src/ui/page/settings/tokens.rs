//! Tokens for programs that act for one: MCP clients such as Claude, Cursor or the Inspector.
//!
//! Invariant: a token is shown once, to whoever made it, and is in no address; so making one needs script.

use super::{
    super::form::{Form, FormError, Post, empty_when_done},
    Section,
};
use crate::{
    api::{
        call,
        tokens::{self, CreateApiToken, RevokeApiToken},
    },
    ui::{
        kit::{Banner, Button, Glyph, Icon, Size, TextInput, Time, TimeStyle, Tone, Transition, Variant, awake},
        load::Loaded,
    },
    wire::{
        api_token::{ApiTokenRow, Scope},
        limits,
    },
};
use leptos::prelude::*;

/// How long a token may live: days, 0 for no end; and as people say it.
const LIVES: [(&str, &str); 4] = [("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("0", "Until I end it")];

/// The section.
#[component]
pub fn TokensSection() -> impl IntoView {
    let create = Post::to::<CreateApiToken>();
    let revoke = Post::to::<RevokeApiToken>();
    let changes = move || create.version().get() + revoke.version().get();
    let tokens = Loaded::by(move || changes().to_string(), |_| tokens::api_tokens());
    view! {
        <Section
            id="tokens"
            title="API tokens"
            lead="For programs that use your Parley: Claude, Cursor, or any MCP client."
        >
            <FormError post=revoke fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match tokens.await {
                        Ok(tokens) => {
                            view! {
                                <p class="border-b border-line p-4 text-sm text-muted">
                                    "The MCP server is at "
                                    <code class="font-mono wrap-anywhere text-text">{tokens.endpoint}</code> "."
                                </p>
                                {tokens.rows.into_iter().map(|row| view! { <Row row revoke/> }).collect_view()}
                            }
                                .into_any()
                        }
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
            <Made create/>
            <NewToken create/>
        </Section>
    }
}

#[component]
fn Row(row: ApiTokenRow, revoke: Post) -> impl IntoView {
    let label = format!("End {}", row.name);
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4">
            <Icon glyph=Glyph::Key class="size-5 shrink-0 text-muted"/>
            <div class="min-w-0 flex-1">
                <p class="truncate text-sm font-medium">{row.name}</p>
                <p class="text-sm text-muted">
                    {row.scopes.to_string()} " · "
                    {match row.seen_at {
                        Some(at) => view! { "last used " <Time at style=TimeStyle::Full/> }.into_any(),
                        None => "never used".into_any(),
                    }} " · "
                    {match row.expires_at {
                        Some(at) => view! { "ends " <Time at style=TimeStyle::Full/> }.into_any(),
                        None => "without end".into_any(),
                    }}
                </p>
            </div>
            <Form post=revoke>
                <input r#type="hidden" name="id" value=row.id.to_string()/>
                <Button kind="submit" size=Size::Small attr:aria-label=label>
                    "End"
                </Button>
            </Form>
        </div>
    }
}

/// The token that was just made.
#[component]
fn Made(create: Post) -> impl IntoView {
    let answer = create.answer();
    let token = move || answer.with(|answer| call::read::<String>(answer.as_ref()?.as_ref().ok()?).ok());
    view! {
        <div role="status">
            {move || {
                token()
                    .map(|token| {
                        view! {
                            <div class="space-y-3 border-b border-line p-4">
                                <Banner tone=Tone::Success>
                                    "Copy the token now: it is shown this one time."
                                </Banner>
                                <div class="code">
                                    <div class="code-head">
                                        <span>"token"</span>
                                        <button type="button" data-copy="">
                                            "Copy"
                                        </button>
                                    </div>
                                    <pre tabindex="0" class="whitespace-pre-wrap break-all">{token}</pre>
                                </div>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

#[component]
fn NewToken(create: Post) -> impl IntoView {
    let awake = awake();
    // Sent before the page is awake, it would be refused as if there were no script at all.
    let asleep = Signal::derive(move || !awake.get());
    let node = empty_when_done(create);
    view! {
        <div node_ref=node>
            <Form post=create class="space-y-5 p-4">
                <FormError post=create fields=&["name"]/>
                <TextInput
                    name="name"
                    label="Name of a new token"
                    hint="What it is for, such as «Claude on my laptop»."
                    max=limits::TOKEN_NAME_MAX
                    required=true
                    error=create.field_error("name")
                />
                <fieldset class="space-y-2">
                    <legend class="mb-1.5 text-sm font-medium">"What it may do"</legend>
                    <Permission scope=Scope::Read always=true/>
                    <Permission scope=Scope::Write/>
                    <Permission scope=Scope::Run/>
                </fieldset>
                <div class="space-y-1.5">
                    <label for="days" class="block text-sm font-medium">
                        "How long it lives"
                    </label>
                    <select
                        id="days"
                        name="days"
                        class="h-11 w-full rounded-md border border-line-strong bg-raised px-3 text-base sm:w-56"
                    >
                        {LIVES
                            .into_iter()
                            .map(|(days, words)| view! { <option value=days selected=days == "90">{words}</option> })
                            .collect_view()}
                    </select>
                </div>
                <noscript>
                    <p class="text-sm text-muted">
                        "Making a token needs JavaScript: it is shown once, and an address must not hold it."
                    </p>
                </noscript>
                <Button kind="submit" variant=Variant::Primary busy=create.pending() disabled=asleep>
                    "Make the token"
                </Button>
            </Form>
        </div>
    }
}

/// What a scope lets a program do, for people.
pub(in crate::ui::page) fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read your conversations, and use tools that change nothing",
        Scope::Write => "Change what is yours here, such as titles",
        Scope::Run => "Have replies written, and reach other machines, such as visiting websites",
    }
}

/// A box to tick; one that is `always` ticked cannot be changed.
#[component]
fn Permission(scope: Scope, #[prop(optional)] always: bool) -> impl IntoView {
    view! {
        <label class="flex items-start gap-2.5 text-sm">
            <input
                type="checkbox"
                name=scope.name()
                value="true"
                checked=always
                disabled=always
                class="mt-0.5 size-4 shrink-0 accent-brand"
            />
            <span>{meaning(scope)}</span>
        </label>
    }
}
