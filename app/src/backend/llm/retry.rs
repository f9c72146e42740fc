//! Asks again when a provider fails before the reply's first word; after it the failure is the caller's, with what
//! was said kept.
//!
//! The waits are part of the stream: dropping it ends them.

use super::{ChatRequest, Delta, DeltaStream, Provider, ProviderError};
use futures::{StreamExt, future::BoxFuture, stream};
use std::{fmt, sync::Arc, time::Duration};

/// How to wait; tests do not.
pub(super) type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// A provider that is asked again after passing failures.
#[derive(Clone)]
pub struct Retrying {
    inner: Arc<dyn Provider>,
    sleep: Sleep,
}

impl fmt::Debug for Retrying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl Retrying {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Provider>) -> Self {
        Self::with_sleep(inner, Arc::new(|time| Box::pin(tokio::time::sleep(time))))
    }

    /// [`Self::new`] with another way to wait.
    pub(super) fn with_sleep(inner: Arc<dyn Provider>, sleep: Sleep) -> Self {
        Self { inner, sleep }
    }
}

struct Attempt {
    provider: Retrying,
    request: ChatRequest,
    stream: DeltaStream,
    failures: u32,
    /// Whether a word was passed on: from then on every failure is final.
    spoken: bool,
    over: bool,
}

impl Provider for Retrying {
    fn stream(&self, request: ChatRequest) -> DeltaStream {
        let stream = self.inner.stream(request.clone());
        let attempt = Attempt { provider: self.clone(), request, stream, failures: 0, spoken: false, over: false };
        stream::unfold(attempt, |mut attempt| async move { attempt.next().await.map(|item| (item, attempt)) }).boxed()
    }
}

impl Attempt {
    async fn next(&mut self) -> Option<Result<Delta, ProviderError>> {
        if self.over {
            return None;
        }
        loop {
            let error = match self.stream.next().await {
                Some(Err(error)) => error,
                item => {
                    // Counts replace one another, so those of a failed attempt do no harm.
                    self.spoken |= !matches!(item, Some(Ok(Delta::Usage(_))));
                    return item;
                }
            };
            self.failures += 1;
            let Some(delay) = error.retry_delay(self.failures).filter(|_| !self.spoken) else {
                self.over = true;
                return Some(Err(error));
            };
            tracing::info!(
                category = ?error.category,
                status = error.status,
                attempt = self.failures,
                delay_ms = delay.as_secs_f64() * 1000.0,
                "the model's provider failed, asking again"
            );
            (self.provider.sleep)(delay).await;
            self.stream = self.provider.inner.stream(self.request.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::llm::{Category, scripted::Scripted};
    use std::sync::Mutex;

    async fn play(scripts: &[&str]) -> (Vec<Result<Delta, ProviderError>>, usize) {
        let (scripted, handle) = Scripted::new();
        for script in scripts {
            handle.push(*script);
        }
        let slept = Arc::new(Mutex::new(Vec::new()));
        let note = slept.clone();
        let sleep: Sleep = Arc::new(move |time| {
            note.lock().expect("no panic").push(time);
            Box::pin(std::future::ready(()))
        });
        let request = ChatRequest {
            model: String::new(),
            system: String::new(),
            turns: vec![],
            tools: Arc::default(),
            max_output: 9,
        };
        let all = Retrying::with_sleep(Arc::new(scripted), sleep).stream(request).collect().await;
        let slept = slept.lock().expect("no panic").len();
        assert_eq!(handle.requests().len(), slept + 1);
        (all, slept)
    }

    #[tokio::test]
    async fn passing_failures_before_the_first_word_are_tried_again() {
        let (all, slept) = play(&["fail overloaded", "fail rate_limited", "say hi"]).await;
        assert_eq!(slept, 2);
        assert!(all.iter().all(Result::is_ok));
        let (all, slept) = play(&["fail unreachable"; 9]).await;
        assert_eq!((all.len(), slept), (1, 3));
    }

    #[tokio::test]
    async fn final_failures_and_those_after_a_word_are_not() {
        for script in
            ["fail credentials", "fail too_long", "fail refused", "fail rejected", "say half\nfail overloaded"]
        {
            let (all, slept) = play(&[script]).await;
            assert_eq!(slept, 0, "{script}");
            assert!(all.last().is_some_and(Result::is_err));
        }
        let (all, _) = play(&["say half\nfail overloaded"]).await;
        assert!(matches!(all.last(), Some(Err(e)) if e.category == Category::Overloaded));
    }
}
