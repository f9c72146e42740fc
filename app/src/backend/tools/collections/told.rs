//! Rows as they are told: nested objects, or lines of values between commas.
//!
//! Invariant: a page keeps to its budget of bytes; what does not fit comes with the next page, and a text that is cut
//! says so. A field without a value is left out of an object and empty in a line.
//! Decision: a text in a line that a spreadsheet would run as a formula (one that begins with `=`, `+`, `-`, `@`, a tab or
//! a carriage return) gets an apostrophe before it (OWASP, «CSV injection»): much of what is told here was written by
//! others, and such files are opened by a click. Numbers stay as they are.

use crate::backend::store::collections::{Cell, Found, Output};
use serde_json::{Map, Value};

/// How much may be told at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Bytes of all rows.
    pub(super) bytes: usize,
    /// Characters of one text.
    pub(super) characters: usize,
}

/// Within an answer: three quarters of what a model gets to read of it.
pub(super) const INLINE: Budget = Budget { bytes: 24 * 1024, characters: 2_000 };
/// In a document of its own.
pub(super) const DOCUMENT: Budget = Budget { bytes: 512 * 1024, characters: 32_000 };
/// Characters of a text where not even one row fits.
const LEAST: usize = 100;

/// A page of rows.
#[derive(Debug)]
pub(super) struct Page {
    /// Each row's object.
    pub(super) rows: Vec<Value>,
    /// Each row's line, the names first.
    pub(super) lines: Vec<String>,
    /// Texts that were cut.
    pub(super) cut: usize,
    /// How many of the rows that were found.
    pub(super) told: usize,
    /// Whether more follow.
    pub(super) more: bool,
}

/// As many rows as the budget allows, and one at least.
pub(super) fn page(found: &Found, budget: Budget) -> Page {
    let columns = &found.columns;
    let names = columns.iter().map(|column| escaped(&column.name)).collect::<Vec<_>>().join(",");
    let mut page = Page { rows: Vec::new(), lines: vec![names], cut: 0, told: 0, more: found.more };
    let mut left = budget.bytes;
    for cells in &found.rows {
        let mut row = told(columns, cells, budget.characters);
        if row.bytes > left && page.rows.is_empty() {
            row = told(columns, cells, LEAST);
        } else if row.bytes > left {
            page.more = true;
            break;
        }
        left = left.saturating_sub(row.bytes);
        page.cut += row.cut;
        page.told += 1;
        page.rows.push(Value::Object(row.object));
        page.lines.push(row.line);
    }
    page
}

struct Row {
    object: Map<String, Value>,
    line: String,
    bytes: usize,
    cut: usize,
}

fn told(columns: &[Output], cells: &[Cell], characters: usize) -> Row {
    let (mut object, mut fields, mut cut) = (Map::new(), Vec::new(), 0);
    for (column, cell) in columns.iter().zip(cells) {
        let cell = match cell {
            Cell::Text(text) => match text.char_indices().nth(characters) {
                Some((end, _)) => {
                    cut += 1;
                    Cell::Text(format!("{}…", &text[..end]))
                }
                None => cell.clone(),
            },
            _ => cell.clone(),
        };
        fields.push(field(&cell));
        if cell != Cell::Null {
            put(&mut object, &column.name, cell.json());
        }
    }
    let line = fields.join(",");
    let bytes = Value::Object(object.clone()).to_string().len().max(line.len()) + 2;
    Row { object, line, bytes, cut }
}

/// Puts a value where its dotted name says.
fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => _ = object.insert(name.to_owned(), value),
        Some((outer, inner)) => {
            let below = object.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                put(below, inner, value);
            }
        }
    }
}

/// A cell in a line (RFC 4180). An empty text is `""`, no value is nothing.
fn field(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) if text.is_empty() => "\"\"".to_owned(),
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => escaped(&format!("'{text}")),
        Cell::Text(text) => escaped(text),
        other => match other.json() {
            Value::String(text) => text,
            value => value.to_string(),
        },
    }
}

fn escaped(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_escaped_and_run_no_formulas() {
        let text = |text: &str| field(&Cell::Text(text.to_owned()));
        for (given, line) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            (" edge", "\" edge\""),
            ("=1+1", "'=1+1"),
            ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
            ("+49", "'+49"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("a=1", "a=1"),
        ] {
            assert_eq!(text(given), line, "{given:?}");
        }
        assert_eq!(field(&Cell::Null), "");
        assert_eq!(field(&Cell::Int(-5)), "-5");
        assert_eq!(field(&Cell::Double(-0.5)), "-0.5");
        assert_eq!(field(&Cell::Bool(true)), "true");
        assert_eq!(field(&Cell::Date(0)), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn dots_make_objects() {
        let mut object = Map::new();
        put(&mut object, "a.b.c", 1.into());
        put(&mut object, "a.d", 2.into());
        put(&mut object, "e", 3.into());
        assert_eq!(Value::Object(object), serde_json::json!({ "a": { "b": { "c": 1 }, "d": 2 }, "e": 3 }));
    }
}
