//! From bytes to deltas: the same loop for every vendor, with the vendor's knowledge in a [`Mapper`].
//!
//! Invariant: how the bytes are cut into chunks never changes the deltas. A line has a largest length, silence a
//! longest time; a stream that ends before its mapper saw the end is [`Category::Cut`].

use super::{Category, Delta, ProviderError};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use sse_stream::SseStream;
use std::{collections::VecDeque, time::Duration};

/// How long a stream may be silent: reasoning models are quiet for long, dead connections for ever.
pub(super) const IDLE_MAX: Duration = Duration::from_mins(2);
/// How long is waited for what may follow a reply's end (the count of tokens), where the endpoint does not close.
const TAIL_MAX: Duration = Duration::from_secs(5);
/// Bytes of one line: a whole tool call in one event fits many times over.
const LINE_MAX: usize = 8 * 1024 * 1024;

/// A vendor's stream of events as deltas: pure, stateful.
pub(super) trait Mapper: Send + 'static {
    /// The deltas of one event's data.
    fn event(&mut self, data: &str) -> Result<Vec<Delta>, ProviderError>;
    /// The deltas still owed when the bytes have ended; an error if the reply was not whole.
    fn end(&mut self) -> Result<Vec<Delta>, ProviderError>;
    /// Whether the reply is whole but for trailing facts.
    fn settled(&self) -> bool;
    /// Whether nothing can follow.
    fn over(&self) -> bool;
}

/// The deltas of a body; ends after the first error.
pub(super) fn deltas<M, S, E>(
    body: S,
    mapper: M,
    idle: Duration,
) -> impl Stream<Item = Result<Delta, ProviderError>> + Send
where
    M: Mapper,
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let events = Box::pin(SseStream::from_bytes_stream(bounded(body)));
    let reading = Reading { events, mapper, ready: VecDeque::new(), done: false, idle };
    stream::try_unfold(reading, |mut reading| async move {
        loop {
            if let Some(delta) = reading.ready.pop_front() {
                return Ok(Some((delta, reading)));
            }
            if reading.done {
                return Ok(None);
            }
            reading.next().await?;
        }
    })
    // `try_unfold` must not be polled after its error, which callers may well do.
    .scan(false, |failed, item| {
        let stop = std::mem::replace(failed, item.is_err());
        std::future::ready((!stop).then_some(item))
    })
    .fuse()
}

struct Reading<M, S> {
    events: S,
    mapper: M,
    ready: VecDeque<Delta>,
    done: bool,
    idle: Duration,
}

impl<M: Mapper, S: Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Unpin> Reading<M, S> {
    /// Reads one event.
    async fn next(&mut self) -> Result<(), ProviderError> {
        let patience = if self.mapper.settled() { TAIL_MAX.min(self.idle) } else { self.idle };
        let deltas = match tokio::time::timeout(patience, self.events.next()).await {
            Ok(Some(Ok(event))) => match event.data {
                Some(data) if !data.trim().is_empty() => self.mapper.event(&data)?,
                _ => return Ok(()),
            },
            Ok(Some(Err(_))) | Err(_) if self.mapper.settled() => self.finish()?,
            Ok(Some(Err(error))) => return Err(broken(&error)),
            Ok(None) => self.finish()?,
            Err(_) => {
                let silence = format!("nothing came for {} s", self.idle.as_secs());
                return Err(ProviderError::new(Category::Cut, silence));
            }
        };
        self.ready.extend(deltas);
        self.done |= self.mapper.over();
        Ok(())
    }

    fn finish(&mut self) -> Result<Vec<Delta>, ProviderError> {
        self.done = true;
        self.mapper.end()
    }
}

fn broken(error: &sse_stream::Error) -> ProviderError {
    match error {
        sse_stream::Error::Body(cause) if !matches!(cause.downcast_ref(), Some(BodyError::LineTooLong)) => {
            ProviderError::new(Category::Cut, format!("the connection broke: {}", chain(cause.as_ref())))
        }
        other => ProviderError::new(Category::Protocol, format!("not an event stream: {other}")),
    }
}

/// An error with its causes: reqwest hides the telling part in them.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

/// Why the bytes end early.
#[derive(Debug, thiserror::Error)]
enum BodyError {
    /// The connection's own failure.
    #[error(transparent)]
    Broken(Box<dyn std::error::Error + Send + Sync>),
    /// The parser alone would buffer such a line without end.
    #[error("a line is longer than {LINE_MAX} bytes")]
    LineTooLong,
}

fn bounded<S, E>(body: S) -> impl Stream<Item = Result<Bytes, BodyError>> + Send
where
    S: Stream<Item = Result<Bytes, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut line = 0;
    body.map_err(|error| BodyError::Broken(Box::new(error))).and_then(move |chunk| {
        line = match chunk.iter().rposition(|b| matches!(b, b'\n' | b'\r')) {
            Some(at) => chunk.len() - at - 1,
            None => line + chunk.len(),
        };
        std::future::ready(if line > LINE_MAX { Err(BodyError::LineTooLong) } else { Ok(chunk) })
    })
}

#[cfg(test)]
pub(super) mod tests;
