//! What people, administrators and the database have to say about a turn's calls.

use super::{
    approvals::{ASKS, asked},
    *,
};
use crate::{
    backend::test::on_every_backend,
    wire::{
        account::Username,
        policy::{CallEnd, CallRow, CalledBy, FloorKind, Policy, Question, Rule, Why},
        tool::{Approval, ToolServer},
    },
};

const NOTE: &str = "script:\ntool note {\"text\": \"mine\"}\necho";

/// The question of the call that asks in the room.
fn question(w: &World) -> Question {
    let live = w.chat.live(w.room);
    match &live[0].open_calls[0].state {
        ToolState::Asked { question, .. } => question.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// What is recorded of the room's calls on Ann's behalf, oldest first.
async fn record(w: &World) -> Vec<CallRow> {
    let mut rows = w.chat.store.tool_calls(w.ann.user, None, 100).await.unwrap().items;
    rows.reverse();
    rows
}

fn told(rows: &[CallRow]) -> Vec<(&str, Rule, CallEnd)> {
    rows.iter().map(|row| (row.tool.as_str(), row.rule, row.end)).collect()
}

async fn root(t: &TestStore) -> UserId {
    t.create_user(&Username::parse("root").unwrap(), "no password", true).await.unwrap().id
}

/// Asks, and has it answered.
async fn answered(w: &World, tab: &mut Tab, text: &str, approval: Approval) -> Message {
    w.send(&w.ann, text).await.unwrap();
    let (turn, call) = asked(tab).await;
    w.chat.decide(&w.ann, turn, &call, approval, None).await.unwrap();
    tab.ended(turn).await
}

on_every_backend! {
    async fn a_word_reaches_as_far_as_it_says(t) {
        let mut w = World::new(t).await;
        let mut tab = w.tab().await;
        answered(&w, &mut tab, ASKS, Approval::Conversation).await;
        let again = w.send(&w.ann, ASKS).await.unwrap();
        assert_eq!(results(&tab.ended(again.turn).await), [(false, "write done".to_owned())], "unasked in this one");
        let first = w.room;
        w.room = t.create_conversation(w.ann.user, "").await.unwrap().id;
        let mut other = w.tab().await;
        let reply = answered(&w, &mut other, ASKS, Approval::DenyConversation).await;
        assert!(results(&reply)[0].1.contains("denied this call"));
        let again = w.send(&w.ann, ASKS).await.unwrap();
        assert!(results(&other.ended(again.turn).await)[0].1.contains("may not be used in this conversation"));
        w.room = t.create_conversation(w.ann.user, "").await.unwrap().id;
        let mut third = w.tab().await;
        answered(&w, &mut third, ASKS, Approval::DenyAlways).await;
        w.room = first;
        let denied = w.send(&w.ann, ASKS).await.unwrap();
        assert!(results(&tab.ended(denied.turn).await)[0].1.contains("may not be used."), "for good is everywhere");
        let rows = record(&w).await;
        let expected = [
            (Rule::Conversation, CallEnd::Ok),
            (Rule::Conversation, CallEnd::Ok),
            (Rule::Conversation, CallEnd::Denied),
            (Rule::Conversation, CallEnd::Denied),
            (Rule::Always, CallEnd::Denied),
            (Rule::Always, CallEnd::Denied),
        ];
        assert_eq!(told(&rows), expected.map(|(rule, end)| ("write", rule, end)));
        assert!(rows.iter().all(|row| row.via == CalledBy::Model && row.conversation.is_some()));
        assert_eq!(rows[0].decided_by.as_deref(), Some("ann"));
    }

    async fn arguments_are_edited_checked_shown_to_the_model_and_kept(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, NOTE).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        for (bad, words) in [
            (json!({}), "`text` is missing; it must be a string."),
            (json!({"text": 1}), "`text` must be a string, not `1`."),
            (json!("mine"), "The arguments must be an object"),
            (json!({"text": "x", "to": "all"}), "There is no property `to`"),
        ] {
            let refused = w.chat.decide(&w.ann, turn, &call, Approval::Once, Some(bad)).await.unwrap_err();
            let ChatError::Refused(ApiError::Invalid { field, reason }) = refused else { panic!("{refused:?}") };
            assert!(field == "arguments" && reason.contains(words), "{reason}");
        }
        w.chat.decide(&w.ann, turn, &call, Approval::Once, Some(json!({"text": "ours"}))).await.unwrap();
        let reply = tab.ended(turn).await;
        assert_eq!(results(&reply), [(false, "ours".to_owned())], "what ran is what the person wrote");
        let Part::ToolCall(kept) = &reply.parts[0] else { panic!("{reply:?}") };
        assert_eq!((&kept.arguments, kept.effective()), (&json!({"text": "mine"}), &json!({"text": "ours"})));
        assert_eq!(kept.edited.as_ref().unwrap().by, "ann");
        let told = "The person changed the arguments to {\"text\":\"ours\"}.\n\nours";
        assert_eq!(reply.text().replace("\n\n", "\n"), told.replace("\n\n", "\n"), "the model echoes what it was shown");
        // The next turn's history says it too.
        w.script.push("say ok");
        let next = w.send(&w.ann, "and?").await.unwrap();
        w.settled(next.reply.id).await;
        let asked_with = format!("{:?}", w.script.requests().pop().unwrap().turns);
        assert!(asked_with.contains("The person changed the arguments to"), "{asked_with}");
        let digest = crate::backend::tools::policy::digest(&json!({"text": "ours"}));
        assert_eq!(record(&w).await[0].digest, digest);
    }

    async fn the_same_arguments_are_no_edit(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, NOTE).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        w.chat.decide(&w.ann, turn, &call, Approval::Once, Some(json!({"text": "mine"}))).await.unwrap();
        let reply = tab.ended(turn).await;
        assert!(matches!(&reply.parts[0], Part::ToolCall(call) if call.edited.is_none()));
        assert_eq!(reply.text(), "mine");
    }

    async fn a_tool_that_changed_asks_again_and_says_so(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        answered(&w, &mut tab, NOTE, Approval::Always).await;
        let mut others = tools();
        others.pop();
        others.push(note("Notes a text, and sends it to strangers."));
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", others);
        let w = World { chat, script, hub, ..w };
        let mut tab = w.tab().await;
        w.send(&w.ann, NOTE).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        assert_eq!(question(&w).why, Why::Changed);
        w.chat.decide(&w.ann, turn, &call, Approval::Always, None).await.unwrap();
        tab.ended(turn).await;
        let unasked = w.send(&w.ann, NOTE).await.unwrap();
        assert_eq!(results(&tab.ended(unasked.turn).await), [(false, "mine".to_owned())]);
    }

    async fn claims_of_servers_nobody_vouches_for_are_shown_and_asked_about_once(t) {
        let served = |trusted| {
            let server = ToolServer { id: "s1".to_owned(), name: "Notes".to_owned(), trusted };
            vec![Arc::new(Trick(Arc::new(ToolSpec { server: Some(server), ..spec("fetch", true) }))) as Arc<dyn Tool>]
        };
        let (script, asks) = ("script:\ntool fetch {}\necho", World::new(t).await);
        let (chat, handle, hub) = chat_with(t, quick(), "scripted/test", served(false));
        let w = World { chat, script: handle, hub, ..asks };
        let mut tab = w.tab().await;
        w.send(&w.ann, script).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        let Question { why, server, claims } = question(&w);
        assert_eq!((why, server.unwrap().name.as_str(), claims.read_only_hint), (Why::Claim, "Notes", true));
        w.chat.decide(&w.ann, turn, &call, Approval::Always, None).await.unwrap();
        tab.ended(turn).await;
        let unasked = w.send(&w.ann, script).await.unwrap();
        let reply = tab.ended(unasked.turn).await;
        assert_eq!(results(&reply), [(false, "fetch done".to_owned())]);
        let of = reply.parts.iter().find_map(|p| if let Part::ToolCall(c) = p { Some(&*c.server) } else { None });
        assert_eq!(of, Some("Notes"), "whoever reads it later is told whose tool it was");
        let rows = record(&w).await;
        assert_eq!((rows.len(), rows[0].server.as_deref()), (2, Some("Notes")));
        // One that the operator vouches for is taken at its word.
        t.forget_tool_policy(w.ann.user, "fetch").await.unwrap();
        let (chat, handle, hub) = chat_with(t, quick(), "scripted/test", served(true));
        let w = World { chat, script: handle, hub, ..w };
        let mut tab = w.tab().await;
        let trusted = w.send(&w.ann, script).await.unwrap();
        assert_eq!(results(&tab.ended(trusted.turn).await), [(false, "fetch done".to_owned())]);
        assert_eq!(record(&w).await.pop().unwrap().rule, Rule::Trusted);
    }

    async fn nobodys_always_goes_below_the_floor(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let root = root(t).await;
        answered(&w, &mut tab, ASKS, Approval::Always).await;
        t.set_tool_floor(root, FloorKind::Tool, "write", Some(Policy::Ask)).await.unwrap();
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        assert_eq!(question(&w).why, Why::Floor);
        for lasting in [Approval::Always, Approval::Conversation] {
            let refused = w.chat.decide(&w.ann, turn, &call, lasting, None).await;
            assert!(matches!(refused, Err(ChatError::Refused(ApiError::Forbidden { .. }))), "{refused:?}");
        }
        // A floor that comes while the question is open holds when it is answered.
        t.set_tool_floor(root, FloorKind::Tool, "write", Some(Policy::Deny)).await.unwrap();
        w.chat.decide(&w.ann, turn, &call, Approval::Once, None).await.unwrap();
        let reply = tab.ended(turn).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("lets nobody use")));
        let denied = w.send(&w.ann, ASKS).await.unwrap();
        assert!(matches!(&results(&tab.ended(denied.turn).await)[..], [(true, text)] if text.contains("lets nobody use")));
        let offered = w.script.requests().pop().unwrap().tools;
        assert!(offered.iter().any(|spec| spec.name == "look") && offered.iter().all(|spec| spec.name != "write"));
        let rows = record(&w).await;
        assert_eq!(told(&rows)[1..], [("write", Rule::Floor, CallEnd::Denied); 2]);
    }

    async fn what_is_switched_off_is_not_offered_and_does_not_run(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        t.switch_tool(w.ann.user, w.room, "look", false).await.unwrap();
        let started = w.send(&w.ann, "script:\ntool look {}\necho").await.unwrap();
        let reply = tab.ended(started.turn).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("switched off in this conversation")));
        assert!(w.script.requests()[0].tools.iter().all(|spec| spec.name != "look"));
        t.switch_tool(w.ann.user, w.room, "look", true).await.unwrap();
        let started = w.send(&w.ann, "script:\ntool look {}\necho").await.unwrap();
        assert_eq!(results(&tab.ended(started.turn).await), [(false, "look done".to_owned())]);
        let rows = record(&w).await;
        let expected = [("look", Rule::SwitchedOff, CallEnd::Denied), ("look", Rule::ReadOnly, CallEnd::Ok)];
        assert_eq!(told(&rows), expected);
    }

    async fn what_is_switched_off_in_the_middle_of_a_reply_is_offered_no_more(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ngate go\ntool look {}\nsay on\ntool look {}\nsay on").await.unwrap();
        w.script.reached("go").await;
        t.switch_tool(w.ann.user, w.room, "write", false).await.unwrap();
        w.script.open("go");
        tab.ended(started.turn).await;
        let requests = w.script.requests();
        let offered = requests.iter().map(|request| request.tools.iter().any(|spec| spec.name == "write"));
        assert_eq!(offered.collect::<Vec<_>>(), [true, false, false]);
        assert!(Arc::ptr_eq(&requests[1].tools, &requests[2].tools), "nothing changed: it is the same offer");
    }

    async fn every_call_is_recorded_with_what_let_it_run_or_kept_it_from_that(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, "script:\ntool look {}\ntool boom {}\ntool nothing {}\nbadtool look {\ntool write {}\necho").await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        w.chat.decide(&w.ann, turn, &call, Approval::Deny, None).await.unwrap();
        tab.ended(turn).await;
        let stopped = w.send(&w.ann, "script:\ntool hang {}").await.unwrap();
        tab.until(|e| matches!(e, ChatEvent::Tool { state: ToolState::Running { progress: Some(_), .. }, .. })).await;
        w.chat.stop(&w.ann, stopped.turn).await.unwrap();
        tab.ended(stopped.turn).await;
        // Pushed, because a script in a message counts the results before it as its own.
        w.script.push("tool note {\"text\": \"x\"}");
        let unanswered = w.send(&w.ann, "please").await.unwrap();
        asked(&mut tab).await;
        w.chat.stop(&w.ann, unanswered.turn).await.unwrap();
        tab.ended(unanswered.turn).await;
        let rows = record(&w).await;
        let mut told = told(&rows);
        told.sort_by_key(|(tool, rule, _)| (*tool, rule.name()));
        assert_eq!(told, [
            ("boom", Rule::ReadOnly, CallEnd::Failed),
            ("hang", Rule::ReadOnly, CallEnd::Stopped),
            ("look", Rule::ReadOnly, CallEnd::Ok),
            ("look", Rule::Unreadable, CallEnd::Denied),
            ("note", Rule::Unanswered, CallEnd::Denied),
            ("nothing", Rule::Unknown, CallEnd::Failed),
            ("write", Rule::Once, CallEnd::Denied),
        ]);
    }

    async fn a_database_that_fails_denies(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        answered(&w, &mut tab, ASKS, Approval::Always).await;
        let script = "script:\ngate go\ntool look {}\ntool write {}\necho";
        for (breaks, words) in [
            ("DROP TABLE tool_calls", "cannot be recorded just now"),
            ("DROP TABLE conversation_tool_policies", "cannot be looked up just now"),
        ] {
            let started = w.send(&w.ann, script).await.unwrap();
            w.script.reached("go").await;
            t.sql(breaks).await.unwrap();
            w.script.open("go");
            let reply = tab.ended(started.turn).await;
            assert_eq!(reply.status, Status::Complete);
            let results = results(&reply);
            assert_eq!(results.len(), 2);
            assert!(results.iter().all(|(failed, text)| *failed && text.contains(words)), "{results:?}");
        }
        // Before it has begun, a turn whose rules cannot be read says that it cannot.
        let started = w.send(&w.ann, "script:\nsay hi").await.unwrap();
        assert_eq!(tab.ended(started.turn).await.status, Status::Failed);
    }
}
