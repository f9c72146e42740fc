//! What goes wrong at the model and in tools.

use super::*;
use crate::{backend::test::on_every_backend, wire::message::FaultKind};

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
        assert!(fault(&w.settled(started.reply.id).await).message.contains("1000 tokens"));
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
        w.script.push("fail too_long");
        w.script.push("fail too_long");
        let started = w.send(&w.ann, "hello").await.unwrap();
        assert_eq!(fault(&w.settled(started.reply.id).await).kind, FaultKind::TooLong);
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
