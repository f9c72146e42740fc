//! The events that answer a request, over as many connections as their server takes for them.
//!
//! A server may end such a stream before the answer comes, having given an event's id and a time (revision 2025-11-25,
//! «Resumability and Redelivery»): the rest is asked for with a `GET` behind that event. rmcp would ask too, but at once
//! where a connection broke, as often as a server says that no time need pass, and without a word on why it gave up; so
//! it is shown neither ids nor times.
//!
//! Invariant: the request itself is not sent again. There is one `GET` at a time, none before the time the server named,
//! and ever more time between those that bring nothing. Whoever drops the events ends it: the deadline is theirs.

use super::{breaker::chance, pass::Http, words::Fault};
use crate::backend::http::{self, HttpError};
use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use rmcp::transport::streamable_http_client::{SseError, StreamableHttpError};
use serde::{Deserialize, de::IgnoredAny};
use sse_stream::Sse;
use std::time::Duration;
use tokio::time::sleep;

/// The first wait where the server names no time, or cannot be asked; it doubles from there.
const UNSAID: Duration = Duration::from_secs(1);
/// Where it doubles no more.
const LONGEST: Duration = Duration::from_secs(30);
/// The same for a server that names a time: less than this is not waited, whatever it says.
const SAID: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(1));
/// Failures in a row that are put up with.
const FAILURES: u32 = 5;
/// Bytes of an event's id that are sent back.
const ID_MAX: usize = 1024;

/// Events as they come.
pub(super) type Events = BoxStream<'static, Result<Sse, SseError>>;
/// Asks for the events behind the one of that id.
pub(super) type Reopen = Box<dyn Fn(String) -> BoxFuture<'static, Result<Events, Http>> + Send>;
/// Lets that time pass.
type Pause = Box<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send>;
/// Is told why no more is asked for.
pub(super) type GaveUp = Box<dyn Fn(Fault) + Send>;

/// These events and, where they end before the answer, the rest of them.
pub(super) fn whole(events: Events, reopen: Reopen, gave_up: GaveUp) -> Events {
    by_time(events, reopen, gave_up, Box::new(|time| sleep(time).boxed()))
}

fn by_time(events: Events, reopen: Reopen, gave_up: GaveUp, pause: Pause) -> Events {
    let course = Course { events, last: None, said: None, fruitless: 0, answered: false, reopen, gave_up, pause };
    let next = |mut course: Course| async move { course.next().await.map(|event| (event, course)) };
    stream::unfold(course, next).boxed()
}

struct Course {
    events: Events,
    /// The newest event's id.
    last: Option<String>,
    /// The time that the server named.
    said: Option<Duration>,
    /// How often in a row asking brought nothing.
    fruitless: u32,
    answered: bool,
    reopen: Reopen,
    gave_up: GaveUp,
    pause: Pause,
}

impl Course {
    async fn next(&mut self) -> Option<Result<Sse, SseError>> {
        loop {
            match self.events.next().await {
                Some(Ok(event)) => {
                    self.note(&event);
                    return Some(Ok(Sse { id: None, retry: None, ..event }));
                }
                ended if self.answered || self.last.is_none() => return ended,
                // What cannot be read would come again.
                Some(Err(error)) if !matches!(error, SseError::Body(_)) => return self.give_up(&error.into()),
                _ => {}
            }
            match self.again().await {
                Ok(events) => self.events = events,
                Err(error) => return self.give_up(&error),
            }
        }
    }

    fn note(&mut self, event: &Sse) {
        if let Some(said) = event.retry {
            self.said = Some(Duration::from_millis(said));
        }
        if let Some(id) = &event.id {
            // An empty one takes back those before it.
            self.last = Some(id.clone()).filter(|id| !id.is_empty() && id.len() <= ID_MAX);
        }
        if event.data.as_deref().is_some_and(|data| !data.trim().is_empty()) {
            self.fruitless = 0;
            self.answered |= is_answer(event);
        }
    }

    /// Asks for the rest, with patience.
    async fn again(&mut self) -> Result<Events, Http> {
        let mut failures = 0;
        loop {
            let said = self.said.filter(|_| failures == 0);
            let least = self.said.unwrap_or_default();
            let pause = (self.pause)(wait(said, self.fruitless, chance()).max(least));
            pause.await;
            self.fruitless = self.fruitless.saturating_add(1);
            let asked = (self.reopen)(self.last.clone().unwrap_or_default());
            match asked.await {
                Err(error) if failures < FAILURES && may_pass(&error) => failures += 1,
                events_or_error => return events_or_error,
            }
        }
    }

    fn give_up(&self, why: &Http) -> Option<Result<Sse, SseError>> {
        (self.gave_up)(Fault::broken_off(why));
        None
    }
}

/// How long to wait before asking for the rest. `said`: the server named a time and can be asked.
fn wait(said: Option<Duration>, fruitless: u32, chance: f64) -> Duration {
    let (first, most) = if said.is_some() { SAID } else { (UNSAID, LONGEST) };
    let wait = first.saturating_mul(1 << fruitless.min(16)).min(most);
    // From three quarters of it to the whole, so that many do not ask at once.
    said.unwrap_or_default().max(wait.mul_f64((3.0 + chance.clamp(0.0, 1.0)) / 4.0))
}

/// Whether asking again later may help.
fn may_pass(error: &Http) -> bool {
    match error {
        // 429 and 5xx.
        StreamableHttpError::HttpStatus(_) | StreamableHttpError::Sse(_) => true,
        StreamableHttpError::Client(error) => {
            error.status().is_none() && !error.is_builder() && !matches!(http::sorted(error), HttpError::Refused(_))
        }
        _ => false,
    }
}

/// Whether an event is the answer, and not a message on the way to it.
fn is_answer(event: &Sse) -> bool {
    #[derive(Deserialize)]
    struct Message {
        method: Option<IgnoredAny>,
        result: Option<IgnoredAny>,
        error: Option<IgnoredAny>,
    }
    let read = |data: &str| serde_json::from_str::<Message>(data).ok();
    let message = matches!(event.event.as_deref(), None | Some("" | "message"));
    let message = event.data.as_deref().filter(|_| message).and_then(read);
    message.is_some_and(|message| message.method.is_none() && (message.result.is_some() || message.error.is_some()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::sync::{Arc, Mutex};

    /// Events that never come to the answer: what is waited and asked for, in order, until there were that many waits.
    fn course(first: Sse, waits: usize) -> (Events, Arc<Mutex<Vec<String>>>) {
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (asked, waited) = (Arc::clone(&log), Arc::clone(&log));
        let reopen: Reopen = Box::new(move |last| {
            asked.lock().unwrap().push(format!("asks behind {last}"));
            async { Ok(stream::empty().boxed()) }.boxed()
        });
        let pause: Pause = Box::new(move |time| {
            let mut log = waited.lock().unwrap();
            log.push(format!("waits {}", time.as_millis()));
            let passes = log.iter().filter(|line| line.starts_with("waits")).count() < waits;
            async move {
                if !passes {
                    std::future::pending::<()>().await;
                }
            }
            .boxed()
        });
        let events = stream::iter([Ok(first)]).boxed();
        (by_time(events, reopen, Box::new(|fault| panic!("{fault}")), pause), log)
    }

    #[test]
    fn nothing_is_asked_for_before_the_time_that_was_named_nor_when_nobody_waits_any_more() {
        let first = Sse { id: Some("a-1".to_owned()), retry: Some(2_000), ..Sse::default().data("") };
        let (mut events, log) = course(first.clone(), 1);
        assert!(events.next().now_or_never().flatten().is_some_and(|event| event.is_ok()));
        assert!(events.next().now_or_never().is_none(), "it waits");
        assert_eq!(*log.lock().unwrap(), ["waits 2000"]);
        drop(events);
        assert_eq!(*log.lock().unwrap(), ["waits 2000"]);

        let (mut events, log) = course(first, 4);
        assert!(events.next().now_or_never().flatten().is_some_and(|event| event.is_ok()));
        assert!(events.next().now_or_never().is_none());
        let (waits, asks) = ("waits 2000", "asks behind a-1");
        assert_eq!(*log.lock().unwrap(), [waits, asks, waits, asks, waits, asks, waits], "one after the other");
    }

    #[test]
    fn a_time_that_is_named_is_waited_and_silence_waits_ever_longer() {
        let named = |ms, fruitless| wait(Some(Duration::from_millis(ms)), fruitless, 1.0).as_millis();
        assert_eq!([named(500, 0), named(500, 1), named(500, 2), named(500, 9)], [500, 500, 1_000, 1_000]);
        assert_eq!([named(0, 0), named(0, 1), named(0, 40)], [250, 500, 1_000]);
        assert_eq!([named(90_000, 0), named(90_000, 9)], [90_000, 90_000]);
        let unnamed: Vec<u128> = (0..7).map(|fruitless| wait(None, fruitless, 1.0).as_millis()).collect();
        assert_eq!(unnamed, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(wait(None, 1, 0.0).as_millis(), 1_500, "many do not ask at once");
        assert_eq!(wait(Some(Duration::from_millis(500)), 0, 0.0).as_millis(), 500, "but never too early");
    }

    #[test]
    fn an_answer_is_told_from_what_comes_before_it() {
        let event = |data: &str| Sse::default().data(data);
        for answer in [r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, r#"{"id":1,"error":{"code":1,"message":"x"}}"#] {
            assert!(is_answer(&event(answer)) && is_answer(&event(answer).event("message")), "{answer}");
            assert!(!is_answer(&event(answer).event("ping")));
        }
        for other in ["", "{}", "no JSON", r#"{"method":"notifications/progress","params":{"result":1}}"#] {
            assert!(!is_answer(&event(other)), "{other}");
        }
    }
}
