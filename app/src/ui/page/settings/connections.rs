//! One's MCP servers: how each fares, its tools and what they cost, and a form to connect another.
//!
//! Everything here works without script. What a server says of itself is text, never markup; the page is a picture of
//! the moment it was loaded, and loading it again is how one looks again.

pub mod inputs;
pub mod sign_in;

use self::{inputs::Inputs, sign_in::SigningIn};
use super::{
    super::form::{Form, FormError, Post, asked, empty_when_done},
    Section,
};
use crate::{
    api::connections::{
        self, AddConnection, ChooseTool, EmptyConnection, FillConnection, PAGE, RemoveConnection, RenameConnection,
        TurnConnection,
    },
    ui::{
        app::encode,
        kit::{Banner, Button, Size, TextInput, Time, TimeStyle, Tone, Transition, Variant},
        load::Loaded,
    },
    wire::{
        connection::{CallTally, ConnectedTool, ConnectionRow, ConnectionState, ToolChoice},
        limits,
    },
};
use leptos::prelude::*;

/// The line that opens a part of a server's card; where it is the last one, it is as round as the card.
const FOLD: &str = "cursor-pointer p-4 text-sm hover:bg-hover focus-visible:-outline-offset-2 \
                    [details:last-child:not([open])>&]:rounded-b-xl";

/// What one can do to servers.
#[derive(Clone, Copy)]
struct Actions {
    turn: Post,
    rename: Post,
    remove: Post,
    choose: Post,
    fill: Post,
    empty: Post,
}

/// What the page holds.
#[component]
pub fn Connections() -> impl IntoView {
    let add = Post::to::<AddConnection>();
    let actions = Actions {
        turn: Post::to::<TurnConnection>(),
        rename: Post::to::<RenameConnection>(),
        remove: Post::to::<RemoveConnection>(),
        choose: Post::to::<ChooseTool>(),
        fill: Post::to::<FillConnection>(),
        empty: Post::to::<EmptyConnection>(),
    };
    let Actions { turn, rename, remove, choose, fill, empty } = actions;
    let changes = move || {
        let counts = [add, rename, remove, turn, choose, fill, empty].map(|post| post.version().get());
        counts.map(|count| count.to_string()).join(" ")
    };
    let rows = Loaded::by(changes, |_| connections::connections());
    view! {
        <p class="-mt-4 text-sm text-muted">
            "MCP servers whose tools the bot may use for you, and for nobody else. "
            <a href=PAGE rel="external" class="underline">"Look again"</a>
        </p>
        <FormError post=turn fields=&[]/>
        <FormError post=rename fields=&[]/>
        <FormError post=remove fields=&[]/>
        <FormError post=choose fields=&[]/>
        <FormError post=fill fields=&[]/>
        <FormError post=empty fields=&[]/>
        <Transition>
            {move || Suspend::new(async move {
                match rows.await {
                    Ok(rows) if rows.is_empty() => {
                        view! { <p class="text-sm text-muted">"No server is connected yet."</p> }.into_any()
                    }
                    Ok(rows) => {
                        rows.into_iter().map(|row| view! { <Server row actions/> }).collect_view().into_any()
                    }
                    Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                }
            })}
        </Transition>
        <NewConnection add/>
    }
}

#[component]
fn Server(row: ConnectionRow, actions: Actions) -> impl IntoView {
    let Actions { turn, .. } = actions;
    let waits = row.state == ConnectionState::Unfilled;
    let (heading, cost) = (format!("server-{}", encode(&row.id)), row.cost());
    let labelled = heading.clone();
    let (about, facts) = (about(&row), facts(&row));
    let turns: &[(&'static str, &'static str)] = match row.state {
        ConnectionState::Off => &[("on", "Switch on")],
        ConnectionState::Unfilled => &[("off", "Switch off")],
        _ => &[("reconnect", "Reconnect now"), ("off", "Switch off")],
    };
    let turns = turns.iter().map(|(to, words)| view! { <Turn turn id=row.id.clone() to=*to words=*words/> });
    let turns = turns.collect_view();
    let signing_in = view! { <SigningIn id=row.id.clone() name=row.name.clone() sign_in=row.sign_in/> };
    let inputs = (!row.inputs.is_empty()).then(|| {
        let (id, name, inputs) = (row.id.clone(), row.name.clone(), row.inputs.clone());
        view! { <Inputs id name waits inputs fill=actions.fill empty=actions.empty/> }
    });
    let own = (!row.of_operator).then(|| view! { <Own id=row.id.clone() name=row.name.clone() actions/> });
    let ConnectionRow { id, name, state, error, last_error, answered_at, retry_at, tools, .. } = row;
    let known = !facts.is_empty() || answered_at.is_some() || cost > 0;
    view! {
        <section aria-labelledby=labelled class="rounded-xl border border-line bg-raised">
            <div class="border-b border-line p-4">
                <div class="flex items-center gap-3">
                    <h2 id=heading class="min-w-0 flex-1 truncate font-semibold">{name}</h2>
                    <span class=badge(state)>{state.words()}</span>
                </div>
                <p class="text-sm break-words text-muted">{about}</p>
            </div>
            {(!error.is_empty()).then(|| view! { <p class="border-b border-line p-4 text-sm text-danger">{error}</p> })}
            {last_error
                .map(|last| view! { <p class="border-b border-line p-4 text-sm text-muted">{last.words()}</p> })}
            {state
                .is_away()
                .then(|| {
                    view! {
                        <p class="border-b border-line p-4 text-sm">
                            "Its tools are away: replies go on without them. "
                            {retry_at.map(|at| view! { "It is tried again by itself at " <Time at style=TimeStyle::Full/> "." })}
                        </p>
                    }
                })}
            {known
                .then(|| {
                    view! {
                        <p class="px-4 pt-4 text-sm text-muted">
                            {facts}
                            {answered_at.map(|at| view! { "Answered last " <Time at style=TimeStyle::Full/> ". " })}
                            {(cost > 0).then(|| format!("Its tools cost about {cost} tokens in every request."))}
                        </p>
                    }
                })}
            <div class="flex flex-wrap gap-2 p-4">{turns}</div>
            {inputs}
            {signing_in}
            {own}
            {(!tools.is_empty()).then(|| view! { <Tools server=id tools actions/> })}
        </section>
    }
}

/// Where it is and whose it is.
fn about(row: &ConnectionRow) -> String {
    let whose = if row.of_operator { "from the operator of this server" } else { "yours" };
    let trust = if row.trusted { ", trusted" } else { "" };
    if row.place.is_empty() { format!("{whose}{trust}") } else { format!("{} · {whose}{trust}", row.place) }
}

/// What is known of it, as sentences.
fn facts(row: &ConnectionRow) -> String {
    let name = row.calls_itself.as_ref().map(|name| format!("It calls itself {name}. "));
    let protocol = row.protocol.as_ref().map(|revision| format!("It speaks the protocol's revision {revision}. "));
    let latency = row.latency_ms.map(|latency| format!("Its last sign of life took {latency} ms. "));
    let calls = row.calls.map(|calls| calls_told(&calls));
    let more = format!("It lists {} resources and {} prompts. ", row.resources, row.prompts);
    let more = (row.resources + row.prompts > 0).then_some(more);
    [name, protocol, latency, calls, more].into_iter().flatten().collect()
}

/// How its calls went, as sentences.
fn calls_told(calls: &CallTally) -> String {
    let CallTally { calls, failed, timed, median_ms, slow_ms } = *calls;
    let count = if calls == 1 { "It was called once".to_owned() } else { format!("It was called {calls} times") };
    let failed = if failed == 0 { "always with a result".to_owned() } else { format!("{failed} without a result") };
    let last = if timed == 1 { "the last call".to_owned() } else { format!("the last {timed} calls") };
    format!("{count}, {failed}. Of {last} half took at most {median_ms} ms, 95 in 100 at most {slow_ms} ms. ")
}

fn badge(state: ConnectionState) -> String {
    let colours = match state {
        ConnectionState::Connected => "bg-success-soft text-success",
        ConnectionState::Away | ConnectionState::Credentials => "bg-danger-soft text-danger",
        ConnectionState::SignIn | ConnectionState::Unfilled => "bg-warning-soft text-warning",
        ConnectionState::Connecting | ConnectionState::Asleep | ConnectionState::Off => "bg-hover text-muted",
    };
    format!("shrink-0 rounded-full px-2.5 py-1 text-xs font-medium {colours}")
}

#[component]
fn Turn(turn: Post, id: String, to: &'static str, words: &'static str) -> impl IntoView {
    view! {
        <Form post=turn>
            <input r#type="hidden" name="id" value=id/>
            <input r#type="hidden" name="to" value=to/>
            <Button kind="submit" size=Size::Small>{words}</Button>
        </Form>
    }
}

/// What only its person can do to it.
#[component]
fn Own(id: String, name: String, actions: Actions) -> impl IntoView {
    let (label, removed) = (format!("New name of {name}"), id.clone());
    view! {
        <details class="border-t border-line">
            <summary class=FOLD>"Rename or remove it"</summary>
            <div class="flex flex-wrap items-end gap-2 px-4 pt-2 pb-4">
                <Form post=actions.rename class="flex min-w-0 flex-1 gap-2">
                    <input r#type="hidden" name="id" value=id/>
                    <input
                        name="name"
                        value=name
                        aria-label=label
                        maxlength=limits::CONNECTION_NAME_MAX.to_string()
                        required=true
                        autocomplete="off"
                        class="h-8 min-w-0 flex-1 rounded-md border border-line-strong bg-raised px-3 text-base sm:text-sm pointer-coarse:h-10"
                    />
                    <Button kind="submit" size=Size::Small>"Rename"</Button>
                </Form>
                <Form post=actions.remove>
                    <input r#type="hidden" name="id" value=removed/>
                    <Button kind="submit" size=Size::Small variant=Variant::Danger>"Remove"</Button>
                </Form>
            </div>
        </details>
    }
}

#[component]
fn Tools(server: String, tools: Vec<ConnectedTool>, actions: Actions) -> impl IntoView {
    let summary = match tools.len() {
        1 => "1 tool".to_owned(),
        n => format!("{n} tools"),
    };
    view! {
        <details class="border-t border-line">
            <summary class=FOLD>{summary}</summary>
            <ul>
                {tools
                    .into_iter()
                    .map(|tool| view! { <Tool server=server.clone() tool choose=actions.choose/> })
                    .collect_view()}
            </ul>
        </details>
    }
}

#[component]
fn Tool(server: String, tool: ConnectedTool, choose: Post) -> impl IntoView {
    let hints = claims(&tool);
    let choices: &[(ToolChoice, &str)] = match tool.choice {
        ToolChoice::On => &[(ToolChoice::Off, "Switch off"), (ToolChoice::Pinned, "Pin")],
        ToolChoice::Off => &[(ToolChoice::On, "Switch on")],
        ToolChoice::Pinned => &[(ToolChoice::Off, "Switch off"), (ToolChoice::On, "Unpin")],
    };
    let forms = choices.iter().map(|(choice, words)| {
        let (server, name, label) = (server.clone(), tool.name.clone(), format!("{words} {}", tool.name));
        view! {
            <Form post=choose>
                <input r#type="hidden" name="server" value=server/>
                <input r#type="hidden" name="tool" value=name/>
                <input r#type="hidden" name="choice" value=choice.name()/>
                <Button kind="submit" size=Size::Small attr:aria-label=label>{*words}</Button>
            </Form>
        }
    });
    let forms = forms.collect_view();
    view! {
        <li class="flex flex-col gap-2 border-t border-line p-4 sm:flex-row sm:items-start">
            <div class="w-full min-w-0 sm:w-auto sm:flex-1">
                <p class="text-sm break-words" class:line-through=tool.choice == ToolChoice::Off>
                    {tool.title}
                    <code class="block truncate font-mono text-xs text-muted" title=tool.offered_as.clone()>
                        {tool.offered_as.clone()}
                    </code>
                </p>
                <p class="line-clamp-3 text-sm break-words text-muted">{tool.description}</p>
                <p class="text-xs text-muted">{hints}</p>
            </div>
            <div class="flex gap-2">{forms}</div>
        </li>
    }
}

/// What its server claims of a tool, and what it costs.
fn claims(tool: &ConnectedTool) -> String {
    let hints = tool.annotations;
    let mut out = vec![if hints.read_only_hint { "Says it changes nothing" } else { "May change things" }];
    if hints.destructive_hint {
        out.push("may destroy");
    }
    if hints.open_world_hint {
        out.push("may reach other machines");
    }
    let pinned = if tool.choice == ToolChoice::Pinned { " · pinned" } else { "" };
    format!("{} · about {} tokens{pinned}", out.join(", "), tool.cost)
}

#[component]
fn NewConnection(add: Post) -> impl IntoView {
    let node = empty_when_done(add);
    view! {
        <Section
            id="new"
            title="Connect a server"
            lead="By streamable HTTP. What its tools return is shown to the bot; connect only servers that you trust with your conversations."
        >
            <div node_ref=node>
                <Form post=add class="space-y-5 p-4">
                    <FormError post=add fields=&["name", "url", "headers"]/>
                    <TextInput
                        name="name"
                        label="Name"
                        hint="Its tools' names begin with it."
                        max=limits::CONNECTION_NAME_MAX
                        required=true
                        value=asked("name")
                        error=add.field_error("name")
                    />
                    <TextInput
                        name="url"
                        label="Address"
                        hint="As in https://mcp.example.org/mcp."
                        required=true
                        error=add.field_error("url")
                    />
                    <details open=move || add.field_error("headers").get().is_some()>
                        <summary class="cursor-pointer text-sm">"Headers, such as a key"</summary>
                        <div class="space-y-5 pt-5">
                            <Header name="header" value="value" label="Header" hint="Such as Authorization." add/>
                            <Header name="header_2" value="value_2" label="Second header" hint="" add/>
                        </div>
                    </details>
                    <Button kind="submit" variant=Variant::Primary busy=add.pending()>"Connect"</Button>
                </Form>
            </div>
        </Section>
    }
}

/// A header's name and its value, which is kept sealed and never shown again.
#[component]
fn Header(
    name: &'static str,
    value: &'static str,
    label: &'static str,
    hint: &'static str,
    add: Post,
) -> impl IntoView {
    let label_of_value = if name == "header" { "Its value" } else { "The second header's value" };
    let error = add.field_error("headers");
    view! {
        <div class="grid gap-4 sm:grid-cols-2">
            <TextInput
                name
                label
                hint
                value=asked(name)
                error=Signal::derive(move || error.get().filter(|_| name == "header"))
            />
            <div class="space-y-1.5">
                <label for=value class="block text-sm font-medium">{label_of_value}</label>
                <input
                    id=value
                    name=value
                    r#type="password"
                    autocomplete="off"
                    spellcheck="false"
                    maxlength=limits::HEADER_VALUE_MAX.to_string()
                    class="block h-11 w-full rounded-md border border-line-strong bg-raised px-3 text-base"
                />
            </div>
        </div>
    }
}
