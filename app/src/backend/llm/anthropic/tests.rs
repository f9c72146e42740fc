#![expect(clippy::unwrap_used, reason = "tests")]

use super::{super::sse::tests::recorded, *};
use crate::{
    backend::llm::{Category, Content, RequestTurn, post::tests::*},
    wire::{
        id::CallId,
        tool::{Annotations, ToolCall, ToolSpec},
    },
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

async fn of(name: &str) -> String {
    recorded(&format!("anthropic/{name}.sse"), || AnthropicMapper::new(ToolNames::default())).await
}

#[tokio::test]
async fn text_and_usage() {
    insta::assert_snapshot!(of("text").await, @r#"
    usage 25 1 0
    text "Grüß dich"
    text ", Ada! 👋\n\n"
    text "How are you?"
    usage 25 15 0
    stop EndTurn
    "#);
}

#[tokio::test]
async fn parallel_tools_one_of_them_broken() {
    insta::assert_snapshot!(of("parallel_tools").await, @r#"
    usage 2572 2 1800
    text "I'll look"
    text " that up."
    tool toolu_01T1x1fJ34qAmk2tNTrN7Up6 sum {"numbers":[2,40]}
    tool toolu_01Vx9 current_time {}
    bad toolu_01Bad website_status "{\"url\": \"exa" EOF while parsing a string at line 1 column 12
    usage 2572 89 1800
    stop ToolUse
    "#);
}

#[tokio::test]
async fn thinking_with_its_seal() {
    insta::assert_snapshot!(of("thinking").await, @r#"
    usage 40 1 0
    think "27 * 453" -
    think " = 12231" -
    think "" EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=
    think "" redacted_thinking:EmwKAhgBEgy3va3pzix/LafPsn4a
    text "12,231"
    usage 40 70 0
    stop EndTurn
    "#);
}

#[tokio::test]
async fn every_end() {
    for (name, end) in [
        ("overloaded_midway", "error Overloaded: Overloaded"),
        ("refusal", "stop Refusal"),
        ("max_tokens", "stop MaxTokens"),
        ("pause_turn", "stop EndTurn"),
        ("cut", "error Cut: the stream ended without a stop reason"),
    ] {
        assert_eq!(of(name).await.lines().last().unwrap(), end, "{name}");
    }
    insta::assert_snapshot!(of("unknown_events").await, @r#"
    usage 25 1 0
    text "ok"
    usage 25 3 0
    stop EndTurn
    "#);
}

fn conversation() -> ChatRequest {
    let tool = |name: &str| ToolSpec {
        name: name.to_owned(),
        title: "Sum".into(),
        description: "Adds.".into(),
        input_schema: json!({"type": "object"}),
        output_schema: json!({}),
        annotations: Annotations::READ_ONLY,
        server: None,
        ui: None,
    };
    let call = |id: &str, arguments: Value| Content::ToolCall(ToolCall::new(CallId(id.into()), "math.sum", arguments));
    let result = |id: &str, text: &str, is_error| Content::ToolResult {
        call: CallId(id.into()),
        text: text.into(),
        is_error,
        pictures: Vec::new(),
    };
    ChatRequest {
        model: "claude-sonnet-4-5".into(),
        system: "Be kind.".into(),
        turns: vec![
            RequestTurn {
                assistant: false,
                content: vec![
                    Content::Image { media_type: "image/png".into(), data: bytes::Bytes::from_static(b"png") },
                    Content::Text("Add these".into()),
                ],
            },
            RequestTurn {
                assistant: true,
                content: vec![
                    Content::Thinking { text: "hm".into(), signature: "seal".into() },
                    Content::Thinking { text: String::new(), signature: "redacted_thinking:xyz".into() },
                    Content::Thinking { text: "another vendor's".into(), signature: String::new() },
                    Content::Text(" \n".into()),
                    call("toolu_1", json!({"numbers": [2, 40]})),
                    call("toolu_2", json!("{\"numb")),
                ],
            },
            RequestTurn {
                assistant: false,
                content: vec![
                    Content::Text("and hurry".into()),
                    result("toolu_1", "42", false),
                    result("toolu_2", "", true),
                ],
            },
        ],
        tools: Arc::new(["clock", "math.sum"].map(|name| Arc::new(tool(name))).to_vec()),
        max_output: 4096,
    }
}

#[test]
fn a_result_takes_its_pictures_with_it_and_those_without_bytes_stay_words() {
    let mut request = conversation();
    let picture = |n: u128, data: Option<&'static [u8]>| crate::backend::llm::Picture {
        id: uuid::Uuid::from_u128(n).into(),
        media_type: "image/png".into(),
        cost: 1,
        data: data.map(bytes::Bytes::from_static),
    };
    let result = |id: &str, pictures| Content::ToolResult {
        call: CallId(id.into()),
        text: "[An image]".into(),
        is_error: false,
        pictures,
    };
    request.turns[2].content = vec![
        result("toolu_1", vec![picture(1, None), picture(2, Some(b"png"))]),
        result("toolu_2", vec![picture(3, None)]),
    ];
    let body = request::body(&request, &ToolNames::new(&request.tools), None);
    assert_eq!(
        body["messages"][2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": false, "content": [
                {"type": "text", "text": "[An image]"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
            ]},
            {"type": "tool_result", "tool_use_id": "toolu_2", "is_error": false, "content": "[An image]",
             "cache_control": {"type": "ephemeral"}},
        ])
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one request, as it is sent")]
fn a_request_with_marks_seals_and_results() {
    let request = conversation();
    let body = request::body(&request, &ToolNames::new(&request.tools), Some(Thinking::Budget(2048)));
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap(), @r#"
    {
      "max_tokens": 4096,
      "messages": [
        {
          "content": [
            {
              "source": {
                "data": "cG5n",
                "media_type": "image/png",
                "type": "base64"
              },
              "type": "image"
            },
            {
              "text": "Add these",
              "type": "text"
            }
          ],
          "role": "user"
        },
        {
          "content": [
            {
              "signature": "seal",
              "thinking": "hm",
              "type": "thinking"
            },
            {
              "data": "xyz",
              "type": "redacted_thinking"
            },
            {
              "id": "toolu_1",
              "input": {
                "numbers": [
                  2,
                  40
                ]
              },
              "name": "math_sum",
              "type": "tool_use"
            },
            {
              "id": "toolu_2",
              "input": {
                "invalid": "{\"numb"
              },
              "name": "math_sum",
              "type": "tool_use"
            }
          ],
          "role": "assistant"
        },
        {
          "content": [
            {
              "content": "42",
              "is_error": false,
              "tool_use_id": "toolu_1",
              "type": "tool_result"
            },
            {
              "content": "(no output)",
              "is_error": true,
              "tool_use_id": "toolu_2",
              "type": "tool_result"
            },
            {
              "cache_control": {
                "type": "ephemeral"
              },
              "text": "and hurry",
              "type": "text"
            }
          ],
          "role": "user"
        }
      ],
      "model": "claude-sonnet-4-5",
      "stream": true,
      "system": [
        {
          "cache_control": {
            "type": "ephemeral"
          },
          "text": "Be kind.",
          "type": "text"
        }
      ],
      "thinking": {
        "budget_tokens": 2048,
        "type": "enabled"
      },
      "tools": [
        {
          "description": "Adds.",
          "input_schema": {
            "type": "object"
          },
          "name": "clock"
        },
        {
          "cache_control": {
            "type": "ephemeral"
          },
          "description": "Adds.",
          "input_schema": {
            "type": "object"
          },
          "name": "math_sum"
        }
      ]
    }
    "#);
}

#[test]
fn without_thinking_no_thoughts_are_sent() {
    let mut request = conversation();
    let names = ToolNames::default();
    for thinking in [None, Some(Thinking::Budget(4096))] {
        let body = request::body(&request, &names, thinking);
        assert!(!body.to_string().contains("thinking"), "{body}");
    }
    assert_eq!(request::body(&request, &names, Some(Thinking::Adaptive))["thinking"], json!({"type": "adaptive"}));
    request.tools = Arc::default();
    request.system.clear();
    let body = request::body(&request, &names, None);
    assert!(body.get("tools").is_none() && body.get("system").is_none());
}

#[test]
fn thinking_is_read_from_text() {
    assert_eq!("adaptive".parse(), Ok(Thinking::Adaptive));
    assert_eq!("8000".parse(), Ok(Thinking::Budget(8000)));
    for wrong in ["", "1000", "-1", "much"] {
        assert!(wrong.parse::<Thinking>().is_err());
    }
}

#[tokio::test]
async fn the_key_goes_with_the_request_and_a_limit_is_waited_for() {
    let server = Server::start(vec![
        Canned::failing(429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}")
            .header("retry-after", "7"),
        Canned::failing(
            529,
            "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
        ),
        Canned::recorded("anthropic/text.sse"),
    ])
    .await;
    let api = Anthropic::new(client(), &server.url, "sk-ant-1".to_owned().into(), BTreeMap::new());
    let (deltas, slept) = ask_again(api, conversation()).await;
    assert!(deltas.iter().all(Result::is_ok), "{deltas:?}");
    assert!(slept[0] >= Duration::from_secs(7) && slept[1] < Duration::from_secs(3), "{slept:?}");
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].path, "/v1/messages");
    assert_eq!(seen[2].headers["x-api-key"], "sk-ant-1");
    assert_eq!(seen[2].headers["anthropic-version"], "2023-06-01");
    assert_eq!(seen[2].body["stream"], true);
}

#[tokio::test]
async fn a_wrong_key_is_told_at_once() {
    let server = Server::start(vec![Canned::failing(
        401,
        "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\",\"message\":\"invalid x-api-key\"}}",
    )])
    .await;
    let api = Anthropic::new(client(), &server.url, "wrong".to_owned().into(), BTreeMap::new());
    let (deltas, slept) = ask_again(api, conversation()).await;
    assert!(slept.is_empty());
    assert_eq!(deltas[0].as_ref().unwrap_err().category, Category::Credentials);
}
