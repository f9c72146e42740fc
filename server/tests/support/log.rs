//! What the server logs while a test listens.

use serde_json::Value;
use std::{
    io::{self, Write},
    sync::{Arc, LazyLock, Mutex},
};
use tracing::{Dispatch, subscriber::DefaultGuard};

/// What was logged.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// All of it.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of each line that says `message`.
    pub fn lines(&self, message: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.map(|line| line["fields"].clone()).filter(|fields| fields["message"] == message).collect()
    }
}

/// Listens until the guard goes. The server runs in the test's own thread, so what it logs is heard by that test alone.
pub fn listen() -> (Log, DefaultGuard) {
    // While there is one subscriber alone, whichever thread comes first to a line says for all whether anybody wants it,
    // and another test's does not. With a second one, which hears nothing, all are asked.
    static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
    LazyLock::force(&SECOND);
    let log = Log::default();
    let written = log.clone();
    // rmcp's own lines are left out, as they are in the program (`telemetry`).
    let filter = "rmcp=error,rmcp::transport=off,rmcp::service=off,info";
    let subscriber =
        tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(move || written.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}
