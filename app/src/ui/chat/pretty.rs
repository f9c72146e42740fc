//! JSON as people read it: what a tool was asked and what it answered.
//!
//! `serde_json`'s own printer would bring three copies of itself and ten kilobytes of tables for numbers, which every
//! browser has in it already.

use leptos::web_sys::js_sys;
use serde_json::{Number, Value};

/// A text as it is, anything else as JSON, one item a line.
pub fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => {
            let mut out = String::new();
            write(&mut out, other, 0);
            out
        }
    }
}

/// A value without parts, as a cell of a table shows it; `None` for an object or array.
pub fn scalar(value: &Value) -> Option<String> {
    Some(match value {
        Value::Array(_) | Value::Object(_) => return None,
        Value::Null => "–".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => written(number),
        Value::String(text) => text.clone(),
    })
}

fn write(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&written(number)),
        Value::String(text) => quote(out, text),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                next_line(out, at > 0, depth + 1);
                write(out, item, depth + 1);
            }
            next_line(out, false, depth);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            for (at, (name, field)) in fields.iter().enumerate() {
                next_line(out, at > 0, depth + 1);
                quote(out, name);
                out.push_str(": ");
                write(out, field, depth + 1);
            }
            next_line(out, false, depth);
            out.push('}');
        }
    }
}

fn next_line(out: &mut String, comma: bool, depth: usize) {
    out.push_str(if comma { ",\n" } else { "\n" });
    out.extend(std::iter::repeat_n("  ", depth));
}

fn quote(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

/// A number as JavaScript writes it, on both sides.
fn written(number: &Number) -> String {
    let float = || number.as_f64().unwrap_or(f64::NAN);
    match (number.as_i64(), number.as_u64()) {
        (Some(n), _) => n.to_string(),
        (None, Some(n)) => n.to_string(),
        (None, None) if cfg!(target_arch = "wasm32") => {
            js_sys::Number::from(float()).to_string_with_radix(10).map_or_else(|_| String::new(), String::from)
        }
        (None, None) => as_javascript(float()),
    }
}

/// ECMAScript's `Number::toString`: without an exponent from 1e-6 to below 1e21.
fn as_javascript(n: f64) -> String {
    if n == 0.0 || (1e-6..1e21).contains(&n.abs()) {
        return n.to_string();
    }
    let written = format!("{n:e}");
    if n.abs() < 1.0 { written } else { written.replace('e', "e+") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_is_the_json_that_was_there() {
        let value = json!({"a": [1, -2, {"b": []}], "c": {}, "d": "x\"\n", "e": null, "f": [true, 0.5], "g": u64::MAX});
        assert_eq!(serde_json::from_str::<Value>(&pretty(&value)).ok(), Some(value.clone()));
        assert_eq!(pretty(&value), serde_json::to_string_pretty(&value).unwrap_or_default());
        assert_eq!(pretty(&json!("as it is\n")), "as it is\n");
    }

    #[test]
    fn numbers_are_as_javascript_writes_them() {
        let cases = [
            (1.0, "1"),
            (-0.5, "-0.5"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (123_456_789.125, "123456789.125"),
            (1e20, "100000000000000000000"),
            (1.5e21, "1.5e+21"),
            (-1e300, "-1e+300"),
        ];
        for (n, want) in cases {
            assert_eq!(pretty(&json!(n)), want);
        }
    }
}
