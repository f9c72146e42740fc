//! Published collections: a library of books for tests, and the promises that have a name.

mod defects;
mod hostile;
mod places;
mod random;
mod reference;
mod tape;
mod writing;

use super::*;
use crate::backend::store::collections::{
    After, Cell, CollectionError, Collections, Found, Question,
    declare::{Collection, Field, Filter, Permits, Stamp},
};
use serde_json::{Map, Value, json};

const SHELVES: Collection = Collection::of_table("shelves", "shelf", "shelves", "user_id")
    .about("Shelves.")
    .fields(&[Field::key(), Field::text("name", "What it is called.").searchable().writable(20)])
    .permits(Permits::ALL);

const BOOKS: Collection = Collection::of_table("books", "book", "books", "owner_id")
    .about("Books.")
    .fields(&[
        Field::key(),
        Field::text("title", "What it is called.").searchable().writable(40),
        Field::text("note", "What one thinks of it.").optional().searchable().writable(40),
        Field::int("pages", "How long it is.").writable(0),
        Field::int("rating", "Stars.").optional().writable(0),
        Field::double("price", "What it cost.").optional().writable(0),
        Field::bool("lent", "Whether it is away.").writable(0),
        Field::text("kind", "What it is.").choices(&[("novel", "invented"), ("other", "the rest")]).writable(10),
        Field::reference("shelf", "shelves", "Where it stands.").optional().writable(0),
        Field::date("added_at", "Since when.").stamped(Stamp::Created),
        Field::date("changed_at", "Last change.").optional().stamped(Stamp::Updated),
    ])
    .filters(&[Filter::Contains, Filter::StartsWith, Filter::EndsWith, Filter::Exact])
    .limits(20, 100)
    .rows_max(60)
    .permits(Permits::ALL);

/// Counts up for ever.
const ENDLESS: Collection = Collection::of_join(
    "endless",
    "number",
    "(WITH RECURSIVE n (x) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT x + 1 FROM n)
      SELECT CAST(x AS TEXT) AS id, $1 AS owner FROM n) e",
    "e.owner = $1",
)
.fields(&[Field::key().column("e.id")]);

static LIBRARY: [Collection; 3] = [SHELVES, BOOKS, ENDLESS];

fn library() -> Collections {
    Collections::new(&LIBRARY).unwrap()
}

/// The library's tables. `secret` is a column that is not published.
async fn build(t: &TestStore) {
    t.sql("CREATE TABLE shelves (id TEXT NOT NULL PRIMARY KEY, user_id TEXT NOT NULL, name TEXT NOT NULL UNIQUE)")
        .await
        .unwrap();
    t.sql(
        "CREATE TABLE books (id TEXT NOT NULL PRIMARY KEY, owner_id TEXT NOT NULL, title TEXT NOT NULL, note TEXT,
             pages BIGINT NOT NULL, rating BIGINT, price DOUBLE PRECISION, lent BOOLEAN NOT NULL, kind TEXT NOT NULL,
             shelf TEXT, added_at BIGINT NOT NULL, changed_at BIGINT, secret TEXT NOT NULL DEFAULT 'hidden')",
    )
    .await
    .unwrap();
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

impl TestStore {
    async fn shelf(&self, by: UserId, name: &str) -> String {
        self.create_row(by, &library(), &LIBRARY[0], &object(json!({ "name": name }))).await.unwrap()
    }

    async fn book(&self, by: UserId, values: Value) -> String {
        let mut all = object(json!({ "title": "", "pages": 1, "lent": false, "kind": "other" }));
        all.extend(object(values));
        self.create_row(by, &library(), &LIBRARY[1], &all).await.unwrap()
    }

    async fn question(&self, by: UserId, collection: &str, pipeline: &Value) -> Result<Found, CollectionError> {
        let pipeline = pipeline.as_array().unwrap();
        let question = Question { collection, pipeline, rows: Some(100), after: After::Rows(0), characters: 1000 };
        self.ask(by, &library(), question).await
    }

    /// The rows of books that a pipeline finds.
    async fn books(&self, by: UserId, pipeline: Value) -> Vec<Value> {
        rows(&self.question(by, "books", &pipeline).await.unwrap_or_else(|e| panic!("{pipeline}: {e}")))
    }

    /// Why a pipeline over books is refused.
    async fn refused(&self, by: UserId, pipeline: Value) -> String {
        match self.question(by, "books", &pipeline).await {
            Err(CollectionError::Invalid(why)) => why,
            other => panic!("{pipeline}: {other:?}"),
        }
    }
}

/// The rows, each with the names that have a value.
fn rows(found: &Found) -> Vec<Value> {
    let row = |cells: &Vec<Cell>| {
        let named = found.columns.iter().zip(cells).map(|(column, cell)| (column.name.clone(), cell.json()));
        Value::Object(named.filter(|(_, value)| !value.is_null()).collect())
    };
    found.rows.iter().map(row).collect()
}
