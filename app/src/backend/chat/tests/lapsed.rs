//! What another process leaves: closed or gone on with once its lease is over, and what waits behind it begins.

use super::{
    approvals::{ASKS, asked},
    *,
};
use crate::{
    backend::{store::turns::LEASE_MS, test::on_every_backend},
    wire::{
        message::{FaultKind, Usage},
        tool::Approval,
    },
};

/// Another process on the same database; what it wrote is kept when the test says so, and not before.
fn another(t: &TestStore, w: &World, page: bool) -> World {
    let (chat, script, hub) = chat(t, Options { page, checkpoint: Duration::from_hours(1), ..quick() });
    World { chat, script, hub, clock: w.clock.clone(), ann: w.ann.clone(), room: w.room }
}

/// Looks twice after what others left, as the process does now and then.
async fn look(w: &World) {
    let mut lapsed = HashSet::new();
    for _ in 0..2 {
        w.chat.take_over(&mut lapsed).await.unwrap();
    }
}

/// Begins a reply in that process that stands still once `text` is kept of it.
async fn left(t: &TestStore, pipe: &World, text: &str) -> Started {
    let mut tab = pipe.tab().await;
    let started = pipe.send(&pipe.ann, &format!("script:\nput {text}\nhang")).await.unwrap();
    tab.until(|event| matches!(event, ChatEvent::Delta { .. })).await;
    let parts = [Part::Text { text: text.to_owned() }];
    t.checkpoint(started.turn, &parts, Usage::default()).await.unwrap();
    started
}

on_every_backend! {
    async fn a_turn_whose_process_is_gone_is_closed_told_and_the_next_begins(t) {
        let w = World::new(t).await;
        let pipe = another(t, &w, false);
        let lost = left(t, &pipe, "half").await;
        let mut tab = w.tab().await;
        let next = w.send(&w.ann, "script:\nsay next").await.unwrap();
        assert!(!next.running);
        t.clock.advance(LEASE_MS + 1);
        look(&w).await;
        let told = tab.ended(next.turn).await;
        assert_eq!((told.status, told.text().as_str()), (Status::Complete, "next"));
        let reply = tab.messages[&lost.reply.id].clone();
        assert_eq!((reply.status, reply.text().as_str()), (Status::Interrupted, "half"));
        assert_eq!((fault(&reply).kind, fault(&reply).retry), (FaultKind::Interrupted, true));
        assert_eq!(t.message(w.ann.user, lost.reply.id).await.unwrap(), reply);
    }

    async fn a_living_process_keeps_its_turn_and_so_does_this_one(t) {
        let w = World::new(t).await;
        let pipe = another(t, &w, false);
        let living = left(t, &pipe, "going").await;
        look(&w).await;
        // Its lease lapses while the machine sleeps; it is renewed before the second look.
        t.clock.advance(LEASE_MS + 1);
        let mut lapsed = HashSet::new();
        w.chat.take_over(&mut lapsed).await.unwrap();
        assert_eq!(lapsed, HashSet::from([living.turn]));
        t.checkpoint(living.turn, &[], Usage::default()).await.unwrap();
        w.chat.take_over(&mut lapsed).await.unwrap();
        assert!(lapsed.is_empty());
        assert_eq!(t.message(w.ann.user, living.reply.id).await.unwrap().status, Status::Pending);
        // One's own is not taken for another's, however long its lease is over.
        t.clock.advance(LEASE_MS + 1);
        look(&pipe).await;
        assert_eq!(t.message(w.ann.user, living.reply.id).await.unwrap().status, Status::Pending);
        pipe.chat.stop(&w.ann, living.turn).await.unwrap();
        assert_eq!(pipe.settled(living.reply.id).await.status, Status::Stopped);
    }

    async fn a_turn_that_another_process_left_waiting_is_gone_on_with(t) {
        let w = World::new(t).await;
        let gone = another(t, &w, true);
        let mut there = gone.tab().await;
        let started = gone.send(&w.ann, ASKS).await.unwrap();
        asked(&mut there).await;
        let mut tab = w.tab().await;
        t.clock.advance(LEASE_MS + 1);
        look(&w).await;
        let asks = |event: &ChatEvent| matches!(event, ChatEvent::Turn { turn } if !turn.open_calls.is_empty());
        let event = tab.until(asks).await;
        let ChatEvent::Turn { turn } = &*event else { unreachable!() };
        let (turn, call) = (turn.turn, turn.open_calls[0].call.clone());
        assert_eq!(turn, started.turn);
        w.chat.decide(&w.ann, turn, &call, Approval::Once, None).await.unwrap();
        let reply = tab.ended(turn).await;
        assert_eq!(results(&reply), [(false, "write done".to_owned())]);
    }

    async fn what_waits_behind_another_processs_reply_begins_once_that_is_over(t) {
        let w = World::new(t).await;
        let pipe = another(t, &w, false);
        let first = left(t, &pipe, "one").await;
        let mut tab = w.tab().await;
        let second = w.send(&w.ann, "script:\nsay two").await.unwrap();
        pipe.chat.stop(&w.ann, first.turn).await.unwrap();
        pipe.settled(first.reply.id).await;
        look(&w).await;
        assert_eq!(tab.ended(second.turn).await.text(), "two");
    }

    async fn what_waited_here_and_another_process_ended_is_told(t) {
        let w = World::new(t).await;
        let pipe = another(t, &w, false);
        let first = left(t, &pipe, "one").await;
        let second = w.send(&w.ann, "script:\nsay two").await.unwrap();
        // Another that waits there has that process begin what comes next.
        let third = pipe.send(&w.ann, "script:\nsay three").await.unwrap();
        pipe.chat.stop(&w.ann, first.turn).await.unwrap();
        for (started, text) in [(&second, "two"), (&third, "three")] {
            for _ in 0..2_000 {
                if t.message(w.ann.user, started.reply.id).await.unwrap().status != Status::Pending {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(t.message(w.ann.user, started.reply.id).await.unwrap().text(), text);
        }
        assert_eq!(w.chat.live(w.room).len(), 1, "this process has not heard of it");
        let mut listener = w.hub.listen();
        listener.subscribe(Topic::Conversation(w.room));
        look(&w).await;
        let (heard, _) = listener.take_all();
        let texts = heard.iter().filter_map(|(_, event)| match &**event {
            ChatEvent::Message { message } if message.id == second.reply.id => Some(message.text()),
            _ => None,
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["two"]);
        let ended = |event: &ChatEvent| matches!(event, ChatEvent::TurnEnded { turn, .. } if *turn == second.turn);
        assert!(heard.iter().any(|(_, event)| ended(event)));
        assert!(w.chat.live(w.room).is_empty());
    }

    async fn the_process_looks_by_itself(t) {
        let w = World::with(t, Options { look: Duration::from_millis(20), ..quick() }).await;
        let pipe = another(t, &w, false);
        let lost = left(t, &pipe, "half").await;
        w.chat.look_after_others();
        t.clock.advance(LEASE_MS + 1);
        assert_eq!(w.settled(lost.reply.id).await.status, Status::Interrupted);
    }
}
