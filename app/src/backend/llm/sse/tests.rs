//! What the vendors' tests share: recorded streams through the reader, whole and cut at every byte, and from a server
//! that sends them byte by byte.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::backend::llm::post::tests::over_the_wire;
use std::convert::Infallible;

/// A reply, a line for each delta; text of the same kind is joined, as chunks may cut it.
pub(in super::super) fn shown(deltas: &[Result<Delta, ProviderError>]) -> String {
    let lines = deltas.iter().map(|delta| match delta {
        Ok(Delta::Text(text)) => format!("text {text:?}"),
        Ok(Delta::Thinking { text, signature }) => format!("think {text:?} {}", signature.as_deref().unwrap_or("-")),
        Ok(Delta::ToolUse(call)) => format!("tool {} {} {}", call.id.0, call.name, call.arguments),
        Ok(Delta::BadToolUse { id, name, raw, reason }) => format!("bad {} {name} {raw:?} {reason}", id.0),
        Ok(Delta::Usage(usage)) => format!("usage {} {} {}", usage.input, usage.output, usage.cached),
        Ok(Delta::Stop(reason)) => format!("stop {reason:?}"),
        Err(error) => format!("error {:?}: {}", error.category, error.message),
    });
    lines.collect::<Vec<_>>().join("\n")
}

async fn read<M: Mapper>(chunks: Vec<Bytes>, mapper: M) -> Vec<Result<Delta, ProviderError>> {
    let body = stream::iter(chunks.into_iter().map(Ok::<_, Infallible>));
    deltas(body, mapper, Duration::from_secs(5)).collect().await
}

/// The deltas of a recorded stream, having checked that no cut changes them.
pub(in super::super) async fn recorded<M: Mapper>(name: &str, new: impl Fn() -> M) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llm").join(name);
    let bytes = Bytes::from(std::fs::read(path).unwrap());
    let whole = shown(&read(vec![bytes.clone()], new()).await);
    for at in 1..bytes.len() {
        let cut = shown(&read(vec![bytes.slice(..at), bytes.slice(at..)], new()).await);
        assert_eq!(cut, whole, "{name} cut at {at}");
    }
    let single: Vec<Bytes> = (0..bytes.len()).map(|i| bytes.slice(i..=i)).collect();
    assert_eq!(shown(&read(single, new()).await), whole, "{name} byte by byte");
    assert_eq!(shown(&over_the_wire(name, new()).await), whole, "{name} byte by byte from a server");
    whole
}

/// Says every event's data.
struct Parrot(bool);

impl Mapper for Parrot {
    fn event(&mut self, data: &str) -> Result<Vec<Delta>, ProviderError> {
        Ok(vec![Delta::Text(data.to_owned())])
    }
    fn end(&mut self) -> Result<Vec<Delta>, ProviderError> {
        Ok(vec![])
    }
    fn settled(&self) -> bool {
        self.0
    }
    fn over(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn silence_ends_a_stream() {
    let body = || stream::iter([Ok::<_, Infallible>(Bytes::from("data: a\n\n"))]).chain(stream::pending());
    let idle = Duration::from_millis(20);
    let all: Vec<_> = deltas(body(), Parrot(false), idle).collect().await;
    assert_eq!(shown(&all), "text \"a\"\nerror Cut: nothing came for 0 s");
    let all: Vec<_> = deltas(body(), Parrot(true), idle).collect().await;
    assert_eq!(shown(&all), "text \"a\"");
}

#[tokio::test]
async fn an_endless_line_is_an_error_and_not_memory() {
    let chunk = Bytes::from(vec![b'a'; 1024 * 1024]);
    let body = stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone()));
    let all: Vec<_> = deltas(body, Parrot(false), Duration::from_secs(5)).collect().await;
    assert!(matches!(&all[..], [Err(e)] if e.category == Category::Protocol && e.message.contains("longer than")));
}

#[tokio::test]
async fn a_broken_connection_is_a_cut() {
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset by peer");
    let body = stream::iter([Ok(Bytes::from("data: a\n\n")), Err(broken)]);
    let all: Vec<_> = deltas(body, Parrot(false), Duration::from_secs(5)).collect().await;
    assert_eq!(shown(&all), "text \"a\"\nerror Cut: the connection broke: reset by peer");
}
