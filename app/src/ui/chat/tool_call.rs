//! A tool call: collapsed to a line, readable and copyable when opened; a question with its arguments while it asks.
//!
//! Invariant: whatever a tool or a model says is text here, never HTML.

use super::{cell::ToolView, room::Room};
use crate::{
    ui::kit::{Button, Glyph, Icon, IconButton, Size, Spinner, Toaster, Variant, copy::copy},
    wire::{
        event::ClientEvent,
        tool::{Approval, ToolCall, ToolResult, ToolState},
    },
};
use leptos::prelude::*;
use serde_json::Value;

/// One call.
#[component]
pub fn ToolCallView(room: Room, tool: ArcRwSignal<ToolView>) -> impl IntoView {
    let name = tool.with_untracked(|tool| tool.call.name.clone());
    let title = tool.with_untracked(|tool| title_of(&tool.call));
    let arguments = tool.with_untracked(|tool| pretty(&tool.call.arguments));
    let (state, asked, result) = (tool.clone(), tool.clone(), tool.clone());
    let result = Memo::new(move |_| result.read().result().cloned());
    let asks = Memo::new(move |_| matches!(asked.read().state, Some(ToolState::Asked { .. })));
    view! {
        <div class="rounded-lg border border-line bg-surface text-sm">
            <details class="group/tool">
                <summary class="flex min-h-10 cursor-pointer list-none flex-wrap items-center gap-x-2 gap-y-1 rounded-lg px-3 py-1.5 hover:bg-hover">
                    <Icon glyph=Glyph::ChevronRight class="size-4 shrink-0 text-muted transition-transform group-open/tool:rotate-90"/>
                    <Icon glyph=Glyph::Wrench class="size-4 shrink-0 text-muted"/>
                    <span class="font-medium">{title}</span>
                    <code class="truncate text-xs text-muted max-sm:hidden">{name}</code>
                    <span class="ms-auto"><StateLine tool=state/></span>
                </summary>
                <div class="space-y-3 border-t border-line px-3 py-3">
                    <Block label="Arguments" text=arguments.clone()/>
                    {move || result.get().map(|result| view! { <ResultView result/> })}
                </div>
            </details>
            <Show when=move || asks.get()>
                <Question room tool=tool.clone() arguments=arguments.clone()/>
            </Show>
        </div>
    }
}

/// Where the call is, in a word or two.
#[component]
fn StateLine(tool: ArcRwSignal<ToolView>) -> impl IntoView {
    move || match tool.get().state {
        None => view! { <span class="text-muted">"Did not finish"</span> }.into_any(),
        Some(ToolState::Asked { .. }) => view! { <span class="text-warning">"Asks for permission"</span> }.into_any(),
        Some(ToolState::Running { progress, note }) => {
            let share = progress.map(|share| format!("{:.0} %", share.clamp(0.0, 1.0) * 100.0));
            view! {
                <span class="inline-flex items-center gap-2 text-muted" role="status">
                    {note.unwrap_or_else(|| "Running".to_owned())}
                    {share}
                    {progress.map(|share| view! { <progress class="h-1.5 w-20" max="1" value=share.to_string() aria-label="Progress"></progress> })}
                    <Spinner class="size-4"/>
                </span>
            }
            .into_any()
        }
        Some(ToolState::Done { result }) => {
            let (looks, glyph, word) = if result.outcome.is_error {
                ("text-danger", Glyph::Alert, "Failed")
            } else {
                ("text-success", Glyph::Check, "Done")
            };
            view! {
                <span class=format!("inline-flex items-center gap-1.5 {looks}")>
                    <Icon glyph class="size-4"/>
                    {word}
                    <span class="text-muted tabular-nums">{duration(result.duration_ms)}</span>
                </span>
            }
            .into_any()
        }
    }
}

/// The question a tool that changes things asks before it runs.
#[component]
fn Question(room: Room, tool: ArcRwSignal<ToolView>, arguments: String) -> impl IntoView {
    let answered = RwSignal::new(false);
    let (turn, call) = tool.with_untracked(|tool| (tool.turn, tool.call.id.clone()));
    let title = tool.with_untracked(|tool| title_of(&tool.call));
    let answer = move |approval| {
        if let Some(turn) = turn {
            answered.set(room.ask(ClientEvent::Decide { turn, call: call.clone(), approval }));
        }
    };
    let (once, always, deny) = (answer.clone(), answer.clone(), answer);
    view! {
        <div class="space-y-3 border-t border-line px-3 py-3" role="group" aria-label=format!("Permission for {title}")>
            <p class="flex items-center gap-2 font-medium">
                <Icon glyph=Glyph::Shield class="size-4 text-warning"/>
                {format!("May the assistant use «{title}» with this?")}
            </p>
            <pre class="max-h-60 overflow-auto rounded-md bg-hover p-3 text-xs whitespace-pre-wrap break-words" tabindex="0">{arguments}</pre>
            <div class="flex flex-wrap gap-2">
                <Button size=Size::Small variant=Variant::Primary disabled=answered on:click=move |_| once(Approval::Once)>
                    "Allow once"
                </Button>
                <Button size=Size::Small disabled=answered on:click=move |_| always(Approval::Always)>"Always allow"</Button>
                <Button size=Size::Small variant=Variant::Ghost disabled=answered on:click=move |_| deny(Approval::Deny)>
                    "Deny"
                </Button>
            </div>
        </div>
    }
}

#[component]
fn ResultView(result: ToolResult) -> impl IntoView {
    let outcome = result.outcome;
    let label = if outcome.is_error { "Error" } else { "Result" };
    let structured = outcome.structured.map(|value| match flat(&value) {
        Some(rows) => view! { <Table rows/> }.into_any(),
        None => view! { <Block label="Structured result" text=pretty(&value)/> }.into_any(),
    });
    view! {
        <Block label text=outcome.text/>
        {outcome.truncated.then(|| view! { <p class="text-xs text-muted">"The result was longer and was cut here."</p> })}
        {structured}
    }
}

#[component]
fn Table(rows: Vec<(String, String)>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|(key, value)| {
            view! {
                <tr class="border-b border-line last:border-0">
                    <th scope="row" class="py-1 pe-4 text-start align-top font-medium whitespace-nowrap text-muted">{key}</th>
                    <td class="py-1 break-words">{value}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="w-full text-xs">
            <tbody>{rows}</tbody>
        </table>
    }
}

/// A labelled text that can be copied.
#[component]
fn Block(label: &'static str, text: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    let source = StoredValue::new(text.clone());
    let toaster = Toaster::expect();
    let copy = move |_| copy(source.get_value(), toaster, move || _ = copied.try_set(true));
    view! {
        <div>
            <div class="flex items-center justify-between">
                <p class="text-xs font-medium text-muted">{label}</p>
                <IconButton
                    glyph=Signal::derive(move || if copied.get() { Glyph::Check } else { Glyph::Copy })
                    label=Signal::derive(move || if copied.get() { "Copied".to_owned() } else { format!("Copy {}", label.to_lowercase()) })
                    class="size-7! [&>svg]:size-4"
                    on:click=copy
                />
            </div>
            <pre class="max-h-80 overflow-auto rounded-md bg-hover p-3 text-xs whitespace-pre-wrap break-words" tabindex="0">{text}</pre>
        </div>
    }
}

/// What the tool is called for people. A call of a tool that is not there, or one stored before calls had titles, has
/// its name only: `get_conversation_history` → `Get conversation history`.
fn title_of(call: &ToolCall) -> String {
    if !call.title.is_empty() {
        return call.title.clone();
    }
    let words = call.name.replace(['_', '-', '.'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

/// The rows of an object whose values are all scalars; `None` for anything else.
fn flat(value: &Value) -> Option<Vec<(String, String)>> {
    value
        .as_object()?
        .iter()
        .map(|(key, value)| match value {
            Value::Array(_) | Value::Object(_) => None,
            Value::String(text) => Some((key.clone(), text.clone())),
            Value::Null => Some((key.clone(), "–".to_owned())),
            other => Some((key.clone(), other.to_string())),
        })
        .collect()
}

fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::id::CallId;
    use serde_json::json;

    #[test]
    fn names_become_titles() {
        let mut call = ToolCall::new(CallId(String::new()), "get_conversation_history", json!({}));
        assert_eq!(title_of(&call), "Get conversation history");
        call.title = "Conversation history".to_owned();
        assert_eq!(title_of(&call), "Conversation history");
        assert_eq!(title_of(&ToolCall::new(CallId(String::new()), "", json!({}))), "");
    }

    #[test]
    fn only_flat_objects_become_tables() {
        assert_eq!(flat(&json!({"a": 1, "b": "x", "c": null})).map(|rows| rows.len()), Some(3));
        assert_eq!(flat(&json!({"a": [1]})), None);
        assert_eq!(flat(&json!([1])), None);
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(7), "7 ms");
        assert_eq!(duration(1250), "1.2 s");
    }
}
