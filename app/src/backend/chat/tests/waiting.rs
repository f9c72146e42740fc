//! Questions that outlive the process: asked again, answered from any tab, lapsed, stopped.

use super::{
    approvals::{ASKS, asked},
    *,
};
use crate::{
    backend::{store::turns::LEASE_MS, test::on_every_backend, tools::attachments},
    wire::{
        id::CallId,
        message::TurnState,
        tool::{Approval, ToolCall},
    },
};

const TWO: &str =
    "script:\nsay first\ntool look {}\nsay second\ntool write {}\ntool note {\"text\": \"mine\"}\nsay third\necho";

/// The next process on the same database, with those tools.
pub(super) async fn restarted(t: &TestStore, w: World, options: Options, tools: Vec<Arc<dyn Tool>>) -> World {
    let (chat, script, hub) = chat_with(t, options, "scripted/test", tools);
    let w = World { chat, script, hub, ..w };
    w.chat.recover().await;
    w
}

/// The calls that ask in the room, by their tools' names.
fn asking(w: &World) -> HashMap<String, (TurnId, CallId)> {
    let live = w.chat.live(w.room);
    let open = |turn: &TurnSnapshot, call: &ToolCall| {
        turn.open_calls.iter().any(|open| open.call == call.id && matches!(open.state, ToolState::Asked { .. }))
    };
    let calls = live.iter().flat_map(|turn| turn.parts.iter().map(move |part| (turn, part)));
    calls
        .filter_map(|(turn, part)| match part {
            Part::ToolCall(call) if open(turn, call) => Some((call.name.clone(), (turn.turn, call.id.clone()))),
            _ => None,
        })
        .collect()
}

async fn decide(w: &World, tool: &str, approval: Approval) {
    let (turn, call) = asking(w)[tool].clone();
    w.chat.decide(&w.ann, turn, &call, approval, None).await.unwrap();
}

on_every_backend! {
    async fn a_question_survives_a_crash_and_its_answer_goes_on_with_the_turn(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, TWO).await.unwrap();
        let waiting = w.send(&w.ann, "script:\nsay next").await.unwrap();
        asked(&mut tab).await;
        // Whoever sees the question may rely on it: it is stored. The first process is gone from here on.
        let w = restarted(t, w, quick(), tools()).await;
        let live = w.chat.live(w.room);
        assert_eq!(live.iter().map(|turn| (turn.turn, turn.state)).collect::<Vec<_>>(), [
            (started.turn, TurnState::Asking),
            (waiting.turn, TurnState::Queued),
        ]);
        let (mut a, mut b) = (w.tab().await, w.tab().await);
        assert_eq!(asking(&w).len(), 2);
        let (turn, call) = asking(&w)["write"].clone();
        b.say(ClientEvent::Decide { turn, call, approval: Approval::Once, arguments: None });
        for tab in [&mut b, &mut a] {
            tab.until(|e| matches!(e, ChatEvent::Tool { state: ToolState::Done { .. }, .. })).await;
        }
        let (turn, call) = asking(&w)["note"].clone();
        let arguments = Some(json!({"text": "ours"}));
        b.say(ClientEvent::Decide { turn, call, approval: Approval::Once, arguments });
        let reply = b.ended(started.turn).await;
        assert_eq!(a.ended(started.turn).await, reply);
        assert_eq!(reply.status, Status::Complete);
        let said: Vec<String> = results(&reply).into_iter().map(|(_, text)| text).collect();
        assert_eq!(said, ["look done", "write done", "ours"]);
        assert!(reply.text().starts_with("first") && reply.text().contains("second") && reply.text().contains("third"));
        // The model was asked on with all that had been said, each call followed by its result.
        let request = w.script.requests().remove(0);
        let sides: Vec<bool> = request.turns.iter().map(|turn| turn.assistant).collect();
        assert_eq!(sides, [false, true, false, true, false]);
        assert!(format!("{:?}", request.turns[4]).contains("The person changed the arguments to"));
        assert_eq!(w.settled(waiting.reply.id).await.text(), "next", "what waited behind it comes next");
    }

    async fn a_drain_does_not_wait_for_answers_and_keeps_the_questions(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, ASKS).await.unwrap();
        asked(&mut tab).await;
        let began = std::time::Instant::now();
        w.chat.drain(PATIENCE).await;
        assert!(began.elapsed() < PATIENCE / 2, "nobody would have answered");
        assert_eq!(tab.bye().await, Some(ByeReason::Draining));
        assert_eq!(t.message(w.ann.user, started.reply.id).await.unwrap().status, Status::Pending);
        let w = restarted(t, w, quick(), tools()).await;
        let mut tab = w.tab().await;
        decide(&w, "write", Approval::Deny).await;
        let reply = tab.ended(started.turn).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("denied this call")));
        assert_eq!(reply.status, Status::Complete);
    }

    async fn calls_that_were_at_work_are_cut_off_and_the_questions_beside_them_kept(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ntool hang {}\ntool look {}\ntool write {}\nsay on").await.unwrap();
        asked(&mut tab).await;
        tab.until(|e| matches!(e, ChatEvent::Tool { state: ToolState::Done { .. }, .. })).await;
        w.chat.drain(Duration::from_millis(50)).await;
        let w = restarted(t, w, quick(), tools()).await;
        let mut tab = w.tab().await;
        decide(&w, "write", Approval::Once).await;
        let reply = tab.ended(started.turn).await;
        let said: Vec<String> = results(&reply).into_iter().map(|(_, text)| text).collect();
        assert_eq!(said, ["look done", "The server was restarted before it finished.", "write done"]);
        assert_eq!((reply.text().as_str(), reply.status), ("on", Status::Complete));
    }

    async fn questions_lapse_by_the_clock_also_while_nothing_runs(t) {
        let options = Options { approval: Duration::from_hours(1), ..quick() };
        let w = World::with(t, options).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, ASKS).await.unwrap();
        asked(&mut tab).await;
        w.clock.advance(3_599_999);
        assert_eq!(asking(&w).len(), 1);
        w.clock.advance(1);
        let reply = tab.ended(started.turn).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("Nobody answered")));
        assert!(reply.text().contains("Nobody answered"), "the model is told");

        let started = w.send(&w.ann, ASKS).await.unwrap();
        asked(&mut tab).await;
        w.chat.drain(PATIENCE).await;
        w.clock.advance(3_600_000 + LEASE_MS);
        let w = restarted(t, w, options, tools()).await;
        let reply = w.settled(started.reply.id).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("Nobody answered")));
        assert_eq!(reply.status, Status::Complete);
    }

    async fn stop_ends_a_turn_that_waited_through_a_restart(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, ASKS).await.unwrap();
        asked(&mut tab).await;
        w.chat.drain(PATIENCE).await;
        let w = restarted(t, w, quick(), tools()).await;
        let mut tab = w.tab().await;
        w.chat.stop(&w.ann, started.turn).await.unwrap();
        assert_eq!(tab.ended(started.turn).await.status, Status::Stopped);
        let w = restarted(t, w, quick(), tools()).await;
        assert!(w.chat.live(w.room).is_empty(), "it is over for good");
    }

    async fn a_tool_that_changed_or_went_meanwhile_is_looked_at_again(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ntool note {\"text\": \"mine\"}\ntool write {}\nsay on").await.unwrap();
        asked(&mut tab).await;
        w.chat.drain(PATIENCE).await;
        let changed = vec![note("Notes a text, and sends it to strangers.")];
        let w = restarted(t, w, quick(), changed).await;
        let mut tab = w.tab().await;
        let (turn, call) = asking(&w)["note"].clone();
        let refused = w.chat.decide(&w.ann, turn, &call, Approval::Always, None).await;
        assert!(matches!(refused, Err(ChatError::Refused(ApiError::Conflict { .. }))), "{refused:?}");
        assert!(t.tool_rules(w.ann.user, None).await.unwrap().always.is_empty(), "nothing was kept of it");
        tab.until(|e| matches!(e, ChatEvent::Tool { state: ToolState::Asked { question: Some(q), .. }, .. }
            if q.why == crate::wire::policy::Why::Changed)).await;
        decide(&w, "note", Approval::Once).await;
        let (turn, call) = asking(&w)["write"].clone();
        let gone = w.chat.decide(&w.ann, turn, &call, Approval::Once, None).await;
        assert!(matches!(gone, Err(ChatError::Refused(ApiError::Conflict { .. }))), "{gone:?}");
        decide(&w, "write", Approval::Deny).await;
        let reply = tab.ended(started.turn).await;
        let mut said = results(&reply);
        said.sort();
        assert!(matches!(&said[..], [(false, note), (true, write)] if note == "mine" && write.contains("denied")));
    }

    async fn a_reply_that_goes_on_and_asks_goes_on_after_the_restart(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.script.push("put half a \nhang");
        let first = w.send(&w.ann, "please").await.unwrap();
        tab.until(|e| matches!(e, ChatEvent::Delta { .. })).await;
        w.chat.stop(&w.ann, first.turn).await.unwrap();
        tab.ended(first.turn).await;
        w.script.push("put sentence.\ntool write {}");
        let more = w.chat.continue_reply(&w.ann, first.reply.id).await.unwrap();
        asked(&mut tab).await;
        w.chat.drain(PATIENCE).await;
        let w = restarted(t, w, quick(), tools()).await;
        let mut tab = w.tab().await;
        w.script.push("put  Done.");
        decide(&w, "write", Approval::Once).await;
        let reply = tab.ended(more.turn).await;
        assert!(reply.text().starts_with("half a") && reply.text().contains("sentence."), "{}", reply.text());
        let request = w.script.requests().pop().unwrap();
        let sides: Vec<bool> = request.turns.iter().map(|turn| turn.assistant).collect();
        assert_eq!(sides, [false, true, false, true, false], "what it began with, «go on», the call, its result");
        assert!(format!("{:?}", request.turns[2]).contains("cut off"));
    }

    async fn what_a_call_leaves_to_read_on_in_after_the_restart_is_offered_to_be_read(t) {
        let all = || [vec![tool("long", false)], attachments::tools()].concat();
        let reads = |w: &World| w.script.requests()[0].tools.iter().any(|spec| spec.name == attachments::READ);
        let w = World::new(t).await;
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", all());
        let w = World { chat, script, hub, ..w };
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ntool long {}\nsay on").await.unwrap();
        asked(&mut tab).await;
        assert!(!reads(&w), "there is nothing to read yet");
        w.chat.drain(PATIENCE).await;
        let w = restarted(t, w, quick(), all()).await;
        let mut tab = w.tab().await;
        decide(&w, "long", Approval::Once).await;
        assert_eq!(tab.ended(started.turn).await.text(), "on");
        assert!(reads(&w), "in the first request after it");
    }

    async fn rounds_before_the_restart_count(t) {
        let options = Options { rounds: 2, ..quick() };
        let w = World::with(t, options).await;
        let mut tab = w.tab().await;
        w.script.push("tool look {}");
        w.script.push("tool write {}");
        let started = w.send(&w.ann, "please").await.unwrap();
        asked(&mut tab).await;
        w.chat.drain(PATIENCE).await;
        let w = restarted(t, w, options, tools()).await;
        let mut tab = w.tab().await;
        decide(&w, "write", Approval::Once).await;
        let reply = tab.ended(started.turn).await;
        assert_eq!((reply.status, fault(&reply).kind), (Status::Failed, crate::wire::message::FaultKind::TooManyRounds));
    }

    async fn whose_conversation_is_gone_is_interrupted(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\nsay kept\ntool write {}").await.unwrap();
        asked(&mut tab).await;
        w.chat.drain(PATIENCE).await;
        t.delete_conversation(w.ann.user, w.room).await.unwrap();
        let w = restarted(t, w, quick(), tools()).await;
        assert!(w.chat.live(w.room).is_empty());
        t.restore_conversation(w.ann.user, w.room).await.unwrap();
        let reply = t.message(w.ann.user, started.reply.id).await.unwrap();
        assert_eq!((reply.status, reply.text().trim_end()), (Status::Interrupted, "kept"));
    }

    async fn two_answers_at_once_are_one(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        let answers = (0..8).map(|n| {
            let approval = if n % 2 == 0 { Approval::Once } else { Approval::Deny };
            w.chat.decide(&w.ann, turn, &call, approval, None)
        });
        let answers = futures::future::join_all(answers).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(results(&tab.ended(turn).await).len(), 1);
    }
}

#[tokio::test]
async fn a_question_that_cannot_be_kept_is_not_asked_and_its_call_denied() {
    let t = TestStore::sqlite().await;
    let w = World::new(&t).await;
    let mut tab = w.tab().await;
    t.sql("CREATE TRIGGER full BEFORE UPDATE OF waiting ON turns WHEN NEW.waiting IS NOT NULL BEGIN SELECT RAISE(ABORT, 'full'); END").await.unwrap();
    let started = w.send(&w.ann, ASKS).await.unwrap();
    let reply = tab.ended(started.turn).await;
    assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("the question cannot be kept")));
    assert_eq!(reply.status, Status::Complete);
    t.discard().await;
}
