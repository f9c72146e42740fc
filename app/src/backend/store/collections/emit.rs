//! A plan → one statement of nested subqueries, a stage around the other, in the order given.
//!
//! Invariant: every reading of a collection, looked-up ones too, has the caller in its WHERE or its join.

use super::{
    declare::{Collection, Column, Field, Kind, Source},
    place::KEY,
    plan::{Make, Plan, Reading, Step},
    sql::{Bind, Col, Sql, Statement},
    value::Cond,
};

/// The part of the rows that is wanted, and how much of each text.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Which rows of all; if not said, all.
    pub(super) only: Option<Cond>,
    pub(super) skip: i64,
    pub(super) rows: i64,
    pub(super) characters: i64,
}

/// The statement that answers a plan: its outputs, and for one whose rows have places their keys.
pub(super) fn answer(statement: &mut Statement, plan: &Plan, part: &Part) -> Sql {
    let mut rows = reading(statement, &plan.readings[0]);
    for step in &plan.steps {
        rows = around(statement, plan, step, &rows);
    }
    let mut columns: Vec<Sql> =
        plan.outputs.iter().map(|output| begun(statement, output.col, output.kind, part.characters)).collect();
    if plan.keyed {
        // One character more than a key may have tells that it is none.
        let most = i64::try_from(KEY + 1).unwrap_or(i64::MAX);
        columns.extend(plan.order.iter().map(|(col, _)| begun(statement, *col, plan.kinds[col.0], most)));
    }
    let columns = Sql::joined(columns, ", ");
    let mut sql = Sql::of("SELECT ").sql(&columns).text(" FROM (").sql(&rows).text(") t");
    if let Some(only) = &part.only {
        let only = condition(statement, only);
        sql = sql.text(" WHERE ").sql(&only);
    }
    let sql = ordered(statement, sql, &plan.order, &plan.kinds);
    sliced(statement, sql, part.skip, part.rows)
}

/// A column, or the beginning of it if it is a text.
fn begun(statement: &mut Statement, col: Col, kind: Kind, characters: i64) -> Sql {
    if kind != Kind::Text {
        return Sql::default().col(col);
    }
    let characters = statement.bind(Bind::Int(characters));
    Sql::of("SUBSTR(").col(col).text(", 1, CAST(").sql(&characters).text(" AS INTEGER))")
}

/// The fields of a collection that are needed, of the caller's rows.
fn reading(statement: &Statement, reading: &Reading) -> Sql {
    let fields = reading.fields.iter().map(|(field, col)| field_sql(statement, field).text(" AS ").col(*col));
    let columns = Sql::joined(fields, ", ");
    source(reading.collection, Sql::of("SELECT ").sql(&columns))
}

/// The field as the source has it.
pub(super) fn field_sql(statement: &Statement, field: &Field) -> Sql {
    match field.column {
        Column::Sql(sql) => Sql::of(sql),
        Column::PlainText(column) => statement.plain_text(column),
    }
}

/// `select` from the caller's rows; a further condition can follow with AND.
pub(super) fn source(collection: &Collection, select: Sql) -> Sql {
    match collection.source {
        Source::Table { table, owner } => select.text(" FROM ").text(table).text(" WHERE ").text(owner).text(" = $1"),
        Source::Join { from, only } => select.text(" FROM ").text(from).text(" WHERE ").text(only),
    }
}

fn around(statement: &mut Statement, plan: &Plan, step: &Step, rows: &Sql) -> Sql {
    let all = || Sql::of("SELECT * FROM (").sql(rows).text(") t");
    match step {
        Step::Filter(cond) => {
            let cond = condition(statement, cond);
            all().text(" WHERE ").sql(&cond)
        }
        Step::Join(found, local, key) => {
            let found = reading(statement, &plan.readings[*found]);
            Sql::of("SELECT t.*, j.* FROM (")
                .sql(rows)
                .text(") t LEFT JOIN (")
                .sql(&found)
                .text(") j ON j.")
                .col(*key)
                .text(" = t.")
                .col(*local)
        }
        Step::Slice { order, skip, keep } => {
            let sql = ordered(statement, all(), order, &plan.kinds);
            // No limit at all would be written differently on each database.
            sliced(statement, sql, *skip, keep.unwrap_or(i64::from(i32::MAX)))
        }
        Step::Group { by, make } => {
            let columns = by.iter().map(|(old, new)| Sql::default().col(*old).text(" AS ").col(*new));
            let mut columns: Vec<Sql> = columns.collect();
            for (what, col) in make {
                columns.push(made(statement, *what, &plan.kinds).text(" AS ").col(*col));
            }
            let sql = Sql::of("SELECT ").sql(&Sql::joined(columns, ", ")).text(" FROM (").sql(rows).text(") t");
            if by.is_empty() {
                // No rows are no group.
                return sql.text(" HAVING COUNT(*) > 0");
            }
            let keys = by.iter().map(|(old, _)| Sql::default().col(*old));
            sql.text(" GROUP BY ").sql(&Sql::joined(keys, ", "))
        }
        Step::Count(col) => Sql::of("SELECT COUNT(*) AS ").col(*col).text(" FROM (").sql(rows).text(") t"),
    }
}

/// Rows without a value come first, downwards last.
fn ordered(statement: &Statement, sql: Sql, order: &[(Col, bool)], kinds: &[Kind]) -> Sql {
    if order.is_empty() {
        return sql;
    }
    let keys = order.iter().map(|(col, down)| {
        let way = if *down { " DESC NULLS LAST" } else { " ASC NULLS FIRST" };
        value(statement, *col, kinds[col.0]).text(way)
    });
    sql.text(" ORDER BY ").sql(&Sql::joined(keys, ", "))
}

fn sliced(statement: &mut Statement, sql: Sql, skip: i64, keep: i64) -> Sql {
    let (keep, skip) = (statement.bind(Bind::Int(keep)), statement.bind(Bind::Int(skip)));
    sql.text(" LIMIT ").sql(&keep).text(" OFFSET ").sql(&skip)
}

/// A column as it is compared.
fn value(statement: &Statement, col: Col, kind: Kind) -> Sql {
    let sql = Sql::default().col(col);
    if matches!(kind, Kind::Text | Kind::Id) { sql.text(statement.bytewise()) } else { sql }
}

fn made(statement: &mut Statement, what: Make, kinds: &[Kind]) -> Sql {
    let around = |before, col, after| Sql::of(before).col(col).text(after);
    match what {
        Make::Each(1) => Sql::of("COUNT(*)"),
        Make::Each(n) => {
            let n = statement.bind(Bind::Int(n));
            Sql::of("COUNT(*) * ").sql(&n)
        }
        Make::Having(col) => around("COUNT(", col, ")"),
        Make::Sum(col) if kinds[col.0] == Kind::Double => around("COALESCE(SUM(", col, "), 0.0)"),
        // PostgreSQL's sum of BIGINT is NUMERIC.
        Make::Sum(col) => around("COALESCE(CAST(SUM(", col, ") AS BIGINT), 0)"),
        // By hand, because the databases' own averages round differently.
        Make::Average(col) if kinds[col.0] == Kind::Double => {
            around("SUM(", col, ") / ").sql(&around("COUNT(", col, ")"))
        }
        Make::Average(col) => {
            around("CAST(CAST(SUM(", col, ") AS BIGINT) AS DOUBLE PRECISION) / ").sql(&around("COUNT(", col, ")"))
        }
        Make::Least(col) => extreme(statement, "MIN(", col, kinds[col.0]),
        Make::Most(col) => extreme(statement, "MAX(", col, kinds[col.0]),
    }
}

fn extreme(statement: &Statement, function: &'static str, col: Col, kind: Kind) -> Sql {
    if kind == Kind::Bool {
        // PostgreSQL has no least of booleans.
        let number = Sql::of("CASE WHEN ").col(col).text(" THEN 1 WHEN NOT ").col(col).text(" THEN 0 END");
        return Sql::of(function).sql(&number).text(") = 1");
    }
    Sql::of(function).sql(&value(statement, col, kind)).text(")")
}

fn condition(statement: &mut Statement, cond: &Cond) -> Sql {
    match cond {
        Cond::All(parts) if parts.is_empty() => Sql::of("1 = 1"),
        Cond::Any(parts) if parts.is_empty() => Sql::of("1 = 0"),
        Cond::All(parts) => several(statement, parts, " AND "),
        Cond::Any(parts) => several(statement, parts, " OR "),
        Cond::Empty(col, true) => Sql::default().col(*col).text(" IS NULL"),
        Cond::Empty(col, false) => Sql::default().col(*col).text(" IS NOT NULL"),
        Cond::Compare(col, kind, op, bind) => {
            let bind = statement.bind(bind.clone());
            value(statement, *col, *kind).text(op.sql()).sql(&bind)
        }
        Cond::In(col, binds, not) => {
            let binds = Sql::joined(binds.iter().map(|bind| statement.bind(bind.clone())), ", ");
            let sql = Sql::default().col(*col);
            if *not { sql.text(" NOT IN (") } else { sql.text(" IN (") }.sql(&binds).text(")")
        }
        Cond::Matches(col, pattern, not) => {
            let matches = statement.matches(*col, pattern);
            if *not { Sql::of("NOT ").sql(&matches) } else { matches }
        }
    }
}

fn several(statement: &mut Statement, parts: &[Cond], between: &'static str) -> Sql {
    let parts: Vec<Sql> = parts.iter().map(|part| condition(statement, part)).collect();
    Sql::of("(").sql(&Sql::joined(parts, between)).text(")")
}

#[cfg(test)]
mod tests {
    use super::{super::sql::Dialect, *};
    use crate::backend::store::collections::{Collections, plan};
    use serde_json::json;

    #[test]
    fn nothing_a_caller_wrote_is_in_the_text_and_the_caller_is_in_every_reading() {
        const THEIRS: &str = "zqzq";
        let pipeline = [
            json!({ "$match": { "text": THEIRS, "author": { "$in": [THEIRS], "$regex": THEIRS }, "_id": { "$gt": THEIRS } } }),
            json!({ "$match": { "$nor": [{ "text": { "$icontains": THEIRS } }], "position": { "$lt": 77_177 } } }),
            json!({ "$search": { "text": { "query": THEIRS } } }),
            json!({ "$lookup": { "from": "conversations", "localField": "conversation", "foreignField": "_id", "as": THEIRS } }),
            json!({ "$lookup": { "from": "messages", "localField": "parent", "foreignField": "_id", "as": "zqzq2" } }),
            json!({ "$match": { "zqzq.title": THEIRS, "zqzq2.text": THEIRS } }),
            json!({ "$sort": { "zqzq.title": -1 } }),
            json!({ "$skip": 77_177 }),
            json!({ "$limit": 77_177 }),
            json!({ "$project": { "zqzq3": "$zqzq.title", "zqzq4": "$position" } }),
            json!({ "$group": { "_id": { "zqzq5": "$zqzq3" }, "zqzq6": { "$sum": 77_177 }, "zqzq7": { "$max": "$zqzq4" } } }),
        ];
        let collections = Collections::published();
        let messages = collections.get("messages").unwrap_or_else(|| panic!("messages are published"));
        let plan = plan::plan(&collections, messages, &pipeline).unwrap_or_else(|why| panic!("{why}"));
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            let mut statement = Statement::new(dialect, "zqzq-me".to_owned());
            let part = Part { only: None, skip: 77_177, rows: 77_177, characters: 77_177 };
            let text = answer(&mut statement, &plan, &part).into_text();
            assert!(!text.contains("zqzq") && !text.contains("77177"), "{text}");
            assert_eq!(text.matches("a.user_id = $1").count(), 3, "{text}");
            assert_eq!(text.matches("deleted_at IS NULL").count(), 3, "{text}");
            assert_eq!(statement.binds.len(), 18, "{text}");
        }
    }
}
