//! What is counted, for Prometheus: the recorder behind [`app::backend::metrics`], and the text that it makes of them.
//!
//! Invariant: without an operator who reads it there is no recorder, and counting costs next to nothing. There is one to
//! a process, for what counts does not know whom it counts for.

use app::backend::{clock::Clock, metrics, task::Tasks};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Upper ends of buckets, in seconds: from a short answer of ours to a reply that asked a person in between.
const SECONDS: [f64; 15] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
/// The same for HTTP, where an answer begins soon, unless it is that of a tool.
const SECONDS_OF_HTTP: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Between two sums: until then every time that was measured is kept by itself.
const SUM_UP: Duration = Duration::from_secs(5);

/// The process's recorder, written by the first [`Meter::begin`].
static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);

/// What is counted; cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Meter(PrometheusHandle);

impl Meter {
    /// Begins to count, and sums up until the drain.
    ///
    /// # Errors
    /// Somebody else counts in this process.
    pub fn begin(clock: &Clock, tasks: &Tasks) -> Result<Self, BuildError> {
        let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = match recorder.clone() {
            Some(handle) => handle,
            None => recorder.insert(recorder_of_ours()?).clone(),
        };
        metrics::describe(clock.now());
        let (summed, stop) = (handle.clone(), tasks.stopping());
        tasks.spawn("metrics", async move {
            while stop.run_until_cancelled(tokio::time::sleep(SUM_UP)).await.is_some() {
                summed.run_upkeep();
            }
        });
        Ok(Self(handle))
    }

    /// Everything, in Prometheus' text format.
    pub fn told(&self) -> String {
        if let Some(kibibytes) = resident() {
            metrics::resident(kibibytes);
        }
        self.0.render()
    }
}

fn recorder_of_ours() -> Result<PrometheusHandle, BuildError> {
    let http = Matcher::Full(metrics::HTTP_SECONDS.to_owned());
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS)?.set_buckets_for_metric(http, &SECONDS_OF_HTTP)?;
    builder.install_recorder()
}

/// KiB of memory that are the process's own, where the system tells: Linux does.
fn resident() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let told = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    told.trim().strip_suffix("kB")?.trim().parse().ok()
}
