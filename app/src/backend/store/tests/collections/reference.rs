//! What a pipeline means, said in plain Rust over rows in memory, for comparison with what the databases find.

use super::*;
use regex::RegexBuilder;
use std::{cmp::Ordering, collections::BTreeMap};

/// A row: its visible values by name, and its key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Doc {
    pub(super) names: BTreeMap<String, Value>,
    pub(super) key: Vec<Value>,
}

impl Doc {
    pub(super) fn new(row: &Value) -> Self {
        let names: BTreeMap<String, Value> = object(row.clone()).into_iter().collect();
        Self { key: vec![names["_id"].clone()], names }
    }

    fn get(&self, name: &str) -> Value {
        self.names.get(name).unwrap_or_else(|| panic!("no «{name}» in {:?}", self.names)).clone()
    }
}

/// The rows after all stages, those without a value left out.
pub(super) fn evaluate(mut docs: Vec<Doc>, shelves: &[Doc], pipeline: &[Value]) -> Vec<Value> {
    sort(&mut docs, &[]);
    for stage in pipeline {
        let (name, spec) = stage.as_object().unwrap().iter().next().unwrap();
        docs = match name.as_str() {
            "$match" => docs.into_iter().filter(|doc| matches(doc, spec)).collect(),
            "$search" => docs.into_iter().filter(|doc| found(doc, spec["text"]["query"].as_str().unwrap())).collect(),
            "$lookup" => docs.into_iter().map(|doc| looked_up(doc, shelves, spec)).collect(),
            "$sort" => {
                let list = spec.as_array().cloned().unwrap_or_else(|| vec![spec.clone()]);
                let by = |one: &Value| {
                    let (name, way) = one.as_object().unwrap().iter().next().unwrap();
                    (name.clone(), *way == json!(-1))
                };
                sort(&mut docs, &list.iter().map(by).collect::<Vec<_>>());
                docs
            }
            "$skip" => docs.into_iter().skip(count(spec)).collect(),
            "$limit" => docs.into_iter().take(count(spec)).collect(),
            "$project" => docs.into_iter().map(|doc| projected(doc, spec)).collect(),
            "$group" => grouped(&docs, spec),
            "$count" => {
                let names = BTreeMap::from([(spec.as_str().unwrap().to_owned(), json!(docs.len()))]);
                vec![Doc { names, key: Vec::new() }]
            }
            other => panic!("{other}"),
        };
    }
    let shown = |doc: Doc| Value::Object(doc.names.into_iter().filter(|(_, value)| !value.is_null()).collect());
    docs.into_iter().map(shown).collect()
}

/// Rows with `2.0` written as `2`: a sum of nothing is 0 of either type.
pub(super) fn plain(rows: &[Value]) -> Vec<Value> {
    let number = |value: &Value| match value.as_f64().filter(|n| value.is_f64() && n.fract() == 0.0 && n.abs() < 1e15) {
        #[expect(clippy::cast_possible_truncation, reason = "whole and small")]
        Some(n) => json!(n as i64),
        None => value.clone(),
    };
    let row = |row: &Value| object(row.clone()).iter().map(|(name, value)| (name.clone(), number(value))).collect();
    rows.iter().map(row).collect()
}

fn count(spec: &Value) -> usize {
    usize::try_from(spec.as_u64().unwrap()).unwrap()
}

/// Null first; numbers, booleans and texts each among themselves.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Number(a), Value::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap()),
        },
        _ => panic!("{a} and {b} are not compared"),
    }
}

fn sort(docs: &mut [Doc], by: &[(String, bool)]) {
    docs.sort_by(|a, b| {
        let named = by.iter().map(|(name, down)| {
            let order = order(&a.get(name), &b.get(name));
            if *down { order.reverse() } else { order }
        });
        let keys = a.key.iter().zip(&b.key).map(|(a, b)| order(a, b));
        named.chain(keys).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
}

fn matches(doc: &Doc, cond: &Value) -> bool {
    let each = |list: &Value| list.as_array().unwrap().iter().map(|cond| matches(doc, cond)).collect::<Vec<_>>();
    cond.as_object().unwrap().iter().all(|(key, value)| match key.as_str() {
        "$and" => each(value).into_iter().all(|holds| holds),
        "$or" => each(value).into_iter().any(|holds| holds),
        "$nor" => !each(value).into_iter().any(|holds| holds),
        "$not" => !matches(doc, value),
        "$text" => found(doc, value["$search"].as_str().unwrap()),
        name => is(&doc.get(name), value),
    })
}

fn is(found: &Value, wanted: &Value) -> bool {
    let Some(operators) = wanted.as_object() else { return equal(found, wanted) };
    let listed = |list: &Value| list.as_array().unwrap().iter().any(|value| equal(found, value));
    let ordered = |value: &Value| if found.is_null() { None } else { Some(order(found, value)) };
    let like = |pattern: &str, ignore: bool| {
        let pattern = RegexBuilder::new(pattern).case_insensitive(ignore).build().unwrap();
        found.as_str().is_some_and(|text| pattern.is_match(text))
    };
    operators.iter().all(|(operator, value)| match operator.as_str() {
        "$eq" => equal(found, value),
        "$ne" => !equal(found, value),
        "$gt" => ordered(value).is_some_and(Ordering::is_gt),
        "$gte" => ordered(value).is_some_and(Ordering::is_ge),
        "$lt" => ordered(value).is_some_and(Ordering::is_lt),
        "$lte" => ordered(value).is_some_and(Ordering::is_le),
        "$in" => listed(value),
        "$nin" => !listed(value),
        "$exists" => *value == json!(!found.is_null()),
        "$not" => !is(found, value),
        "$regex" => like(value.as_str().unwrap(), operators.get("$options").is_some_and(|o| *o == "i")),
        "$options" => true,
        "$icontains" => like(&regex::escape(value.as_str().unwrap()), true),
        "$istartswith" => like(&format!("^{}", regex::escape(value.as_str().unwrap())), true),
        "$iendswith" => like(&format!("{}$", regex::escape(value.as_str().unwrap())), true),
        "$iexact" => like(&format!("^{}$", regex::escape(value.as_str().unwrap())), true),
        other => panic!("{other}"),
    })
}

fn equal(a: &Value, b: &Value) -> bool {
    a.is_null() == b.is_null() && order(a, b).is_eq()
}

/// Every word in the title or in the note.
fn found(doc: &Doc, query: &str) -> bool {
    query.split_whitespace().all(|word| {
        let word = RegexBuilder::new(&regex::escape(word)).case_insensitive(true).build().unwrap();
        ["title", "note"].iter().any(|name| doc.get(name).as_str().is_some_and(|text| word.is_match(text)))
    })
}

fn looked_up(mut doc: Doc, shelves: &[Doc], spec: &Value) -> Doc {
    let (local, alias) = (doc.get(spec["localField"].as_str().unwrap()), spec["as"].as_str().unwrap());
    let there = shelves.iter().find(|shelf| !local.is_null() && shelf.get("_id") == local);
    for name in ["_id", "name"] {
        doc.names.insert(format!("{alias}.{name}"), there.map_or(Value::Null, |shelf| shelf.get(name)));
    }
    doc
}

fn projected(doc: Doc, spec: &Value) -> Doc {
    let names = spec.as_object().unwrap().iter().map(|(name, from)| {
        let from = from.as_str().map_or(name.as_str(), |text| text.strip_prefix('$').unwrap());
        (name.clone(), doc.get(from))
    });
    Doc { names: names.collect(), key: doc.key.clone() }
}

fn grouped(docs: &[Doc], spec: &Value) -> Vec<Doc> {
    let id: Vec<(String, String)> = match &spec["_id"] {
        Value::Null => Vec::new(),
        Value::String(field) => vec![("_id".to_owned(), field[1..].to_owned())],
        all => object(all.clone())
            .iter()
            .map(|(name, field)| (format!("_id.{name}"), field.as_str().unwrap()[1..].to_owned()))
            .collect(),
    };
    let mut groups: Vec<(Vec<Value>, Vec<&Doc>)> = Vec::new();
    for doc in docs {
        let key: Vec<Value> = id.iter().map(|(_, field)| doc.get(field)).collect();
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, members)) => members.push(doc),
            None => groups.push((key, vec![doc])),
        }
    }
    let mut out: Vec<Doc> = Vec::new();
    for (key, members) in groups {
        let mut names: BTreeMap<String, Value> =
            id.iter().map(|(name, _)| name.clone()).zip(key.iter().cloned()).collect();
        for (name, make) in object(spec.clone()).iter().filter(|(name, _)| *name != "_id") {
            let (operator, operand) = make.as_object().unwrap().iter().next().unwrap();
            names.insert(name.clone(), accumulated(&members, operator, operand));
        }
        out.push(Doc { names, key });
    }
    sort(&mut out, &[]);
    out
}

fn accumulated(members: &[&Doc], operator: &str, operand: &Value) -> Value {
    let Some(field) = operand.as_str().map(|text| &text[1..]) else {
        let each = operand.as_i64().unwrap_or(1);
        return json!(each * i64::try_from(members.len()).unwrap());
    };
    let mut values: Vec<Value> = members.iter().map(|doc| doc.get(field)).filter(|value| !value.is_null()).collect();
    values.sort_by(order);
    let whole = values.iter().all(Value::is_i64);
    let sum: f64 = values.iter().filter_map(Value::as_f64).sum();
    match operator {
        "$count" => json!(values.len()),
        "$sum" if whole => json!(values.iter().filter_map(Value::as_i64).sum::<i64>()),
        "$sum" => json!(sum),
        "$avg" if values.is_empty() => Value::Null,
        #[expect(clippy::cast_precision_loss, reason = "a few")]
        "$avg" => json!(sum / values.len() as f64),
        "$min" => values.first().cloned().unwrap_or_default(),
        "$max" => values.last().cloned().unwrap_or_default(),
        other => panic!("{other}"),
    }
}
