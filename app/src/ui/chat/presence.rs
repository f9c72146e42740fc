//! The people of a room: who types, who is here, inviting and removing.

use super::{browser, room::Room};
use crate::{
    api::rooms::{invitations, invite, remove_member, revoke_invitations},
    ui::kit::{
        Avatar, Button, Dialog, For, Glyph, Icon, Size, Time, TimeStyle, Toaster, Variant, Watched,
        copy::copy,
        effect,
        lazy::{later, lazy},
        memo,
    },
    wire::{
        id::{ConversationId, UserId},
        room::{Invitation, Member},
    },
};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// What removing somebody does besides, if there was a link.
const ENDED: &str = "The invitation link no longer works; make a new one to invite others.";

/// «ada is typing…», above the composer; it keeps its place, so nothing jumps.
#[component]
pub fn TypingLine(room: Room) -> impl IntoView {
    effect(move || {
        let timer = set_interval_with_handle(move || room.expire_typing(), Duration::from_secs(1)).ok();
        on_cleanup(move || {
            if let Some(timer) = timer {
                timer.clear();
            }
        });
    });
    let words = move || {
        let names: Vec<String> = room.typing.read().iter().map(|typist| typist.name.clone()).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!("{one} is typing…"),
            [one, other] => format!("{one} and {other} are typing…"),
            many => format!("{} people are typing…", many.len()),
        }
    };
    view! { <p class="h-5 truncate px-3 text-xs text-muted" aria-live="polite">{words}</p> }
}

lazy! {
    /// What is in the dialog of the room.
    pub static PEOPLE: fn(Room) -> AnyView = more(|room| view! { <People room/> }.into_any());
}

/// The dialog of the room.
#[component]
pub fn RoomPanel(room: Room, open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open title="People in this conversation">
            {later(&PEOPLE, move |people| people(room))}
        </Dialog>
    }
}

#[component]
fn People(room: Room) -> impl IntoView {
    // Said here: the page's own news are under the dialog's scrim.
    let said = RwSignal::new(String::new());
    // Not with each change of the room: a link that is shown here would be gone.
    let owned = memo(move || room.summary.read().owned);
    view! {
        <ul class="flex flex-col gap-1">
            <For
                each=move || room.members.get()
                key=|member| (member.id, member.present, member.owner)
                let(member)
            >
                <MemberRow room member said/>
            </For>
        </ul>
        {move || {
            if owned.get() {
                view! { <Inviting room said/> }.into_any()
            } else {
                view! { <Leaving room said/> }.into_any()
            }
        }}
        <p class="text-sm" role="status">{move || said.get()}</p>
    }
}

#[component]
fn MemberRow(room: Room, member: Member, said: RwSignal<String>) -> impl IntoView {
    let me = member.id == room.me;
    let removable = !me && room.summary.read_untracked().owned;
    // Whoever looks at this is here, also before the server heard of it.
    let (standing, dot) = if member.present || me { ("here", "bg-success") } else { ("away", "bg-line-strong") };
    let user = member.id;
    view! {
        <li class="flex min-h-11 items-center gap-3">
            <Avatar name=member.name.clone()/>
            <span class="min-w-0 flex-1">
                <span class="block truncate text-sm font-medium">{member.name} {me.then_some(" (you)")}</span>
                <span class="flex items-center gap-1.5 text-xs text-muted">
                    <span class=format!("size-2 rounded-full {dot}") aria-hidden="true"></span>
                    {standing}
                    {member.owner.then_some(" · owner")}
                </span>
            </span>
            {removable
                .then(|| {
                    view! {
                        <Button size=Size::Small variant=Variant::Ghost press=move || remove(room.id, user, said)>
                            "Remove"
                        </Button>
                    }
                })}
        </li>
    }
}

fn remove(room: ConversationId, user: UserId, said: RwSignal<String>) {
    spawn_local(async move {
        said.try_set(match remove_member(room, user).await {
            Ok(0) => "Removed.".to_owned(),
            Ok(_) => format!("Removed. {ENDED}"),
            Err(error) => error.to_string(),
        });
    });
}

#[component]
fn Leaving(room: Room, said: RwSignal<String>) -> impl IntoView {
    view! {
        <Button
            variant=Variant::Danger
            press=move || {
                spawn_local(async move {
                    match remove_member(room.id, room.me).await {
                        Ok(_) => room.gone(),
                        Err(error) => _ = said.try_set(error.to_string()),
                    }
                });
            }
        >
            "Leave this conversation"
        </Button>
    }
}

#[component]
fn Inviting(room: Room, said: RwSignal<String>) -> impl IntoView {
    let link = Watched::new(None::<Invitation>);
    let busy = RwSignal::new(false);
    let make = move || {
        busy.set(true);
        spawn_local(async move {
            match invite(room.id).await {
                Ok(invitation) => {
                    link.set(Some(invitation));
                    said.try_set(String::new());
                }
                Err(error) => _ = said.try_set(error.to_string()),
            }
            busy.try_set(false);
        });
    };
    let revoke = move || {
        spawn_local(async move {
            said.try_set(match revoke_invitations(room.id).await {
                Ok(0) => "There was no link to revoke.".to_owned(),
                Ok(_) => "Links given out so far no longer work.".to_owned(),
                Err(error) => error.to_string(),
            });
            link.set(None);
        });
    };
    // Whoever is removed, in whichever tab, takes the link with them that is shown here.
    effect(move || {
        room.members.track();
        let Some(shown) = link.get_untracked() else { return };
        spawn_local(async move {
            let Ok(good) = invitations(room.id).await else { return };
            let still = link.try_get_untracked().flatten().is_some_and(|now| now.token == shown.token);
            if still && !good.contains(&shown.expires_at) {
                link.set(None);
                // Whoever was removed here, of them it was told already.
                if said.try_with_untracked(String::is_empty) == Some(true) {
                    said.set(ENDED.to_owned());
                }
            }
        });
    });
    view! {
        <div class="flex flex-col gap-3 border-t border-line pt-4">
            <p class="text-sm text-muted">"Whoever opens an invitation link can read and write here, from the first message on."</p>
            {move || link.get().map(|invitation| view! { <InvitationLink invitation/> })}
            <div class="flex flex-wrap gap-2">
                <Button variant=Variant::Primary busy press=make>
                    <Icon glyph=Glyph::UserPlus class="size-4"/>
                    "Make an invitation link"
                </Button>
                <Button variant=Variant::Ghost press=revoke>"Revoke all links"</Button>
            </div>
        </div>
    }
}

#[component]
fn InvitationLink(invitation: Invitation) -> impl IntoView {
    let copied = RwSignal::new(false);
    let toaster = Toaster::expect();
    let url = format!("{}/join/{}", browser::origin(), invitation.token);
    let source = StoredValue::new(url.clone());
    view! {
        <div class="space-y-1.5">
            <div class="flex gap-2">
                <input
                    readonly
                    class="h-10 min-w-0 flex-1 rounded-md border border-line-strong bg-surface px-3 text-sm"
                    aria-label="Invitation link"
                    prop:value=url
                />
                <Button press=move || copy(source.get_value(), toaster, move || _ = copied.try_set(true))>
                    <Icon glyph=Signal::derive(move || if copied.get() { Glyph::Check } else { Glyph::Copy }) class="size-4"/>
                    {move || if copied.get() { "Copied" } else { "Copy" }}
                </Button>
            </div>
            <p class="text-xs text-muted">"It works until " <Time at=invitation.expires_at style=TimeStyle::Full/> ", and is shown only now."</p>
        </div>
    }
}
