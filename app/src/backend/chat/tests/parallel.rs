//! The calls of a round run side by side.

use super::*;
use crate::backend::test::on_every_backend;
use tokio::sync::Barrier;

/// A tool that ends once another call of its kind runs.
struct Meeting(Arc<ToolSpec>, Arc<Barrier>);

impl Tool for Meeting {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.0
    }

    fn call<'a>(&'a self, _: &'a ToolCx, _: Value) -> BoxFuture<'a, ToolOutcome> {
        async move {
            self.1.wait().await;
            ToolOutcome::ok(format!("{} met", self.0.name), json!({}))
        }
        .boxed()
    }
}

on_every_backend! {
    async fn two_calls_that_wait_for_each_other_both_end(t) {
        let w = World::new(t).await;
        let barrier = Arc::new(Barrier::new(2));
        let meeting = |name| Arc::new(Meeting(Arc::new(spec(name, true)), Arc::clone(&barrier))) as Arc<dyn Tool>;
        let (chat, script, hub) = chat_with(t, quick(), "scripted/test", vec![meeting("one"), meeting("two")]);
        let w = World { chat, script, hub, ..w };
        let mut tab = w.tab().await;
        let turn = w.send(&w.ann, "script:\ntool one {}\ntool two {}\nsay both").await.unwrap().turn;
        let reply = tab.ended(turn).await;
        let mut met = results(&reply);
        met.sort();
        assert_eq!(met, [(false, "one met".to_owned()), (false, "two met".to_owned())]);
        assert_eq!((reply.text().as_str(), reply.status), ("both", Status::Complete));
    }
}
