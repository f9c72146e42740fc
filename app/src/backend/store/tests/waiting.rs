//! Turns that wait for a person: not reaped, found again, over when they are over.

use super::*;
use crate::{
    backend::store::turns::waiting::{BegunRecord, KeptTask, Waiting, WaitingCall, WaitingTask},
    wire::{
        id::{CallId, Millis},
        policy::{Question, Rule, Why},
        tool::Annotations,
    },
};

fn waiting() -> Waiting {
    let question = Question { why: Why::Changes, server: None, claims: Annotations::READ_ONLY };
    let call = CallId("call_1".to_owned());
    let call = WaitingCall { call, until: Millis(9), question, definition: "hash".to_owned() };
    let record = BegunRecord { id: uuid::Uuid::from_u128(7), rule: Rule::Once, began_at: Millis(3) };
    let (server, id) = ("operator:files".to_owned(), "t-1".to_owned());
    let task = KeptTask { server, id, experimental: true, poll_ms: Some(500) };
    let task = WaitingTask { call: CallId("call_2".to_owned()), record, task };
    Waiting { begun: 1, rounds: 2, calls: vec![call], tasks: vec![task] }
}

on_every_backend! {
    async fn a_turn_with_questions_is_found_after_a_restart_as_it_was(t) {
        let ada = t.person("ada").await;
        let (c, d) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        let asking = t.send(ada, c, "please").await.unwrap();
        let behind = t.send(ada, c, "and then").await.unwrap();
        let other = t.send(ada, d, "please").await.unwrap();
        let usage = Usage { input: 5, output: 4, cached: 3 };
        t.wait(asking.turn, &text("I would"), usage, &waiting()).await.unwrap();
        t.wait(other.turn, &text("so would I"), usage, &waiting()).await.unwrap();
        // Answered since.
        t.checkpoint(other.turn, &text("so would I"), usage).await.unwrap();
        t.reopen().await;
        let reaped = t.reap_turns(Millis(i64::MAX)).await.unwrap();
        assert_eq!(reaped.iter().map(|message| message.id).collect::<Vec<_>>(), [other.reply.id]);
        let found = t.suspended_turns().await.unwrap();
        let [turn] = &found[..] else { panic!("{found:?}") };
        assert_eq!((turn.row.id, turn.row.by, turn.row.running), (asking.turn, ada, true));
        assert_eq!((&turn.parts, turn.usage, &turn.waiting), (&text("I would"), usage, &waiting()));
        assert!(t.waiting_conversations().await.unwrap().is_empty(), "what waits behind it goes on waiting");
        t.end(asking.turn, TurnEnd::Complete, "done").await.unwrap();
        assert!(t.suspended_turns().await.unwrap().is_empty());
        assert_eq!(t.begin_queued(c).await.unwrap().unwrap().id, behind.turn);
        assert!(not_found(&t.wait(asking.turn, &[], usage, &waiting()).await));
    }

    async fn what_was_kept_before_there_were_tasks_is_read(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let asking = t.send(ada, c, "please").await.unwrap();
        t.wait(asking.turn, &text("I would"), Usage::default(), &waiting()).await.unwrap();
        t.sql("UPDATE turns SET waiting = '{\"begun\": 1, \"rounds\": 2, \"calls\": []}' WHERE waiting IS NOT NULL").await.unwrap();
        let kept = Waiting { begun: 1, rounds: 2, ..Waiting::default() };
        assert_eq!(t.suspended_turns().await.unwrap()[0].waiting, kept);
    }

    async fn questions_that_cannot_be_read_are_none(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let asking = t.send(ada, c, "please").await.unwrap();
        t.wait(asking.turn, &text("I would"), Usage::default(), &waiting()).await.unwrap();
        t.sql("UPDATE turns SET waiting = '{' WHERE waiting IS NOT NULL").await.unwrap();
        let found = t.suspended_turns().await.unwrap();
        assert_eq!((&found[0].parts, &found[0].waiting), (&text("I would"), &Waiting::default()));
    }
}
