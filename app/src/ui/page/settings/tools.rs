//! What one says of each tool: it runs, it asks, it never runs; or nothing, and then its annotations decide.

use super::{
    super::form::{Form, FormError, Post},
    Section,
};
use crate::{
    api::tools::{self, SetToolPolicy},
    ui::{
        kit::{Banner, Button, Size, Tone, Transition},
        load::Loaded,
    },
    wire::policy::{Policy, ToolSetting, ToolSettings},
};
use leptos::prelude::*;

/// How the chooser of a small form looks.
pub(super) const SELECT: &str = "h-8 rounded-md border border-line-strong bg-raised px-2 text-sm \
                                  pointer-coarse:h-10 pointer-coarse:text-base";

/// The section.
#[component]
pub fn ToolsSection() -> impl IntoView {
    let set = Post::to::<SetToolPolicy>();
    let settings = Loaded::by(move || set.version().get().to_string(), |_| tools::tool_settings());
    view! {
        <Section
            id="tools"
            title="Tool permissions"
            lead="Tools that change something ask before they run, unless you say otherwise. What you say counts for the tool as it is: once it changes, it asks again."
        >
            <FormError post=set fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match settings.await {
                        Ok(ToolSettings { tools, gone, .. }) => {
                            view! {
                                {tools.into_iter().map(|tool| view! { <Row tool set/> }).collect_view()}
                                {gone.into_iter().map(|(name, policy)| view! { <Gone name policy set/> }).collect_view()}
                            }
                                .into_any()
                        }
                        Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                    }
                })}
            </Transition>
        </Section>
    }
}

#[component]
fn Row(tool: ToolSetting, set: Post) -> impl IntoView {
    let note = note(&tool);
    let default = match tool.default {
        Policy::Allow => "By default: runs",
        Policy::Ask | Policy::Deny => "By default: asks",
    };
    let label = format!("Permission of {}", tool.title);
    let choices = [("default", default), ("allow", "Always runs"), ("ask", "Asks each time"), ("deny", "Never runs")];
    let chosen = tool.said.map_or("default", Policy::name);
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line p-4 last:border-b-0">
            <div class="min-w-0 flex-1 basis-48">
                <p class="truncate text-sm font-medium">{tool.title}</p>
                <p class="truncate text-xs text-muted">
                    <code class="font-mono">{tool.name.clone()}</code>
                    {tool.server.map(|server| format!(" of {}", server.name))}
                </p>
                {note.map(|note| view! { <p class="text-xs text-warning">{note}</p> })}
            </div>
            <Form post=set class="flex items-center gap-2">
                <input r#type="hidden" name="tool" value=tool.name/>
                <select name="policy" class=format!("{SELECT} w-40") aria-label=label>
                    {choices
                        .into_iter()
                        .map(|(value, words)| view! { <option value=value selected=value == chosen>{words}</option> })
                        .collect_view()}
                </select>
                <Button kind="submit" size=Size::Small>
                    "Save"
                </Button>
            </Form>
        </div>
    }
}

/// What is to be known of a tool besides what one said.
fn note(tool: &ToolSetting) -> Option<&'static str> {
    match (tool.floor, tool.changed) {
        (Some(Policy::Deny), _) => Some("An administrator lets nobody use it."),
        (Some(_), _) => Some("An administrator wants each call asked about."),
        (None, true) => Some("It changed since you decided about it, so it asks again."),
        (None, false) => None,
    }
}

/// A decision about a tool that is not there now.
#[component]
fn Gone(name: String, policy: Policy, set: Post) -> impl IntoView {
    let said = match policy {
        Policy::Allow => " always runs",
        Policy::Ask => " asks each time",
        Policy::Deny => " never runs",
    };
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4 last:border-b-0">
            <p class="min-w-0 flex-1 truncate text-sm text-muted">
                <code class="font-mono">{name.clone()}</code> {said} "; it is not there now"
            </p>
            <Form post=set>
                <input r#type="hidden" name="tool" value=name/>
                <input r#type="hidden" name="policy" value="default"/>
                <Button kind="submit" size=Size::Small>
                    "Forget"
                </Button>
            </Form>
        </div>
    }
}
