#![expect(clippy::unwrap_used, reason = "tests")]

use super::{super::sse::tests::recorded, *};
use crate::{
    backend::llm::{Category, Content, RequestTurn, post::tests::*},
    wire::{
        id::CallId,
        tool::{Annotations, ToolCall, ToolSpec},
    },
};
use serde_json::json;
use std::sync::Arc;

async fn of(name: &str) -> String {
    recorded(&format!("openai/{name}.sse"), || OpenAiMapper::new(ToolNames::default(), "u".into())).await
}

#[tokio::test]
async fn text_and_usage() {
    insta::assert_snapshot!(of("text").await, @r#"
    text "Grüß dich"
    text ", Ada! 👋"
    usage 19 10 16
    stop EndTurn
    "#);
}

#[tokio::test]
async fn parallel_tools_one_of_them_broken() {
    insta::assert_snapshot!(of("parallel_tools").await, @r#"
    tool call_DdmO9pD3xa9XTPNJ32zg2hcA sum {"numbers":[2,40]}
    tool call_2 current_time {}
    bad call_3 website_status "{\"url\":" EOF while parsing a value at line 1 column 7
    usage 80 40 0
    stop ToolUse
    "#);
}

#[tokio::test]
async fn ollama_finishes_calls_with_stop() {
    insta::assert_snapshot!(of("ollama").await, @r#"
    think "Two tools" -
    tool call_o7 sum {"numbers":[2,40]}
    tool call_o8 current_time {}
    usage 170 30 0
    stop ToolUse
    "#);
}

#[tokio::test]
async fn openrouter_with_comments_and_reasoning() {
    insta::assert_snapshot!(of("openrouter").await, @r#"
    think "Hm" -
    text "Hel"
    text "lo"
    usage 9 4 0
    stop EndTurn
    "#);
}

#[tokio::test]
async fn deepseek_with_crlf_and_no_space() {
    insta::assert_snapshot!(of("deepseek_crlf").await, @r#"
    think "Well" -
    think ", yes" -
    text "Yes."
    usage 5 6 0
    stop EndTurn
    "#);
}

#[tokio::test]
async fn calls_without_ids_index_or_done() {
    insta::assert_snapshot!(of("no_done_no_ids").await, @r#"
    tool call_u_0 sum {"numbers":[1,2]}
    tool call_u_1 current_time {}
    stop ToolUse
    "#);
    insta::assert_snapshot!(of("same_index_no_ids").await, @r#"
    tool call_u_0 sum {"numbers":[1]}
    tool call_u_1 sum {"numbers":[2]}
    stop ToolUse
    "#);
}

#[tokio::test]
async fn every_end() {
    for (name, end) in [
        ("length", "stop MaxTokens"),
        ("content_filter", "stop Refusal"),
        ("refusal", "stop Refusal"),
        ("done_without_reason", "stop EndTurn"),
        ("cut", "error Cut: the stream ended without a finish reason"),
        ("openrouter_error", "error Unreachable: Provider disconnected unexpectedly"),
        ("llamacpp_error", "error ContextTooLong: the request exceeds the available context size, try increasing it"),
    ] {
        assert_eq!(of(name).await.lines().last().unwrap(), end, "{name}");
    }
    assert!(of("nonsense").await.starts_with("error Protocol: a chunk is not as documented"));
}

#[test]
fn a_result_has_no_place_for_pictures_so_its_words_are_all() {
    let picture = crate::backend::llm::Picture {
        id: uuid::Uuid::nil().into(),
        media_type: "image/png".into(),
        cost: 1,
        data: Some(bytes::Bytes::from_static(b"png")),
    };
    let mut request = conversation();
    let call = CallId("call_1".into());
    let text = "[An image: image/png, shown to the user]";
    let result = Content::ToolResult { call, text: text.into(), is_error: false, pictures: vec![picture] };
    request.turns = vec![RequestTurn { assistant: false, content: vec![result] }];
    let body = request::body(&request, &ToolNames::new(&request.tools), request::Dialect::Compatible);
    let told = json!({ "role": "tool", "tool_call_id": "call_1", "content": text });
    assert_eq!(body["messages"].as_array().unwrap()[1..], [told]);
}

fn conversation() -> ChatRequest {
    let tool = ToolSpec {
        name: "math.sum".into(),
        title: "Sum".into(),
        description: "Adds.".into(),
        input_schema: json!({"type": "object"}),
        output_schema: json!({}),
        annotations: Annotations::READ_ONLY,
        server: None,
        ui: None,
    };
    let call = ToolCall::new(CallId("call_1".into()), "math.sum", json!({"numbers": [2, 40]}));
    ChatRequest {
        model: "gpt-4o".into(),
        system: "Be kind.".into(),
        turns: vec![
            RequestTurn {
                assistant: false,
                content: vec![
                    Content::Text("Add these".into()),
                    Content::Image { media_type: "image/png".into(), data: bytes::Bytes::from_static(b"png") },
                ],
            },
            RequestTurn {
                assistant: true,
                content: vec![
                    Content::Thinking { text: "hm".into(), signature: "seal".into() },
                    Content::Text("Sure.".into()),
                    Content::ToolCall(call),
                ],
            },
            RequestTurn {
                assistant: false,
                content: vec![
                    Content::Text("and hurry".into()),
                    Content::ToolResult {
                        call: CallId("call_1".into()),
                        text: "no".into(),
                        is_error: true,
                        pictures: Vec::new(),
                    },
                ],
            },
        ],
        tools: Arc::new(vec![Arc::new(tool)]),
        max_output: 4096,
    }
}

#[test]
fn a_request_with_an_image_and_results() {
    let request = conversation();
    let body = request::body(&request, &ToolNames::new(&request.tools), Dialect::Compatible);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "max_tokens": 4096,
      "messages": [
        {
          "content": "Be kind.",
          "role": "system"
        },
        {
          "content": [
            {
              "text": "Add these",
              "type": "text"
            },
            {
              "image_url": {
                "url": "data:image/png;base64,cG5n"
              },
              "type": "image_url"
            }
          ],
          "role": "user"
        },
        {
          "content": "Sure.",
          "role": "assistant",
          "tool_calls": [
            {
              "function": {
                "arguments": "{\"numbers\":[2,40]}",
                "name": "math_sum"
              },
              "id": "call_1",
              "type": "function"
            }
          ]
        },
        {
          "content": "Error: no",
          "role": "tool",
          "tool_call_id": "call_1"
        },
        {
          "content": "and hurry",
          "role": "user"
        }
      ],
      "model": "gpt-4o",
      "stream": true,
      "stream_options": {
        "include_usage": true
      },
      "tools": [
        {
          "function": {
            "description": "Adds.",
            "name": "math_sum",
            "parameters": {
              "type": "object"
            }
          },
          "type": "function"
        }
      ]
    }
    "#);
}

#[test]
fn openai_itself_has_another_name_for_the_limit() {
    assert_eq!(Dialect::of("http://localhost:11434/v1"), Dialect::Compatible);
    let dialect = Dialect::of("https://api.openai.com/v1");
    let body = request::body(&conversation(), &ToolNames::default(), dialect);
    assert_eq!(body["max_completion_tokens"], 4096);
    assert!(body.get("max_tokens").is_none());
}

#[tokio::test]
async fn a_local_endpoint_needs_no_key() {
    let server = Server::start(vec![Canned::recorded("openai/ollama.sse")]).await;
    let api = OpenAi::new(client(), &format!("{}/v1/", server.url), None);
    let (deltas, _) = ask_again(api, conversation()).await;
    assert!(deltas.iter().all(Result::is_ok), "{deltas:?}");
    let seen = server.seen();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert!(!seen[0].headers.contains_key("authorization"));
    assert_eq!(seen[0].body["stream_options"]["include_usage"], true);
}

#[tokio::test]
async fn the_key_is_a_bearer() {
    let server = Server::start(vec![Canned::recorded("openai/text.sse")]).await;
    let api = OpenAi::new(client(), &format!("{}/v1", server.url), Some("sk-1\n".to_owned().into()));
    ask_again(api, conversation()).await;
    assert_eq!(server.seen()[0].headers["authorization"], "Bearer sk-1");
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_no_api() {
    let server = Server::start(vec![
        Canned::new(200, "text/html; charset=utf-8", "<html>router login</html>"),
        Canned::new(
            200,
            "application/json",
            "{\"error\":{\"message\":\"model is overloaded\",\"type\":\"overloaded\"}}",
        ),
    ])
    .await;
    let api = OpenAi::new(client(), &server.url, None);
    for category in [Category::Protocol, Category::Overloaded] {
        let deltas: Vec<_> = futures::StreamExt::collect(api.stream(conversation())).await;
        assert_eq!(deltas[0].as_ref().unwrap_err().category, category);
    }
}
