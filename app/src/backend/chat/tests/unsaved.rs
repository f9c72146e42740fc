//! A store that refuses the end of a turn: whoever looks is told, nothing is stuck, and it is stored as soon as it can be.

use super::*;
use crate::backend::test::on_every_backend;

const RETRIES: [Duration; 3] = [Duration::from_millis(5); 3];

on_every_backend! {
    async fn a_reply_that_cannot_be_stored_is_told_and_stored_later(t) {
        let w = World::with(t, Options { retries: &RETRIES, ..quick() }).await;
        let first = w.send(&w.ann, "script:\nsay first").await.unwrap();
        w.settled(first.reply.id).await;
        // No second turn can end.
        t.sql("CREATE UNIQUE INDEX trap ON turns (state) WHERE state = 'done'").await.unwrap();
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ngate go\nput precious").await.unwrap();
        let waiting = w.send(&w.ann, "script:\nsay next").await.unwrap();
        w.script.open("go");
        let ended = tab.until(|e| matches!(e, ChatEvent::TurnEnded { turn, .. } if *turn == started.turn)).await;
        assert!(matches!(*ended, ChatEvent::TurnEnded { end: TurnEnd::Failed, .. }));
        let told = tab.messages[&started.reply.id].clone();
        assert_eq!((told.status, told.text().as_str()), (Status::Failed, "precious"));
        assert!(fault(&told).message.contains("could not be saved"), "{:?}", told.fault);

        t.sql("DROP INDEX trap").await.unwrap();
        tab.until(|e| {
            matches!(e, ChatEvent::Message { message } if message.id == told.id && message.status == Status::Complete)
        })
        .await;
        let stored = w.settled(told.id).await;
        assert_eq!((tab.messages[&told.id].clone(), stored.text().as_str()), (stored.clone(), "precious"));
        assert!(stored.seq > told.seq && stored.fault.is_none());
        assert_eq!(w.settled(waiting.reply.id).await.text(), "next");
        let more = w.send(&w.ann, "script:\nsay more").await.unwrap();
        assert_eq!(w.settled(more.reply.id).await.text(), "more");
    }
}
