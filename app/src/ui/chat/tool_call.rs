//! A tool call: collapsed to a line, readable and copyable when opened; a question with its arguments while it asks.
//!
//! Invariant: whatever a tool or a model says is text here, never HTML.

mod app;
mod asked;
mod inside;
mod pieces;

use super::cell::ToolView;
use crate::{
    ui::kit::{
        Glyph, Icon, Spinner, awake, effect,
        lazy::{dormant, later},
        memo,
    },
    wire::tool::{ToolCall, ToolOutcome, ToolState},
};
use app::APP;
use asked::ASKED;
use inside::{DETAILS, QUESTION};
use leptos::{html, prelude::*};

/// One call.
#[component]
pub fn ToolCallView(tool: ArcRwSignal<ToolView>) -> impl IntoView {
    let name = tool.with_untracked(|tool| tool.call.name.clone());
    let title = tool.with_untracked(|tool| title_of(&tool.call));
    let (state, asked, details, pictured, question) =
        (tool.clone(), tool.clone(), tool.clone(), tool.clone(), tool.clone());
    // The question's code is not in the server's page: it waits until the page is awake.
    let awake = awake();
    let asks = memo(move || match &asked.read().state {
        Some(ToolState::Asked { question, .. }) if awake.get() => Some(question.clone()),
        _ => None,
    });
    let relayed = tool.clone();
    let server_asks = memo(move || match &relayed.read().state {
        Some(ToolState::Elicits { question, .. }) if awake.get() => Some(question.clone()),
        _ => None,
    });
    let (shown, answering) = (tool.clone(), tool.clone());
    let has_app = memo(move || awake.get() && shown.read().call.app.is_some());
    let opened = RwSignal::new(false);
    let node = NodeRef::<html::Details>::new();
    effect(move || {
        if node.get().is_some_and(|details| details.open()) {
            opened.set(true);
        }
    });
    view! {
        <div class="group/call rounded-lg border border-line bg-surface text-sm">
            <details class="group/tool" node_ref=node on:toggle=move |_| opened.set(true)>
                <summary class="flex min-h-10 cursor-pointer list-none items-center gap-x-2 rounded-lg px-3 py-1.5 hover:bg-hover">
                    <Icon glyph=Glyph::ChevronRight class="size-4 shrink-0 text-muted transition-transform group-open/tool:rotate-90"/>
                    <Icon glyph=Glyph::Wrench class="size-4 shrink-0 text-muted"/>
                    <span class="min-w-0 font-medium break-words">{title}</span>
                    // Takes what is left of the line, so that a long name is cut and the state stays beside it.
                    <code class="min-w-0 flex-1 truncate text-xs text-muted max-sm:hidden">{name}</code>
                    <span class="ms-auto max-w-3/5 min-w-0 shrink-0 whitespace-nowrap"><StateLine tool=state/></span>
                </summary>
                <div class="space-y-3 border-t border-line px-3 py-3">
                    {dormant(&DETAILS, opened, move |draw| draw(details.clone()))}
                </div>
            </details>
            {pieces::preview(pictured, awake)}
            {move || {
                asks.get().map(|asked| {
                    let tool = question.clone();
                    later(&QUESTION, move |draw| draw(tool.clone(), asked.clone()))
                })
            }}
            {move || {
                server_asks.get().map(|asked| {
                    let tool = answering.clone();
                    later(&ASKED, move |draw| draw(tool.clone(), (*asked).clone()))
                })
            }}
            {move || {
                let tool = tool.clone();
                has_app.get().then(|| later(&APP, move |draw| draw(tool.clone())))
            }}
        </div>
    }
}

/// Where the call is, in a word or two.
#[component]
fn StateLine(tool: ArcRwSignal<ToolView>) -> impl IntoView {
    move || match tool.get().state {
        None => view! { <span class="text-muted">"Did not finish"</span> }.into_any(),
        Some(ToolState::Asked { .. }) => view! { <span class="text-warning">"Asks for permission"</span> }.into_any(),
        Some(ToolState::Elicits { .. }) => view! { <span class="text-warning">"Its server asks you"</span> }.into_any(),
        Some(ToolState::Running { progress, note }) => {
            let percent = progress.map(percent);
            view! {
                <span class="relative flex items-center gap-2 text-muted" role="status">
                    <span class="min-w-0 truncate max-sm:sr-only">{note.unwrap_or_else(|| "Running".to_owned())}</span>
                    {percent
                        .map(|percent| {
                            view! {
                                <span class="shrink-0 tabular-nums">{format!("{percent} %")}</span>
                                <progress class="h-1.5 w-20 shrink-0 max-sm:hidden" max="100" value=percent.to_string() aria-label="Progress"></progress>
                            }
                        })}
                    <Spinner class="size-4 shrink-0"/>
                </span>
            }
            .into_any()
        }
        Some(ToolState::Done { result }) => {
            let (looks, glyph, word) = ended(&result.outcome);
            // Nobody measured what was cut off, and what did not run took no time.
            let unmeasured = result.duration_ms == 0 || result.outcome.is_cut_off() || result.outcome.is_denied();
            let took = if unmeasured { String::new() } else { duration(result.duration_ms) };
            view! {
                <span class=format!("flex items-center gap-1.5 {looks}")>
                    <Icon glyph class="size-4"/>
                    {word}
                    <span class="text-muted tabular-nums empty:hidden">{took}</span>
                </span>
            }
            .into_any()
        }
    }
}

/// How a call ended: its looks, its sign and its word.
fn ended(outcome: &ToolOutcome) -> (&'static str, Glyph, &'static str) {
    if outcome.is_cut_off() {
        ("text-muted", Glyph::Stop, "Stopped")
    } else if outcome.is_denied() {
        ("text-muted", Glyph::Shield, "Denied")
    } else if outcome.is_error {
        ("text-danger", Glyph::Alert, "Failed")
    } else {
        ("text-success", Glyph::Check, "Done")
    }
}

/// What the tool is called for people. A call of a tool that is not there, or one stored before calls had titles, has
/// its name only: `get_conversation_history` → `Get conversation history`.
pub(super) fn title_of(call: &ToolCall) -> String {
    if !call.title.is_empty() {
        return call.title.clone();
    }
    let words = call.name.replace(['_', '-', '.'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| std::iter::once(first.to_ascii_uppercase()).chain(letters).collect()).unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100")]
fn percent(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 100.0).round() as u8
}

fn duration(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{}.{} s", ms / 1000, ms % 1000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        id::CallId,
        tool::{ENDED, INTERRUPTED, NOT_RUN, RESTARTED, STOPPED},
    };
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
    fn what_was_cut_off_or_denied_did_not_fail() {
        let word = |outcome| ended(&outcome).2;
        for cut_off in [STOPPED, ENDED, RESTARTED, INTERRUPTED] {
            assert_eq!(word(ToolOutcome::error(cut_off)), "Stopped", "{cut_off}");
        }
        assert_eq!(word(ToolOutcome::error(format!("You said no. {NOT_RUN}"))), "Denied");
        assert_eq!(word(ToolOutcome::error("There is no such file.")), "Failed");
        assert_eq!(word(ToolOutcome::ok(STOPPED, json!({}))), "Done");
    }

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(7), "7 ms");
        assert_eq!(duration(1250), "1.2 s");
    }
}
