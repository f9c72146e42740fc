//! What a call was asked with and what came of it, and the question before it runs: downloaded when one looks.

use super::pieces::pieces;
use crate::{
    ui::{
        chat::{
            cell::ToolView,
            pretty::{pretty, scalar},
            question::QuestionView,
        },
        kit::{Glyph, IconButton, Toaster, copy::copy, lazy::lazy, memo},
    },
    wire::{
        policy::Question,
        tool::{ToolCall, ToolResult},
    },
};
use leptos::prelude::*;
use serde_json::Value;

lazy! {
    /// A call's arguments and result.
    pub(super) static DETAILS: fn(ArcRwSignal<ToolView>) -> AnyView = more(|tool| view! { <Details tool/> }.into_any());
    /// Whether it may run.
    pub(super) static QUESTION: fn(ArcRwSignal<ToolView>, Option<Question>) -> AnyView =
        more(|tool, question| view! { <QuestionView tool question/> }.into_any());
}

#[component]
fn Details(tool: ArcRwSignal<ToolView>) -> impl IntoView {
    let arguments = tool.with_untracked(|tool| pretty(&tool.call.arguments));
    let edits = tool.clone();
    let edited = memo(move || edits.read().call.edited.clone());
    let call = tool.clone();
    let result = memo(move || tool.read().result().cloned());
    view! {
        <Block label="Arguments" text=arguments/>
        {move || {
            edited.get().map(|edited| {
                view! {
                    <p class="text-xs text-muted">{format!("{} changed them, and this ran instead:", edited.by)}</p>
                    <Block label="Changed arguments" text=pretty(&edited.arguments)/>
                }
            })
        }}
        {move || result.get().map(|result| view! { <ResultView call=call.with_untracked(|tool| tool.call.clone()) result/> })}
    }
}

#[component]
fn ResultView(call: ToolCall, result: ToolResult) -> impl IntoView {
    let outcome = result.outcome;
    let label = if outcome.is_error { "Error" } else { "Result" };
    let twice = outcome.structured.as_ref().is_some_and(|structured| says_the_same(&outcome.text, structured));
    let text = if twice { String::new() } else { outcome.text };
    let structured = outcome.structured.map(|value| match flat(&value) {
        Some(rows) => view! { <Table rows/> }.into_any(),
        None => view! { <Block label="Structured result" text=pretty(&value)/> }.into_any(),
    });
    view! {
        {(!text.is_empty()).then(|| view! { <Block label text/> })}
        {outcome.truncated.then(|| view! { <p class="text-xs text-muted">"The result was longer and was cut here."</p> })}
        {structured}
        {pieces(&call, outcome.content)}
    }
}

/// Whether a text is but the JSON of the structured result, which reads better as that (the protocol asks servers for
/// both).
fn says_the_same(text: &str, structured: &Value) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<Value>(text).is_ok_and(|said| said == *structured)
}

#[component]
fn Table(rows: Vec<(String, String)>) -> impl IntoView {
    let rows = rows
        .into_iter()
        .map(|(key, value)| {
            view! {
                <tr class="border-b border-line last:border-0">
                    <th scope="row" class="w-0 py-1 pe-4 text-start align-top font-medium whitespace-nowrap text-muted">{key}</th>
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
    let copy = move || copy(source.get_value(), toaster, move || _ = copied.try_set(true));
    view! {
        <div>
            <div class="flex items-center justify-between">
                <p class="text-xs font-medium text-muted">{label}</p>
                <IconButton
                    glyph=Signal::derive(move || if copied.get() { Glyph::Check } else { Glyph::Copy })
                    label=Signal::derive(move || if copied.get() { "Copied".to_owned() } else { format!("Copy {}", label.to_ascii_lowercase()) })
                    class="size-7! [&>svg]:size-4"
                    press=copy
                />
            </div>
            <pre class="max-h-80 overflow-auto rounded-md bg-hover p-3 text-xs whitespace-pre-wrap break-words" tabindex="0">{text}</pre>
        </div>
    }
}

/// The rows of an object whose values are all scalars; `None` for anything else.
fn flat(value: &Value) -> Option<Vec<(String, String)>> {
    value.as_object()?.iter().map(|(key, value)| Some((key.clone(), scalar(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_that_is_the_same_json_is_not_shown_twice() {
        let structured = json!({"a": [1, "x"]});
        assert!(says_the_same("{\n  \"a\": [1, \"x\"]\n}", &structured));
        for other in ["{\"a\": [1]}", "a: 1, x", "", "{"] {
            assert!(!says_the_same(other, &structured), "{other}");
        }
    }

    #[test]
    fn only_flat_objects_become_tables() {
        assert_eq!(flat(&json!({"a": 1, "b": "x", "c": null})).map(|rows| rows.len()), Some(3));
        assert_eq!(flat(&json!({"a": [1]})), None);
        assert_eq!(flat(&json!([1])), None);
    }
}
