//! A program of the operator's that serves over its pipes.
//!
//! Invariant: it finds nothing in its environment but what its configuration gives it; it is the head of a process group
//! of its own, and the whole group ends with the connection (`npx` starts a shell that starts the server): its input
//! closes, then SIGTERM, then SIGKILL (specification, «Transports», stdio shutdown). What it writes to its error stream
//! is the operator's to read: the last line of it goes to the log when it ends badly, and to no page.

use super::lines;
use crate::backend::task::Tasks;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use std::{
    io,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, DuplexStream},
    process::{Child, ChildStderr, ChildStdin, Command},
};

/// How long it gets to end after each of the three signs.
const GRACE: Duration = Duration::from_millis(800);
/// Bytes of the last line it wrote to its error stream that are kept.
const SAID_MAX: usize = 300;

/// A running program; dropping it kills its group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    group: Option<Pid>,
    said: Arc<Mutex<String>>,
}

/// A started program with its pipes: what it says, bounded by line, and what it is told.
pub(super) type Started = (Process, DuplexStream, ChildStdin);

/// Starts a program. `most` bounds a line of its output.
pub(super) fn start(
    tasks: &Tasks,
    command: &Path,
    args: &[SecretString],
    env: &[(String, SecretString)],
    most: usize,
) -> io::Result<Started> {
    let mut child = Command::new(command)
        .args(args.iter().map(ExposeSecret::expose_secret))
        .env_clear()
        .envs(env.iter().map(|(name, value)| (name, value.expose_secret())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    let lost = || io::Error::other("its pipes are gone");
    let input = child.stdin.take().ok_or_else(lost)?;
    let output = child.stdout.take().ok_or_else(lost)?;
    let said = Arc::<Mutex<String>>::default();
    if let Some(errors) = child.stderr.take() {
        tasks.spawn("stderr", listen(errors, Arc::clone(&said)));
    }
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tasks.spawn("stdout", async move { lines::pump(output, theirs, most).await });
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    Ok((Process { child, group, said }, ours, input))
}

impl Process {
    /// Ends it, its input being closed already.
    pub(super) async fn end(mut self) {
        let ended = tokio::time::timeout(GRACE, self.child.wait()).await.is_ok();
        // Children of it may still be there, even if it is not.
        self.signal(Signal::TERM);
        if !ended && tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            self.signal(Signal::KILL);
            if let Err(error) = self.child.wait().await {
                tracing::warn!(%error, "a program could not be ended");
            }
        }
    }

    /// The last line it wrote to its error stream.
    pub(super) fn said(&self) -> String {
        super::lock(&self.said).clone()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // Nobody left to hear it is what is wanted.
            let _gone = kill_process_group(group, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The runtime ends, or a start was given up: nothing can be waited for here.
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            self.signal(Signal::KILL);
        }
    }
}

/// Reads its error stream to the end, so that it never waits for a reader, and keeps the last line.
async fn listen(errors: ChildStderr, said: Arc<Mutex<String>>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        let (whole, used) = match errors.fill_buf().await {
            Ok([]) | Err(_) => return,
            Ok(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let part = &bytes[..end.unwrap_or(bytes.len())];
                line.extend_from_slice(&part[..part.len().min(SAID_MAX.saturating_sub(line.len()))]);
                (end.is_some(), end.map_or(bytes.len(), |end| end + 1))
            }
        };
        errors.consume(used);
        if whole {
            let text = super::words::quote(&String::from_utf8_lossy(&line));
            if !text.is_empty() {
                *super::lock(&said) = text;
            }
            line.clear();
        }
    }
}
