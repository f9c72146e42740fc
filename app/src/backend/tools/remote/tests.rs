//! Connections against real servers over loopback: rmcp's own in both eras, and listeners that misbehave.
#![expect(clippy::unwrap_used, reason = "tests end by panicking")]

mod apps;
mod asking;
mod calls;
mod content;
mod errands;
mod fresh;
mod guard;
mod inputs;
mod lasting;
mod library;
mod machines;
mod offering;
mod partial;
mod peer;
mod picking;
mod programs;
mod proof;
mod raw;
mod resealing;
mod resuming;
mod serving;
mod sick;
mod signing;

use super::*;
use crate::{
    backend::{
        caller::Via,
        config::SecretsConfig,
        test::{Folder, TestStore, test_store},
    },
    wire::{
        connection::{ConnectionRow, ConnectionState},
        id::{CallId, ConnectionId},
        tool::ToolCall,
    },
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::future::Future;

/// A safety net, not a measure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections of a test's own.
struct World {
    store: TestStore,
    connections: Connections,
    tasks: Tasks,
    keys: Folder,
}

/// Numbers for impatient people.
fn quick() -> Options {
    Options {
        connect: Duration::from_secs(3),
        retry: Duration::from_millis(20),
        probe: Duration::from_millis(200),
        message: 256 * 1024,
        ..Options::default()
    }
}

impl World {
    async fn new() -> Self {
        Self::with(quick(), Vec::new()).await
    }

    async fn with(options: Options, operator: Vec<OperatorServer>) -> Self {
        Self::over(test_store().await, options, operator)
    }

    /// Connections that are kept in that store.
    fn over(store: TestStore, options: Options, operator: Vec<OperatorServer>) -> Self {
        let (keys, tasks) = (Folder::new(), Tasks::default());
        let config = ServersConfig { operator, private: Nearby::All, tools_share: 5 };
        let connections = Connections::new(means(&store, &keys, &tasks, config, options)).unwrap();
        Self { store, connections, tasks, keys }
    }

    async fn person(&self, name: &str) -> Caller {
        let user = self.store.person(name).await;
        Caller { user, name: name.to_owned(), admin: false, via: Via::Process }
    }

    async fn add(&self, by: &Caller, name: &str, url: &str) -> ConnectionId {
        self.add_with(by, name, url, &[]).await
    }

    async fn add_with(&self, by: &Caller, name: &str, url: &str, headers: &[(&str, &str)]) -> ConnectionId {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), SecretString::from(*value))).collect();
        let new = NewConnection { name: name.to_owned(), url: url.to_owned(), headers };
        self.connections.add(by, new).await.unwrap()
    }

    async fn row(&self, by: &Caller) -> ConnectionRow {
        self.connections.rows(by).await.remove(0)
    }

    /// Waits until the person's first server is in that state.
    async fn until(&self, by: &Caller, state: ConnectionState) -> ConnectionRow {
        within(async {
            loop {
                let row = self.row(by).await;
                if row.state == state {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }

    fn cx(&self, by: &Caller) -> ToolCx {
        ToolCx {
            caller: by.clone(),
            conversation: None,
            store: self.store.store.clone(),
            clock: self.store.clock.clone(),
            progress: Arc::new(|_, _| {}),
            asking: Arc::new(crate::backend::tools::ask::Approved),
            kept: Arc::new(crate::backend::tools::kept::Nowhere),
            definition: None,
        }
    }

    async fn call(&self, by: &Caller, name: &str, arguments: Value) -> ToolOutcome {
        within(Box::pin(self.connections.call(&self.cx(by), &call(name, arguments)))).await.unwrap()
    }

    async fn names(&self, by: &Caller) -> Vec<String> {
        self.connections.list(by).await.iter().map(|spec| spec.name.clone()).collect()
    }

    /// Ends every connection.
    async fn stop(&self) {
        self.tasks.stop();
        assert!(self.tasks.wait(PATIENCE).await, "every connection ends");
    }
}

fn means(store: &TestStore, keys: &Folder, tasks: &Tasks, config: ServersConfig, options: Options) -> Means {
    Means {
        config,
        store: store.store.clone(),
        secrets: Secrets::new(&SecretsConfig { keys: Vec::new(), file: keys.path().join("secret.key") }),
        home: oauth::Home::at("http://127.0.0.1:9"),
        tasks: tasks.clone(),
        clock: store.clock.clone(),
        options,
    }
}

fn call(name: &str, arguments: Value) -> ToolCall {
    ToolCall::new(CallId("c".to_owned()), name, arguments)
}

/// The work's end, which must come.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap()
}

/// Waits until it is so.
async fn eventually(so: impl Fn() -> bool) {
    within(async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
