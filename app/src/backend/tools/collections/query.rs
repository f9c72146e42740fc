//! `query_data_collections`: one question to one collection, by a pipeline of stages.

use super::{
    super::{Tool, ToolCx, read, spec},
    cursor,
    describe::{line, row_schema},
    failed,
    told::{Budget, DOCUMENT, INLINE, Page, page},
};
use crate::{
    backend::store::collections::{Collections, Found, Question, declare::Format},
    wire::tool::{Annotations, Attached, ToolOutcome, ToolSpec},
};
use futures::{FutureExt, future::BoxFuture};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Its name, which other servers use for the same.
pub(super) const NAME: &str = "query_data_collections";
/// How a pipeline is written, in as few words as a model needs.
const LANGUAGE: &str = "Stages run in the order given, as in MongoDB: $match {field: value or {$eq $ne $gt $gte $lt \
    $lte $in $nin $exists $not $regex $options}, $and $or $nor $not, $text: {$search}}; $search {text: {query, path?}} \
    (every word, in any searchable text); $lookup {from, localField, foreignField: \"_id\", as} along a →reference, then \
    as.field; $sort {field: 1|-1} or a list of such; $skip n; $limit n; $project {name: 1 | \"$field\"}; $group {_id: null \
    | \"$field\" | {name: \"$field\"}, name: {$sum: 1 | \"$field\", $avg, $min, $max, $count}}; $count name. Times are RFC \
    3339. Fields without a value are left out.";

struct Query {
    spec: Arc<ToolSpec>,
    collections: Collections,
}

/// The tool over these collections.
pub(super) fn tool(collections: Collections) -> Arc<dyn Tool> {
    Arc::new(Query { spec: Arc::new(advertised(collections)), collections })
}

impl Tool for Query {
    fn spec(&self) -> &Arc<ToolSpec> {
        &self.spec
    }

    fn call<'a>(&'a self, cx: &'a ToolCx, arguments: Value) -> BoxFuture<'a, ToolOutcome> {
        self.answer(cx, arguments).map(|answer| answer.unwrap_or_else(|failure| failure)).boxed()
    }

    fn is_personal(&self) -> bool {
        true
    }
}

fn advertised(collections: Collections) -> ToolSpec {
    let names: Vec<&str> = collections.iter().map(|collection| collection.name).collect();
    let lines: Vec<String> = collections.iter().map(line).collect();
    let most = collections.iter().map(|collection| collection.limit_max).max().unwrap_or(1);
    let input = json!({
        "collection": { "type": "string", "enum": names, "description": "Which collection to ask." },
        "search_pipeline": {
            "type": "array", "items": { "type": "object", "description": "One stage." }, "maxItems": 20, "default": [],
            "description": "The stages; none gives every row, oldest first.",
            "examples": [[{ "$sort": { "_id": -1 } }, { "$limit": 3 }]],
        },
        "limit": {
            "type": "integer", "minimum": 1, "maximum": most,
            "description": "Rows of a page at most; if left out, what a $limit at the end says, or 20.",
        },
        "cursor": { "type": "string", "maxLength": cursor::MAX, "description": "`next_cursor` of an earlier answer, for the next page." },
        "format": { "type": "string", "enum": ["json", "csv"], "description": "How rows come; json if left out." },
        "as_resource": {
            "type": "boolean",
            "description": "Hand the rows over as an embedded document, with more of each text. For programs only.",
        },
        "describe": { "type": "boolean", "description": "Give the collection's JSON Schema instead of rows." },
    });
    let output = json!({
        "collection": { "type": "string", "enum": names, "description": "Which collection was asked." },
        "count": { "type": "integer", "minimum": 0, "description": "How many rows this page has." },
        "rows": {
            "type": "array", "items": { "type": "object", "description": "One row." },
            "description": "The rows, in order, for json.",
        },
        "csv": { "type": "string", "description": "The rows as CSV with a line of names; risky formulas get an apostrophe." },
        "resource": { "type": "string", "description": "The address of the embedded document that has the rows." },
        "cut": { "type": "integer", "minimum": 1, "description": "How many texts were too long and end with «…»." },
        "next_cursor": { "type": "string", "description": "Pass it as `cursor` for the next page, if there is one." },
        "schema": { "type": "object", "description": "The JSON Schema of a row, for describe." },
    });
    spec(
        (NAME, "Query data collections"),
        &format!("Asks the user's own data. {} {LANGUAGE}", lines.join(" ")),
        (input, &["collection"]),
        (output, &["collection"]),
        Annotations::READ_ONLY,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    collection: String,
    #[serde(default)]
    search_pipeline: Vec<Value>,
    limit: Option<u32>,
    cursor: Option<String>,
    format: Option<String>,
    as_resource: Option<bool>,
    describe: Option<bool>,
}

impl Query {
    async fn answer(&self, cx: &ToolCx, arguments: Value) -> Result<ToolOutcome, ToolOutcome> {
        let asked: Arguments = read(arguments)?;
        // The schema's choices are the collections, so there is one.
        let collection = self.collections.get(&asked.collection);
        let collection = collection.ok_or_else(|| ToolOutcome::error("There is no such collection."))?;
        if asked.describe == Some(true) {
            let schema = row_schema(collection);
            return Ok(ToolOutcome::ok(line(collection), json!({ "collection": collection.name, "schema": schema })));
        }
        let digest = cursor::digest(collection.name, &asked.search_pipeline);
        let after = match asked.cursor.as_deref() {
            Some(cursor) => cursor::read(cursor, &digest).map_err(ToolOutcome::error)?,
            None => cursor::Place::default(),
        };
        // In a conversation a document has nobody who could open it.
        let document = asked.as_resource.unwrap_or(collection.as_resource) && cx.conversation.is_none();
        let budget = if document { DOCUMENT } else { INLINE };
        let question = Question {
            collection: collection.name,
            pipeline: &asked.search_pipeline,
            rows: asked.limit,
            after: after.after(),
            // One more than is told, so that a cut is noticed.
            characters: u32::try_from(budget.characters + 1).unwrap_or(u32::MAX),
        };
        let found = cx.store.ask(cx.caller.user, &self.collections, question).await.map_err(failed)?;
        let format = match asked.format.as_deref() {
            Some("csv") => Format::Csv,
            Some(_) => Format::Json,
            None => collection.format,
        };
        Ok(tell(&found, page(&found, budget), format, (document, after.rows, &digest, budget)))
    }
}

/// The outcome that tells a page.
fn tell(
    found: &Found,
    page: Page,
    format: Format,
    (document, after, digest, budget): (bool, u32, &str, Budget),
) -> ToolOutcome {
    let count = u32::try_from(page.told).unwrap_or(u32::MAX);
    let name = found.collection.name;
    let mut said = vec![match (count, after) {
        (0, 0) => format!("No rows of {name} match."),
        (0, _) => format!("No more rows of {name} match."),
        (1, _) => format!("1 row of {name}"),
        _ => format!("{count} rows of {name}"),
    }];
    let mut structured = json!({ "collection": name, "count": count });
    if page.cut > 0 {
        structured["cut"] = json!(page.cut);
    }
    let lines = match format {
        Format::Csv => page.lines.join("\r\n") + "\r\n",
        Format::Json => page.rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
    };
    let mut attached = None;
    if document && count > 0 {
        let (media_type, text) = match format {
            Format::Csv => ("text/csv", lines),
            Format::Json => ("application/json", Value::Array(page.rows).to_string()),
        };
        let uri = format!("parley://collections/{name}/rows/{digest}/{after}");
        said[0].push_str(", in the document that comes with this.");
        structured["resource"] = json!(uri);
        attached = Some(Box::new(Attached { uri, media_type: media_type.to_owned(), text }));
    } else {
        if count > 0 {
            said[0].push(':');
            said.push(lines.trim_end().to_owned());
        }
        match format {
            Format::Csv => structured["csv"] = json!(if count > 0 { lines } else { page.lines.join("\r\n") }),
            Format::Json => structured["rows"] = Value::Array(page.rows),
        }
    }
    if page.cut > 0 {
        said.push(format!("Texts that end with «…» were cut at {} characters or less.", budget.characters));
    }
    if page.more {
        let last = page.told.checked_sub(1).and_then(|last| found.keys.get(last)?.clone());
        let next = cursor::write(&cursor::Place { rows: after.saturating_add(count), keys: last }, digest);
        said.push(format!("More follow: ask the same again with cursor «{next}»."));
        structured["next_cursor"] = json!(next);
    }
    ToolOutcome { attached, ..ToolOutcome::ok(said.join("\n"), structured) }
}
