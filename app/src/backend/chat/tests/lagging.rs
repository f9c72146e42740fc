//! A tab that does not keep up: whatever it lost, and whenever, it is told again.

use super::*;
use crate::{backend::test::on_every_backend, wire::event::ByeReason};
use std::{
    collections::HashSet,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};
use tokio::{sync::Notify, time::timeout};

/// More events than a listener keeps.
const FLOOD: usize = 600;
/// At least as often as bringing a tab up waits for the store.
const MOMENTS: usize = 12;

#[derive(Default)]
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Stores a message with its reply, and makes everybody's queue run over, so that nobody hears of either.
async fn lose_a_message(w: &World) {
    let started = w.send(&w.ann, "script:\nsay lost").await.unwrap();
    w.settled(started.reply.id).await;
    for _ in 0..FLOOD {
        let (user, name) = (w.clock.id(), "zed".to_owned());
        w.hub.publish(
            Topic::Conversation(w.room),
            ChatEvent::Typing { conversation: w.room, user, name, until: Millis(0) },
        );
    }
}

/// Hears until `Ready`, and loses a message when it has waited `moment` times (a quick database may never let it).
async fn ready_with_a_loss(w: &World, tab: &mut Tab, heard: &mut Vec<(MessageId, Seq)>, moment: usize) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut waited = 0;
    loop {
        match tab.hear.as_mut().poll_next(&mut Context::from_waker(&waker)) {
            Poll::Pending => {
                timeout(PATIENCE, woken.0.notified()).await.expect("nothing wakes the tab");
                if waited == moment {
                    lose_a_message(w).await;
                }
                waited += 1;
            }
            Poll::Ready(event) => {
                let event = event.expect("the socket ended").unwrap();
                tab.apply(&event);
                match &*event {
                    ChatEvent::Message { message } => heard.push((message.id, message.seq)),
                    ChatEvent::Ready { .. } => return,
                    _ => {}
                }
            }
        }
    }
}

on_every_backend! {
    async fn nothing_is_lost_at_any_moment_of_coming_or_of_catching_up(t) {
        let w = World::new(t).await;
        lose_a_message(&w).await;
        for moment in 0..MOMENTS {
            let (mut tab, mut heard) = (Tab::connect(&w.chat, &w.ann), Vec::new());
            tab.say(ClientEvent::Hello { conversation: Some(w.room), after: Seq(0) });
            ready_with_a_loss(&w, &mut tab, &mut heard, moment).await;
            lose_a_message(&w).await;
            ready_with_a_loss(&w, &mut tab, &mut heard, moment).await;
            tab.say(ClientEvent::Ping);
            while let Some(event) = tab.next().await {
                match &*event {
                    ChatEvent::Message { message } => heard.push((message.id, message.seq)),
                    ChatEvent::Pong { .. } => break,
                    _ => {}
                }
            }
            let stored = t.page(w.ann.user, w.room, None, 1_000).await.unwrap().items;
            let there: HashSet<_> = stored.iter().map(|message| (message.id, message.seq)).collect();
            assert_eq!(heard.iter().copied().collect::<HashSet<_>>(), there, "moment {moment}");
            assert_eq!(heard.len(), there.len(), "moment {moment}: each was told once");
            assert_eq!(tab.seq, t.conversation(w.ann.user, w.room).await.unwrap().seq);
        }
    }

    async fn without_a_room_a_tab_that_lost_something_comes_again(t) {
        let w = World::new(t).await;
        let mut tab = Tab::connect(&w.chat, &w.ann);
        tab.hello(None).await;
        let row = t.conversation(w.ann.user, w.room).await.unwrap().summary;
        for _ in 0..FLOOD {
            w.hub.publish(Topic::User(w.ann.user), ChatEvent::Conversation { summary: row.clone() });
        }
        assert_eq!(tab.bye().await, Some(ByeReason::Behind));
    }
}
