//! The hash of a tool's definition, by which a decision is bound to what was decided about; and of a call's arguments.
//!
//! Invariant: two values that are the same JSON have the same hash, in whatever order their keys come.

use crate::wire::tool::ToolSpec;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// SHA-256 of all that a tool says of itself, and of whose it is.
pub fn definition(spec: &ToolSpec) -> String {
    let mut told = json!({
        "name": spec.name,
        "title": spec.title,
        "description": spec.description,
        "input_schema": spec.input_schema,
        "output_schema": spec.output_schema,
        "annotations": spec.annotations,
        "server": spec.server.as_ref().map(|server| &server.id),
    });
    // Only where there is one: what was decided about all others before stays decided.
    if let Some(ui) = &spec.ui {
        told["ui"] = ui.clone();
    }
    digest(&told)
}

/// SHA-256 of a value, in hexadecimal.
pub fn digest(value: &Value) -> String {
    let mut text = String::new();
    canonical(value, &mut text);
    format!("{:x}", Sha256::digest(text))
}

/// JSON without blanks, its keys in order.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (at, (key, value)) in fields.into_iter().enumerate() {
                let _ = write!(out, "{}{}:", if at > 0 { "," } else { "" }, Value::from(key.as_str()));
                canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                canonical(item, out);
            }
            out.push(']');
        }
        scalar => {
            let _ = write!(out, "{scalar}");
        }
    }
}
