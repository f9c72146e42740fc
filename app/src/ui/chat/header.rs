//! The head of the page: the assistant's name on the brand's gradient, the room, the model, and how the connection
//! stands.

use super::{
    browser,
    presence::RoomPanel,
    room::Room,
    session::{Link, Session},
    switches::ToolPanel,
};
use crate::{
    ui::{
        kit::{Banner, BotAvatar, Glyph, Icon, Suspense, Watched, memo},
        page::chat::Models,
        sidebar::{DRAWER, Drawer},
    },
    wire::{conversation::ModelChoice, id::ModelId},
};
use leptos::prelude::*;

const ON_BAR: &str = "inline-flex h-9 items-center justify-center gap-1.5 rounded-md px-2.5 text-sm text-on-brand \
                      transition hover:bg-white/20 pointer-coarse:h-11 focus-visible:outline-white";

/// The gradient bar; `children` stand at its end.
#[component]
pub fn TopBar(
    /// What the conversation is called.
    #[prop(optional, into)]
    title: Signal<String>,
    /// Buttons.
    children: Children,
) -> impl IntoView {
    let drawer = expect_context::<Drawer>();
    view! {
        <header class="flex min-h-14 shrink-0 items-center gap-2 bg-brand-gradient px-2 py-1.5 text-on-brand shadow-md sm:gap-3 sm:px-4">
            <button
                r#type="button"
                class=move || format!("{ON_BAR} w-9 {}", if drawer.folded.get() { "" } else { "lg:hidden" })
                popovertarget=DRAWER
                aria-label="Show conversations"
                title="Show conversations"
                on:click=move |_| drawer.show()
            >
                <Icon glyph=Glyph::Sidebar/>
            </button>
            <BotAvatar class="size-9 ring-2 ring-white/60 max-sm:hidden"/>
            <div class="min-w-0 flex-1">
                <h1 class="truncate leading-tight font-semibold">
                    "AI Assistant" <span class="font-normal max-sm:sr-only">" · powered by MCP"</span>
                </h1>
                {move || {
                    let title = Some(title.get()).filter(|title| !title.is_empty());
                    title.map(|title| view! { <h2 class="truncate text-sm leading-tight font-normal">{title}</h2> })
                }}
            </div>
            {children()}
        </header>
    }
}

/// The bar of an open conversation.
#[component]
pub fn Header(room: Room) -> impl IntoView {
    let (panel, tools) = (RwSignal::new(false), RwSignal::new(false));
    let title = Signal::derive(move || room.summary.read().title.clone());
    let people = move || {
        let members = room.members.read();
        (members.len(), members.iter().filter(|member| member.present).count())
    };
    let label = move || match people() {
        (0 | 1, _) => "Share this conversation".to_owned(),
        (all, here) => format!("{all} people, {here} here now"),
    };
    view! {
        <TopBar title>
            <ModelPicker model=room.model/>
            <button
                r#type="button"
                class=ON_BAR
                aria-label="Tools in this conversation"
                title="Tools in this conversation"
                on:click=move |_| tools.set(true)
            >
                <Icon glyph=Glyph::Wrench/>
            </button>
            <button r#type="button" class=ON_BAR aria-label=label title=label on:click=move |_| panel.set(true)>
                <Icon glyph=Glyph::Users/>
                {move || (people().0 > 1).then(|| people().0)}
            </button>
        </TopBar>
        <RoomPanel room open=panel/>
        <ToolPanel room open=tools/>
    }
}

/// Which model answers; only where there is a choice.
#[component]
pub fn ModelPicker(
    /// The chosen one; `None` for the default.
    model: Watched<Option<ModelId>>,
) -> impl IntoView {
    let Models(models) = expect_context();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let choices = models.await.unwrap_or_default();
                match choices.as_slice() {
                    [only] if only.offline => {
                        view! {
                            <span
                                class="shrink-0 rounded-full bg-black/25 px-2 py-1 text-xs whitespace-nowrap sm:px-2.5"
                                title="The offline assistant answers. Write «help» to hear how to connect a model."
                            >
                                "No model" <span class="max-sm:sr-only">" connected"</span>
                            </span>
                        }
                            .into_any()
                    }
                    [] | [_] => ().into_any(),
                    _ => view! { <Picker choices model/> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Picker(choices: Vec<ModelChoice>, model: Watched<Option<ModelId>>) -> impl IntoView {
    let default = choices.first().map(|choice| choice.id.0.clone()).unwrap_or_default();
    let chosen = memo(move || model.get().map_or_else(|| default.clone(), |id| id.0));
    let options = choices
        .into_iter()
        .map(|choice| {
            let id = choice.id.0;
            let value = id.clone();
            view! {
                <option class="text-text bg-raised" value=value selected=move || chosen.get() == id>
                    {choice.name}
                </option>
            }
        })
        .collect_view();
    view! {
        <select
            class="h-9 max-w-24 truncate rounded-md border border-white/40 bg-black/15 px-2 text-sm text-on-brand focus-visible:outline-white pointer-coarse:h-11 sm:max-w-40"
            aria-label="Model"
            on:change=move |event| model.set(Some(ModelId(event_target_value(&event))))
        >
            {options}
        </select>
    }
}

/// Says plainly that no model is connected, and what to do about it.
#[component]
pub fn NoModel() -> impl IntoView {
    let Models(models) = expect_context();
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                let choices = models.await.unwrap_or_default();
                let offline = !choices.is_empty() && choices.iter().all(|choice| choice.offline);
                offline
                    .then(|| {
                        view! {
                            <Banner class="mt-6">
                                <p class="font-medium">"No model is connected."</p>
                                <p>
                                    "The offline assistant answers: it understands a few commands and runs the tools for you. \
                                     To connect a real model, whoever runs this server sets "
                                    <code>"PARLEY_ANTHROPIC_API_KEY"</code>
                                    " or the address of an OpenAI-compatible server such as Ollama, and starts it again; "
                                    <code>"help"</code>
                                    " says more."
                                </p>
                            </Banner>
                        }
                    })
                    .into_any()
            })}
        </Suspense>
    }
}

/// How the connection stands, where that needs saying.
#[component]
pub fn LinkState() -> impl IntoView {
    let session = expect_context::<Session>();
    let words = move || match session.link.get() {
        Link::Waiting(0) | Link::Connecting => Some("Connecting…".to_owned()),
        Link::Waiting(seconds) => Some(not_connected(seconds, browser::has_network())),
        Link::Idle | Link::Online | Link::Over => None,
    };
    let was_online = Memo::new(move |before: Option<&bool>| {
        before.copied().unwrap_or(false) || matches!(session.link.get(), Link::Online | Link::Waiting(_))
    });
    let shown = move || words().filter(|_| was_online.get());
    view! {
        <div aria-live="polite" class="shrink-0">
            {move || {
                shown()
                    .map(|words| {
                        view! {
                            <div class="flex min-h-9 items-center justify-center gap-2 bg-warning-soft px-3 py-1 text-sm text-warning">
                                <Icon glyph=Glyph::WifiOff class="size-4 shrink-0"/>
                                <span class="min-w-0">{words}</span>
                                <button
                                    r#type="button"
                                    class="shrink-0 rounded-sm px-2 py-1 font-medium underline"
                                    on:click=move |_| session.retry_now()
                                >
                                    "Retry now"
                                </button>
                            </div>
                        }
                    })
            }}
        </div>
    }
}

/// What a tab without a connection says; `network`: whether its browser believes it has one.
fn not_connected(seconds: u32, network: bool) -> String {
    let offline = if network { "" } else { ", and your browser is offline. What you write is kept and sent later" };
    format!("Not connected{offline}. Trying again in {seconds} s.")
}

#[cfg(test)]
mod tests {
    use super::not_connected;

    #[test]
    fn a_browser_without_a_network_is_told_so_and_goes_on_trying() {
        assert_eq!(not_connected(3, true), "Not connected. Trying again in 3 s.");
        let offline = not_connected(3, false);
        assert!(offline.contains("your browser is offline") && offline.ends_with("Trying again in 3 s."), "{offline}");
    }
}
