//! What programs' tools do: given up at any moment, they leave nothing behind that nobody waits for.

use super::{
    approvals::{ASKS, asked},
    waiting::restarted,
    *,
};
use crate::{
    backend::{
        chat::Programs,
        test::on_every_backend,
        tools::{
            policy::definition,
            sending::{Conversing, Words},
        },
    },
    wire::{
        policy::Policy,
        tool::{Approval, ToolServer},
    },
};

const LOOKS: &str = "script:\ntool look {}\necho";

/// Ann, by a token that was made for these scopes.
fn by_token(w: &World, scopes: &str) -> Caller {
    Caller { via: Via::Token(w.clock.id(), scopes.parse().unwrap()), ..w.ann.clone() }
}

/// Whether the reply's only call was refused for its scope.
fn was_out_of_scope(reply: &Message, scope: &str) -> bool {
    let wanted = format!("the scope `{scope}`");
    matches!(&results(reply)[..], [(true, told)] if told.contains("its token is not for that") && told.contains(&wanted))
}

on_every_backend! {
    async fn a_reply_that_a_program_asked_for_uses_what_its_token_is_for_and_no_more(t) {
        let w = World::new(t).await;
        // Whatever Ann said of it for good.
        t.set_tool_policy(w.ann.user, None, "write", Policy::Allow, &definition(&spec("write", false))).await.unwrap();
        for (scopes, text, lacks) in [
            ("run", LOOKS, Some("read")),
            ("read run", LOOKS, None),
            ("read run", ASKS, Some("write")),
            ("write run", ASKS, None),
            ("write run", LOOKS, Some("read")),
        ] {
            let started = w.send(&by_token(&w, scopes), text).await.unwrap();
            let reply = w.settled(started.reply.id).await;
            match lacks {
                Some(scope) => assert!(was_out_of_scope(&reply, scope), "{scopes}: {reply:?}"),
                None => assert!(!results(&reply)[0].0, "{scopes}: {reply:?}"),
            }
        }
        let rows = t.tool_calls(w.ann.user, None, 100).await.unwrap().items;
        let refused = rows.iter().filter(|row| row.rule == crate::wire::policy::Rule::Scope).count();
        assert_eq!(refused, 3, "{rows:?}");
        // Made anew by herself, it is hers.
        let started = w.send(&by_token(&w, "run"), LOOKS).await.unwrap();
        let reply = w.settled(started.reply.id).await;
        let again = w.chat.regenerate(&w.ann, reply.id, None).await.unwrap();
        assert!(!results(&w.settled(again.reply.id).await)[0].0);
    }

    async fn the_model_of_such_a_reply_is_told_of_those_tools_only(t) {
        let mut all = tools();
        // It claims to stay within its server, which is another machine all the same.
        let server = ToolServer { id: "s1".to_owned(), name: "Notes".to_owned(), trusted: false };
        all.push(Arc::new(Trick(Arc::new(ToolSpec { server: Some(server), ..spec("fetch", true) }))));
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", all);
        let w = World { chat, script, hub, ..World::new(t).await };
        for (scopes, wanted) in [
            ("run", "fetch"),
            ("read run", "look diary boom hang fetch"),
            ("write run", "write note fetch"),
            ("read write run", "look write diary boom hang note fetch"),
        ] {
            let started = w.send(&by_token(&w, scopes), "script:\nsay hi").await.unwrap();
            w.settled(started.reply.id).await;
            let request = w.script.requests().pop().unwrap();
            let told: Vec<&str> = request.tools.iter().map(|spec| spec.name.as_str()).collect();
            assert_eq!(told.join(" "), wanted, "{scopes}");
        }
        // What its server's tool does is asked about, and not refused for a scope.
        let mut tab = w.tab().await;
        w.send(&by_token(&w, "run"), "script:\ntool fetch {}\necho").await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        w.chat.decide(&w.ann, turn, &call, Approval::Once, None).await.unwrap();
        assert_eq!(results(&tab.ended(turn).await), [(false, "fetch done".to_owned())]);
    }

    async fn a_program_s_turn_keeps_its_scopes_in_the_queue_and_over_a_restart(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let writes = w.send(&by_token(&w, "write run"), ASKS).await.unwrap();
        let (_, call) = asked(&mut tab).await;
        let queued = w.send(&by_token(&w, "run"), LOOKS).await.unwrap();
        let hers = w.send(&w.ann, LOOKS).await.unwrap();
        let waiting = t.suspended_turns().await.unwrap();
        assert_eq!(waiting[0].row.scopes, Some("write run".parse().unwrap()));
        let w = restarted(t, w, quick(), tools()).await;
        w.chat.decide(&w.ann, writes.turn, &call, Approval::Once, None).await.unwrap();
        assert_eq!(results(&w.settled(writes.reply.id).await), [(false, "write done".to_owned())]);
        assert!(was_out_of_scope(&w.settled(queued.reply.id).await, "read"));
        assert!(!results(&w.settled(hers.reply.id).await)[0].0);
    }

    async fn a_message_given_up_while_it_is_said_is_said_and_its_reply_stops(t) {
        let w = World::new(t).await;
        let programs = Programs(Arc::clone(&w.chat));
        let key = t.clock.id();
        let words = Words { conversation: w.room, key, text: "script:\nhang".to_owned(), model: None };
        let mut saying = programs.say(&w.ann, words);
        assert!(futures::poll!(&mut saying).is_pending());
        drop(saying);
        let reply = loop {
            match t.said(w.ann.user, w.room, key).await {
                Ok((_, reply)) if reply.status != Status::Pending => break reply,
                Ok(_) | Err(StoreError::NotFound) => tokio::time::sleep(Duration::from_millis(5)).await,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(reply.status, Status::Stopped);
    }
}
