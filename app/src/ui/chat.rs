//! The chat: one conversation, live, and the page before there is one.
//!
//! [`state`] decides, [`room`], [`cell`] and [`text`] turn its decisions into signals, [`session`] owns the socket, the rest
//! draws. Invariant: what the server draws and what the browser draws first are the same; everything live starts in
//! effects.

pub mod branch;
pub mod browser;
pub mod cell;
pub mod composer;
pub mod drafts;
pub mod editor;
pub mod header;
pub mod message;
pub mod new;
pub mod parts;
pub mod picker;
pub mod presence;
pub mod pretty;
pub mod question;
pub mod room;
pub mod scroll;
pub mod session;
pub mod state;
pub mod switches;
pub mod text;
pub mod tool_call;
pub mod transcript;
pub mod words;

use super::kit::{Show, Toaster, Watched, awake, effect, lazy::later};
use composer::Composer;
use drafts::Draft;
use header::{Header, LinkState};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, hooks::use_navigate};
pub use new::NewChat;
use presence::TypingLine;
use room::Room;
use state::{
    Refusal,
    pending::{Pending, PendingKind},
};
use transcript::Transcript;
use words::WORDS;

/// A conversation with its header, transcript and composer.
#[component]
pub fn Chat(room: Room) -> impl IntoView {
    let toaster = Toaster::expect();
    let navigate = use_navigate();
    effect(move || room.wake());
    effect(move || {
        if room.left.get() {
            toaster.say("This conversation is no longer here for you.");
            navigate("/", NavigateOptions::default());
        }
    });
    // The server draws no words: their code is downloaded where there are any.
    let awake = awake();
    let title = move || {
        let title = room.summary.read().title.clone();
        if title.is_empty() { "New chat".to_owned() } else { title }
    };
    view! {
        <Title text=title/>
        <Header room/>
        <LinkState/>
        <Transcript room/>
        <div class="mx-auto w-full max-w-3xl shrink-0 px-3 pb-3 sm:px-4 sm:pb-4">
            <TypingLine room/>
            <Show when=move || awake.get() && room.words.get() != 0>{later(&WORDS, move |draw| draw(room))}</Show>
            <RoomComposer room/>
        </div>
    }
}

#[component]
fn RoomComposer(room: Room) -> impl IntoView {
    let returned = Watched::new(None);
    effect(move || {
        let Some(Refusal { draft, error }) = room.refused.get() else { return };
        room.refused.set(None);
        let draft = match draft {
            // The box is told the reason alone: from there it would be sent as a new message.
            Some(Pending { kind: PendingKind::Edit { message }, text, .. }) => {
                room.give_back(message, text);
                Draft::default()
            }
            Some(Pending { text, references, .. }) => Draft { text, references },
            None => Draft::default(),
        };
        returned.set(Some((draft, error.to_string())));
    });
    view! {
        <Composer
            conversation=Some(room.id)
            returned
            writing=Signal::derive(move || !room.turns.read().is_empty())
            on_send=Callback::new(move |draft| room.send(draft))
            on_stop=Callback::new(move |()| {
                room.stop();
            })
            on_type=Callback::new(move |()| room.type_())
            on_edit_last=Callback::new(move |()| room.editing.set(room.last_own()))
        />
    }
}
