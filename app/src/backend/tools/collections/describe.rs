//! What collections hold, in words for the model and as JSON Schema for programs.

use super::super::schema::object;
use crate::backend::store::collections::{
    Collections,
    declare::{Collection, Field, Kind},
};
use serde_json::{Map, Value, json};

/// The published collections: each name and what it holds. For `parley://collections/{name}`.
pub fn names() -> Vec<(&'static str, &'static str)> {
    Collections::published().iter().map(|collection| (collection.name, collection.about)).collect()
}

/// JSON Schema 2020-12 of a row of that collection, with what may be done with it; `None` if there is none.
pub fn schema(name: &str) -> Option<Value> {
    Collections::published().get(name).map(row_schema)
}

/// The schema of a row, for whoever wants to know everything.
pub(super) fn row_schema(collection: &Collection) -> Value {
    let mut schema = row(collection);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(collection.name);
    schema["description"] = json!([collection.about, collection.instructions].join(" ").trim());
    let search: Vec<&str> = collection.fields.iter().filter(|field| field.searchable).map(|field| field.name).collect();
    let permits = [
        ("create", collection.permits.create),
        ("update", collection.permits.update),
        ("delete", collection.permits.delete),
    ];
    let tools: Vec<String> =
        permits.iter().filter(|p| p.1).map(|(verb, _)| format!("{verb}_{}", collection.one)).collect();
    schema["x-collection"] = json!({
        "searchable": search,
        "references": collection.fields.iter()
            .filter_map(|field| field.references.map(|to| (field.name.to_owned(), json!(to))))
            .collect::<Map<_, _>>(),
        "filters": collection.filters.iter().map(|filter| filter.operator()).collect::<Vec<_>>(),
        "tools": tools,
        "limit": { "default": collection.limit, "maximum": collection.limit_max },
    });
    schema
}

/// The schema of a row as tools give it.
pub(super) fn row(collection: &Collection) -> Value {
    let properties: Map<String, Value> =
        collection.fields.iter().map(|field| (field.name.to_owned(), read_schema(field))).collect();
    let required: Vec<&str> =
        collection.fields.iter().filter(|field| !field.nullable).map(|field| field.name).collect();
    object(Value::Object(properties), &required)
}

fn read_schema(field: &Field) -> Value {
    let mut schema = json!({ "type": type_of(field.kind), "description": about(field) });
    match field.kind {
        Kind::Date => schema["format"] = json!("date-time"),
        Kind::Id => schema["format"] = json!("uuid"),
        _ => {}
    }
    if !field.choices.is_empty() {
        schema["enum"] = field.choices.iter().map(|choice| choice.0).collect();
    }
    schema
}

/// The schema of a field that is written; `clears`: whether null takes its value away.
pub(super) fn write_schema(field: &Field, clears: bool) -> Value {
    let mut schema = read_schema(field);
    if field.kind == Kind::Text {
        schema["maxLength"] = json!(field.max);
    }
    if clears && field.nullable {
        schema["type"] = json!([type_of(field.kind), "null"]);
        if let Some(choices) = schema["enum"].as_array_mut() {
            choices.push(Value::Null);
        }
    }
    schema
}

fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Date | Kind::Id => "string",
        Kind::Int => "integer",
        Kind::Double => "number",
        Kind::Bool => "boolean",
    }
}

fn about(field: &Field) -> String {
    let choices: Vec<String> = field.choices.iter().map(|(value, meaning)| format!("{value}: {meaning}")).collect();
    let choices = if choices.is_empty() { String::new() } else { format!(" {}.", choices.join(", ")) };
    let to = field.references.map(|to| format!(" An _id of {to}.")).unwrap_or_default();
    format!("{}{choices}{to}", field.about)
}

/// A collection in one line, as short as a model can still use it: `name(_id, field:type, other?, to→collection)`.
pub(super) fn line(collection: &Collection) -> String {
    let fields: Vec<String> = collection.fields.iter().map(short).collect();
    let filters: String = collection.filters.iter().flat_map(|filter| [" ", filter.operator()]).collect();
    let filters = if filters.is_empty() { filters } else { format!(" Also takes{filters}.") };
    let more = if collection.instructions.is_empty() { String::new() } else { format!(" {}", collection.instructions) };
    format!("{}({}): {}{filters}{more}", collection.name, fields.join(", "), collection.about)
}

fn short(field: &Field) -> String {
    let kind = match (field.kind, field.references, field.choices) {
        (_, Some(to), _) => format!("→{to}"),
        (_, _, [_, ..]) => {
            format!(":{}", field.choices.iter().map(|choice| choice.0).collect::<Vec<_>>().join("|"))
        }
        (Kind::Text | Kind::Id, ..) => String::new(),
        (Kind::Int, ..) => ":int".to_owned(),
        (Kind::Double, ..) => ":number".to_owned(),
        (Kind::Bool, ..) => ":bool".to_owned(),
        (Kind::Date, ..) => ":date".to_owned(),
    };
    format!("{}{kind}{}", field.name, if field.nullable { "?" } else { "" })
}
