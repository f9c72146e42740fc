//! One message: who, its parts, how it stands, and what one can do with it.

use super::{
    branch::Branch,
    browser,
    cell::{Cell, Head},
    editor::EDITOR,
    parts::Parts,
    room::Room,
    session::{Link, Session},
    state::pending::PendingKind,
};
use crate::{
    ui::kit::{
        Avatar, Banner, BotAvatar, Button, Glyph, Icon, IconButton, Show, Size, Time, Toaster, Tone, TypingDots,
        copy::copy, lazy::later_unless, memo,
    },
    wire::{
        id::{ClientId, MessageId},
        message::{FaultKind, Role, Status, TurnState},
    },
};
use leptos::prelude::*;

/// Milliseconds within which a message counts as new and fades in.
const NEW: i64 = 10_000;

/// Buttons of a message's foot.
const SMALL: &str = "size-7! pointer-coarse:size-9! [&>svg]:size-4";

/// A stored message.
#[component]
pub fn MessageView(room: Room, id: MessageId) -> impl IntoView {
    let Some(cell) = room.cell(id) else { return ().into_any() };
    let head = cell.head.get_untracked();
    let fresh = room.local.get_untracked() && browser::now().0 - head.created_at.0 < NEW;
    let mine = head.author.as_ref().is_some_and(|author| author.id == room.me);
    let who = head.author.as_ref().map_or_else(|| "AI Assistant".to_owned(), |author| author.name.clone());
    let label = format!("{who} wrote");
    let fade = if fresh && !mine { " animate-fade-in" } else { "" };
    let side = if mine { "flex-row-reverse" } else { "" };
    let portrait = match head.role {
        Role::Assistant => view! { <BotAvatar/> }.into_any(),
        Role::User => view! { <Avatar name=who.clone()/> }.into_any(),
    };
    view! {
        <article id=format!("m-{id}") class=format!("group flex scroll-mt-4 gap-2.5 rounded-2xl data-found:outline-2 data-found:outline-offset-4 data-found:outline-brand sm:gap-3 {side}{fade}") aria-label=label>
            <div class="mt-1 max-sm:hidden">{portrait}</div>
            <div class=if mine { "flex min-w-0 max-w-[85%] flex-col items-end" } else { "flex min-w-0 max-w-full flex-1 flex-col items-start" }>
                {(!mine).then(|| view! { <p class="mb-1 text-xs font-medium text-muted">{who}</p> })}
                <Bubble room id cell=cell.clone() mine/>
                <Standing room id head=cell.head.clone()/>
                <Footer room id head=cell.head.clone() mine/>
            </div>
        </article>
    }
    .into_any()
}

#[component]
fn Bubble(room: Room, id: MessageId, cell: Cell, mine: bool) -> impl IntoView {
    let looks = if mine {
        "max-w-full rounded-2xl rounded-se-sm bg-brand-soft px-4 py-2.5 text-text"
    } else {
        // Not seen while nothing is in it: no part, and no dots.
        "w-full rounded-2xl rounded-ss-sm border border-line bg-raised px-4 py-3 text-text has-[>:only-child:empty]:hidden"
    };
    let head = cell.head.clone();
    let waiting = memo(move || {
        let head = head.read();
        head.status == Status::Pending && head.turn.is_none_or(|(_, state)| state == TurnState::Running)
    });
    let leave = move || {
        room.editing.set(None);
        browser::focus("message");
    };
    view! {
        <Show
            when=move || room.editing.get() == Some(id)
            fallback=move || {
                view! {
                    <div class=looks>
                        <Parts parts=cell.parts.clone()/>
                        <Show when=move || waiting.get()>
                            <TypingDots label="The assistant is working…"/>
                        </Show>
                    </div>
                }
            }
        >
            {later_unless(&EDITOR, leave, move |editor| editor(room, id))}
        </Show>
    }
}

/// What is to be said about a message that is not simply whole.
#[component]
fn Standing(room: Room, id: MessageId, head: ArcRwSignal<Head>) -> impl IntoView {
    let standing = memo(move || {
        let head = head.read();
        (head.status, head.turn.map(|(_, state)| state), head.fault.clone())
    });
    move || {
        let (status, turn, fault) = standing.get();
        match (status, turn) {
            (Status::Pending, Some(TurnState::Queued)) => {
                chip(Glyph::Clock, "Waits for the reply before it").into_any()
            }
            (Status::Pending, Some(TurnState::Asking)) => chip(Glyph::Shield, "Waits for your decision").into_any(),
            (Status::Stopped, _) => view! { {chip(Glyph::Stop, "Stopped")} <GoOn room id/> }.into_any(),
            (Status::Interrupted, _) => {
                view! { {chip(Glyph::Alert, "Interrupted: the server went away in the middle")} <GoOn room id/> }
                    .into_any()
            }
            (Status::Failed, _) => {
                let retry = fault.as_ref().is_none_or(|fault| fault.retry);
                let cut = fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Cut);
                let words =
                    fault.as_ref().map_or_else(|| "The reply failed.".to_owned(), |fault| fault.message.clone());
                let hint = fault.map(|fault| hint(fault.kind)).unwrap_or_default();
                // It was cut at the model's own limit: nothing went wrong.
                let tone = if cut && !retry { Tone::Warning } else { Tone::Danger };
                view! {
                    <Banner tone class="mt-2 w-full">
                        <p>{words}</p>
                        {(!hint.is_empty()).then(|| view! { <p class="mt-1">{hint}</p> })}
                        <div class="flex flex-wrap gap-x-2">
                            {cut.then(|| view! { <GoOn room id/> })}
                            <Button size=Size::Small class="mt-2" press=move || room.regenerate(id)>
                                <Icon glyph=Glyph::Refresh class="size-4"/>
                                {if retry { "Try again" } else { "Try again anyway" }}
                            </Button>
                        </div>
                    </Banner>
                }
                .into_any()
            }
            (Status::Pending | Status::Complete, _) => ().into_any(),
        }
    }
}

/// What the reader can do about a fault, where that is not said by its sentence.
fn hint(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::TooLong => "Begin a new chat, or edit an earlier message to branch off before it grew so long.",
        FaultKind::Credentials => "Whoever runs this server has to look at the model's key.",
        FaultKind::TooManyRounds => "Ask for a smaller step.",
        _ => "",
    }
}

fn chip(glyph: Glyph, words: &'static str) -> impl IntoView {
    view! {
        <p class="mt-2 inline-flex items-center gap-1.5 rounded-full bg-hover px-2.5 py-1 text-xs text-muted" role="status">
            <Icon glyph class="size-3.5"/>
            {words}
        </p>
    }
}

#[component]
fn GoOn(room: Room, id: MessageId) -> impl IntoView {
    view! {
        <Button size=Size::Small class="mt-2" press=move || room.go_on(id)>
            <Icon glyph=Glyph::Play class="size-4"/>
            "Continue"
        </Button>
    }
}

#[component]
fn Footer(room: Room, id: MessageId, head: ArcRwSignal<Head>, mine: bool) -> impl IntoView {
    let first = head.get_untracked();
    let reply = first.role == Role::Assistant;
    // Unseen buttons leave their room at the end that the line does not begin at.
    let order = if mine { "" } else { "order-last" };
    let over = {
        let head = head.clone();
        memo(move || head.read().status != Status::Pending)
    };
    let copied = RwSignal::new(false);
    let toaster = Toaster::expect();
    let copy = move || {
        copy(room.text(id), toaster, move || {
            copied.try_set(true);
            set_timeout(move || _ = copied.try_set(false), std::time::Duration::from_secs(2));
        });
    };
    let copy_label = Signal::derive(move || if copied.get() { "Copied" } else { "Copy message" }.to_owned());
    let copy_glyph = Signal::derive(move || if copied.get() { Glyph::Check } else { Glyph::Copy });
    view! {
        <div class="mt-1 flex min-h-7 flex-wrap items-center gap-1 text-xs text-muted">
            <Branch room id head=head.clone()/>
            <Show when=move || over.get()>
                <span class=format!("flex items-center transition-opacity pointer-fine:opacity-0 group-hover:opacity-100 group-focus-within:opacity-100 {order}")>
                    <IconButton glyph=copy_glyph label=copy_label class=SMALL press=copy/>
                    {mine
                        .then(|| {
                            view! {
                                <IconButton glyph=Glyph::Pencil label="Edit message" class=SMALL press=move || room.editing.set(Some(id))/>
                            }
                        })}
                    {reply
                        .then(|| {
                            view! {
                                <IconButton glyph=Glyph::Refresh label="Another reply" class=SMALL press=move || room.regenerate(id)/>
                            }
                        })}
                </span>
            </Show>
            <Time at=first.created_at/>
            {reply.then(|| view! { <Facts head/> })}
        </div>
    }
}

/// Which model wrote it and what it cost.
#[component]
fn Facts(head: ArcRwSignal<Head>) -> impl IntoView {
    move || {
        let head = head.read();
        let model = head.model.as_ref().map(|model| model.0.rsplit('/').next().unwrap_or_default().to_owned());
        let tokens = head.usage.filter(|usage| usage.output > 0).map(|usage| {
            let unit = if usage.output == 1 { "token" } else { "tokens" };
            (format!("{} {unit}", usage.output), format!("{} tokens read, {} written", usage.input, usage.output))
        });
        view! {
            {model.map(|model| view! { <span class="truncate">"· " {model}</span> })}
            {tokens.map(|(short, long)| view! { <span title=long>"· " {short}</span> })}
        }
    }
}

/// A message that the server has not acknowledged yet.
#[component]
pub fn PendingView(room: Room, key: ClientId) -> impl IntoView {
    let Some(pending) = room.pending(key) else { return ().into_any() };
    let sending =
        if matches!(pending.kind, PendingKind::Edit { .. }) { "Sending the new version…" } else { "Sending…" };
    let session = expect_context::<Session>();
    let words = move || if session.link.get() == Link::Online { sending } else { "Not sent yet" };
    let back = move |_| {
        if let Some(pending) = room.withdraw(key) {
            room.refused.set(Some(super::state::Refusal {
                draft: Some(pending),
                error: crate::wire::error::ApiError::Conflict { reason: "Taken back; it was not sent.".to_owned() },
            }));
        }
    };
    view! {
        <article class="flex flex-col items-end animate-fade-in sm:pe-11" aria-label="You wrote" aria-busy="true">
            <div class="max-w-[85%] rounded-2xl rounded-se-sm bg-brand-soft px-4 py-2.5 whitespace-pre-wrap break-words text-text opacity-70">
                {pending.text}
            </div>
            <p class="mt-1 flex items-center gap-2 text-xs text-muted">
                <Icon glyph=Glyph::Clock class="size-3.5"/>
                {words}
                <button r#type="button" class="rounded-sm px-1.5 py-1 underline hover:text-text" on:click=back>
                    "Take back"
                </button>
            </p>
        </article>
    }
    .into_any()
}
