//! Leases: what has died is told so, and what is at work here is left alone.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{
    backend::{
        test::{TestStore, on_every_backend},
        tools::{Tool, ask::Ask, spec},
    },
    wire::tool::{Annotations, ToolOutcome, ToolSpec},
};
use futures::future::BoxFuture;
use serde_json::json;

fn calls(t: &TestStore, runner: Runner) -> LongCalls {
    LongCalls::new(t.store.clone(), t.clock.clone(), Tasks::default(), runner)
}

/// Work without an end.
fn endless() -> Work {
    Work { shows: false, told: mpsc::channel(1).1, result: Box::pin(std::future::pending()) }
}

/// A tool whose calls end with the reply to what they said, if it says anything.
struct Says {
    spec: Arc<ToolSpec>,
    reply: Option<&'static str>,
}

impl Says {
    fn tool(name: &str, reply: Option<&'static str>) -> Arc<dyn Tool> {
        let none = || (json!({}), [].as_slice());
        Arc::new(Self {
            spec: Arc::new(spec((name, "Test"), "A tool of a test.", none(), none(), Annotations::READ_ONLY)),
            reply,
        })
    }
}

impl Tool for Says {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, _cx: &'a ToolCx, _arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        Box::pin(std::future::pending())
    }

    fn resume<'a>(&'a self, _cx: &'a ToolCx, _saying: Saying) -> BoxFuture<'a, Option<ToolOutcome>> {
        ready(self.reply.map(|reply| ToolOutcome::ok(reply, json!({})))).boxed()
    }
}

/// Waits for a task's end: how it ended, and the text of its result or error.
async fn end(calls: &LongCalls, by: UserId, id: &str) -> (Status, String) {
    loop {
        let task = calls.get(by, id).await.unwrap().task;
        let told = match &task.payload {
            TaskPayload::Completed { result } => result["content"][0]["text"].as_str(),
            TaskPayload::Failed { error } => error["message"].as_str(),
            _ => {
                tokio::task::yield_now().await;
                continue;
            }
        };
        return (task.status(), told.unwrap_or_default().to_owned());
    }
}

async fn status(calls: &LongCalls, by: UserId, id: &str) -> (Status, Option<String>) {
    let task = calls.get(by, id).await.unwrap().task;
    (task.status(), task.task.status_message)
}

on_every_backend! {
    async fn what_a_dead_process_ran_has_failed_and_what_runs_here_goes_on(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let (server, pipe) = (calls(t, Runner::Server), calls(t, Runner::Pipe));
        let made = pipe.begin(ada, "slow", "digest", None, endless()).await.unwrap().task;
        assert_eq!(status(&server, ada, &made.task_id).await.0, Status::Working);
        assert_eq!(server.get(eve, &made.task_id).await.unwrap_err().code, rmcp::model::ErrorCode::INVALID_PARAMS);

        // Time passes at a jerk, as on a machine that slept.
        t.clock.advance(LEASE_MS + 1);
        assert_eq!(status(&pipe, ada, &made.task_id).await.0, Status::Working, "it is at work here");

        let lease_until = Millis(t.clock.now().0 - 1);
        let new = NewTask { by: ada, tool: "slow", arguments_digest: "", runner: Runner::Pipe, lease_until, poll_ms: 1, saying: None };
        let dead = t.create_task(new).await.unwrap().id;
        let (found, message) = status(&server, ada, &dead).await;
        assert_eq!((found, message.unwrap().contains("has ended")), (Status::Failed, true));
        pipe.tasks.stop();
        assert!(pipe.tasks.wait(std::time::Duration::from_secs(10)).await);
    }

    async fn what_was_said_is_waited_for_by_the_next_process(t) {
        let ada = t.person("ada").await;
        let saying = Saying { conversation: t.clock.id(), key: t.clock.id() };
        let server = calls(t, Runner::Server);
        let asking = Arc::new(Asking::again(saying));
        let made = server.begin(ada, "says", "digest", Some(Arc::clone(&asking)), endless()).await.unwrap().task;
        server.end().await;
        server.tasks.stop();
        assert!(server.tasks.wait(std::time::Duration::from_secs(10)).await);
        assert!(asking.is_left(), "what was said is not given up");
        let lease_until = t.clock.now();
        let new = |tool, runner, saying| {
            t.create_task(NewTask { by: ada, tool, arguments_digest: "", runner, lease_until, poll_ms: 1, saying })
        };
        let silent = new("silent", Runner::Server, Some(saying)).await.unwrap().id;
        let lost = new("says", Runner::Server, None).await.unwrap().id;
        let pipes = new("says", Runner::Pipe, Some(saying)).await.unwrap().id;

        let next = calls(t, Runner::Server);
        next.go_on_with(ToolRegistry::new(vec![Says::tool("says", Some("The reply.")), Says::tool("silent", None)]).unwrap());
        next.recover().await;
        assert_eq!(end(&next, ada, &made.task_id).await, (Status::Completed, "The reply.".to_owned()));
        assert_eq!(end(&next, ada, &silent).await, (Status::Failed, ENDED.to_owned()));
        assert!(end(&next, ada, &lost).await.1.contains("restarted while this ran"));
        assert_eq!(status(&next, ada, &pipes).await.0, Status::Working, "its process may be alive");
        t.clock.advance(1);
        assert_eq!(end(&next, ada, &pipes).await, (Status::Completed, "The reply.".to_owned()));
    }

    async fn a_stop_ends_the_work_and_says_so(t) {
        let ada = t.person("ada").await;
        let server = calls(t, Runner::Server);
        let made = server.begin(ada, "slow", "digest", None, endless()).await.unwrap().task;
        server.tasks.stop();
        assert_eq!(status(&server, ada, &made.task_id).await.0, Status::Working, "a drain leaves it time");
        server.end().await;
        assert!(server.tasks.wait(std::time::Duration::from_secs(10)).await);
        let (found, message) = status(&server, ada, &made.task_id).await;
        assert_eq!((found, message.unwrap().contains("stopped while this ran")), (Status::Failed, true));
        assert!(server.here().is_empty());
    }
}
