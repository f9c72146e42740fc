//! Servers' questions in a conversation: shown, answered from any tab, by whom, taken back.

use super::*;
use crate::{
    backend::{test::on_every_backend, tools::elicit::Typed},
    wire::{
        elicitation::{Field, FieldKind, ReplyAction, ServerQuestion, Wants},
        id::CallId,
        message::TurnState,
        tool::{Approval, INTERRUPTED},
    },
};
use std::collections::BTreeMap;

/// A tool whose server asks for a name.
pub(super) struct Asks(pub(super) Arc<ToolSpec>);

impl Tool for Asks {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.0
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, _arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        async move {
            let kind = FieldKind::Text { format: None, min: 0, max: 10, default: None };
            let (name, title) = ("name".to_owned(), "Your name".to_owned());
            let fields = vec![Field { name, title, description: String::new(), required: true, kind }];
            let (server, message) = ("Peer".to_owned(), "Who are you?".to_owned());
            let asked = ServerQuestion { number: 7, server, message, wants: Wants::Form { fields } };
            let answer = cx.asking.relay(asked).await;
            // A sign of progress after the answer is shown again.
            (cx.progress)(Some(0.9), None);
            ToolOutcome::ok(format!("{answer:?}"), json!({}))
        }
        .boxed()
    }
}

const ASKS: &str = "script:\ntool poll {}\necho";

async fn world(t: &TestStore, options: Options) -> World {
    let ann = caller(t, "ann").await;
    world_of(t, &ann, options).await
}

async fn world_of(t: &TestStore, ann: &Caller, options: Options) -> World {
    let room = t.create_conversation(ann.user, "").await.unwrap().id;
    let poll: Arc<dyn Tool> = Arc::new(Asks(Arc::new(spec("poll", true))));
    let (chat, script, hub) = chat_with(t, options, "scripted/test", vec![poll]);
    World { chat, script, hub, clock: t.clock.clone(), ann: ann.clone(), room }
}

async fn asked(tab: &mut Tab) -> (TurnId, CallId, ServerQuestion) {
    let asks = |e: &ChatEvent| matches!(e, ChatEvent::Tool { state: ToolState::Elicits { .. }, .. });
    match &*tab.until(asks).await {
        ChatEvent::Tool { turn, call, state: ToolState::Elicits { question, .. }, .. } => {
            (*turn, call.id.clone(), (**question).clone())
        }
        _ => unreachable!(),
    }
}

fn typed(name: &str) -> Typed {
    Typed::from([("f0".to_owned(), BTreeMap::from([("v0".to_owned(), name.to_owned())]))])
}

pub(super) fn said(message: &Message) -> String {
    let results = message.parts.iter().filter_map(|part| match part {
        Part::ToolResult(result) => Some(result.outcome.text.clone()),
        _ => None,
    });
    results.collect::<Vec<_>>().join(" ")
}

on_every_backend! {
    async fn a_question_is_in_every_tab_and_the_first_answer_counts(t) {
        let w = world(t, quick()).await;
        let (mut a, mut b) = (w.tab().await, w.tab().await);
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, call, question) = asked(&mut a).await;
        assert_eq!((question.server.as_str(), question.message.as_str()), ("Peer", "Who are you?"));
        a.until(|e| matches!(e, ChatEvent::TurnState { state: TurnState::Asking, .. })).await;
        assert_eq!(asked(&mut b).await, (turn, call.clone(), question));
        // Whoever comes later sees it too.
        let open = w.chat.live(w.room).remove(0).open_calls;
        assert!(matches!(open[0].state, ToolState::Elicits { .. }), "{open:?}");

        let reply = |number, action, typed| {
            let (chat, ann, call) = (Arc::clone(&w.chat), w.ann.clone(), call.clone());
            async move { chat.reply_to_server(&ann, turn, &call, number, action, &typed).await }
        };
        let unfit = reply(7, ReplyAction::Send, typed("")).await.unwrap_err().told(&w.clock);
        assert_eq!(unfit, ApiError::invalid("fields", "«Your name» must be filled in."));
        let another = reply(6, ReplyAction::Send, typed("Ada")).await.unwrap_err().told(&w.clock);
        assert_eq!(another, ApiError::NotFound);
        reply(7, ReplyAction::Send, typed("Ada")).await.unwrap();
        assert_eq!(reply(7, ReplyAction::Decline, Typed::new()).await.unwrap_err().told(&w.clock), ApiError::NotFound);
        b.until(|e| matches!(e, ChatEvent::Tool { state: ToolState::Running { .. }, .. })).await;
        b.until(|e| matches!(e, ChatEvent::TurnState { state: TurnState::Running, .. })).await;
        let reply = a.ended(turn).await;
        assert!(said(&reply).contains("Ada"), "{}", said(&reply));
    }

    async fn a_no_is_a_no_and_nobody_else_may_say_it(t) {
        let w = world(t, quick()).await;
        let (ben, eve) = (caller(t, "ben").await, caller(t, "eve").await);
        t.create_invitation(w.ann.user, w.room, "token", Millis(i64::MAX)).await.unwrap();
        t.join(ben.user, "token").await.unwrap();
        w.chat.members_changed(w.room).await;
        let mut tab = w.tab().await;
        for (action, word) in [(ReplyAction::Decline, "Declined"), (ReplyAction::Cancel, "Cancelled")] {
            // Where several speak, a script in a message is not read as one.
            w.script.push("tool poll {}");
            w.script.push("say ok");
            w.send(&w.ann, "please").await.unwrap();
            let (turn, call, _) = asked(&mut tab).await;
            let by = |who: &Caller| {
                let (chat, who, call) = (Arc::clone(&w.chat), who.clone(), call.clone());
                async move { chat.reply_to_server(&who, turn, &call, 7, action, &Typed::new()).await }
            };
            assert_eq!(by(&eve).await.unwrap_err().told(&w.clock), ApiError::NotFound);
            assert!(matches!(by(&ben).await.unwrap_err().told(&w.clock), ApiError::Forbidden { .. }));
            by(&w.ann).await.unwrap();
            assert_eq!(said(&tab.ended(turn).await), word);
        }
        // The owner may answer for another's turn.
        w.script.push("tool poll {}");
        w.script.push("say ok");
        w.send(&ben, "please").await.unwrap();
        let (turn, call, _) = asked(&mut tab).await;
        w.chat.reply_to_server(&w.ann, turn, &call, 7, ReplyAction::Send, &typed("Ben")).await.unwrap();
        assert!(said(&tab.ended(turn).await).contains("Ben"));
    }

    async fn stop_and_time_take_a_question_back(t) {
        let w = world(t, quick()).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, call, _) = asked(&mut tab).await;
        w.chat.stop(&w.ann, turn).await.unwrap();
        assert_eq!(tab.ended(turn).await.status, Status::Stopped);
        let late = w.chat.reply_to_server(&w.ann, turn, &call, 7, ReplyAction::Send, &typed("Ada")).await;
        assert_eq!(late.unwrap_err().told(&w.clock), ApiError::NotFound);

        let w = world_of(t, &w.ann, Options { approval: Duration::from_millis(50), ..quick() }).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, ..) = asked(&mut tab).await;
        assert_eq!(said(&tab.ended(turn).await), "Cancelled");
    }

    async fn a_drain_does_not_wait_for_an_answer(t) {
        let w = world(t, quick()).await;
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, ASKS).await.unwrap();
        asked(&mut tab).await;
        w.chat.close();
        assert_eq!(said(&w.settled(started.reply.id).await), "Cancelled");
    }
    async fn a_question_that_is_open_at_a_crash_is_over_and_its_reply_can_be_continued(t) {
        let w = world(t, quick()).await;
        let mut tab = w.tab().await;
        w.script.push("tool poll {}");
        let started = w.send(&w.ann, "please").await.unwrap();
        let (turn, call, _) = asked(&mut tab).await;
        // What was seen of it is kept by then.
        tokio::time::sleep(quick().checkpoint * 10).await;
        // The first process is gone from here on.
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", vec![Arc::new(Asks(Arc::new(spec("poll", true))))]);
        let w = World { chat, script, hub, ..w };
        w.chat.recover().await;
        assert!(w.chat.live(w.room).is_empty());
        let reply = t.message(w.ann.user, started.reply.id).await.unwrap();
        assert_eq!((reply.status, fault(&reply).retry), (Status::Interrupted, true));
        assert!(matches!(&reply.parts[..], [Part::ToolCall(shown)] if shown.id == call), "{reply:?}");
        let late = w.chat.reply_to_server(&w.ann, turn, &call, 7, ReplyAction::Send, &typed("Ada")).await;
        assert_eq!(late.unwrap_err().told(&w.clock), ApiError::NotFound);
        let mut tab = w.tab().await;
        assert!(tab.turns.is_empty(), "no tab is shown a form that nobody reads");
        w.script.push("say on");
        let more = w.chat.continue_reply(&w.ann, started.reply.id).await.unwrap();
        let reply = tab.ended(more.turn).await;
        assert_eq!((reply.status, said(&reply).as_str()), (Status::Complete, INTERRUPTED));
    }

    async fn a_question_beside_one_that_is_kept_is_cut_off(t) {
        let w = world(t, quick()).await;
        let tools = || -> Vec<Arc<dyn Tool>> { vec![Arc::new(Asks(Arc::new(spec("poll", true)))), tool("write", false)] };
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", tools());
        let w = World { chat, script, hub, ..w };
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ntool poll {}\ntool write {}\nsay on").await.unwrap();
        let (mut asks, mut elicits) = (false, false);
        while !(asks && elicits) {
            match &*tab.next().await.unwrap() {
                ChatEvent::Tool { state: ToolState::Asked { .. }, .. } => asks = true,
                ChatEvent::Tool { state: ToolState::Elicits { .. }, .. } => elicits = true,
                _ => {}
            }
        }
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", tools());
        let w = World { chat, script, hub, ..w };
        w.chat.recover().await;
        let live = w.chat.live(w.room).remove(0);
        assert!(!live.open_calls.iter().any(|open| matches!(open.state, ToolState::Elicits { .. })), "{live:?}");
        let write = live.parts.iter().find_map(|part| match part {
            Part::ToolCall(call) if call.name == "write" => Some(call.id.clone()),
            _ => None,
        });
        let mut tab = w.tab().await;
        w.chat.decide(&w.ann, started.turn, &write.unwrap(), Approval::Once, None).await.unwrap();
        let reply = tab.ended(started.turn).await;
        let said = results(&reply);
        assert!(said.contains(&(true, "The server was restarted before it finished.".to_owned())), "{said:?}");
        assert!(said.contains(&(false, "write done".to_owned())), "{said:?}");
    }
}
