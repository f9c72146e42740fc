//! The tools of a conversation: its owner switches them off and on, for everybody in it.

use super::room::Room;
use crate::{
    api::tools::{conversation_tools, switch_tool},
    ui::{
        kit::{
            Banner, Dialog, Suspense, Toaster, Tone,
            lazy::{later, lazy},
        },
        load::Loaded,
    },
    wire::{id::ConversationId, policy::ToolSwitch},
};
use leptos::{prelude::*, task::spawn_local};

lazy! {
    /// What is in the dialog.
    pub static SWITCHES: fn(Room) -> AnyView = more(|room| view! { <Switches room/> }.into_any());
}

/// The dialog.
#[component]
pub fn ToolPanel(room: Room, open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open title="Tools in this conversation">
            {later(&SWITCHES, move |switches| switches(room))}
        </Dialog>
    }
}

#[component]
fn Switches(room: Room) -> impl IntoView {
    let tools = Loaded::once(move || conversation_tools(room.id));
    let owned = room.summary.read_untracked().owned;
    view! {
        <p class="text-sm text-muted">
            {if owned {
                "What is switched off is not offered to the assistant here, for anybody."
            } else {
                "The owner of this conversation decides which of them are on."
            }}
        </p>
        <Suspense>
            {move || Suspend::new(async move {
                match tools.await {
                    Ok(tools) => {
                        let rows = tools.into_iter().map(|tool| view! { <Row id=room.id tool owned/> }).collect_view();
                        view! { <ul class="flex flex-col gap-1">{rows}</ul> }.into_any()
                    }
                    Err(error) => view! { <Banner tone=Tone::Danger>{error.to_string()}</Banner> }.into_any(),
                }
            })}
        </Suspense>
    }
}

#[component]
fn Row(id: ConversationId, tool: ToolSwitch, owned: bool) -> impl IntoView {
    let toaster = Toaster::expect();
    let on = RwSignal::new(tool.on);
    let name = StoredValue::new(tool.name);
    let switch = move |event| {
        let wanted = event_target_checked(&event);
        on.set(wanted);
        spawn_local(async move {
            if let Err(error) = switch_tool(id, name.get_value(), wanted).await {
                on.try_set(!wanted);
                toaster.fail(error);
            }
        });
    };
    view! {
        <li>
            <label class="flex min-h-10 items-center gap-2.5 text-sm">
                <input
                    r#type="checkbox"
                    class="size-4 shrink-0 accent-brand"
                    disabled=!owned
                    prop:checked=move || on.get()
                    on:change=switch
                />
                <span class="min-w-0 flex-1 truncate">
                    {tool.title} {tool.server.map(|server| view! { <span class="text-muted">" of " {server}</span> })}
                </span>
            </label>
        </li>
    }
}
