//! For administrators: what nobody's word about a tool, or about a server's tools, goes below.

use super::{
    super::form::{Form, FormError, Post},
    Section,
    tools::SELECT,
};
use crate::{
    api::tools::{self, SetToolFloor},
    ui::{
        kit::{Banner, Button, Size, Tone, Transition},
        load::Loaded,
    },
    wire::policy::{ANY_SERVER, Floor, FloorKind, Policy, ToolSetting, ToolSettings},
};
use leptos::prelude::*;

/// The section.
#[component]
pub fn FloorsSection() -> impl IntoView {
    let set = Post::to::<SetToolFloor>();
    let settings = Loaded::by(move || set.version().get().to_string(), |_| tools::tool_settings());
    view! {
        <Section
            id="floors"
            title="Tool rules for everybody"
            lead="What is set here binds every account: nobody can allow what must be asked about, or use what is denied."
        >
            <FormError post=set fields=&[]/>
            <Transition>
                {move || Suspend::new(async move {
                    match settings.await {
                        Ok(ToolSettings { tools, floors, .. }) => {
                            view! {
                                {floors.into_iter().map(|floor| view! { <Row floor set/> }).collect_view()}
                                <Set tools set/>
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
fn Row(floor: Floor, set: Post) -> impl IntoView {
    let Floor { kind, name, floor } = floor;
    let words = if floor == Policy::Deny { " is denied to everybody" } else { " asks before each call" };
    let what = format!("{kind}:{name}");
    let shown = match kind {
        FloorKind::Tool => name,
        FloorKind::Server if name == ANY_SERVER => "Every server that people connect".to_owned(),
        FloorKind::Server => format!("Server {name}"),
    };
    let label = format!("Remove the rule for {shown}");
    view! {
        <div class="flex items-center gap-3 border-b border-line p-4">
            <p class="min-w-0 flex-1 text-sm break-words">
                <strong class="font-medium">{shown}</strong>
                <span class="text-muted">{words}</span>
            </p>
            <Form post=set>
                <input r#type="hidden" name="what" value=what/>
                <input r#type="hidden" name="floor" value="none"/>
                <Button kind="submit" size=Size::Small attr:aria-label=label>
                    "Remove"
                </Button>
            </Form>
        </div>
    }
}

#[component]
fn Set(tools: Vec<ToolSetting>, set: Post) -> impl IntoView {
    let mut servers: Vec<(String, String)> = tools
        .iter()
        .filter_map(|tool| tool.server.as_ref().map(|server| (server.id.clone(), server.name.clone())))
        .collect();
    servers.dedup();
    let tools = tools.into_iter().map(|tool| (format!("{}:{}", FloorKind::Tool, tool.name), tool.title));
    let any = (ANY_SERVER.to_owned(), "that people connect".to_owned());
    let servers = servers.into_iter().chain([any]);
    let servers =
        servers.map(|(id, name)| (format!("{}:{id}", FloorKind::Server), format!("Every tool of servers {name}")));
    let options =
        tools.chain(servers).map(|(value, words)| view! { <option value=value>{words}</option> }).collect_view();
    view! {
        <Form post=set class="flex flex-wrap items-center gap-2 p-4">
            <select name="what" class=format!("{SELECT} w-full sm:w-auto sm:min-w-0 sm:flex-1") aria-label="Tool or server">
                {options}
            </select>
            <select name="floor" class=SELECT aria-label="Rule">
                <option value="ask">"Asks before each call"</option>
                <option value="deny">"Nobody may use it"</option>
            </select>
            <Button kind="submit" size=Size::Small>
                "Set the rule"
            </Button>
        </Form>
    }
}
