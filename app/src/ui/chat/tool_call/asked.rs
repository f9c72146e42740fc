//! What a connected server asks while its tool runs: a form, or an address to visit; downloaded when one asks.
//!
//! Invariant: whatever a server says is text here, never HTML; the server is named. Its address is opened by the person's
//! own click alone, in a tab that knows nothing of this one, and is not fetched before.

use crate::{
    api::elicitation::AnswerServer,
    ui::{
        chat::{cell::ToolView, scroll::Scroll},
        kit::{Button, Glyph, Icon, Size, Variant, lazy::lazy},
        page::form::{Form, Post},
    },
    wire::elicitation::{Choice, Field, FieldKind, ServerQuestion, TextFormat, Wants},
};
use leptos::prelude::*;

const INPUT: &str = "block w-full rounded-md border border-line-strong bg-raised px-3 text-base text-text";
const BOX: &str = "size-4 shrink-0 accent-brand";

lazy! {
    /// What a server asks.
    pub(super) static ASKED: fn(ArcRwSignal<ToolView>, ServerQuestion) -> AnyView =
        asked(|tool, question| view! { <Asked tool question/> }.into_any());
}

#[component]
fn Asked(tool: ArcRwSignal<ToolView>, question: ServerQuestion) -> impl IntoView {
    let reply = Post::to::<AnswerServer>();
    Scroll::follow_late();
    let (call, turn) = tool.with_untracked(|tool| (tool.call.id.0.clone(), tool.turn.map(|turn| turn.to_string())));
    let ServerQuestion { number, server, message, wants } = question;
    let id = format!("asked-{call}-{number}");
    let label = format!("{server} asks");
    let answer = reply.answer();
    let error =
        move || answer.with(|answer| answer.as_ref().and_then(|answer| answer.as_ref().err().map(ToString::to_string)));
    let (inside, words) = match wants {
        Wants::Form { fields } => (view! { <Fields id fields server=server.clone()/> }.into_any(), "Send"),
        Wants::Visit { url, host } => (view! { <Visit url host/> }.into_any(), "I am done there"),
    };
    view! {
        <div class="border-t border-line px-3 py-3" role="group" aria-label=label>
            <Form post=reply class="space-y-3">
                <p class="flex items-center gap-2 font-medium">
                    <Icon glyph=Glyph::Wrench class="size-4 shrink-0 text-warning"/>
                    <span>"The server " <strong class="font-semibold">{server}</strong> " asks you:"</span>
                </p>
                <p class="whitespace-pre-wrap break-words">{message}</p>
                <input r#type="hidden" name="turn" value=turn/>
                <input r#type="hidden" name="call" value=call/>
                <input r#type="hidden" name="number" value=number.to_string()/>
                {inside}
                <p class="text-sm text-danger empty:hidden" role="alert">{error}</p>
                <div class="flex flex-wrap gap-2">
                    <Reply reply action="send" words primary=true/>
                    <Reply reply action="decline" words="Decline"/>
                    <Reply reply action="cancel" words="Cancel"/>
                </div>
            </Form>
        </div>
    }
}

#[component]
fn Reply(reply: Post, action: &'static str, words: &'static str, #[prop(optional)] primary: bool) -> impl IntoView {
    let variant = if primary { Variant::Primary } else { Variant::Secondary };
    // Saying no needs no filled form.
    let unchecked = (!primary).then_some("");
    view! {
        <Button
            kind="submit"
            size=Size::Small
            variant
            disabled=reply.pending()
            attr:name="action"
            attr:value=action
            attr:formnovalidate=unchecked
        >
            {words}
        </Button>
    }
}

/// An address to visit.
#[component]
fn Visit(url: String, host: String) -> impl IntoView {
    view! {
        <p class="text-xs text-muted">
            "It wants you to do something at an address of its choice. Open it only if you expect this and know the site: "
            <strong class="font-semibold wrap-anywhere text-text">{host}</strong>
        </p>
        <p class="text-xs wrap-anywhere text-muted">{url.clone()}</p>
        <a
            href=url
            target="_blank"
            rel="noopener noreferrer nofollow"
            class="inline-flex h-8 items-center gap-1.5 rounded-md border border-line bg-raised px-3 text-sm font-medium hover:bg-hover pointer-coarse:h-10"
        >
            "Open it in a new tab"
            <Icon glyph=Glyph::External class="size-4"/>
        </a>
    }
}

/// A form's fields.
#[component]
fn Fields(id: String, fields: Vec<Field>, server: String) -> impl IntoView {
    let warning = format!("What you send goes to {server}. Never give a password, a key or a card's number here.");
    let fields = fields.into_iter().enumerate().map(|(at, field)| shown(&id, at, field)).collect_view();
    view! {
        {fields}
        <p class="text-xs text-muted">{warning}</p>
    }
}

fn shown(form: &str, at: usize, field: Field) -> AnyView {
    let (id, name) = (format!("{form}-{at}"), move |value: usize| format!("fields[f{at}][v{value}]"));
    let Field { title, description, required, kind, .. } = field;
    let hint = hint(&kind, &description);
    let about = format!("{id}-about");
    let described = (!hint.is_empty()).then(|| about.clone());
    let more = (!hint.is_empty()).then(|| view! { <p id=about class="text-xs text-muted">{hint}</p> });
    let must = required.then(|| view! { <span class="text-muted">" (required)"</span> });
    let control = match kind {
        FieldKind::Switch { default } => {
            return view! {
                <div class="space-y-1">
                    <label class="flex items-center gap-2 font-medium">
                        <input r#type="checkbox" name=name(0) value="true" checked=default class=BOX aria-describedby=described/>
                        {title}
                    </label>
                    {more}
                </div>
            }
            .into_any();
        }
        FieldKind::Many { choices, default, .. } => {
            let boxes = choices.into_iter().enumerate().map(|(n, Choice { value, title })| {
                let checked = default.contains(&value);
                view! {
                    <label class="flex items-center gap-2">
                        <input r#type="checkbox" name=name(n) value=value checked=checked class=BOX/>
                        {title}
                    </label>
                }
            });
            return view! {
                <fieldset class="space-y-1" aria-describedby=described>
                    <legend class="font-medium">{title} {must}</legend>
                    {boxes.collect_view()}
                    {more}
                </fieldset>
            }
            .into_any();
        }
        FieldKind::One { choices, default } => {
            let nothing = (!required || default.is_none()).then(|| view! { <option value="">"Choose…"</option> });
            let options = choices.into_iter().map(|Choice { value, title }| {
                let selected = default.as_ref() == Some(&value);
                view! { <option value=value selected=selected>{title}</option> }
            });
            view! {
                <select id=id.clone() name=name(0) required=required class=format!("h-10 {INPUT}") aria-describedby=described>
                    {nothing}
                    {options.collect_view()}
                </select>
            }
            .into_any()
        }
        kind => line(&id, name(0), kind, required, described),
    };
    view! {
        <div class="space-y-1">
            <label for=id class="block font-medium">{title} {must}</label>
            {control}
            {more}
        </div>
    }
    .into_any()
}

/// A field of one line: a number or a text.
fn line(id: &str, name: String, kind: FieldKind, required: bool, described: Option<String>) -> AnyView {
    let id = id.to_owned();
    match kind {
        FieldKind::Number { whole, min, max, default } => {
            let text = |number: Option<f64>| number.map(|number| number.to_string());
            let step = if whole { "1" } else { "any" };
            view! {
                <input
                    id=id
                    name=name
                    r#type="number"
                    step=step
                    min=text(min)
                    max=text(max)
                    value=text(default)
                    required=required
                    class=format!("h-10 {INPUT}")
                    aria-describedby=described
                />
            }
            .into_any()
        }
        FieldKind::Text { format, min, max, default } => {
            let looks = match format {
                Some(TextFormat::Email) => "email",
                Some(TextFormat::Uri) => "url",
                Some(TextFormat::Date) => "date",
                Some(TextFormat::DateTime) | None => "text",
            };
            let least = (min > 0).then(|| min.to_string());
            view! {
                <input
                    id=id
                    name=name
                    r#type=looks
                    minlength=least
                    maxlength=max.to_string()
                    value=default
                    required=required
                    autocomplete="off"
                    class=format!("h-10 {INPUT}")
                    aria-describedby=described
                />
            }
            .into_any()
        }
        FieldKind::Switch { .. } | FieldKind::Many { .. } | FieldKind::One { .. } => ().into_any(),
    }
}

/// What is said of a field beforehand: its description, and what is not seen in it.
fn hint(kind: &FieldKind, description: &str) -> String {
    let shape = match kind {
        FieldKind::Text { format: Some(TextFormat::DateTime), .. } => "A time such as 2026-11-25T09:30:00Z.".to_owned(),
        FieldKind::Text { min, .. } if *min > 1 => format!("At least {min} characters."),
        FieldKind::Number { min, max, .. } => match (min, max) {
            (Some(min), Some(max)) => format!("From {min} to {max}."),
            (Some(min), None) => format!("At least {min}."),
            (None, Some(max)) => format!("At most {max}."),
            (None, None) => String::new(),
        },
        FieldKind::Many { min, max, .. } => match (min, max) {
            (0, None) => String::new(),
            (0, Some(max)) => format!("Choose at most {max}."),
            (min, None) => format!("Choose at least {min}."),
            (min, Some(max)) => format!("Choose {min} to {max}."),
        },
        _ => String::new(),
    };
    // A server may write no full stop.
    let between = if description.ends_with(['.', '!', '?', '…', ':']) { " " } else { " · " };
    [description, &shape].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_says_what_is_not_seen() {
        let number = |min, max| FieldKind::Number { whole: true, min, max, default: None };
        assert_eq!(hint(&number(Some(1.0), Some(5.5)), "How many."), "How many. From 1 to 5.5.");
        assert_eq!(hint(&number(Some(1.0), None), "How many"), "How many · At least 1.");
        assert_eq!(hint(&number(None, None), ""), "");
        let many = FieldKind::Many { choices: Vec::new(), min: 1, max: Some(3), default: Vec::new() };
        assert_eq!(hint(&many, ""), "Choose 1 to 3.");
    }
}
