//! JSON Schema 2020-12, the part our tools use: it holds a model's arguments to a tool's advertisement.
//!
//! Invariant: a keyword it does not enforce is refused when the tool is registered ([`supported`]), so no schema ever
//! promises what is not held. A general validator would bring some thirty crates for keywords no tool here needs.

use crate::{backend::weight::json_bytes, wire::tool::ToolSpec};
use serde_json::{Map, Value, json};

/// Keywords that are enforced.
const ENFORCED: [&str; 12] = [
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
];
/// Keywords that only tell.
const TOLD: [&str; 6] = ["title", "description", "default", "examples", "format", "$comment"];
/// How deep a schema may nest.
const DEPTH: usize = 8;
/// How many problems one answer names.
const PROBLEMS: usize = 5;

/// Tokens that telling a model of a tool takes, about: 3.5 bytes each, with the keys around it.
pub fn cost(spec: &ToolSpec) -> u64 {
    let bytes = spec.name.len() + spec.description.len() + json_bytes(&spec.input_schema) + 40;
    u64::try_from(bytes * 2 / 7).unwrap_or(u64::MAX)
}

/// An object schema of exactly these properties.
pub fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// Whether every keyword of `schema` is one that [`fit`] enforces or that only tells.
///
/// # Errors
/// Which keyword is not, or that it nests too deep.
pub fn supported(schema: &Value) -> Result<(), String> {
    supported_at(schema, 0)
}

fn supported_at(schema: &Value, depth: usize) -> Result<(), String> {
    let Some(keywords) = schema.as_object() else { return Err("a schema is an object".to_owned()) };
    if depth > DEPTH {
        return Err(format!("it nests deeper than {DEPTH}"));
    }
    if depth == 0 && schema["type"] != "object" {
        return Err("its type is not «object»".to_owned());
    }
    if let Some(other) = keywords.keys().find(|key| !ENFORCED.contains(&key.as_str()) && !TOLD.contains(&key.as_str()))
    {
        return Err(format!("the keyword «{other}»"));
    }
    let properties = schema["properties"].as_object().into_iter().flat_map(Map::values);
    properties.chain(keywords.get("items")).try_for_each(|inner| supported_at(inner, depth + 1))
}

/// Holds `value` to `schema`. On the way a null for an optional property is dropped (strict modes of providers send
/// them), and a whole number written `5.0` becomes the integer it is.
///
/// # Errors
/// Sentences that each name a place, what was expected there and what was found.
pub fn fit(schema: &Value, value: &mut Value) -> Result<(), Vec<String>> {
    let mut problems = Vec::new();
    walk(schema, value, "", &mut problems);
    problems.truncate(PROBLEMS);
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn walk(schema: &Value, value: &mut Value, place: &str, problems: &mut Vec<String>) {
    if problems.len() >= PROBLEMS {
        return;
    }
    if !types(schema).any(|name| is(name, value)) {
        problems.push(format!("{} must be {}, not {}.", name_of(place), expected(schema), found(value)));
        return;
    }
    if types(schema).any(|name| name == "integer")
        && let Some(whole) = value.as_f64().filter(|_| value.is_f64()).and_then(whole)
    {
        *value = Value::from(whole);
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        problems.push(format!("{} must be one of {}, not {}.", name_of(place), list(allowed), found(value)));
    }
    match value {
        Value::Object(fields) => walk_object(schema, fields, place, problems),
        Value::Array(items) => {
            between(schema, ("minItems", "maxItems"), items.len(), "item", place, problems);
            for (index, item) in items.iter_mut().enumerate() {
                walk(&schema["items"], item, &format!("{place}[{index}]"), problems);
            }
        }
        Value::String(text) => {
            between(schema, ("minLength", "maxLength"), text.chars().count(), "character", place, problems);
        }
        Value::Number(_) => in_range(schema, value, place, problems),
        _ => {}
    }
}

fn walk_object(schema: &Value, fields: &mut Map<String, Value>, place: &str, problems: &mut Vec<String>) {
    let properties = &schema["properties"];
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    fields.retain(|key, value| {
        !(value.is_null() && !required.contains(&key.as_str()) && !types(&properties[key]).any(|name| name == "null"))
    });
    for key in required.iter().filter(|key| !fields.contains_key(**key)) {
        problems.push(format!(
            "{} is missing; it must be {}.",
            name_of(&inner(place, key)),
            expected(&properties[key])
        ));
    }
    for (key, value) in fields.iter_mut() {
        let place = inner(place, key);
        if let Some(property) = properties.get(key) {
            walk(property, value, &place, problems);
        } else if schema["additionalProperties"] == false {
            let known: Vec<Value> = properties.as_object().into_iter().flat_map(Map::keys).map(|k| json!(k)).collect();
            let known =
                if known.is_empty() { "there are none".to_owned() } else { format!("there are {}", list(&known)) };
            problems.push(format!("There is no property {}; {known}.", name_of(&place)));
        }
    }
}

fn between(
    schema: &Value,
    (least, most): (&str, &str),
    count: usize,
    what: &str,
    place: &str,
    problems: &mut Vec<String>,
) {
    let count = count as u64;
    let say = |side: &str, n: u64| format!("{} must have {side} {n} {what}s; it has {count}.", name_of(place));
    if let Some(n) = schema[least].as_u64().filter(|n| count < *n) {
        problems.push(say("at least", n));
    }
    if let Some(n) = schema[most].as_u64().filter(|n| count > *n) {
        problems.push(say("at most", n));
    }
}

fn in_range(schema: &Value, value: &Value, place: &str, problems: &mut Vec<String>) {
    let Some(number) = value.as_f64() else { return };
    if schema["minimum"].as_f64().is_some_and(|least| number < least) {
        problems.push(format!("{} must be at least {}, not {value}.", name_of(place), schema["minimum"]));
    }
    if schema["maximum"].as_f64().is_some_and(|most| number > most) {
        problems.push(format!("{} must be at most {}, not {value}.", name_of(place), schema["maximum"]));
    }
}

/// The types a schema allows; none named means any.
fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema["type"].as_str();
    let many = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let any = (one.is_none() && !schema["type"].is_array()).then_some("any");
    one.into_iter().chain(many).chain(any)
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "any" => true,
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().and_then(whole).is_some(),
        "string" => value.is_string(),
        _ => false,
    }
}

/// The integer a float is, where floats still tell integers apart.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "bounded by 2^53 and without fraction")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn expected(schema: &Value) -> String {
    let names: Vec<String> = types(schema)
        .map(|name| match name {
            "array" if schema["items"]["type"].is_string() => {
                format!("an array of {}s", schema["items"]["type"].as_str().unwrap_or("value"))
            }
            "array" | "object" | "integer" => format!("an {name}"),
            "null" => "null".to_owned(),
            "any" => "a value".to_owned(),
            _ => format!("a {name}"),
        })
        .collect();
    names.join(" or ")
}

/// What was sent, short enough for a sentence.
fn found(value: &Value) -> String {
    let text = match value {
        Value::Object(_) => return "an object".to_owned(),
        Value::Array(_) => return "an array".to_owned(),
        Value::String(text) => format!("the string «{text}»"),
        other => return format!("`{other}`"),
    };
    if text.chars().count() > 60 { text.chars().take(60).chain("…»".chars()).collect() } else { text }
}

fn list(values: &[Value]) -> String {
    values
        .iter()
        .map(|v| format!("`{}`", v.as_str().map_or_else(|| v.to_string(), str::to_owned)))
        .collect::<Vec<_>>()
        .join(", ")
}

fn inner(place: &str, key: &str) -> String {
    let key: String = key.chars().take(64).collect();
    if place.is_empty() { key } else { format!("{place}.{key}") }
}

fn name_of(place: &str) -> String {
    if place.is_empty() { "The arguments".to_owned() } else { format!("`{place}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(schema: &Value, mut value: Value) -> String {
        fit(schema, &mut value).err().unwrap_or_default().join(" ")
    }

    fn sample() -> Value {
        object(
            json!({
                "numbers": { "type": "array", "items": { "type": "number" }, "minItems": 1 },
                "count": { "type": "integer", "minimum": 1, "maximum": 9 },
                "unit": { "type": "string", "enum": ["c", "f"] },
                "note": { "type": ["string", "null"], "maxLength": 3 },
            }),
            &["numbers"],
        )
    }

    #[test]
    fn says_which_property_is_wrong_and_what_was_expected() {
        let schema = sample();
        for (value, words) in [
            (json!([]), "The arguments must be an object, not an array."),
            (json!({}), "`numbers` is missing; it must be an array of numbers."),
            (json!({"numbers": "2"}), "`numbers` must be an array of numbers, not the string «2»."),
            (json!({"numbers": [1, "2"]}), "`numbers[1]` must be a number, not the string «2»."),
            (json!({"numbers": []}), "`numbers` must have at least 1 items; it has 0."),
            (json!({"numbers": [1], "count": 1.5}), "`count` must be an integer, not `1.5`."),
            (json!({"numbers": [1], "count": 0}), "`count` must be at least 1, not 0."),
            (json!({"numbers": [1], "count": 10}), "`count` must be at most 9, not 10."),
            (json!({"numbers": [1], "unit": "k"}), "`unit` must be one of `c`, `f`, not the string «k»."),
            (json!({"numbers": [1], "note": "four"}), "`note` must have at most 3 characters; it has 4."),
            (
                json!({"numbers": [1], "x": 1}),
                "There is no property `x`; there are `count`, `note`, `numbers`, `unit`.",
            ),
        ] {
            assert_eq!(problems(&schema, value), words);
        }
    }

    #[test]
    fn drops_nulls_of_optional_properties_and_reads_whole_floats_as_integers() {
        let mut value = json!({ "numbers": [1.0], "count": 5.0, "unit": null, "note": null });
        assert_eq!(fit(&sample(), &mut value), Ok(()));
        assert_eq!(value, json!({ "numbers": [1.0], "count": 5, "note": null }));
    }

    #[test]
    fn names_at_most_five_problems() {
        let many = json!({ "numbers": ["a", "b", "c", "d", "e", "f", "g"] });
        assert_eq!(fit(&sample(), &mut many.clone()).err().map(|p| p.len()), Some(5));
    }

    #[test]
    fn refuses_schemas_it_cannot_enforce() {
        assert_eq!(supported(&sample()), Ok(()));
        assert_eq!(supported(&json!({"type": "string"})), Err("its type is not «object»".to_owned()));
        let hidden = object(json!({"a": {"type": "array", "items": {"oneOf": []}}}), &[]);
        assert_eq!(supported(&hidden), Err("the keyword «oneOf»".to_owned()));
    }
}
