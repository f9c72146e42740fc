//! Tasks of MCP clients, and the server's own keys.

use super::*;
use crate::{
    backend::store::tasks::{NewTask, Runner, TaskRow, TaskStatus},
    wire::{
        id::Millis,
        limits::{TASK_TTL_MS, TASKS_MAX},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl TestStore {
    async fn task_of(&self, by: UserId, runner: Runner) -> TaskRow {
        self.try_task_of(by, runner).await.unwrap()
    }

    async fn try_task_of(&self, by: UserId, runner: Runner) -> Result<TaskRow, StoreError> {
        let lease_until = Millis(self.clock.now().0 + 1_000);
        let new =
            NewTask { by, tool: "slow", arguments_digest: "abc", runner, lease_until, poll_ms: 500, saying: None };
        self.create_task(new).await
    }
}

fn answers(of: &[(&str, Value)]) -> BTreeMap<String, Value> {
    of.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

on_every_backend! {
    async fn a_task_is_there_for_its_owner_alone_until_it_expires(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let made = t.task_of(ada, Runner::Server).await;
        assert_eq!((made.status, made.tool.as_str(), made.poll_ms), (TaskStatus::Working, "slow", 500));
        assert_eq!((made.id.len(), made.expires_at.0 - made.created_at.0), (43, TASK_TTL_MS));
        assert_eq!(t.task(ada, &made.id).await.unwrap(), made);
        assert_ne!(t.task_of(ada, Runner::Server).await.id, made.id);

        for id in [made.id.as_str(), "", "no such\0", &made.id[1..]] {
            assert!(not_found(&t.task(eve, id).await), "{id}");
            assert!(not_found(&t.cancel_task(eve, id).await), "{id}");
            assert!(not_found(&t.answer_task(eve, id, BTreeMap::new()).await), "{id}");
        }
        assert!(!t.task(ada, &made.id).await.unwrap().cancel_asked);

        let result = json!({"content": [{"type": "text", "text": "a\0b"}]});
        assert!(t.finish_task(&made.id, TaskStatus::Completed, Some(&result), None).await.unwrap());
        assert!(!t.finish_task(&made.id, TaskStatus::Failed, None, Some("late")).await.unwrap(), "it ends once");
        assert!(not_found(&t.renew_task(&made.id, Millis(i64::MAX), None).await));
        t.reopen().await;
        let found = t.task(ada, &made.id).await.unwrap();
        assert_eq!((found.status, found.message), (TaskStatus::Completed, None));
        assert_eq!(found.result, Some(json!({"content": [{"type": "text", "text": "ab"}]})));

        t.clock.advance(TASK_TTL_MS - 1);
        assert_eq!(t.purge_tasks().await.unwrap(), 0);
        assert!(t.task(ada, &made.id).await.is_ok());
        t.clock.advance(1);
        assert!(not_found(&t.task(ada, &made.id).await));
        assert_eq!(t.purge_tasks().await.unwrap(), 2);
    }

    async fn a_task_asks_its_owner_and_uses_each_key_once(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let id = t.task_of(ada, Runner::Server).await.id;
        let (first, second) = (json!({"message": "one\0?"}), json!({"message": "two?"}));
        t.ask_in_task(&id, "a", &first).await.unwrap();
        t.ask_in_task(&id, "b", &second).await.unwrap();
        assert_eq!(conflict(&t.ask_in_task(&id, "a", &second).await), "key_used");
        let row = t.task(ada, &id).await.unwrap();
        assert_eq!((row.status, row.questions.len()), (TaskStatus::InputRequired, 2));
        assert_eq!(row.questions["a"]["message"], "one?");

        assert!(not_found(&t.answer_task(eve, &id, answers(&[("a", json!(1))])).await));
        t.answer_task(ada, &id, answers(&[("a", json!(1)), ("never_asked", json!(2))])).await.unwrap();
        let row = t.task(ada, &id).await.unwrap();
        assert_eq!((row.status, row.questions.len(), row.answers.len()), (TaskStatus::InputRequired, 1, 1));
        t.answer_task(ada, &id, answers(&[("a", json!("again"))])).await.unwrap();
        t.withdraw_question(&id, "b").await.unwrap();
        let row = t.renew_task(&id, Millis(5), Some("Going on.")).await.unwrap();
        assert_eq!((row.status, row.lease_until, row.message.as_deref()), (TaskStatus::Working, Millis(5), Some("Going on.")));
        assert_eq!(Value::Object(row.answers), json!({"a": 1, "b": null}));
        assert_eq!(conflict(&t.ask_in_task(&id, "b", &second).await), "key_used");
        assert_eq!(t.renew_task(&id, Millis(6), None).await.unwrap().message.as_deref(), Some("Going on."));

        t.ask_in_task(&id, "c", &first).await.unwrap();
        t.cancel_task(ada, &id).await.unwrap();
        assert!(t.renew_task(&id, Millis(7), None).await.unwrap().cancel_asked);
        assert!(t.finish_task(&id, TaskStatus::Cancelled, None, Some("Called off.")).await.unwrap());
        t.cancel_task(ada, &id).await.unwrap();
        t.answer_task(ada, &id, answers(&[("c", json!(3))])).await.unwrap();
        let row = t.task(ada, &id).await.unwrap();
        assert_eq!((row.status, row.questions.len()), (TaskStatus::Cancelled, 0), "an end is an end");
    }

    async fn what_a_crash_cut_off_has_failed_and_nobody_has_too_many(t) {
        let (ada, eve) = (t.person("ada").await, t.person("eve").await);
        let (ours, pipes) = (t.task_of(ada, Runner::Server).await, t.task_of(ada, Runner::Pipe).await);
        let done = t.task_of(ada, Runner::Server).await;
        t.finish_task(&done.id, TaskStatus::Completed, Some(&json!({})), None).await.unwrap();
        t.reopen().await;
        let error = json!({"code": -32603, "message": "Restarted."});
        assert_eq!(t.fail_tasks_of(Runner::Server, &error, "Restarted.").await.unwrap(), 1);
        let row = t.task(ada, &ours.id).await.unwrap();
        assert_eq!((row.status, row.message.as_deref(), row.result), (TaskStatus::Failed, Some("Restarted."), Some(error)));
        assert_eq!(t.task(ada, &pipes.id).await.unwrap().status, TaskStatus::Working);
        assert_eq!(t.task(ada, &done.id).await.unwrap().status, TaskStatus::Completed);

        for _ in 1..TASKS_MAX {
            t.task_of(ada, Runner::Server).await;
        }
        assert_eq!(conflict(&t.try_task_of(ada, Runner::Server).await), "tasks_max");
        t.task_of(eve, Runner::Server).await;
        t.finish_task(&pipes.id, TaskStatus::Cancelled, None, None).await.unwrap();
        t.task_of(ada, Runner::Server).await;
        t.clock.advance(TASK_TTL_MS);
        t.task_of(ada, Runner::Server).await;
    }

    async fn a_key_of_the_servers_own_outlives_a_restart(t) {
        let key = t.secret("test").await.unwrap();
        assert_eq!((key.len(), &t.secret("test").await.unwrap()), (32, &key));
        assert_ne!(t.secret("other").await.unwrap(), key);
        t.reopen().await;
        assert_eq!(t.secret("test").await.unwrap(), key);
    }
}
