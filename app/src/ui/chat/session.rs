//! This tab's one socket: connect, `Hello`, heartbeat, back-off, resync. Rooms and the sidebar listen to it.
//!
//! Invariant: one connection at a time; each has a generation, and what an older one still says is dropped. A socket
//! that answers nothing for two pings is dead; time alone says nothing of it, because a browser slows down the timers of
//! a tab that nobody sees. What the browser says of its network only makes it ask sooner: that means the way to the
//! internet, and Parley may be on this very machine. Nothing here runs on the server: it is started by an effect.

mod timing;

use super::{browser, room::Room};
use crate::{
    api,
    ui::kit::Watched,
    wire::{
        error::ApiError,
        event::{ByeReason, ChatEvent, ClientEvent},
        id::Seq,
        limits::PING_MS,
    },
};
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedSender, unbounded},
    future::{AbortHandle, abortable},
};
use leptos::{
    ev,
    leptos_dom::helpers::{IntervalHandle, TimeoutHandle},
    prelude::*,
    task::spawn_local,
};
use std::time::Duration;
use timing::{Beat, Heartbeat, back_off};

/// Milliseconds a tab that has reason to doubt its socket waits for an answer before it takes a fresh one.
const PROBE_MS: u64 = 5_000;

/// How the tab stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Before hydration: nothing is shown.
    Idle,
    /// A socket is being opened.
    Connecting,
    /// Everything said is heard.
    Online,
    /// The next attempt comes in so many seconds.
    Waiting(u32),
    /// Signed out or thrown out: no further attempt.
    Over,
}

/// See the module. A handle, free to copy.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// How the tab stands with the server.
    pub link: Watched<Link>,
    /// Sentences for the reader that belong to no message.
    pub notice: Watched<Option<String>>,
    wire: StoredValue<Wire>,
}

#[derive(Default)]
struct Wire {
    out: Option<UnboundedSender<Result<ClientEvent, ApiError>>>,
    abort: Option<AbortHandle>,
    generation: u32,
    attempt: u32,
    heart: Heartbeat,
    /// Whether something was asked that waits for the socket to open.
    asked: bool,
    timer: Option<TimeoutHandle>,
    room: Option<Room>,
    listener: Option<Callback<ChatEvent>>,
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A session that has not begun.
    pub fn new() -> Self {
        Self { link: Watched::new(Link::Idle), notice: Watched::new(None), wire: StoredValue::new(Wire::default()) }
    }

    /// Begins: connects, and watches network, visibility and heartbeat until the owner goes.
    pub fn start(self) {
        self.wire.update_value(|wire| wire.heart = Heartbeat::new(browser::now()));
        self.connect();
        let online = window_event_listener(ev::online, move |_| self.connect());
        let offline = window_event_listener(ev::offline, move |_| self.probe());
        let visible = window_event_listener(ev::Custom::<leptos::web_sys::Event>::new("visibilitychange"), move |_| {
            if browser::is_visible() {
                // The socket may have died in the tab's sleep; and whoever looks at it does not wait for the next attempt.
                self.probe();
                self.connect();
            }
        });
        let beat: Option<IntervalHandle> =
            set_interval_with_handle(move || self.beat(), Duration::from_millis(PING_MS.into())).ok();
        on_cleanup(move || {
            online.remove();
            offline.remove();
            visible.remove();
            if let Some(beat) = beat {
                beat.clear();
            }
            self.close();
        });
    }

    /// Hears of conversations for the sidebar.
    pub fn listen(self, listener: Callback<ChatEvent>) {
        self.wire.update_value(|wire| wire.listener = Some(listener));
    }

    /// The room that is followed.
    pub fn room(self) -> Option<Room> {
        self.wire.try_with_value(|wire| wire.room).flatten()
    }

    /// Follows a room, or none.
    pub fn follow(self, room: Option<Room>) {
        self.wire.update_value(|wire| wire.room = room);
        self.greet();
    }

    /// No longer follows `room`, unless another is followed by now.
    pub fn unfollow(self, room: Room) {
        let mine = self.wire.try_update_value(|wire| {
            let mine = wire.room.is_some_and(|other| other.left == room.left);
            if mine {
                wire.room = None;
            }
            mine
        });
        if mine == Some(true) {
            self.greet();
        }
    }

    /// Says something of use only now; whether the server can hear it.
    pub fn say(self, event: ClientEvent) -> bool {
        self.link.get_untracked() == Link::Online && self.push(event)
    }

    /// Asks for something of use only now: at once, or when the socket opens that is just being opened, as after a reload.
    /// Whether it may be heard; if it is not, the reader is told.
    pub fn ask(self, event: ClientEvent) -> bool {
        let link = self.link.get_untracked();
        let said = matches!(link, Link::Online | Link::Connecting) && self.push(event);
        if !said {
            self.unheard();
        } else if link == Link::Connecting {
            self.wire.update_value(|wire| wire.asked = true);
        }
        said
    }

    fn unheard(self) {
        self.notice.set(Some("There is no connection just now. Try again when it is back.".to_owned()));
    }

    /// Says something that the next `Hello` would say again: it may wait for the socket to open.
    pub fn post(self, event: ClientEvent) {
        self.push(event);
    }

    /// Tries again at once.
    pub fn retry_now(self) {
        self.wire.update_value(|wire| wire.attempt = 0);
        self.connect();
    }

    fn push(self, event: ClientEvent) -> bool {
        self.wire.try_with_value(|wire| wire.out.as_ref().is_some_and(|out| out.unbounded_send(Ok(event)).is_ok()))
            == Some(true)
    }

    /// `Hello`, and everything that was not acknowledged.
    fn greet(self) {
        match self.wire.try_with_value(|wire| wire.room).flatten() {
            Some(room) => room.greeting().into_iter().for_each(|event| {
                self.push(event);
            }),
            None => {
                self.push(ClientEvent::Hello { conversation: None, after: Seq(0) });
            }
        }
    }

    fn connect(self) {
        if matches!(self.link.get_untracked(), Link::Connecting | Link::Online | Link::Over) {
            return;
        }
        self.link.set(Link::Connecting);
        let (out, input) = unbounded();
        let generation = self.wire.try_update_value(|wire| {
            wire.timer.take().inspect(TimeoutHandle::clear);
            wire.out = Some(out);
            wire.generation += 1;
            wire.generation
        });
        self.greet();
        let (listening, abort) = abortable(async move {
            if let Ok(mut output) = api::chat::chat_socket(input.into()).await {
                while let Some(event) = output.next().await {
                    match event {
                        Ok(event) => self.hear(&event),
                        Err(error) => {
                            self.fault(&error);
                            break;
                        }
                    }
                }
            }
        });
        self.wire.update_value(|wire| wire.abort = Some(abort));
        spawn_local(async move {
            if listening.await.is_ok() {
                self.lost(generation);
            }
        });
    }

    fn hear(self, event: &ChatEvent) {
        let Some((room, listener)) = self.wire.try_update_value(|wire| {
            wire.heart.hear();
            wire.attempt = 0;
            wire.asked = false;
            (wire.room, wire.listener)
        }) else {
            return;
        };
        if self.link.get_untracked() != Link::Online {
            self.link.set(Link::Online);
        }
        if let ChatEvent::Bye { reason } = event {
            return self.goodbye(*reason);
        }
        if let Some(listener) = listener {
            listener.run(event.clone());
        }
        match (room, event) {
            (Some(room), event) => room.hear(event),
            (None, ChatEvent::Refused { error, .. }) => self.notice.set(Some(error.to_string())),
            (None, _) => {}
        }
    }

    fn fault(self, error: &ApiError) {
        if *error == ApiError::SignIn {
            self.goodbye(ByeReason::SignedOut);
        }
    }

    fn goodbye(self, reason: ByeReason) {
        match reason {
            ByeReason::SignedOut => {
                self.close();
                browser::leave_for("/sign-in");
            }
            ByeReason::Removed => {
                if let Some(room) = self.wire.try_with_value(|wire| wire.room).flatten() {
                    room.gone();
                }
                // Letting go first: a socket that the server ends is told as an error on the console.
                self.lost(None);
            }
            ByeReason::Draining | ByeReason::Behind => self.lost(None),
        }
    }

    /// The socket is gone; `generation` tells which, `None` the present one.
    fn lost(self, generation: Option<u32>) {
        let attempt = self.wire.try_update_value(|wire| {
            if generation.is_some_and(|mine| mine != wire.generation) {
                return None;
            }
            wire.generation += 1;
            wire.out = None;
            wire.abort.take().inspect(AbortHandle::abort);
            wire.timer.take().inspect(TimeoutHandle::clear);
            wire.attempt += 1;
            Some((wire.attempt, std::mem::take(&mut wire.asked)))
        });
        let Some(Some((attempt, asked))) = attempt else { return };
        if asked {
            self.unheard();
        }
        if self.link.get_untracked() == Link::Over {
            return;
        }
        if attempt > 1 {
            self.check_signed_in();
        }
        self.wait(back_off(attempt, browser::random()));
    }

    /// A refused upgrade tells a browser nothing: ask whether one is still signed in.
    fn check_signed_in(self) {
        spawn_local(async move {
            if let Ok(None) = api::account::viewer().await {
                self.goodbye(ByeReason::SignedOut);
            }
        });
    }

    /// Connects in so many milliseconds, and says each second how many are left.
    fn wait(self, millis: u32) {
        let seconds = millis.div_ceil(1_000);
        self.link.set(Link::Waiting(seconds));
        if seconds == 0 {
            return self.connect();
        }
        let left = (seconds - 1) * 1_000;
        let step = Duration::from_millis((millis - left).into());
        let timer = set_timeout_with_handle(move || self.wait(left), step).ok();
        self.wire.update_value(|wire| wire.timer = timer);
    }

    fn beat(self) {
        if self.link.get_untracked() != Link::Online {
            return;
        }
        match self.wire.try_update_value(|wire| wire.heart.beat(browser::now())) {
            Some(Beat::Ask) => _ = self.ping(),
            Some(Beat::Probe) => self.probe(),
            Some(Beat::GiveUp) => self.lost(None),
            None => {}
        }
    }

    /// Asks for a sign of life; how much was heard before it, and by which socket.
    fn ping(self) -> Option<(u32, u32)> {
        self.push(ClientEvent::Ping);
        self.wire.try_update_value(|wire| (wire.heart.heard(), wire.generation))
    }

    /// Asks whether an open socket still works; if it does not answer soon, it is lost.
    fn probe(self) {
        if self.link.get_untracked() != Link::Online {
            return;
        }
        let Some((heard, generation)) = self.ping() else { return };
        set_timeout(
            move || {
                if self.wire.try_with_value(|wire| wire.heart.is_silent_since(heard)) == Some(true) {
                    self.lost(Some(generation));
                }
            },
            Duration::from_millis(PROBE_MS),
        );
    }

    fn close(self) {
        self.link.set(Link::Over);
        self.wire.try_update_value(|wire| {
            wire.out = None;
            wire.abort.take().inspect(AbortHandle::abort);
            wire.timer.take().inspect(TimeoutHandle::clear);
        });
    }
}
