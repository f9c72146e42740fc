//! Arguments for a tool that nothing is known of but its schema.

use serde_json::{Value, json};

/// Arguments made from a schema alone: the required properties, or all of them.
pub fn sample(schema: &Value, all: bool) -> Value {
    if let Some(example) = schema["examples"].get(0) {
        return example.clone();
    }
    if let Some(choice) = schema["enum"].get(0) {
        return choice.clone();
    }
    // Of several types the first.
    match schema["type"].as_str().or(schema["type"][0].as_str()).unwrap() {
        "object" => {
            let required = schema["required"].as_array().unwrap();
            let properties = schema["properties"].as_object().unwrap().iter();
            let wanted = properties.filter(|(key, _)| all || required.contains(&json!(key)));
            wanted.map(|(key, inner)| (key.clone(), sample(inner, all))).collect()
        }
        "array" => json!([sample(&schema["items"], all)]),
        "string" if schema["format"] == "uuid" => json!("01900000-0000-7000-8000-000000000000"),
        "string" => json!("engine"),
        "integer" => schema["maximum"].as_i64().map_or(json!(3), |most| json!(most)),
        "number" => json!(1.5),
        "boolean" => json!(true),
        other => panic!("no sample for {other}"),
    }
}
