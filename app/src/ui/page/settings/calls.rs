//! The record of tool calls: one's own, and for an administrator everybody's, a page at a time.
//!
//! The page's query says which part is shown, so that it works without script.

use super::Sheet;
use crate::{
    api::tools,
    ui::{
        kit::{Banner, Time, TimeStyle, Tone, Transition, memo},
        load::Loaded,
    },
    wire::{
        account::Viewer,
        policy::{CallEnd, CallRow, CalledBy, Rule},
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

/// The section.
#[component]
pub fn CallsSection() -> impl IntoView {
    let admin = expect_context::<Viewer>().admin;
    let query = use_query_map();
    let asked = memo(move || {
        let query = query.read();
        (query.get("calls"), admin && query.get("whose").is_some())
    });
    let calls = Loaded::by(
        move || format!("{} {}", u8::from(asked.get().1), asked.get().0.unwrap_or_default()),
        |key| {
            let (all, before) = key.split_once(' ').unwrap_or_default();
            tools::tool_calls((!before.is_empty()).then(|| before.to_owned()), all == "1")
        },
    );
    view! {
        <Sheet lead="What was called on your behalf, and who or what let it run. The arguments are not kept.">
            <Transition>
                {move || Suspend::new(async move {
                    let (before, all) = asked.get_untracked();
                    match calls.await {
                        Ok(page) if page.items.is_empty() => {
                            view! {
                                <p class="p-4 text-sm text-muted">"No tool was called."</p>
                                <Ways admin all older=None newest=before.is_some()/>
                            }
                                .into_any()
                        }
                        Ok(page) => {
                            let older = page.more.then(|| page.items.last().map(|row| row.id.clone())).flatten();
                            let rows = page.items.into_iter().map(|row| view! { <Row row all/> }).collect_view();
                            view! {
                                <ul class="divide-y divide-line">{rows}</ul>
                                <Ways admin all older newest=before.is_some()/>
                            }
                                .into_any()
                        }
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
        </Sheet>
    }
}

#[component]
fn Ways(admin: bool, all: bool, older: Option<String>, newest: bool) -> impl IntoView {
    let whose = if all { "whose=all&" } else { "" };
    let link = |href: String, words: &'static str| {
        view! { <a href=href class="underline hover:text-text">{words}</a> }
    };
    view! {
        <p class="flex flex-wrap gap-4 border-t border-line p-4 text-sm text-muted empty:hidden">
            {newest.then(|| link(format!("/settings/calls?{whose}"), "Newest"))}
            {older.map(|id| link(format!("/settings/calls?{whose}calls={id}"), "Older"))}
            {(admin && !all).then(|| link("/settings/calls?whose=all".to_owned(), "Everybody's"))}
            {all.then(|| link("/settings/calls".to_owned(), "Only mine"))}
        </p>
    }
}

#[component]
fn Row(row: CallRow, all: bool) -> impl IntoView {
    let (looks, word) = match row.end {
        CallEnd::Begun => ("text-muted", "did not finish"),
        CallEnd::Ok => ("text-success", "done"),
        CallEnd::Failed => ("text-danger", "failed"),
        CallEnd::Denied => ("text-warning", "denied"),
        CallEnd::Refused => ("text-warning", "refused"),
        CallEnd::Stopped => ("text-muted", "stopped"),
    };
    let by = by_whom(&row);
    let from = match (row.via, row.conversation) {
        (CalledBy::Model, Some(id)) => {
            view! { <a href=format!("/c/{id}") class="underline hover:text-text">"a conversation"</a> }.into_any()
        }
        (CalledBy::Model, None) => "a conversation".into_any(),
        (CalledBy::App, Some(id)) => {
            view! { "an app in " <a href=format!("/c/{id}") class="underline hover:text-text">"a conversation"</a> }
                .into_any()
        }
        (CalledBy::App, None) => "an app".into_any(),
        (CalledBy::Program, _) => "a program".into_any(),
        (CalledBy::Pipe, _) => "a program on this machine".into_any(),
    };
    view! {
        <li class="px-4 py-2.5 text-sm" title=format!("SHA-256 of its arguments: {}", row.digest)>
            <p class="flex flex-wrap items-baseline gap-x-2">
                <code class="font-mono">{row.tool}</code>
                {row.server.map(|server| view! { <span class="text-muted">"of " {server}</span> })}
                <span class=looks>{word}</span>
                {row.duration_ms.map(|ms| view! { <span class="text-xs text-muted tabular-nums">{ms} " ms"</span> })}
            </p>
            <p class="text-xs text-muted">
                <Time at=row.at style=TimeStyle::Full/> " · from " {from} {all.then(|| format!(" of {}", row.user))} " · " {by}
            </p>
        </li>
    }
}

/// Who or what let a call run, or kept it from that.
fn by_whom(row: &CallRow) -> String {
    let who = row.decided_by.as_deref().unwrap_or("its person");
    let did = if row.end == CallEnd::Denied { "denied" } else { "allowed" };
    match row.rule {
        Rule::ReadOnly => "it changes nothing".to_owned(),
        Rule::Trusted => "its server, which is vouched for, says that it changes nothing".to_owned(),
        Rule::Once => format!("{who} {did} it once"),
        Rule::Conversation => format!("{who} {did} it in that conversation"),
        Rule::Always => format!("{who} {did} it for good"),
        Rule::Program => "the program asks its person".to_owned(),
        Rule::Floor => "a rule for everybody".to_owned(),
        Rule::Scope => "the token is not for that".to_owned(),
        Rule::SwitchedOff => "switched off in that conversation".to_owned(),
        Rule::Unanswered => "nobody answered".to_owned(),
        Rule::Unreadable => "its arguments could not be read".to_owned(),
        Rule::Unknown => "there is no such tool".to_owned(),
        Rule::Limit => "there were too many calls".to_owned(),
        Rule::Error => "it could not be looked up or recorded".to_owned(),
    }
}
