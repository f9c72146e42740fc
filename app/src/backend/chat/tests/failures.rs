//! What goes wrong at the model and in tools.

use super::*;
use crate::{
    backend::{
        llm::{ChatRequest, Content},
        test::on_every_backend,
    },
    wire::message::FaultKind,
};

on_every_backend! {
    async fn tool_failures_are_answers_the_model_reads(t) {
        let w = World::new(t).await;
        let text = "script:\ntool boom {}\nbadtool look {oops\ntool nothing {}\ntool look {}\nsay went on";
        let started = w.send(&w.ann, text).await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.status, reply.text().as_str()), (Status::Complete, "went on"));
        let results = results(&reply);
        assert_eq!(results.iter().filter(|(failed, _)| *failed).count(), 3);
        assert!(results.iter().any(|(_, text)| text.contains("not JSON")));
        let request = w.script.requests().pop().unwrap();
        let sides: Vec<bool> = request.turns.iter().map(|t| t.assistant).collect();
        assert_eq!(sides, [false, true, false]);
        assert_eq!(request.turns[2].content.len(), 4);
    }

    async fn a_provider_that_fails_first_or_in_the_middle(t) {
        let w = World::new(t).await;
        w.script.push("fail overloaded secret detail");
        let started = w.send(&w.ann, "hello").await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.status, fault(&reply).kind), (Status::Failed, FaultKind::Overloaded));
        assert!(!fault(&reply).message.contains("secret"));
        w.script.push("put kept\ncut");
        let started = w.send(&w.ann, "hello").await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.status, reply.text().as_str(), fault(&reply).kind), (Status::Failed, "kept", FaultKind::Cut));
        w.script.push("say long\nstop max_tokens");
        let started = w.send(&w.ann, "hello").await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert!(fault(&reply).message.contains("1000 tokens") && !fault(&reply).retry, "{reply:?}");
        w.script.push("stop refusal");
        let started = w.send(&w.ann, "hello").await.unwrap();
        assert_eq!(fault(&w.settled(started.reply.id).await).kind, FaultKind::Refused);
        w.script.push("stop end_turn");
        let started = w.send(&w.ann, "hello").await.unwrap();
        assert_eq!(w.settled(started.reply.id).await.status, Status::Failed);
    }

    async fn too_long_is_tried_once_more_with_less(t) {
        let w = World::new(t).await;
        for n in 0..3 {
            let started = w.send(&w.ann, &format!("script:\nsay {n}")).await.unwrap();
            w.settled(started.reply.id).await;
        }
        w.script.push("fail too_long");
        w.script.push("say fits");
        let started = w.send(&w.ann, "hello").await.unwrap();
        assert_eq!(w.settled(started.reply.id).await.text(), "fits");
        let turns: Vec<usize> = w.script.requests().iter().rev().take(2).map(|r| r.turns.len()).collect();
        assert_eq!(turns, [3, 7]);
        // As often as there is something to leave out: half of it, and then all that came before.
        for _ in 0..3 {
            w.script.push("fail too_long");
        }
        let started = w.send(&w.ann, "hello").await.unwrap();
        assert_eq!(fault(&w.settled(started.reply.id).await).kind, FaultKind::TooLong);
        let turns: Vec<usize> = w.script.requests().iter().rev().take(3).map(|r| r.turns.len()).collect();
        assert_eq!(turns, [1, 3, 9]);
    }

    async fn too_long_is_tried_with_less_in_every_round_of_a_turn(t) {
        let w = World::with(t, Options { rounds: 3, ..quick() }).await;
        for n in 0..4 {
            let started = w.send(&w.ann, &format!("script:\nsay {n}")).await.unwrap();
            w.settled(started.reply.id).await;
        }
        for script in ["tool look {}", "fail too_long", "tool look {}", "fail too_long", "say fits"] {
            w.script.push(script);
        }
        let started = w.send(&w.ann, "hello").await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.text().as_str(), results(&reply).len()), ("fits", 2), "{reply:?}");
        let requests = w.script.requests();
        let turns: Vec<usize> = requests[requests.len() - 5..].iter().map(|r| r.turns.len()).collect();
        assert!(turns[2] < turns[1] && turns[4] < turns[3], "{turns:?}");
        let last = format!("{:?}", requests.last().unwrap().turns);
        assert!(last.contains("hello") && last.matches("look done").count() == 2, "{last}");
    }

    async fn what_a_turn_adds_round_by_round_is_made_to_fit_the_window(t) {
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", vec![tool("long", true)]);
        let w = World { chat, script, hub, ..World::new(t).await };
        for n in 0..3 {
            let text = format!("script:\nsay {n}\n# {}", "x".repeat(30_000));
            let started = w.send(&w.ann, &text).await.unwrap();
            w.settled(started.reply.id).await;
        }
        for _ in 0..12 {
            w.script.push("tool long {}");
        }
        w.script.push("say done");
        let started = w.send(&w.ann, "hello").await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.status, reply.text().as_str(), results(&reply).len()), (Status::Complete, "done", 12));
        // About what fits: 100000 tokens, of which 1000 are for the reply.
        let requests = w.script.requests();
        let told = |request: &ChatRequest| format!("{:?}", request.turns);
        for (round, request) in requests.iter().rev().take(13).rev().enumerate() {
            let text = told(request);
            assert!(text.len() < 99_000 * 4 && text.contains("hello"), "{}", text.len());
            let pieces = request.turns.iter().flat_map(|turn| &turn.content);
            assert_eq!(pieces.filter(|piece| matches!(piece, Content::ToolCall(_))).count(), round);
        }
        assert!(told(&requests[4]).contains("# xxxx") && !told(&requests[15]).contains("# xxxx"), "what came before goes");
        let left_out = told(&requests[15]).matches("This result was left out").count();
        assert!((1..12).contains(&left_out), "the oldest of its own give way: {left_out}");
    }

    async fn rounds_are_bounded(t) {
        let w = World::with(t, Options { rounds: 2, ..quick() }).await;
        for _ in 0..5 {
            w.script.push("tool look {}");
        }
        let started = w.send(&w.ann, "go").await.unwrap();
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.status, fault(&reply).kind), (Status::Failed, FaultKind::TooManyRounds));
        assert_eq!((w.script.requests().len(), results(&reply).len()), (2, 2));
        let ids: HashSet<_> = reply.parts.iter().filter_map(|p| if let Part::ToolCall(c) = p { Some(c.id.clone()) } else { None }).collect();
        assert_eq!(ids.len(), 2);
    }
}
