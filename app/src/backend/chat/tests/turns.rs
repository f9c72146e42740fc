//! Streaming, stopping, queueing, joining late, going on, titles.

use super::*;
use crate::{backend::test::on_every_backend, wire::message::Usage};
use proptest::prelude::*;

on_every_backend! {
    async fn two_tabs_see_the_same(t) {
        let w = World::new(t).await;
        let (mut a, mut b) = (w.tab().await, w.tab().await);
        let key = w.key();
        a.say(ClientEvent::Send {
            client_id: key, conversation: w.room, parent: None, model: None, files: Vec::new(),
            references: Vec::new(),
            text: "script:\nthink hm\nsay one two three\ntool look {}\nsay four".to_owned(),
        });
        for tab in [&mut a, &mut b] {
            let ended = tab.until(|e| matches!(e, ChatEvent::TurnEnded { .. })).await;
            assert!(matches!(*ended, ChatEvent::TurnEnded { end: TurnEnd::Complete, .. }));
        }
        assert_eq!(a.messages, b.messages);
        assert!(a.messages.values().any(|m| m.client_id == Some(key)));
        let reply = a.messages.values().find(|m| m.role == Role::Assistant).unwrap();
        assert_eq!((reply.text().as_str(), reply.status), ("one two three\n\nfour", Status::Complete));
        assert_eq!(results(reply), [(false, "look done".to_owned())]);
        let titles: Vec<&str> = reply.parts.iter().filter_map(|p| if let Part::ToolCall(c) = p { Some(&*c.title) } else { None }).collect();
        assert_eq!(titles, ["The look"]);
        assert!(matches!(&reply.parts[0], Part::Thinking { signature: Some(_), .. }));
        assert!(reply.usage.unwrap().output > 4);
    }

    async fn stop_keeps_the_text_and_drops_the_provider(t) {
        let w = World::new(t).await;
        let (mut a, mut b) = (w.tab().await, w.tab().await);
        let turn = w.send(&w.ann, "script:\nput hello\nhang").await.unwrap().turn;
        a.until(|e| matches!(e, ChatEvent::Delta { .. })).await;
        assert_eq!(w.script.live(), 1);
        b.say(ClientEvent::Stop { turn });
        let reply = b.ended(turn).await;
        assert_eq!((reply.text().as_str(), reply.status), ("hello", Status::Stopped));
        assert_eq!(w.script.live(), 0);
        assert_eq!(a.ended(turn).await, reply);
    }

    async fn stop_ends_a_tool(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let turn = w.send(&w.ann, "script:\nput a\ntool hang {}").await.unwrap().turn;
        let half = |e: &ChatEvent| matches!(e, ChatEvent::Tool { state: ToolState::Running { progress: Some(_), .. }, .. });
        tab.until(half).await;
        w.chat.stop(&w.ann, turn).await.unwrap();
        let reply = tab.ended(turn).await;
        assert_eq!(reply.status, Status::Stopped);
        assert_eq!(results(&reply), [(true, "It was stopped before it finished.".to_owned())]);
    }

    async fn a_queue_is_answered_in_order(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let first = w.send(&w.ann, "script:\ngate go\nsay first").await.unwrap();
        let second = w.send(&w.ann, "script:\nsay second").await.unwrap();
        let third = w.send(&w.ann, "script:\nsay third").await.unwrap();
        let fourth = w.send(&w.ann, "script:\nsay fourth").await.unwrap();
        assert_eq!([&first, &second, &third].map(|s| s.running), [true, false, false]);
        assert_eq!(w.chat.live(w.room).iter().map(|t| t.turn).collect::<Vec<_>>(), [first.turn, second.turn, third.turn, fourth.turn]);
        w.chat.stop(&w.ann, third.turn).await.unwrap();
        let stopped = tab.ended(third.turn).await;
        assert_eq!((stopped.status, stopped.parts.len()), (Status::Stopped, 0));
        w.script.open("go");
        let mut order = Vec::new();
        while order.len() < 3 {
            if let ChatEvent::TurnEnded { turn, .. } = &*tab.until(|e| matches!(e, ChatEvent::TurnEnded { .. })).await {
                order.push(*turn);
            }
        }
        assert_eq!(order, [first.turn, second.turn, fourth.turn]);
        assert_eq!(w.script.requests().len(), 3);
        assert!(w.chat.live(w.room).is_empty());
    }

    async fn many_senders_at_once_are_all_answered(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let w = &w;
        let sent = futures::future::join_all((0..20).map(|n| async move { w.send(&w.ann, &format!("script:\nsay {n}")).await }.boxed())).await;
        let mut left: HashSet<TurnId> = sent.into_iter().map(|s| s.unwrap().turn).collect();
        while !left.is_empty() {
            if let ChatEvent::TurnEnded { turn, .. } = &*tab.next().await.unwrap() {
                left.remove(turn);
            }
        }
        assert!(w.chat.live(w.room).is_empty());
    }

    async fn tabs_join_at_any_moment(t) {
        let w = World::new(t).await;
        let started = w.send(&w.ann, "script:\nrepeat 3000 слово\nwait 1\ntool look {}\nrepeat 3000 word\nwait 1\nsay end").await.unwrap();
        let joiners = (0..12).map(|n| {
            let (chat, by, room) = (Arc::clone(&w.chat), w.ann.clone(), w.room);
            async move {
                tokio::time::sleep(Duration::from_millis(n)).await;
                let mut tab = Tab::connect(&chat, &by);
                tab.hello(Some(room)).await;
                while tab.messages.values().find(|m| m.turn == Some(started.turn)).is_none_or(|m| m.status == Status::Pending) {
                    tab.next().await.unwrap();
                }
                tab.messages[&started.reply.id].clone()
            }.boxed()
        });
        let replies = futures::future::join_all(joiners).await;
        let stored = w.settled(started.reply.id).await;
        assert!(replies.iter().all(|reply| *reply == stored));
    }

    async fn a_tab_that_does_not_read_is_brought_up(t) {
        let w = World::with(t, Options { frame: Duration::ZERO, ..quick() }).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\nrepeat 1500 word\ngate go\nrepeat 5 end").await.unwrap();
        w.script.reached("go").await;
        tab.until(|e| matches!(e, ChatEvent::Ready { .. })).await;
        w.script.open("go");
        let reply = tab.ended(started.turn).await;
        assert_eq!(reply, w.settled(started.reply.id).await);
    }

    async fn edit_and_regenerate_make_branches(t) {
        let w = World::new(t).await;
        let first = w.send(&w.ann, "script:\nsay one").await.unwrap();
        w.settled(first.reply.id).await;
        let again = w.chat.regenerate(&w.ann, first.reply.id, None).await.unwrap();
        assert_eq!(again.reply.parent, first.reply.parent);
        assert_eq!(w.settled(again.reply.id).await.text(), "one");
        let message = first.message.unwrap();
        let edited = w.chat.edit(&w.ann, message.id, w.key(), "script:\nsay two".to_owned(), None).await.unwrap();
        assert_eq!(edited.message.unwrap().parent, message.parent);
        assert_eq!(w.settled(edited.reply.id).await.text(), "two");
        assert_eq!(w.script.requests().last().unwrap().turns.len(), 1);
    }

    async fn a_crash_keeps_the_text_which_can_be_continued(t) {
        let w = World::new(t).await;
        let first = w.send(&w.ann, "script:\nput half a \nhang").await.unwrap();
        let waiting = w.send(&w.ann, "script:\nsay next").await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (after, script, hub) = chat(t, quick());
        let w = World { chat: after, script, hub, ..w };
        w.chat.recover().await;
        let reply = w.settled(first.reply.id).await;
        assert_eq!((reply.text().trim_end(), reply.status), ("half a", Status::Interrupted));
        assert_eq!(w.settled(waiting.reply.id).await.text(), "next");
        w.script.push("put sentence.");
        let more = w.chat.continue_reply(&w.ann, first.reply.id).await.unwrap();
        let whole = w.settled(more.reply.id).await;
        assert_eq!(whole.text().replace("  ", " "), format!("{}sentence.", reply.text()).replace("  ", " "));
        let request = w.script.requests().pop().unwrap();
        let sides: Vec<bool> = request.turns.iter().map(|t| t.assistant).collect();
        assert_eq!(sides, [false, true, false]);
    }

    async fn after_a_crash_everything_that_waits_is_answered(t) {
        let w = World::new(t).await;
        w.script.push("hang");
        w.send(&w.ann, "hello").await.unwrap();
        let mut waiting = Vec::new();
        for _ in 0..4 {
            waiting.push(w.send(&w.ann, "hello").await.unwrap());
        }
        let (after, script, hub) = chat(t, quick());
        let w = World { chat: after, script, hub, ..w };
        (0..4).for_each(|n| w.script.push(format!("say {n}")));
        w.chat.recover().await;
        for (n, started) in waiting.iter().enumerate() {
            assert_eq!(w.settled(started.reply.id).await.text(), n.to_string());
        }
    }

    async fn what_was_sent_is_answered_though_whoever_sent_it_left_at_once(t) {
        let w = World::new(t).await;
        for polls in 1..8 {
            let mut tab = w.tab().await;
            let mut sending = Box::pin(w.send(&w.ann, "script:\nsay here"));
            for _ in 0..polls {
                if futures::poll!(&mut sending).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(sending);
            tab.until(|e| matches!(e, ChatEvent::TurnEnded { .. })).await;
            let newest = t.page(w.ann.user, w.room, None, 1).await.unwrap().items.remove(0);
            assert_eq!((newest.text().as_str(), newest.status), ("here", Status::Complete));
        }
    }

    async fn the_first_reply_gives_the_title(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, "## How do I bake bread?\nPlease.").await.unwrap();
        tab.until(|e| matches!(e, ChatEvent::Conversation { summary } if summary.title == "How do I bake bread?")).await;
    }

    async fn a_model_is_asked_for_the_title_and_what_that_costs_is_counted(t) {
        let w = World::new(t).await;
        let (chat, script, hub) = chat_by(t, quick(), "vendor/test");
        let mut w = World { chat, script, hub, ..w };
        for (title, cost, then) in [
            ("say «Bread, baked»", Usage { input: 300, output: 9, cached: 20 }, "Bread, baked"),
            ("fail overloaded", Usage::default(), "How do I bake?"),
        ] {
            w.room = t.create_conversation(w.ann.user, "").await.unwrap().id;
            let (before, turns) = t.usage(w.ann.user, Millis(0)).await.unwrap();
            let mut tab = w.tab().await;
            w.script.push("say With flour.\nusage 40 2 1");
            let Usage { input, output, cached } = cost;
            w.script.push(format!("usage {input} {output} {cached}\n{title}"));
            let started = w.send(&w.ann, "How do I bake?").await.unwrap();
            tab.until(|e| matches!(e, ChatEvent::Conversation { summary } if summary.title == then)).await;
            let mut sum = before;
            sum += Usage { input: 40, output: 2, cached: 1 };
            sum += cost;
            assert_eq!(t.usage(w.ann.user, Millis(0)).await.unwrap(), (sum, turns + 1));
            let reply = t.message(w.ann.user, started.reply.id).await.unwrap();
            assert_eq!(reply.usage, Some(Usage { input: 40, output: 2, cached: 1 }), "the reply's own");
        }
        let asked = w.script.requests();
        assert_eq!((asked.len(), asked[1].tools.len(), asked[1].turns.len()), (4, 0, 1));
    }

    async fn a_drain_interrupts_what_does_not_end(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\nput kept\nhang").await.unwrap();
        tab.until(|e| matches!(e, ChatEvent::Delta { .. })).await;
        w.chat.drain(Duration::from_millis(50)).await;
        assert_eq!(tab.bye().await, Some(ByeReason::Draining));
        let reply = w.settled(started.reply.id).await;
        assert_eq!((reply.text().as_str(), reply.status), ("kept", Status::Interrupted));
        assert!(fault(&reply).retry);
        assert!(matches!(w.send(&w.ann, "more").await, Err(ChatError::Refused(ApiError::Unavailable))));
    }

    async fn a_drain_lets_short_replies_end(t) {
        let w = World::new(t).await;
        let started = w.send(&w.ann, "script:\nwait 50\nsay whole").await.unwrap();
        w.chat.drain(PATIENCE).await;
        assert_eq!(w.settled(started.reply.id).await.status, Status::Complete);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn a_late_tab_has_every_byte_once(
        words in prop::collection::vec("[a-zяö🦀]{1,4}", 1..12),
        joins in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let t = TestStore::sqlite().await;
            let w = World::with(&t, Options { frame: Duration::ZERO, ..quick() }).await;
            let script = words.iter().fold(String::new(), |script, word| script + "\nput " + word + "\ngate g");
            let started = w.send(&w.ann, &format!("script:{script}")).await.unwrap();
            let at: HashSet<usize> = joins.iter().map(|join| join.index(words.len())).collect();
            let mut tabs = Vec::new();
            for n in 0..words.len() {
                w.script.reached("g").await;
                if at.contains(&n) {
                    tabs.push(w.tab().await);
                    // Saying hello again catches up with nothing twice.
                    tabs[0].hello(Some(w.room)).await;
                }
                w.script.open("g");
            }
            for tab in &mut tabs {
                assert_eq!(tab.ended(started.turn).await.text(), words.concat());
            }
            t.close().await;
        });
    }
}
