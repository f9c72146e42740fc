//! Fixtures that are tools of our registry: what they report, ask and wait for goes through our own serving.

use app::{
    backend::tools::{
        Tool, ToolCx,
        ask::{Answer, Question},
        spec,
    },
    wire::tool::{Annotations, ToolOutcome, ToolSpec},
};
use futures::{FutureExt, future::BoxFuture};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{task::yield_now, time::sleep};

type Run = for<'a> fn(&'a ToolCx, Value) -> BoxFuture<'a, ToolOutcome>;

struct Fixture {
    spec: Arc<ToolSpec>,
    long: bool,
    run: Run,
}

impl Tool for Fixture {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        (self.run)(cx, arguments)
    }

    fn takes_long(&self) -> bool {
        self.long
    }
}

/// Calls that a client must let go on as tasks: there is nobody to ask, or no place for the result, otherwise.
pub(super) const ONLY_AS_TASKS: [&str; 4] = ["failing_job", "test_tool_with_task", "confirm_delete", "multi_input"];

/// All of them.
pub(super) fn tools() -> Vec<Arc<dyn Tool>> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let tool = |name: &'static str, input: Value, long: bool, run: Run| -> Arc<dyn Tool> {
        let required: Vec<&str> = match name {
            "test_elicitation" => vec!["message"],
            "greet" => vec!["name"],
            _ => Vec::new(),
        };
        let description = format!("A fixture of the conformance suite: {}.", name.replace('_', " "));
        let spec = spec((name, name), &description, (input, &required), (json!({}), &[]), Annotations::READ_ONLY);
        Arc::new(Fixture { spec: Arc::new(spec), long, run })
    };
    let plain = |name: &'static str, run: Run| tool(name, json!({}), false, run);
    let label = json!({ "seconds": { "type": "number", "description": "How long." }, "label": text("What for.") });
    vec![
        plain("test_simple_text", |_, _| done("This is a simple text response for testing.")),
        plain("test_error_handling", |_, _| {
            async { ToolOutcome::error("This tool intentionally returns an error for testing") }.boxed()
        }),
        plain("test_tool_with_progress", |cx, _| progress(cx).boxed()),
        tool("test_elicitation", json!({ "message": text("What to ask.") }), false, |cx, a| elicit(cx, a).boxed()),
        plain("test_elicitation_sep1034_defaults", |cx, _| told(cx, form("values", defaults())).boxed()),
        plain("test_elicitation_sep1330_enums", |cx, _| told(cx, form("choices", choices())).boxed()),
        plain("test_streaming_elicitation", |cx, _| told(cx, form("value", fields(&["value"]))).boxed()),
        plain("test_input_required_result_elicitation", |cx, _| greet_by_name(cx, false).boxed()),
        plain("test_input_required_result_request_state", |cx, _| confirmed(cx).boxed()),
        plain("test_input_required_result_tampered_state", |cx, _| confirmed(cx).boxed()),
        plain("test_input_required_result_multi_round", |cx, _| rounds(cx).boxed()),
        tool("greet", json!({ "name": text("Whom.") }), false, |_, a| {
            done(&format!("Hello, {}!", a["name"].as_str().unwrap_or_default()))
        }),
        tool("slow_compute", label, true, |_, a| compute(a).boxed()),
        tool("failing_job", json!({}), true, |_, _| fail().boxed()),
        tool("confirm_delete", json!({ "filename": text("Of what.") }), true, |cx, a| delete(cx, a).boxed()),
        tool("multi_input", json!({}), true, |cx, _| two_inputs(cx).boxed()),
        tool("test_tool_with_task", json!({}), true, |cx, _| greet_by_name(cx, true).boxed()),
    ]
}

fn done(text: &str) -> BoxFuture<'static, ToolOutcome> {
    let text = text.to_owned();
    async move { ToolOutcome::ok(text, json!({})) }.boxed()
}

/// A form of required texts.
fn fields(names: &[&str]) -> Value {
    let properties: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
    json!({ "type": "object", "properties": properties, "required": names })
}

fn flag(name: &str) -> Value {
    json!({ "type": "object", "properties": { name: { "type": "boolean" } }, "required": [name] })
}

fn form(key: &str, schema: Value) -> Question {
    Question::form(key, format!("Please give the {key}."), schema)
}

/// SEP-1034: a default for each kind of field.
fn defaults() -> Value {
    json!({ "type": "object", "properties": {
        "name": { "type": "string", "default": "John Doe" },
        "age": { "type": "integer", "default": 30 },
        "score": { "type": "number", "default": 95.5 },
        "status": { "type": "string", "enum": ["active", "inactive", "pending"], "default": "active" },
        "verified": { "type": "boolean", "default": true },
    }})
}

/// SEP-1330: the five ways to offer a choice.
fn choices() -> Value {
    let titled = |n: usize| json!({ "const": format!("value{n}"), "title": format!("Option {n}") });
    let titled = [titled(1), titled(2), titled(3)];
    json!({ "type": "object", "properties": {
        "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
        "titledSingle": { "type": "string", "oneOf": titled },
        "legacyEnum": {
            "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": { "type": "array", "items": { "type": "string", "enum": ["option1", "option2", "option3"] } },
        "titledMulti": { "type": "array", "items": { "anyOf": titled } },
    }})
}

async fn progress(cx: &ToolCx) -> ToolOutcome {
    for (share, note) in [(0.0, "Starting"), (0.5, "Halfway"), (1.0, "Complete")] {
        (cx.progress)(Some(share), Some(note.to_owned()));
        sleep(Duration::from_millis(20)).await;
    }
    ToolOutcome::ok("Progress test completed", json!({}))
}

/// Asks, and says what came of it.
async fn told(cx: &ToolCx, question: Question) -> ToolOutcome {
    match cx.ask(question).await {
        Answer::Accepted(content) => ToolOutcome::ok(format!("User response: accept {content}"), json!({})),
        Answer::Unavailable => ToolOutcome::error("The client does not show questions."),
        other => ToolOutcome::ok(format!("User response: {other:?}"), json!({})),
    }
}

async fn elicit(cx: &ToolCx, arguments: Value) -> ToolOutcome {
    let message = arguments["message"].as_str().unwrap_or_default();
    told(cx, Question::form("user", message, fields(&["username", "email"]))).await
}

async fn greet_by_name(cx: &ToolCx, slowly: bool) -> ToolOutcome {
    let question = Question::form("user_name", "What is your name?", fields(&["name"]));
    match cx.ask(question).await {
        Answer::Accepted(content) => {
            if slowly {
                sleep(Duration::from_millis(100)).await;
            }
            ToolOutcome::ok(format!("Hello, {}!", content["name"].as_str().unwrap_or_default()), json!({}))
        }
        other => ToolOutcome::error(format!("{other:?}")),
    }
}

async fn confirmed(cx: &ToolCx) -> ToolOutcome {
    match cx.ask(Question::form("confirm", "Please confirm", flag("ok"))).await {
        Answer::Accepted(_) => ToolOutcome::ok("Confirmed: state-ok", json!({})),
        other => ToolOutcome::error(format!("{other:?}")),
    }
}

async fn rounds(cx: &ToolCx) -> ToolOutcome {
    let name = cx.ask(Question::form("step1", "What is your name?", fields(&["name"]))).await;
    let colour = cx.ask(Question::form("step2", "What is your favorite color?", fields(&["color"]))).await;
    ToolOutcome::ok(format!("Both are known: {name:?}, {colour:?}"), json!({}))
}

async fn compute(arguments: Value) -> ToolOutcome {
    let seconds = arguments["seconds"].as_f64().unwrap_or(1.0).clamp(0.0, 600.0);
    if seconds > 0.0 {
        sleep(Duration::from_secs_f64(seconds)).await;
    }
    ToolOutcome::ok(format!("{} done after {seconds} s", arguments["label"]), json!({}))
}

async fn fail() -> ToolOutcome {
    sleep(Duration::from_millis(500)).await;
    ToolOutcome::error("failing_job: intentional tool execution error")
}

async fn delete(cx: &ToolCx, arguments: Value) -> ToolOutcome {
    // A step first, so that it is the task that asks.
    yield_now().await;
    let question = Question::confirm("confirm", format!("Delete {}?", arguments["filename"]));
    let answer = cx.ask(question).await;
    ToolOutcome::ok(format!("Confirmed: {}", answer.is_yes()), json!({}))
}

async fn two_inputs(cx: &ToolCx) -> ToolOutcome {
    yield_now().await;
    let ask = |key: &str| cx.ask(Question::form(key, format!("Provide {key}"), flag("confirm")));
    let (a, b) = tokio::join!(ask("input-a"), ask("input-b"));
    ToolOutcome::ok(format!("{a:?}, {b:?}"), json!({}))
}
