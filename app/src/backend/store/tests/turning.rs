//! Turns: the tree they make, the clock they move, their queue, and what a crash leaves.

use super::*;
use crate::{
    backend::store::turns::LEASE_MS,
    wire::{
        id::{Millis, Seq},
        limits::QUEUE_MAX,
        message::{Fault, FaultKind, Role, Status},
        tool::ToolCall,
    },
};

on_every_backend! {
    async fn a_turn_writes_a_message_and_its_reply(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        t.clock.advance(5);
        let started = t.send(ada, c, "What is it?").await.unwrap();
        assert!(started.running && !started.duplicate);
        let (asked, reply) = (started.message.clone().unwrap(), started.reply.clone());
        assert_eq!((asked.position, asked.seq, asked.parent, asked.role), (Seq(1), Seq(1), None, Role::User));
        assert_eq!((reply.position, reply.seq, reply.parent), (Seq(2), Seq(2), Some(asked.id)));
        assert_eq!((reply.role, reply.status, reply.turn), (Role::Assistant, Status::Pending, Some(started.turn)));
        assert_eq!(asked.author.clone().unwrap().name, "ada");
        // What was answered is what is stored.
        assert_eq!(t.message(ada, asked.id).await.unwrap(), asked);
        assert_eq!(t.message(ada, reply.id).await.unwrap(), reply);
        let row = t.conversation(ada, c).await.unwrap();
        assert_eq!((row.seq, row.head, row.model), (Seq(2), Some(reply.id), reply.model.clone()));
        assert_eq!(row.summary.updated_at, t.clock.now());

        t.clock.advance(5);
        let fault = Some(Fault { kind: FaultKind::Cut, message: "Cut\0 off.".to_owned(), retry: true });
        let usage = Usage { input: 7, output: 3, cached: 1 };
        let parts = vec![
            Part::Thinking { text: "hm".to_owned(), signature: Some("seal".to_owned()) },
            Part::Text { text: "It is 42.".to_owned() },
        ];
        let finish = FinishTurn { turn: started.turn, end: TurnEnd::Failed, parts: parts.clone(), usage, fault };
        let done = t.finish_turn(finish.clone()).await.unwrap();
        assert_eq!((done.seq, done.position, done.status), (Seq(3), Seq(2), Status::Failed));
        assert_eq!((&done.parts, done.usage), (&parts, Some(usage)));
        assert_eq!(done.fault.as_ref().unwrap().message, "Cut off.");
        assert_eq!(t.message(ada, reply.id).await.unwrap(), done);
        assert_eq!(t.conversation(ada, c).await.unwrap().summary.updated_at, t.clock.now());
        assert!(not_found(&t.finish_turn(finish).await));
        assert!(not_found(&t.checkpoint(started.turn, &parts, usage).await));
        assert!(not_found(&t.turn(ada, started.turn).await));
        assert_eq!(t.conversation(ada, c).await.unwrap().seq, Seq(3));
    }

    async fn a_message_sent_again_is_answered_with_what_is_there(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let client_id = t.client_id();
        let kind = NewTurnKind::Send { conversation: c, parent: None, client_id, parts: text("once") };
        let first = t.start(ada, kind.clone()).await.unwrap();
        let again = t.start(ada, kind.clone()).await.unwrap();
        assert!(again.duplicate && again.running);
        assert_eq!((again.turn, &again.message, &again.reply), (first.turn, &first.message, &first.reply));
        let done = t.end(first.turn, TurnEnd::Complete, "done").await.unwrap();
        let later = t.start(ada, kind).await.unwrap();
        assert_eq!((later.duplicate, later.running, &later.reply), (true, false, &done));
        assert_eq!(t.conversation(ada, c).await.unwrap().seq, Seq(3));
        // The key counts in its own conversation only.
        let other = t.conversation_of(ada).await;
        let kind = NewTurnKind::Send { conversation: other, parent: None, client_id, parts: text("once") };
        assert!(!t.start(ada, kind).await.unwrap().duplicate);
    }

    async fn many_copies_of_one_message_at_once_are_one(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let kind = NewTurnKind::Send { conversation: c, parent: None, client_id: t.client_id(), parts: text("once") };
        let all = futures::future::join_all((0..16).map(|_| t.start(ada, kind.clone()))).await;
        let all: Vec<Started> = all.into_iter().map(Result::unwrap).collect();
        assert_eq!(all.iter().filter(|started| !started.duplicate).count(), 1);
        assert!(all.iter().all(|started| started.turn == all[0].turn));
        assert_eq!(t.page(ada, c, None, 10).await.unwrap().items.len(), 2);
    }

    async fn eight_writers_of_fifty_messages_leave_no_gap(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        futures::future::join_all((0..8).map(|_| async {
            for n in 0..50 {
                // With a full queue the room must be made by ending what runs.
                loop {
                    match t.send(ada, c, &format!("message {n}")).await {
                        Ok(_) => break,
                        Err(StoreError::Conflict("queue_full")) => {
                            if let Some(turn) = t.live_turns(c).await.unwrap().first() {
                                drop(t.end(turn.id, TurnEnd::Complete, "ok").await);
                            }
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            }
        })).await;
        let all = t.page(ada, c, None, 10_000).await.unwrap().items;
        assert_eq!(all.iter().filter(|message| message.role == Role::User).count(), 400);
        assert_eq!(all.len(), 800);
        let ended = all.iter().filter(|message| message.status == Status::Complete && message.turn.is_some()).count();
        let mut numbers: Vec<i64> = all.iter().flat_map(|m| [m.position.0, m.seq.0]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (1..=800 + i64::try_from(ended).unwrap()).collect::<Vec<_>>());
        assert_eq!(t.conversation(ada, c).await.unwrap().seq.0, *numbers.last().unwrap());
        let states: Vec<bool> = t.live_turns(c).await.unwrap().iter().map(|turn| turn.running).collect();
        assert!(states.iter().filter(|running| **running).count() <= 1);
    }

    async fn one_turn_runs_and_the_others_wait_in_order(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let first = t.send(ada, c, "1").await.unwrap();
        let second = t.send(ada, c, "2").await.unwrap();
        let third = t.send(ada, c, "3").await.unwrap();
        assert_eq!([first.running, second.running, third.running], [true, false, false]);
        // Each hangs under the reply it waits for.
        assert_eq!(second.message.clone().unwrap().parent, Some(first.reply.id));
        assert_eq!(third.message.unwrap().parent, Some(second.reply.id));
        let live: Vec<_> = t.live_turns(c).await.unwrap().iter().map(|turn| (turn.id, turn.running)).collect();
        assert_eq!(live, [(first.turn, true), (second.turn, false), (third.turn, false)]);
        assert!(t.begin_queued(c).await.unwrap().is_none());
        assert!(t.waiting_conversations().await.unwrap().is_empty());
        t.end(first.turn, TurnEnd::Complete, "one").await.unwrap();
        assert_eq!(t.waiting_conversations().await.unwrap(), [c]);
        // Whoever comes now does not overtake those who wait.
        assert!(!t.send(ada, c, "4").await.unwrap().running);
        let begun = t.begin_queued(c).await.unwrap().unwrap();
        assert_eq!((begun.id, begun.running, begun.reply, begun.by), (second.turn, true, second.reply.id, ada));
        assert!(t.begin_queued(c).await.unwrap().is_none());
        // One that waits can be ended too.
        assert_eq!(t.end(third.turn, TurnEnd::Stopped, "").await.unwrap().status, Status::Stopped);
        t.end(second.turn, TurnEnd::Complete, "two").await.unwrap();
        assert!(t.begin_queued(c).await.unwrap().is_some());
        let row = t.turn(ada, t.live_turns(c).await.unwrap()[0].id).await.unwrap();
        assert!(row.running);
        assert!(not_found(&t.checkpoint(third.turn, &[], Usage::default()).await));
    }

    async fn many_who_begin_the_queue_begin_one(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let first = t.send(ada, c, "1").await.unwrap();
        for _ in 0..4 {
            t.send(ada, c, "2").await.unwrap();
        }
        t.end(first.turn, TurnEnd::Complete, "one").await.unwrap();
        let begun = futures::future::join_all((0..8).map(|_| t.begin_queued(c))).await;
        assert_eq!(begun.into_iter().filter(|result| matches!(result, Ok(Some(_)))).count(), 1);
    }

    async fn the_queue_has_an_end(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        for _ in 0..=QUEUE_MAX {
            t.send(ada, c, "more").await.unwrap();
        }
        let before = t.conversation(ada, c).await.unwrap();
        assert_eq!(conflict(&t.send(ada, c, "too much").await), "queue_full");
        let after = t.conversation(ada, c).await.unwrap();
        assert_eq!((before.seq, before.head), (after.seq, after.head));
    }

    async fn edits_and_new_replies_are_branches(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (q1, a1) = t.exchange(ada, c, "q1", "a1").await;
        let (q2, a2) = t.exchange(ada, c, "q2", "a2").await;
        let edited = t.edit(ada, q2.id, "q2 better").await.unwrap();
        let q2b = edited.message.clone().unwrap();
        assert_eq!((q2b.parent, edited.reply.parent), (Some(a1.id), Some(q2b.id)));
        let a2b = t.end(edited.turn, TurnEnd::Complete, "a2b").await.unwrap();
        let again = t.start(ada, NewTurnKind::Regenerate { message: a1.id }).await.unwrap();
        assert!(again.message.is_none() && again.reply.parts.is_empty());
        assert_eq!(again.reply.parent, Some(q1.id));
        assert_eq!(again.reply.position, again.reply.seq);
        let a1b = t.end(again.turn, TurnEnd::Stopped, "a1b so f").await.unwrap();
        assert_eq!(t.conversation(ada, c).await.unwrap().head, Some(a1b.id));
        // A new message follows the newest leaf, unless told what to follow.
        let (q3, _) = t.exchange(ada, c, "q3", "a3").await;
        assert_eq!(q3.parent, Some(a1b.id));
        let kind = NewTurnKind::Send {
            conversation: c, parent: Some(a2.id), client_id: t.client_id(), parts: text("q4"),
        };
        let started = t.start(ada, kind).await.unwrap();
        let ids = |path: Vec<Message>| path.iter().map(|message| message.id).collect::<Vec<_>>();
        let leaf = started.reply.id;
        let q4 = started.message.unwrap().id;
        assert_eq!(ids(t.path(ada, leaf, 99).await.unwrap()), [q1.id, a1.id, q2.id, a2.id, q4, leaf]);
        assert_eq!(ids(t.path(ada, leaf, 2).await.unwrap()), [q4, leaf]);
        assert_eq!(ids(t.path(ada, a2b.id, 99).await.unwrap()), [q1.id, a1.id, q2b.id, a2b.id]);
        let root = t.edit(ada, q1.id, "another root").await.unwrap();
        assert_eq!(root.message.unwrap().parent, None);
    }

    async fn a_reply_that_was_cut_goes_on_where_it_was(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        for end in [TurnEnd::Stopped, TurnEnd::Interrupted, TurnEnd::Failed] {
            let started = t.send(ada, c, "tell").await.unwrap();
            let cut = t.end(started.turn, end, "Once upon").await.unwrap();
            let on = t.start(ada, NewTurnKind::Continue { message: cut.id }).await.unwrap();
            assert_eq!((on.reply.parent, &on.reply.parts), (cut.parent, &text("Once upon")));
            assert_eq!(t.message(ada, on.reply.id).await.unwrap().parts, text("Once upon"));
            // A crash before its first checkpoint loses nothing of it.
            let reaped = t.reap_turns(Millis(i64::MAX)).await.unwrap();
            assert_eq!((reaped[0].id, &reaped[0].parts), (on.reply.id, &text("Once upon")));
        }
    }

    async fn what_cannot_branch_is_refused(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let (question, reply) = t.exchange(ada, c, "q", "a").await;
        let pending = t.send(ada, c, "q2").await.unwrap().reply;
        let regenerate = |message| t.start(ada, NewTurnKind::Regenerate { message });
        let go_on = |message| t.start(ada, NewTurnKind::Continue { message });
        assert_eq!(conflict(&regenerate(question.id).await), "not_a_reply");
        assert_eq!(conflict(&go_on(question.id).await), "not_a_reply");
        assert_eq!(conflict(&regenerate(pending.id).await), "running");
        assert_eq!(conflict(&go_on(pending.id).await), "running");
        assert_eq!(conflict(&go_on(reply.id).await), "complete");
        assert_eq!(conflict(&t.edit(ada, reply.id, "x").await), "not_yours");
        let elsewhere = t.conversation_of(ada).await;
        let (client_id, parts) = (t.client_id(), text("x"));
        let kind = NewTurnKind::Send { conversation: elsewhere, parent: Some(reply.id), client_id, parts };
        assert!(not_found(&t.start(ada, kind).await), "a parent of another conversation");
        assert_eq!(t.conversation(ada, elsewhere).await.unwrap().seq, Seq(0));
        assert_eq!(t.conversation(ada, c).await.unwrap().seq, Seq(5));
    }

    async fn reading_pages_and_changes(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        for n in 0..5 {
            t.exchange(ada, c, &format!("q{n}"), "a").await;
        }
        let running = t.send(ada, c, "last").await.unwrap();
        let all = t.page(ada, c, None, 100).await.unwrap();
        assert!(!all.more && all.items.len() == 12);
        assert!(all.items.is_sorted_by_key(|message| message.position));
        let (mut walked, mut before) = (Vec::new(), None);
        loop {
            let page = t.page(ada, c, before, 5).await.unwrap();
            before = page.items.first().map(|message| message.position);
            walked.splice(0..0, page.items);
            if !page.more { break }
        }
        assert_eq!(walked, all.items);
        let (mut changed, mut after) = (Vec::new(), Seq(0));
        loop {
            let page = t.since(ada, c, after, 5).await.unwrap();
            after = page.items.last().map_or(after, |message| message.seq);
            changed.extend(page.items);
            if !page.more { break }
        }
        assert!(changed.is_sorted_by_key(|message| message.seq));
        changed.sort_by_key(|message| message.position);
        assert_eq!(changed, all.items);
        assert_eq!(after, t.conversation(ada, c).await.unwrap().seq);
        assert!(t.since(ada, c, after, 5).await.unwrap().items.is_empty());
        let done = t.end(running.turn, TurnEnd::Complete, "done").await.unwrap();
        assert_eq!(t.since(ada, c, after, 5).await.unwrap().items, [done]);
    }

    async fn what_a_crash_left_is_closed_with_its_checkpoint(t) {
        let ada = t.person("ada").await;
        let (c, d) = (t.conversation_of(ada).await, t.conversation_of(ada).await);
        let lost = t.send(ada, c, "tell").await.unwrap();
        let waiting = t.send(ada, c, "then").await.unwrap();
        let usage = Usage { input: 4, output: 2, cached: 0 };
        let arguments = serde_json::json!({ "a": [1, "x\0y"], "n\0": 1.5 });
        let call = ToolCall::new(crate::wire::id::CallId("c".to_owned()), "sum", arguments);
        let parts = vec![Part::Text { text: "Once \0upon".to_owned() }, Part::ToolCall(call)];
        t.checkpoint(lost.turn, &parts, usage).await.unwrap();
        assert_eq!(t.conversation(ada, c).await.unwrap().seq, Seq(4), "a checkpoint is no change");
        t.clock.advance(LEASE_MS);
        let alive = t.send(ada, d, "alive").await.unwrap();
        assert!(t.reap_turns(t.clock.now()).await.unwrap().is_empty());
        t.clock.advance(1);
        let reaped = t.reap_turns(t.clock.now()).await.unwrap();
        assert_eq!(reaped.len(), 1);
        assert_eq!((reaped[0].id, reaped[0].status, reaped[0].seq), (lost.reply.id, Status::Interrupted, Seq(5)));
        assert_eq!(reaped[0].usage, Some(usage));
        assert_eq!(reaped[0].fault.as_ref().unwrap().kind, FaultKind::Interrupted);
        let Part::ToolCall(call) = &reaped[0].parts[1] else { panic!("the call is lost") };
        assert_eq!(call.arguments, serde_json::json!({ "a": [1, "xy"], "n": 1.5 }));
        assert_eq!(reaped[0].parts[0], text("Once upon")[0]);
        assert_eq!(t.message(ada, lost.reply.id).await.unwrap(), reaped[0]);
        assert_eq!(t.live_turns(d).await.unwrap()[0].id, alive.turn);
        assert_eq!(t.waiting_conversations().await.unwrap(), [c]);
        assert_eq!(t.begin_queued(c).await.unwrap().unwrap().id, waiting.turn);
    }

    async fn a_restart_loses_nothing(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        t.exchange(ada, c, "q", "a").await;
        let started = t.send(ada, c, "q2").await.unwrap();
        t.checkpoint(started.turn, &text("half"), Usage::default()).await.unwrap();
        let before = t.page(ada, c, None, 10).await.unwrap();
        t.reopen().await;
        assert_eq!(t.page(ada, c, None, 10).await.unwrap(), before);
        assert_eq!(t.reap_turns(Millis(i64::MAX)).await.unwrap()[0].parts, text("half"));
    }

    async fn nul_is_dropped_and_a_written_backslash_is_not(t) {
        let ada = t.person("ada").await;
        let c = t.conversation_of(ada).await;
        let started = t.send(ada, c, "a\0b \\u0000 c").await.unwrap();
        let stored = t.message(ada, started.message.clone().unwrap().id).await.unwrap();
        assert_eq!(stored.parts, text("ab \\u0000 c"));
        assert_eq!(started.message.unwrap(), stored);
        let reply = t.end(started.turn, TurnEnd::Complete, "\0\0").await.unwrap();
        assert_eq!(reply.parts, text(""));
        assert_eq!(t.room(ada, "a\0").await.unwrap(), t.room(ada, "a").await.unwrap());
        t.set_tool_policy(ada, None, "t\0", crate::wire::policy::Policy::Deny, "").await.unwrap();
        assert_eq!(t.tool_rules(ada, None).await.unwrap().always[0].tool, "t");
        assert!(t.search(ada, "a\0b", None, 10).await.is_ok());
    }
}
