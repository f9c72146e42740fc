//! The open lists: a box to search in, and what it finds, server by server. Arrows move, Enter and Tab take, Escape
//! leaves; a finger presses.

use super::{
    Picker,
    blanks::blanks,
    list::{Doing, List, sign},
};
use crate::{
    ui::kit::{Banner, Button, Glyph, IconButton, Size, Spinner, Tone, Variant, effect},
    wire::picker::{Choice, Group, Pick},
};
use leptos::{
    ev::KeyboardEvent,
    prelude::*,
    web_sys::{HtmlElement, wasm_bindgen::JsCast},
};

/// The list's id.
const LIST: &str = "picker-list";

/// Draws them.
pub(super) fn panel() -> AnyView {
    view! { <Panel/> }.into_any()
}

#[component]
fn Panel() -> impl IntoView {
    let list = List::new(expect_context::<Picker>());
    effect(move || list.begin());
    let escape = move |event: KeyboardEvent| {
        if event.key() == "Escape" && !event.is_composing() {
            event.prevent_default();
            event.stop_propagation();
            if list.chosen.read_untracked().is_some() {
                list.back();
            } else {
                list.give_back("");
            }
        }
    };
    view! {
        <div
            class="absolute inset-x-0 bottom-full z-20 mb-2 flex max-h-[min(26rem,60dvh)] flex-col rounded-xl border border-line bg-raised shadow-lg animate-fade-in"
            role="group"
            aria-label="Prompts and resources"
            on:keydown=escape
        >
            <div class="flex items-center gap-1 border-b border-line p-1.5">
                <Kind list pick=Pick::Prompts words="Prompts"/>
                <Kind list pick=Pick::Resources words="Resources"/>
                <IconButton glyph=Glyph::X label="Close" class="ms-auto" press=move || list.give_back("")/>
            </div>
            {move || match list.doing.get() {
                Doing::Nothing => ().into_any(),
                Doing::Asking => wait("Asking the server…"),
                Doing::Failed(words) => view! { <Banner tone=Tone::Danger class="m-2">{words}</Banner> }.into_any(),
            }}
            {move || match list.chosen.get() {
                Some(chosen) => blanks(list, chosen),
                None => view! { <Choices list/> }.into_any(),
            }}
        </div>
    }
}

fn wait(words: &'static str) -> AnyView {
    view! {
        <p class="flex items-center gap-2 p-3 text-sm text-muted" role="status">
            <Spinner class="size-4"/>
            {words}
        </p>
    }
    .into_any()
}

/// Turns to one of the two lists.
#[component]
fn Kind(list: List, pick: Pick, words: &'static str) -> impl IntoView {
    let on = move || list.pick() == pick;
    view! {
        <Button
            size=Size::Small
            variant=Variant::Ghost
            class="aria-pressed:bg-hover aria-pressed:text-text"
            attr:aria-pressed=move || if on() { "true" } else { "false" }
            press=move || list.turn_to(pick)
        >
            {words}
            <kbd class="font-mono text-xs" aria-hidden="true">{sign(pick)}</kbd>
        </Button>
    }
}

#[component]
fn Choices(list: List) -> impl IntoView {
    let keyed = move |event: KeyboardEvent| {
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        let (some, typed) = (list.count() > 0, !list.query.read_untracked().is_empty());
        let of_sign = list.picker().open.get_untracked().is_some_and(|open| open.at.is_some());
        match event.key().as_str() {
            "ArrowDown" => list.step(true),
            "ArrowUp" => list.step(false),
            "Enter" if some => list.enter(),
            "Tab" if some && !event.shift_key() => list.enter(),
            // Whoever goes on typing what is found nowhere was not searching.
            "Enter" if of_sign => list.give_back(""),
            "Enter" => {}
            " " if of_sign && (!typed || list.is_empty()) => list.give_back(" "),
            "Backspace" if of_sign && !typed => _ = list.picker().put(""),
            _ => return,
        }
        event.prevent_default();
    };
    effect(move || {
        let active = list.active.get();
        request_animation_frame(move || show(active));
    });
    let open = move || {
        list.found.with(|found| matches!(found, Some(Ok(groups)) if groups.iter().any(|g| !g.choices.is_empty())))
    };
    let label = move || if list.pick() == Pick::Prompts { "Search prompts" } else { "Search resources" };
    view! {
        <div class="p-2">
            <input
                node_ref=list.input
                r#type="text"
                role="combobox"
                class="h-10 w-full rounded-md border border-line-strong bg-raised px-3 text-base text-text placeholder:text-muted"
                placeholder=label
                aria-label=label
                aria-autocomplete="list"
                aria-expanded=move || if open() { "true" } else { "false" }
                aria-controls=LIST
                aria-activedescendant=move || open().then(|| option_id(list.active.get()))
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                prop:value=move || list.query.get()
                on:input=move |event| list.typed(event_target_value(&event))
                on:keydown=keyed
            />
        </div>
        <div class="flex min-h-0 flex-col">
            {move || match list.found.get() {
                None => wait("Looking…"),
                Some(Err(error)) => view! { <p class="p-3 text-sm text-danger" role="alert">{error}</p> }.into_any(),
                Some(Ok(groups)) => view! { <Groups list groups/> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Groups(list: List, groups: Vec<Group>) -> impl IntoView {
    let count: usize = groups.iter().map(|group| group.choices.len()).sum();
    let notes: Vec<_> =
        groups.iter().filter(|g| !g.note.is_empty()).map(|g| format!("{}: {}", g.name, g.note)).collect();
    let mut number = 0;
    let shown = groups.into_iter().filter(|group| !group.choices.is_empty()).enumerate().map(|(at, group)| {
        let first = number;
        number += group.choices.len();
        let title = format!("picker-group-{at}");
        let of_title = title.clone();
        let options = group.choices.into_iter().enumerate();
        let options = options.map(|(at, choice)| view! { <Entry list number=first + at choice/> }).collect_view();
        view! {
            <div role="group" aria-labelledby=of_title>
                <div id=title role="presentation" class="px-3 pt-2 pb-1 text-xs font-medium text-muted">{group.name}</div>
                {options}
            </div>
        }
    });
    let shown = shown.collect_view();
    let told = match count {
        0 => "Nothing fits.".to_owned(),
        1 => "1 fits.".to_owned(),
        n => format!("{n} fit."),
    };
    let some = count > 0;
    let looks = if some { "sr-only" } else { "p-3 text-sm text-muted" };
    view! {
        <p class=looks role="status">{told}</p>
        {some
            .then(|| {
                view! {
                    <div
                        id=LIST
                        role="listbox"
                        aria-label="What fits"
                        class="relative min-h-0 overflow-y-auto overscroll-contain px-1 pb-1"
                    >
                        {shown}
                    </div>
                }
            })}
        {notes.into_iter().map(|note| view! { <p class="px-3 py-1.5 text-xs break-words text-muted">{note}</p> }).collect_view()}
    }
}

#[component]
fn Entry(list: List, number: usize, choice: Choice) -> impl IntoView {
    let asks = (!choice.blanks.is_empty()).then(|| choice.blanks.iter().map(|b| b.title.clone()).collect::<Vec<_>>());
    let asks = asks.map(|asks| format!("Asks for: {}", asks.join(", ")));
    view! {
        <div
            id=option_id(number)
            role="option"
            aria-selected=move || if list.active.get() == number { "true" } else { "false" }
            class="flex min-h-10 cursor-pointer flex-col justify-center rounded-md px-3 py-1.5 text-sm hover:bg-hover aria-selected:bg-hover pointer-coarse:min-h-11"
            // The cursor stays in the box.
            on:mousedown=move |event| event.prevent_default()
            on:click=move |_| list.take(number)
        >
            <span class="font-medium break-words">{choice.title}</span>
            {(!choice.description.is_empty()).then(|| view! { <span class="line-clamp-2 text-muted">{choice.description}</span> })}
            {asks.map(|asks| view! { <span class="truncate text-xs text-muted">{asks}</span> })}
        </div>
    }
}

fn option_id(number: usize) -> String {
    format!("picker-{number}")
}

/// Scrolls so far that a choice can be seen.
fn show(number: usize) {
    let find = |id: &str| document().get_element_by_id(id).and_then(|found| found.dyn_into::<HtmlElement>().ok());
    let (Some(list), Some(option)) = (find(LIST), find(&option_id(number))) else { return };
    let (top, bottom) = (option.offset_top(), option.offset_top() + option.offset_height());
    if top < list.scroll_top() {
        list.set_scroll_top(top);
    } else if bottom > list.scroll_top() + list.client_height() {
        list.set_scroll_top(bottom - list.client_height());
    }
}
