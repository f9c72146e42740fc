//! The question of a call that does not run unasked: what the tool is and says of itself, the arguments, and the choices.
//!
//! It is a form; what is wrong with edited arguments is said in it.
//! Invariant: whatever a tool or a model says is text here, never HTML.

use super::{cell::ToolView, pretty::pretty, scroll::Scroll, tool_call::title_of};
use crate::{
    api::tools::DecideCall,
    ui::{
        kit::{Button, Glyph, Icon, Size, Variant},
        page::form::{Form, Post},
    },
    wire::{
        policy::{Question, Why},
        tool::Annotations,
    },
};
use leptos::prelude::*;

/// The question.
#[component]
pub fn QuestionView(
    /// The call.
    tool: ArcRwSignal<ToolView>,
    /// What it asks; `None` from a server of before there was anything to say.
    question: Option<Question>,
) -> impl IntoView {
    let decide = Post::to::<DecideCall>();
    Scroll::follow_late();
    let (title, call, turn) = tool
        .with_untracked(|tool| (title_of(&tool.call), tool.call.id.0.clone(), tool.turn.map(|turn| turn.to_string())));
    let arguments = tool.with_untracked(|tool| pretty(&tool.call.arguments));
    let label = format!("Permission for {title}");
    let lasting = question.as_ref().is_none_or(Question::may_last);
    // A claim is asked about once: the answer that is offered first takes its word.
    let claimed = question.as_ref().is_some_and(|question| question.why == Why::Claim);
    let from = question.as_ref().and_then(|question| question.server.as_ref()).map(|server| server.name.clone());
    let told = question.map(|question| (reason(&question), claims(&question)));
    let once = view! { <Choice decide approval="once" primary=!claimed words="Allow once"/> }.into_any();
    let always =
        lasting.then(|| view! { <Choice decide approval="always" primary=claimed words="Always allow"/> }).into_any();
    let allowing = if claimed { vec![always, once] } else { vec![once, always] };
    let rows = arguments.lines().count().clamp(3, 12).to_string();
    let answer = decide.answer();
    let error =
        move || answer.with(|answer| answer.as_ref().and_then(|answer| answer.as_ref().err().map(ToString::to_string)));
    view! {
        <div class="border-t border-line px-3 py-3" role="group" aria-label=label>
            <Form post=decide class="space-y-3">
                <p class="flex items-center gap-2 font-medium">
                    <Icon glyph=Glyph::Shield class="size-4 shrink-0 text-warning"/>
                    {format!("May the assistant use «{title}» with this?")}
                </p>
                {from.map(|from| view! { <p class="text-xs text-muted">"A tool of " <strong class="font-medium text-text">{from}</strong></p> })}
                {told.map(|(reason, claims)| view! { <p class="text-xs text-muted">{reason} " " {claims}</p> })}
                <input r#type="hidden" name="turn" value=turn/>
                <input r#type="hidden" name="call" value=call/>
                <pre class="max-h-60 overflow-auto rounded-md bg-hover p-3 text-xs whitespace-pre-wrap break-words" tabindex="0">
                    {arguments.clone()}
                </pre>
                <details>
                    <summary class="cursor-pointer text-xs text-muted hover:text-text">"Change the arguments"</summary>
                    <textarea
                        name="arguments"
                        rows=rows
                        spellcheck="false"
                        aria-label="Arguments"
                        class="mt-2 block w-full rounded-md border border-line-strong bg-raised p-3 font-mono text-xs text-text"
                    >
                        {arguments}
                    </textarea>
                </details>
                <p class="text-sm text-danger empty:hidden" role="alert">{error}</p>
                <div class="flex flex-wrap gap-2">
                    {allowing}
                    <Choice decide approval="deny" words="Deny"/>
                </div>
                <details>
                    <summary class="cursor-pointer text-xs text-muted hover:text-text">"More choices"</summary>
                    <div class="mt-2 flex flex-wrap gap-2">
                        {lasting
                            .then(|| view! { <Choice decide approval="conversation" words="Allow in this conversation"/> })}
                        <Choice decide approval="deny_conversation" words="Deny in this conversation"/>
                        <Choice decide approval="deny_always" words="Never allow"/>
                    </div>
                </details>
            </Form>
        </div>
    }
}

#[component]
fn Choice(decide: Post, approval: &'static str, words: &'static str, #[prop(optional)] primary: bool) -> impl IntoView {
    let variant = if primary { Variant::Primary } else { Variant::Secondary };
    view! {
        <Button kind="submit" size=Size::Small variant disabled=decide.pending() attr:name="approval" attr:value=approval>
            {words}
        </Button>
    }
}

/// Why it asks, in a sentence.
fn reason(question: &Question) -> String {
    let server = question.server.as_ref().map_or("Its server", |server| server.name.as_str());
    match question.why {
        Why::Changes => "It may change something.".to_owned(),
        Why::Claim => format!(
            "{server} says that it changes nothing. Nobody here vouches for that, so you are asked once: «Always allow» \
             takes its word."
        ),
        Why::Exposed => "It reads what is one's own, and everybody here would see what it finds.".to_owned(),
        Why::Changed => "It is not what it was when you decided about it.".to_owned(),
        Why::Wanted => "You want to be asked each time.".to_owned(),
        Why::Floor => "An administrator wants each call asked about.".to_owned(),
    }
}

/// What it says that it touches, besides what the reason tells of that.
fn claims(question: &Question) -> &'static str {
    let claims: Annotations = question.claims;
    if question.why == Why::Claim {
        return if claims.open_world_hint { "It may reach beyond this server." } else { "" };
    }
    match (claims.read_only_hint, claims.destructive_hint, claims.open_world_hint) {
        (true, _, false) => "By its own word it only reads.",
        (true, _, true) => "By its own word it only reads, and reaches beyond this server.",
        (false, true, false) => "By its own word it may delete or overwrite.",
        (false, true, true) => "By its own word it may delete or overwrite, and reaches beyond this server.",
        (false, false, false) => "By its own word it adds and changes, but destroys nothing.",
        (false, false, true) => "By its own word it destroys nothing, and reaches beyond this server.",
    }
}
