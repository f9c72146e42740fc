//! Publish and subscribe within this process: who listens to a [`Topic`] hears what is published on it.
//!
//! One queue per listener, however many topics it follows, and empty until something is said, so that an idle socket
//! costs bytes and not a ring buffer per room. Publishing never waits: a listener that does not keep up loses its
//! queue, hears [`Heard::Lagged`] once and must read the store again. [`ChatEvent::Bye`] alone is never lost.
//! Decision: it stands beside `chat`, because signing out must reach sockets too.

mod reaction;

pub use self::reaction::Change;

use crate::wire::{
    event::ChatEvent,
    id::{ConversationId, SessionId, TokenId, UserId},
};
use std::{
    collections::{HashMap, VecDeque},
    future::poll_fn,
    hash::{DefaultHasher, Hash, Hasher},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Events a listener may be behind; a reply of a minute coalesced to frames of 16 ms is about 3,700, and a tab that is
/// eight seconds behind is better served by one snapshot.
const QUEUE: usize = 512;
/// Room a drained queue keeps; what a burst needed beyond it is given back.
const KEPT: usize = 32;
/// Locks the topics are spread over, so that publishers of different rooms seldom meet.
const SHARDS: usize = 16;

/// What one can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everything for one person's every tab: sidebar rows, removal from rooms.
    User(UserId),
    /// One browser session: its end.
    Session(SessionId),
    /// One program's token: its end.
    Token(TokenId),
    /// One room: messages, turns, presence.
    Conversation(ConversationId),
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum Heard {
    /// An event.
    Event(Topic, Arc<ChatEvent>),
    /// Events were dropped: read the store again.
    Lagged,
}

type Shard = Mutex<HashMap<Topic, Vec<Arc<Ear>>>>;

/// The switchboard.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    shards: Arc<[Shard; SHARDS]>,
    reaction: reaction::Reaction,
}

/// One listener's queue and its subscriptions; dropping it ends them.
#[derive(Debug)]
pub struct Listener {
    hub: Hub,
    ear: Arc<Ear>,
    topics: Vec<Topic>,
}

/// A listener as publishers see it.
#[derive(Debug, Default)]
struct Ear(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<(Topic, Arc<ChatEvent>)>,
    lagged: bool,
    waker: Option<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ear {
    fn push(&self, topic: Topic, event: &Arc<ChatEvent>) {
        let mut queue = lock(&self.0);
        if !matches!(**event, ChatEvent::Bye { .. }) {
            if queue.lagged {
                return;
            }
            if queue.events.len() >= QUEUE {
                queue.lagged = true;
                queue.events.retain(|(_, e)| matches!(**e, ChatEvent::Bye { .. }));
                return;
            }
        }
        queue.events.push_back((topic, Arc::clone(event)));
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Hub {
    /// Gives `event` to everybody who listens to `topic`.
    pub fn publish(&self, topic: Topic, event: impl Into<Arc<ChatEvent>>) {
        let shard = lock(self.shard(topic));
        if let Some(ears) = shard.get(&topic) {
            let event = event.into();
            for ear in ears {
                ear.push(topic, &event);
            }
        }
    }

    /// Gives `event` to every listener that follows anything, once per topic it follows.
    pub fn publish_everywhere(&self, event: impl Into<Arc<ChatEvent>>) {
        let event = event.into();
        for shard in self.shards.iter() {
            for (topic, ears) in lock(shard).iter() {
                for ear in ears {
                    ear.push(*topic, &event);
                }
            }
        }
    }

    /// A listener without subscriptions.
    pub fn listen(&self) -> Listener {
        Listener { hub: self.clone(), ear: Arc::default(), topics: Vec::new() }
    }

    /// How many listeners a topic has.
    pub fn listeners(&self, topic: Topic) -> usize {
        lock(self.shard(topic)).get(&topic).map_or(0, Vec::len)
    }

    fn shard(&self, topic: Topic) -> &Shard {
        let mut hasher = DefaultHasher::new();
        topic.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or_default();
        &self.shards[at]
    }

    fn forget(&self, topic: Topic, ear: &Arc<Ear>) {
        let mut shard = lock(self.shard(topic));
        if let Some(ears) = shard.get_mut(&topic) {
            ears.retain(|e| !Arc::ptr_eq(e, ear));
            if ears.is_empty() {
                shard.remove(&topic);
            }
        }
    }
}

impl Listener {
    /// Hears `topic` from now on; a second time changes nothing.
    pub fn subscribe(&mut self, topic: Topic) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
            lock(self.hub.shard(topic)).entry(topic).or_default().push(Arc::clone(&self.ear));
        }
    }

    /// No longer hears `topic`; what it said before may still come.
    pub fn unsubscribe(&mut self, topic: Topic) {
        if let Some(at) = self.topics.iter().position(|t| *t == topic) {
            self.topics.swap_remove(at);
            self.hub.forget(topic, &self.ear);
        }
    }

    /// The next thing heard; waits for ever if nothing comes. Cancel-safe.
    pub async fn next(&mut self) -> Heard {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// [`Listener::next`] for streams written by hand.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Heard> {
        let mut queue = lock(&self.ear.0);
        if mem::take(&mut queue.lagged) {
            return Poll::Ready(Heard::Lagged);
        }
        if let Some((topic, event)) = queue.events.pop_front() {
            if queue.events.is_empty() && queue.events.capacity() > KEPT {
                queue.events = VecDeque::new();
            }
            return Poll::Ready(Heard::Event(topic, event));
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// A goodbye that waits to be heard, whatever stands before it; it stays where it is.
    pub fn goodbye(&self) -> Option<(Topic, Arc<ChatEvent>)> {
        lock(&self.ear.0).events.iter().find(|(_, event)| matches!(**event, ChatEvent::Bye { .. })).cloned()
    }

    /// Everything heard and not yet taken, without waiting, and whether it lagged: there may be more to know than this.
    pub fn take_all(&mut self) -> (Vec<(Topic, Arc<ChatEvent>)>, bool) {
        let mut queue = lock(&self.ear.0);
        (mem::take(&mut queue.events).into(), mem::take(&mut queue.lagged))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        for topic in mem::take(&mut self.topics) {
            self.hub.forget(topic, &self.ear);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{event::ByeReason, id::Seq};
    use futures::FutureExt;
    use uuid::Uuid;

    fn room(n: u128) -> Topic {
        Topic::Conversation(ConversationId(Uuid::from_u128(n)))
    }

    fn pong(n: i64) -> ChatEvent {
        ChatEvent::Pong { seq: Seq(n) }
    }

    fn heard(listener: &mut Listener) -> Option<Heard> {
        listener.next().now_or_never()
    }

    #[test]
    fn hears_what_it_follows_in_order_and_nothing_else() {
        let hub = Hub::default();
        let mut a = hub.listen();
        a.subscribe(room(1));
        a.subscribe(room(1));
        a.subscribe(room(2));
        hub.publish(room(1), pong(1));
        hub.publish(room(3), pong(2));
        hub.publish(room(2), pong(3));
        assert!(matches!(heard(&mut a), Some(Heard::Event(t, e)) if t == room(1) && *e == pong(1)));
        assert!(matches!(heard(&mut a), Some(Heard::Event(t, e)) if t == room(2) && *e == pong(3)));
        assert!(heard(&mut a).is_none());
        a.unsubscribe(room(1));
        hub.publish(room(1), pong(4));
        assert!(heard(&mut a).is_none());
    }

    #[test]
    fn a_slow_listener_lags_once_and_then_hears_again() {
        let hub = Hub::default();
        let (mut slow, mut quick) = (hub.listen(), hub.listen());
        slow.subscribe(room(1));
        quick.subscribe(room(1));
        for n in 0..2_000 {
            hub.publish(room(1), pong(n));
            assert!(matches!(heard(&mut quick), Some(Heard::Event(_, e)) if *e == pong(n)));
        }
        assert!(matches!(heard(&mut slow), Some(Heard::Lagged)));
        assert!(heard(&mut slow).is_none());
        hub.publish(room(1), pong(7));
        assert!(matches!(heard(&mut slow), Some(Heard::Event(_, e)) if *e == pong(7)));
    }

    #[test]
    fn a_bye_reaches_even_a_listener_that_lags() {
        let hub = Hub::default();
        let mut a = hub.listen();
        a.subscribe(room(1));
        for n in 0..1_000 {
            hub.publish(room(1), pong(n));
        }
        hub.publish_everywhere(ChatEvent::Bye { reason: ByeReason::Draining });
        assert!(matches!(heard(&mut a), Some(Heard::Lagged)));
        assert!(matches!(heard(&mut a), Some(Heard::Event(_, e)) if matches!(*e, ChatEvent::Bye { .. })));
    }

    #[test]
    fn dropping_a_listener_forgets_it_at_once() {
        let hub = Hub::default();
        let mut a = hub.listen();
        let mut b = hub.listen();
        a.subscribe(room(1));
        b.subscribe(room(1));
        assert_eq!(hub.listeners(room(1)), 2);
        drop(a);
        assert_eq!(hub.listeners(room(1)), 1);
        drop(b);
        assert_eq!(hub.listeners(room(1)), 0);
        assert!(hub.shards.iter().all(|s| lock(s).is_empty()));
    }

    #[test]
    fn an_idle_listener_is_small() {
        let owned = size_of::<Listener>() + size_of::<Ear>() + 2 * size_of::<usize>();
        let followed = 4 * (size_of::<Topic>() + size_of::<(Topic, Vec<Arc<Ear>>)>() + size_of::<Arc<Ear>>() * 4);
        assert!(owned + followed < 1024, "{} bytes", owned + followed);
    }

    #[tokio::test]
    async fn a_waiting_listener_wakes() {
        let hub = Hub::default();
        let mut a = hub.listen();
        a.subscribe(room(1));
        let (heard, ()) = tokio::join!(a.next(), async {
            tokio::task::yield_now().await;
            hub.publish(room(1), pong(5));
        });
        assert!(matches!(heard, Heard::Event(_, e) if *e == pong(5)));
    }
}
