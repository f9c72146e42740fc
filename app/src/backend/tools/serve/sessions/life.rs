//! [`Life`]: when a session ends by itself; and [`Kept`], its transport, which ends it then.
//!
//! rmcp's own clock runs through a call that says nothing and past a client that only listens. Invariant of this one: it
//! stands while a request has no answer or a stream is open, however quiet both are, so that neither is lost; how long a
//! request may take is its tool's own limit. What is over stays over: whoever comes then finds no session.

use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, ClientNotification, JsonRpcMessage, RequestId, ServerJsonRpcMessage},
    transport::Transport,
};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// What of one session keeps it.
#[derive(Debug)]
pub(super) struct Life {
    idle: Duration,
    now: Mutex<Now>,
    /// The last of what kept it is gone.
    quiet: Notify,
}

#[derive(Debug)]
struct Now {
    /// Requests of its client without an answer.
    asked: HashSet<RequestId>,
    /// Open streams.
    streams: usize,
    /// When it was last of use.
    used: Instant,
    over: bool,
}

impl Life {
    /// One that ends after being `idle` so long.
    pub(super) fn new(idle: Duration) -> Arc<Self> {
        let now = Now { asked: HashSet::new(), streams: 0, used: Instant::now(), over: false };
        Arc::new(Self { idle, now: Mutex::new(now), quiet: Notify::new() })
    }

    /// Its client is there: whether it is not over yet. If so, it has its whole time again.
    pub(super) fn touch(&self) -> bool {
        let mut now = self.now();
        now.used = Instant::now();
        !now.over
    }

    /// Keeps it while a stream is open.
    pub(super) fn hold(self: &Arc<Self>) -> Hold {
        self.now().streams += 1;
        Hold(Arc::clone(self))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, release: impl FnOnce(&mut Now)) {
        let mut now = self.now();
        release(&mut now);
        now.used = Instant::now();
        if now.streams == 0 && now.asked.is_empty() {
            self.quiet.notify_waiters();
        }
    }

    /// Its client said that.
    fn heard(&self, message: &ClientJsonRpcMessage) {
        match message {
            JsonRpcMessage::Request(asked) => {
                self.now().asked.insert(asked.id.clone());
            }
            // What is called off is not answered.
            JsonRpcMessage::Notification(told) => {
                if let ClientNotification::CancelledNotification(off) = &told.notification {
                    self.release(|now| now.asked.retain(|id| Some(id) != off.params.request_id.as_ref()));
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
    }

    /// Its client is told that.
    fn told(&self, message: &ServerJsonRpcMessage) {
        let answered = match message {
            JsonRpcMessage::Response(answer) => Some(&answer.id),
            JsonRpcMessage::Error(answer) => answer.id.as_ref(),
            JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
        };
        if let Some(id) = answered {
            self.release(|now| {
                now.asked.remove(id);
            });
        }
    }

    /// Waits until it is over.
    async fn ended(&self) {
        loop {
            // Before the look: what goes after it is heard.
            let quiet = self.quiet.notified();
            let until = {
                let mut now = self.now();
                let until = now.used + self.idle;
                let kept = now.streams > 0 || !now.asked.is_empty();
                now.over |= !kept && until <= Instant::now();
                if now.over {
                    return;
                }
                (!kept).then_some(until)
            };
            match until {
                Some(until) => sleep_until(until).await,
                None => quiet.await,
            }
        }
    }
}

/// Keeps a session while it lives.
#[derive(Debug)]
pub(super) struct Hold(Arc<Life>);

impl Hold {
    /// Something is said on its stream.
    pub(super) fn used(&self) {
        self.0.now().used = Instant::now();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.release(|now| now.streams -= 1);
    }
}

/// A session's transport: it counts what is asked and answered, and says that nothing more comes when the session is
/// over, upon which rmcp closes it.
#[derive(Debug)]
pub struct Kept<T> {
    inner: T,
    life: Arc<Life>,
}

impl<T> Kept<T> {
    pub(super) fn new(inner: T, life: Arc<Life>) -> Self {
        Self { inner, life }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Kept<T> {
    type Error = T::Error;

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.life.told(&message);
        self.inner.send(message)
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = tokio::select! {
            biased;
            message = self.inner.receive() => message,
            () = self.life.ended() => None,
        };
        if let Some(message) = &message {
            self.life.heard(message);
        }
        message
    }

    fn close(&mut self) -> impl Future<Output = Result<(), Self::Error>> + Send {
        self.inner.close()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use futures::FutureExt;
    use serde_json::json;

    fn said<T: serde::de::DeserializeOwned>(message: serde_json::Value) -> T {
        serde_json::from_value(message).unwrap()
    }

    fn is_over(life: &Life) -> bool {
        life.ended().now_or_never().is_some()
    }

    #[test]
    fn whatever_is_under_way_keeps_it() {
        // With no idle time at all it ends as soon as nothing keeps it.
        let life = Life::new(Duration::ZERO);
        let (one, other) = (life.hold(), life.hold());
        drop(one);
        assert!(!is_over(&life), "a stream is open");
        for id in [json!(1), json!("x")] {
            life.heard(&said(json!({"jsonrpc": "2.0", "id": id, "method": "ping"})));
        }
        drop(other);
        assert!(!is_over(&life), "two requests are under way");
        life.told(&said(json!({"jsonrpc": "2.0", "id": 1, "result": {}})));
        life.told(&said(json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})));
        assert!(!is_over(&life) && life.touch(), "one request is under way");
        let off = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "x"}});
        life.heard(&said(off));
        assert!(is_over(&life), "nothing is");
        let _late = life.hold();
        assert!(is_over(&life) && !life.touch(), "what is over stays over");
    }

    #[tokio::test]
    async fn it_waits_for_the_last_of_them() {
        let life = Life::new(Duration::ZERO);
        let hold = life.hold();
        let mut ended = std::pin::pin!(life.ended());
        assert!(ended.as_mut().now_or_never().is_none());
        drop(hold);
        ended.await;
        assert!(!life.touch());
    }
}
