//! Lines of a program's output, bounded: a line that is too long is dropped as it comes, and if it was the answer to a
//! request, the request is answered with an error instead, so that nobody waits for what was dropped.

use super::execution;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes at each end of a long line that are kept to find out which request it answers.
const EDGE: usize = 512;

/// Copies lines from a program to whoever reads them, until either ends. No more than `most` bytes of a line are held.
pub(super) async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, most: usize) {
    let mut chunk = vec![0_u8; 64 * 1024];
    let mut line = Line::default();
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let mut rest = &chunk[..read];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            line.add(&rest[..end], most);
            rest = &rest[end + 1..];
            let Some(out) = std::mem::take(&mut line).whole(most) else { continue };
            let kept = std::str::from_utf8(&out).ok().and_then(execution::kept);
            let mut out = kept.map_or(out, String::into_bytes);
            out.push(b'\n');
            if to.write_all(&out).await.is_err() {
                return;
            }
        }
        line.add(rest, most);
    }
}

/// A line as it comes: whole, or its two ends once it is too long.
#[derive(Default)]
struct Line {
    text: Vec<u8>,
    tail: Option<Vec<u8>>,
}

impl Line {
    fn add(&mut self, more: &[u8], most: usize) {
        match &mut self.tail {
            None if self.text.len() + more.len() <= most => self.text.extend_from_slice(more),
            None => {
                self.text.extend_from_slice(&more[..more.len().min(EDGE)]);
                let mut tail = self.text.split_off(self.text.len().min(EDGE));
                tail.drain(..tail.len().saturating_sub(EDGE));
                self.text.shrink_to_fit();
                self.tail = Some(tail);
                self.add(more, most);
            }
            Some(tail) => {
                tail.extend_from_slice(&more[more.len().saturating_sub(EDGE)..]);
                tail.drain(..tail.len().saturating_sub(EDGE));
            }
        }
    }

    /// The line; of one too long, an error in its place if it answered a request.
    fn whole(self, most: usize) -> Option<Vec<u8>> {
        let Some(tail) = self.tail else { return Some(self.text) };
        let id = answered(&String::from_utf8_lossy(&self.text), &String::from_utf8_lossy(&tail))?;
        let told = super::words::too_large(most).told;
        let error = serde_json::json!({ "code": -32603, "message": told });
        Some(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#).into_bytes())
    }
}

/// The id, as JSON, of the request that a line with these ends answers.
fn answered(head: &str, tail: &str) -> Option<String> {
    let begins = head.find("\"result\"").or_else(|| head.find("\"error\""))?;
    if head[..begins].contains("\"method\"") {
        return None;
    }
    let before = head[..begins].rfind("\"id\"").and_then(|at| id(&head[at + 4..begins]));
    // Behind the result: nothing but small fields may follow it there.
    before.or_else(|| tail.rfind("\"id\"").and_then(|at| id(&tail[at + 4..])))
}

fn id(text: &str) -> Option<String> {
    let text = text.trim_start().strip_prefix(':')?.trim_start();
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    match values.next()? {
        Ok(id @ (serde_json::Value::Number(_) | serde_json::Value::String(_))) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    async fn through(input: &str, most: usize) -> String {
        let mut out = Vec::new();
        pump(input.as_bytes(), &mut out, most).await;
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn short_lines_pass_and_an_unfinished_one_does_not() {
        assert_eq!(through("{\"a\":1}\n\nb\nrest", 100).await, "{\"a\":1}\n\nb\n");
    }

    #[tokio::test]
    async fn a_long_answer_becomes_an_error_for_its_request_wherever_the_id_stands() {
        let big = "x".repeat(3_000_000);
        for (line, id) in [
            (format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"t":"{big}"}}}}"#), "7"),
            (format!(r#"{{"result":{{"id":1,"t":"{big}"}},"jsonrpc":"2.0","id":"a\"b"}}"#), r#""a\"b""#),
            (format!(r#"{{"id": 8 ,"result":{{"t":"{big} \"id\":9 "}}}}"#), "8"),
        ] {
            let out = through(&format!("{line}\nnext\n"), 2 * 1024 * 1024).await;
            let (error, next) = out.split_once('\n').unwrap();
            let error: serde_json::Value = serde_json::from_str(error).unwrap();
            assert_eq!(error["id"].to_string(), id);
            assert!(error["error"]["message"].as_str().unwrap().contains("larger than 2 MiB"));
            assert_eq!(next, "next\n");
        }
    }

    #[test]
    fn of_an_endless_line_no_more_than_the_limit_is_held() {
        let (most, chunk) = (1024 * 1024, vec![b'x'; 64 * 1024]);
        let mut line = Line::default();
        for _ in 0..800 {
            line.add(&chunk, most);
            let held = line.text.capacity() + line.tail.as_ref().map_or(0, Vec::capacity);
            assert!(held <= 2 * most, "{held}");
        }
        assert!(line.text.capacity() < 2 * EDGE && line.whole(most).is_none());
    }

    #[tokio::test]
    async fn a_long_notification_or_nonsense_is_dropped() {
        let big = "x".repeat(5_000);
        let notice = format!(r#"{{"method":"notifications/message","params":{{"result":"{big}"}}}}"#);
        assert_eq!(through(&format!("{notice}\n{big}\nnext\n"), 2_000).await, "next\n");
    }
}
