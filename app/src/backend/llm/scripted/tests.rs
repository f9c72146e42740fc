#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::backend::llm::RequestTurn;

pub(in crate::backend::llm) fn request(turns: Vec<RequestTurn>) -> ChatRequest {
    ChatRequest { model: "m".into(), system: String::new(), turns, tools: Arc::default(), max_output: 1000 }
}

fn user(content: Vec<Content>) -> RequestTurn {
    RequestTurn { assistant: false, content }
}

async fn play(scripted: &Scripted, turns: Vec<RequestTurn>) -> Vec<Result<Delta, ProviderError>> {
    scripted.stream(request(turns)).collect().await
}

fn said(deltas: &[Result<Delta, ProviderError>]) -> String {
    deltas.iter().filter_map(|d| if let Ok(Delta::Text(t)) = d { Some(t.as_str()) } else { None }).collect()
}

#[tokio::test]
async fn a_script_with_tools_goes_on_after_their_results() {
    let (scripted, handle) = Scripted::new();
    let script =
        "script:\nthink hm\nsay Let me see\ntool sum {\"numbers\":[1,2]}\nbadtool sum {\"numbers\":\nsay Done:\necho";
    let first = play(&scripted, vec![user(vec![Content::Text(script.into())])]).await;
    assert_eq!(said(&first), "Let me see");
    assert!(matches!(&first[1], Ok(Delta::Thinking { signature: Some(_), .. })));
    let calls: Vec<_> =
        first.iter().filter(|d| matches!(d, Ok(Delta::ToolUse(_) | Delta::BadToolUse { .. }))).collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(first.last().unwrap().as_ref().unwrap(), &Delta::Stop(StopReason::ToolUse));
    let Ok(Delta::ToolUse(call)) = calls[0] else { panic!("{calls:?}") };
    let second = play(
        &scripted,
        vec![
            user(vec![Content::Text(script.into())]),
            RequestTurn { assistant: true, content: vec![Content::ToolCall(call.clone())] },
            user(vec![Content::ToolResult {
                call: call.id.clone(),
                text: "3".into(),
                is_error: false,
                pictures: Vec::new(),
            }]),
        ],
    )
    .await;
    assert_eq!(said(&second), "Done:\n3");
    assert_eq!(second.last().unwrap().as_ref().unwrap(), &Delta::Stop(StopReason::EndTurn));
    assert_eq!(handle.requests().len(), 2);
}

#[tokio::test]
async fn of_messages_without_a_reply_between_them_the_last_is_played() {
    let (scripted, _) = Scripted::new();
    let unanswered = ["script:\nsay begun\nhang", "script:\nsay there"].map(|text| Content::Text(text.into()));
    assert_eq!(said(&play(&scripted, vec![user(unanswered.into())]).await), "there");
}

#[tokio::test]
async fn failures_cuts_and_bad_scripts() {
    let (scripted, handle) = Scripted::new();
    handle.push("say half a\nfail overloaded too many");
    let failed = play(&scripted, vec![]).await;
    assert_eq!(said(&failed), "half a");
    assert_eq!(failed.last().unwrap().as_ref().unwrap_err().category, Category::Overloaded);
    handle.push("put one\\n\ncut");
    assert_eq!(play(&scripted, vec![]).await.len(), 1);
    handle.push("say x\nfly away");
    let bad = play(&scripted, vec![]).await;
    assert!(bad[0].as_ref().unwrap_err().message.contains("line 2"));
    let plain = play(&scripted, vec![user(vec![Content::Text("Good day".into())])]).await;
    assert_eq!(said(&plain), "You said: Good day");
}

#[tokio::test]
async fn a_gate_holds_until_opened_and_dropping_counts() {
    let (scripted, handle) = Scripted::new();
    handle.push("say before\ngate one\nsay after\nhang");
    let mut stream = scripted.stream(request(vec![]));
    assert_eq!(handle.live(), 1);
    assert!(matches!(stream.next().await, Some(Ok(Delta::Text(_)))));
    assert!(stream.next().now_or_never().is_none());
    handle.reached("one").await;
    handle.open("one");
    assert_eq!(stream.next().await.unwrap().unwrap(), Delta::Text("\n".into()));
    drop(stream);
    assert_eq!(handle.live(), 0);
}
