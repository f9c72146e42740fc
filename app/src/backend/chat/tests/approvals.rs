//! Tools that ask: once, always, deny, lapse, from another tab, by whom.

use super::*;
use crate::{backend::test::on_every_backend, wire::policy::Policy};

pub(super) const ASKS: &str = "script:\ntool write {}\necho";

pub(super) async fn asked(tab: &mut Tab) -> (TurnId, crate::wire::id::CallId) {
    let asks = |e: &ChatEvent| matches!(e, ChatEvent::Tool { state: ToolState::Asked { .. }, .. });
    match &*tab.until(asks).await {
        ChatEvent::Tool { turn, call, .. } => (*turn, call.id.clone()),
        _ => unreachable!(),
    }
}

on_every_backend! {
    async fn once_asks_again_and_always_does_not(t) {
        use crate::wire::tool::Approval;
        let w = World::new(t).await;
        let (mut a, mut b) = (w.tab().await, w.tab().await);
        for approval in [Approval::Once, Approval::Always] {
            w.send(&w.ann, ASKS).await.unwrap();
            let (turn, call) = asked(&mut a).await;
            a.until(|e| matches!(e, ChatEvent::TurnState { state: crate::wire::message::TurnState::Asking, .. })).await;
            b.say(ClientEvent::Decide { turn, call, approval, arguments: None });
            b.ended(turn).await;
            let reply = a.ended(turn).await;
            assert_eq!(results(&reply), [(false, "write done".to_owned())]);
            assert_eq!(reply.text(), "write done");
        }
        let started = w.send(&w.ann, ASKS).await.unwrap();
        assert_eq!(results(&w.settled(started.reply.id).await), [(false, "write done".to_owned())]);
        let said = t.tool_rules(w.ann.user, None).await.unwrap().always.clone();
        assert_eq!((said.len(), said[0].tool.as_str(), said[0].policy), (1, "write", Policy::Allow));
    }

    async fn denied_and_lapsed_calls_do_not_run(t) {
        use crate::wire::tool::Approval;
        let w = World::with(t, Options { approval: Duration::from_millis(400), ..quick() }).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        w.chat.decide(&w.ann, turn, &call, Approval::Deny, None).await.unwrap();
        let reply = tab.ended(turn).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("denied this call")));
        assert_eq!(reply.status, Status::Complete);
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        w.clock.advance(400);
        let reply = tab.ended(turn).await;
        assert!(matches!(&results(&reply)[..], [(true, text)] if text.contains("Nobody answered")));
        assert!(w.chat.decide(&w.ann, turn, &call, Approval::Once, None).await.is_err());
    }

    async fn stop_closes_a_question(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.send(&w.ann, ASKS).await.unwrap();
        let (turn, _) = asked(&mut tab).await;
        assert_eq!(w.chat.live(w.room)[0].open_calls.len(), 1);
        w.chat.stop(&w.ann, turn).await.unwrap();
        assert_eq!(tab.ended(turn).await.status, Status::Stopped);
    }

    async fn what_is_private_is_read_unasked_only_where_nobody_else_reads_along(t) {
        let w = World::new(t).await;
        let mut tab = w.tab().await;
        w.script.push("tool diary {}");
        w.script.push("say ok");
        let alone = w.send(&w.ann, "please").await.unwrap();
        assert_eq!(results(&tab.ended(alone.turn).await), [(false, "diary done".to_owned())]);
        let ben = caller(t, "ben").await;
        t.create_invitation(w.ann.user, w.room, "token", Millis(i64::MAX)).await.unwrap();
        t.join(ben.user, "token").await.unwrap();
        w.chat.members_changed(w.room).await;
        w.script.push("tool diary {}");
        w.send(&w.ann, "again").await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        w.script.push("say ok");
        w.chat.decide(&w.ann, turn, &call, crate::wire::tool::Approval::Deny, None).await.unwrap();
        assert!(matches!(&results(&tab.ended(turn).await)[..], [(true, _)]));
    }

    async fn the_owner_may_decide_once_and_other_members_may_not(t) {
        use crate::wire::tool::Approval;
        let w = World::new(t).await;
        let (ben, eve) = (caller(t, "ben").await, caller(t, "eve").await);
        for (n, user) in [ben.user, eve.user].into_iter().enumerate() {
            let token = format!("token{n}");
            t.create_invitation(w.ann.user, w.room, &token, Millis(i64::MAX)).await.unwrap();
            t.join(user, &token).await.unwrap();
        }
        let mut tab = Tab::open(&w, &ben, w.room).await;
        w.script.push("tool write {}");
        w.send(&ben, "please").await.unwrap();
        let (turn, call) = asked(&mut tab).await;
        let refused = w.chat.decide(&eve, turn, &call, Approval::Once, None).await;
        assert!(matches!(refused, Err(ChatError::Refused(ApiError::Forbidden { .. }))));
        let stranger = caller(t, "zed").await;
        assert!(matches!(w.chat.decide(&stranger, turn, &call, Approval::Once, None).await.unwrap_err().told(&w.clock), ApiError::NotFound));
        w.script.push("say ok");
        w.chat.decide(&w.ann, turn, &call, Approval::Always, None).await.unwrap();
        assert_eq!(results(&tab.ended(turn).await), [(false, "write done".to_owned())]);
        for user in [w.ann.user, ben.user] {
            assert!(t.tool_rules(user, Some(w.room)).await.unwrap().said("write").next().is_none());
        }
    }
}
