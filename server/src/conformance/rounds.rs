//! Fixtures that ask by further rounds for what no tool of ours asks for: a reply of the client's model, its roots, and
//! several things of different kinds at once. The rounds themselves are ours.
#![expect(deprecated, reason = "sampling and roots are still in the protocol")]

use app::backend::tools::serve::{
    McpServer,
    round::{Given, Round, Sent, supports},
};
use rmcp::{
    ErrorData, RoleServer,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CreateMessageRequest,
        CreateMessageRequestParams, ElicitRequest, ElicitRequestParams, GetPromptRequestParams, GetPromptResponse,
        GetPromptResult, InputRequest, InputRequiredResult, ListRootsRequest, SamplingMessage,
    },
    service::RequestContext,
};
use serde_json::{Value, json};

/// What a call asks for, by key.
type Wants = Vec<(&'static str, InputRequest)>;

fn wants(tool: &str) -> Option<Result<Wants, ErrorData>> {
    let wants = || {
        Ok(match tool {
            "test_input_required_result_sampling" => {
                vec![("capital_question", sampling("What is the capital of France?"))]
            }
            "test_input_required_result_list_roots" => vec![("client_roots", roots())],
            _ => vec![
                ("user_name", question("What is your name?", "name")?),
                ("greeting", sampling("Generate a greeting")),
                ("client_roots", roots()),
            ],
        })
    };
    TOOLS.contains(&tool).then(wants)
}

/// The tools of this kind.
pub(super) const TOOLS: [&str; 4] = [
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_multiple_inputs",
    CAPABLE,
];
/// The one that asks for whatever the client can answer, and nothing else.
const CAPABLE: &str = "test_input_required_result_capabilities";

/// Answers a call of one of [`TOOLS`].
pub(super) async fn call(
    server: &McpServer,
    call: CallToolRequestParams,
    cx: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let Some(wants) = wants(&call.name) else {
        return Err(ErrorData::invalid_params(format!("Unknown tool: {}", call.name), None));
    };
    let arguments = Value::Object(call.arguments.unwrap_or_default());
    let (state, responses) = (call.request_state.as_deref(), call.input_responses);
    let can = cx.client_capabilities().unwrap_or_default();
    let by = server.caller(cx)?.user;
    let called = ("tools/call", &*call.name);
    let sent = Sent { by, call: called, arguments: &arguments, state, responses, can: can.clone() };
    let round = server.calls().round(sent).await?;
    let wants = wants?.into_iter().filter(|(_, want)| call.name != CAPABLE || supports(&can, want)).collect();
    match answered(round, wants)? {
        Ok(answers) => Ok(CallToolResult::success(vec![ContentBlock::text(format!("{answers:?}"))]).into()),
        Err(question) => Ok(question.into()),
    }
}

/// Answers the prompt that asks.
pub(super) async fn prompt(
    server: &McpServer,
    asked: GetPromptRequestParams,
    cx: &RequestContext<RoleServer>,
) -> Result<GetPromptResponse, ErrorData> {
    let arguments = Value::Object(asked.arguments.unwrap_or_default());
    let (state, responses) = (asked.request_state.as_deref(), asked.input_responses);
    let can = cx.client_capabilities().unwrap_or_default();
    let by = server.caller(cx)?.user;
    let sent = Sent { by, call: ("prompts/get", &asked.name), arguments: &arguments, state, responses, can };
    let round = server.calls().round(sent).await?;
    match answered(round, vec![("user_context", question("What context should the prompt use?", "context")?)])? {
        Ok(answers) => Ok(GetPromptResult::new(vec![super::prompts::said(&format!("{answers:?}"))]).into()),
        Err(question) => Ok(question.into()),
    }
}

/// The answers, or what must be asked first.
fn answered(mut round: Round, wants: Wants) -> Result<Result<Vec<Value>, InputRequiredResult>, ErrorData> {
    let mut answers = Vec::new();
    for (key, want) in wants {
        match round.ask(key, want, false, Value::is_object) {
            Given::Answer(answer) => answers.push(answer),
            Given::Asked => {}
            Given::Unsupported => {
                return Err(ErrorData::invalid_request(format!("The client cannot be asked for {key}."), None));
            }
        }
    }
    Ok(round.question()?.map_or(Ok(answers), Err))
}

fn question(message: &str, field: &str) -> Result<InputRequest, ErrorData> {
    let schema = json!({ "type": "object", "properties": { field: { "type": "string" } }, "required": [field] });
    let requested_schema =
        serde_json::from_value(schema).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    let message = message.to_owned();
    let params = ElicitRequestParams::FormElicitationParams { meta: None, message, requested_schema };
    Ok(InputRequest::Elicitation(ElicitRequest::new(params)))
}

fn sampling(words: &str) -> InputRequest {
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(words)], 100);
    InputRequest::CreateMessage(CreateMessageRequest::new(params))
}

fn roots() -> InputRequest {
    InputRequest::ListRoots(ListRootsRequest::default())
}
