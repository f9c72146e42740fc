//! A process without a page, as at a program's pipe: nobody can be asked there, so nothing waits for an answer.

use super::{
    approvals::ASKS,
    relaying::{Asks, said},
    *,
};
use crate::{
    backend::{
        test::on_every_backend,
        tools::{policy::definition, sending::Conversing},
    },
    wire::policy::Policy,
};

fn pageless() -> Options {
    Options { page: false, ..quick() }
}

on_every_backend! {
    async fn what_would_ask_is_denied_at_once_and_its_person_told_what_helps(t) {
        let w = World::with(t, pageless()).await;
        assert!(!Programs(Arc::clone(&w.chat)).has_page());
        let started = w.send(&w.ann, ASKS).await.unwrap();
        let reply = w.settled(started.reply.id).await;
        let said = results(&reply);
        let [(true, told)] = &said[..] else { panic!("{reply:?}") };
        for words in ["`write`", "allow it always in Parley's settings", "send the message on Parley's page", "not run"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        assert_eq!((reply.status, reply.text().as_str()), (Status::Complete, told.as_str()), "the model goes on");
        assert!(t.suspended_turns().await.unwrap().is_empty());
        // What they allowed for good runs, and what changes nothing does.
        t.set_tool_policy(w.ann.user, None, "write", Policy::Allow, &definition(&spec("write", false))).await.unwrap();
        let started = w.send(&w.ann, "script:\ntool write {}\ntool look {}\necho").await.unwrap();
        assert!(results(&w.settled(started.reply.id).await).iter().all(|(failed, _)| !failed));
    }

    async fn a_servers_question_is_declined_unseen(t) {
        let poll: Arc<dyn Tool> = Arc::new(Asks(Arc::new(spec("poll", true))));
        let (chat, script, hub) = chat_with(t, pageless(), "scripted/test", vec![poll]);
        let w = World { chat, script, hub, ..World::new(t).await };
        let mut tab = w.tab().await;
        let started = w.send(&w.ann, "script:\ntool poll {}\necho").await.unwrap();
        tab.until(|event| {
            assert!(!matches!(event, ChatEvent::Tool { state: ToolState::Elicits { .. }, .. }));
            matches!(event, ChatEvent::TurnEnded { .. })
        }).await;
        assert_eq!(said(&w.settled(started.reply.id).await), "Unavailable");
    }
}
