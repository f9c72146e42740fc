//! Where the next page begins: opaque to callers, and of one question only.
//!
//! It holds the sort keys of the last row, so that the place stays where it is while rows come and go, or, where a row has
//! none that are short (see `store::collections`), how many rows came before; and a digest of the question. No secret:
//! what a made-up one reaches is what the caller may see anyway.

use crate::backend::store::collections::{After, Cell};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Bytes of the digest that are kept: enough to tell questions apart by accident.
const DIGEST: usize = 9;
/// Rows that may come before a page.
const AFTER: u32 = 1_000_000;
/// Characters of a cursor.
pub(super) const MAX: usize = 1_000;
/// What is said of a cursor that is none.
pub(super) const NOT_OURS: &str = "`cursor` is not one that this question gave: pass `next_cursor` of an earlier answer \
    unchanged, with the same collection and search_pipeline, or leave it out to begin anew.";

/// A place in what is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Place {
    /// How many rows came before.
    pub(super) rows: u32,
    /// The last of them.
    pub(super) keys: Option<Vec<Cell>>,
}

impl Place {
    /// For the store.
    pub(super) fn after(&self) -> After<'_> {
        self.keys.as_deref().map_or(After::Rows(self.rows), After::Keys)
    }
}

/// What makes a question the same one.
pub(super) fn digest(collection: &str, pipeline: &[Value]) -> String {
    let mut hash = Sha256::new();
    hash.update(collection.as_bytes());
    hash.update([0]);
    hash.update(Value::from(pipeline).to_string().as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..DIGEST])
}

/// The cursor of a place; one with too much in its keys is counted.
pub(super) fn write(place: &Place, digest: &str) -> String {
    let keys = place.keys.as_ref().map(|keys| keys.iter().map(key).collect::<Vec<_>>());
    let write = |keys| URL_SAFE_NO_PAD.encode(json!([digest, place.rows, keys]).to_string());
    Some(write(keys)).filter(|text| text.len() <= MAX).unwrap_or_else(|| write(None))
}

/// The place that a cursor names.
///
/// # Errors
/// A sentence, for a cursor that is not of this question.
pub(super) fn read(cursor: &str, digest: &str) -> Result<Place, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| NOT_OURS)?;
    let (of, rows, keys): (String, u32, Option<Vec<Value>>) = serde_json::from_slice(&bytes).map_err(|_| NOT_OURS)?;
    let keys = keys.map(|keys| keys.iter().map(cell).collect::<Option<Vec<_>>>().ok_or(NOT_OURS)).transpose()?;
    if of != digest || (keys.is_none() && rows > AFTER) {
        return Err(NOT_OURS);
    }
    Ok(Place { rows, keys })
}

/// A key as JSON. A time is its number, and a float its bits, so that it is the same when it comes back.
fn key(cell: &Cell) -> Value {
    match cell {
        Cell::Date(n) => json!(n),
        Cell::Double(n) => json!([n.to_bits()]),
        other => other.json(),
    }
}

fn cell(key: &Value) -> Option<Cell> {
    Some(match key {
        Value::Null => Cell::Null,
        Value::Bool(yes) => Cell::Bool(*yes),
        Value::Number(n) => Cell::Int(n.as_i64()?),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(bits) => Cell::Double(f64::from_bits(bits.first()?.as_u64()?)),
        Value::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_question_only() {
        let (one, other) = (digest("a", &[json!({ "$limit": 1 })]), digest("a", &[json!({ "$limit": 2 })]));
        let counted = |rows| Place { rows, keys: None };
        assert_eq!(read(&write(&counted(40), &one), &one), Ok(counted(40)));
        for bad in [
            write(&counted(40), &other),
            write(&counted(u32::MAX), &one),
            write(&counted(1), ""),
            String::new(),
            "é".to_owned(),
            "40".to_owned(),
            URL_SAFE_NO_PAD.encode(json!([one, 1, [{}]]).to_string()),
            URL_SAFE_NO_PAD.encode(json!([one, 1, [["x"]]]).to_string()),
        ] {
            assert_eq!(read(&bad, &one), Err(NOT_OURS), "{bad}");
        }
        assert_ne!(digest("a", &[]), digest("b", &[]));
    }

    #[test]
    fn keys_come_back_as_they_went_and_too_many_are_counted() {
        let keys = vec![
            Cell::Null,
            Cell::Text("é".to_owned()),
            Cell::Int(i64::MIN),
            Cell::Double(0.1 + 0.2),
            Cell::Bool(false),
        ];
        let place = Place { rows: 3, keys: Some(keys) };
        assert_eq!(read(&write(&place, "x"), "x"), Ok(place));
        let long = Place { rows: 3, keys: Some(vec![Cell::Text("x".repeat(MAX))]) };
        assert_eq!(read(&write(&long, "x"), "x"), Ok(Place { rows: 3, keys: None }));
    }
}
