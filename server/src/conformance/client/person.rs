//! The person whom the suite's servers ask: obliging, so that scenarios come to their ends.

use app::{
    backend::tools::{
        ask::{Answer, Approved, Ask, Question},
        elicit,
    },
    wire::elicitation::{ServerQuestion, Wants},
};
use futures::{
    FutureExt,
    future::{BoxFuture, ready},
};
use serde_json::{Map, Value, json};

/// Says yes to whatever is asked, and leaves every field of a form as it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Obliging;

impl Ask for Obliging {
    fn ask(&self, question: Question) -> BoxFuture<'_, Answer> {
        Approved.ask(question)
    }

    fn relay(&self, question: ServerQuestion) -> BoxFuture<'_, Answer> {
        let answer = match question.wants {
            Wants::Visit { .. } => Answer::Accepted(Value::Null),
            Wants::Form { fields } => {
                elicit::filled(&fields, &elicit::untouched(&fields)).map_or(Answer::Cancelled, Answer::Accepted)
            }
        };
        ready(answer).boxed()
    }
}

/// Arguments that fit a schema: a value for each property that it requires, and for each number, so that there is
/// something to add.
pub(super) fn arguments(schema: &Value) -> Value {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let chosen = properties.filter(|(name, _)| required.contains(&name.as_str()));
    Value::Object(chosen.map(|(name, schema)| (name.clone(), value(schema))).collect::<Map<_, _>>())
}

fn value(schema: &Value) -> Value {
    match schema["type"].as_str() {
        Some("integer" | "number") => json!(2),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => arguments(schema),
        _ => json!("text"),
    }
}
