//! What text becomes before it is stored: without U+0000, which PostgreSQL refuses and SQLite would keep.

use super::StoreError;
use crate::wire::message::Part;
use serde_json::Value;

/// `text` without U+0000.
pub(super) fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').collect()
}

/// `parts` without U+0000 anywhere in them, and their JSON.
pub(super) fn clean_parts(parts: &[Part]) -> Result<(Vec<Part>, String), StoreError> {
    let json = to_json(&parts)?;
    if !json.contains("\\u0000") {
        return Ok((parts.to_vec(), json));
    }
    let mut value: Value = serde_json::from_str(&json).map_err(unstorable)?;
    clean_value(&mut value);
    let parts: Vec<Part> = serde_json::from_value(value).map_err(unstorable)?;
    let json = to_json(&parts)?;
    Ok((parts, json))
}

/// The JSON of `value`, without U+0000 anywhere in it.
pub(super) fn clean_json(value: &Value) -> Result<String, StoreError> {
    let json = to_json(value)?;
    if !json.contains("\\u0000") {
        return Ok(json);
    }
    let mut value = value.clone();
    clean_value(&mut value);
    to_json(&value)
}

/// The JSON of something of ours.
pub(super) fn to_json<T: serde::Serialize>(it: &T) -> Result<String, StoreError> {
    serde_json::to_string(it).map_err(unstorable)
}

fn unstorable(error: serde_json::Error) -> StoreError {
    StoreError::Database(sqlx::Error::Encode(Box::new(error)))
}

fn clean_value(value: &mut Value) {
    match value {
        Value::String(text) => text.retain(|c| c != '\0'),
        Value::Array(items) => items.iter_mut().for_each(clean_value),
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(key, mut value)| {
                    clean_value(&mut value);
                    (clean(&key), value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
