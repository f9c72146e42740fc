//! Rows of simple tables: made, changed and removed by whoever owns them.
//!
//! Invariant: the owner is in the WHERE of every change, and what a row refers to is one of the caller's own rows too.
//! A collection whose rows mean more than a row (others must hear of it, files hang on it) is not written here but by
//! the functions that know.

use super::{
    CollectionError,
    ask::query,
    declare::{Collection, Field, Kind, Source, Stamp},
    emit,
    plan::Info,
    sql::{Bind, Sql, Statement},
    value::exact,
};
use crate::{
    backend::store::{Store, StoreError, db::on},
    wire::id::UserId,
};
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;

/// A statement that changes rows, being put together.
struct Change {
    statement: Statement,
    /// What each written field becomes.
    set: Vec<(&'static Field, Sql)>,
    /// What must hold besides.
    only: Vec<Sql>,
}

impl Store {
    /// Makes a row of `by`'s; its id. Fields that `values` does not name have no value.
    ///
    /// # Errors
    /// [`CollectionError::Invalid`] for a value off its field, a reference to nothing, a row too many.
    pub async fn create_row(
        &self,
        by: UserId,
        collections: &super::Collections,
        collection: &'static Collection,
        values: &Map<String, Value>,
    ) -> Result<String, CollectionError> {
        let (table, owner) = plain(collection)?;
        let id = self.inner.clock.id::<uuid::Uuid>().to_string();
        let mut change = self.change(by, collections, collection, values, true)?;
        let key = change.statement.bind(Bind::Text(id.clone()));
        let most = change.statement.bind(Bind::Int(collection.rows_max.into()));
        let Change { statement, set, only } = change;
        let columns = [Sql::of("id"), Sql::of(owner)].into_iter();
        let columns = columns.chain(set.iter().map(|(field, _)| emit::field_sql(&statement, field)));
        let values = [key, Sql::of("$1")].into_iter().chain(set.iter().map(|(_, value)| value.clone()));
        let count =
            Sql::of("(SELECT COUNT(*) FROM ").text(table).text(" WHERE ").text(owner).text(" = $1) < ").sql(&most);
        let sql = Sql::of("INSERT INTO ")
            .text(table)
            .text(" (")
            .sql(&Sql::joined(columns, ", "))
            .text(") SELECT ")
            .sql(&Sql::joined(values, ", "))
            .text(" WHERE ")
            .sql(&Sql::joined([count].into_iter().chain(only), " AND "));
        if self.write(sql, statement.binds).await? == 1 {
            return Ok(id);
        }
        Err(CollectionError::Invalid(format!(
            "The {} was not made: it refers to what is not there or not yours, or you have {} of them, which is the most.",
            collection.one, collection.rows_max
        )))
    }

    /// Changes fields of a row of `by`'s. A null takes an optional field's value away.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a row that is not there or not theirs; [`CollectionError::Invalid`] as above.
    pub async fn update_row(
        &self,
        by: UserId,
        collections: &super::Collections,
        collection: &'static Collection,
        id: &str,
        values: &Map<String, Value>,
    ) -> Result<(), CollectionError> {
        let (table, owner) = plain(collection)?;
        let mut change = self.change(by, collections, collection, values, false)?;
        let key = change.statement.bind(Bind::Text(super::value::id(id)));
        let Change { statement, set, only } = change;
        let set = set.iter().map(|(field, value)| emit::field_sql(&statement, field).text(" = ").sql(value));
        let own = Sql::of("id = ").sql(&key).text(" AND ").text(owner).text(" = $1");
        let sql = Sql::of("UPDATE ")
            .text(table)
            .text(" SET ")
            .sql(&Sql::joined(set, ", "))
            .text(" WHERE ")
            .sql(&Sql::joined([own].into_iter().chain(only), " AND "));
        if self.write(sql, statement.binds).await? == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
    }

    /// Removes a row of `by`'s.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for a row that is not there or not theirs.
    pub async fn delete_row(
        &self,
        by: UserId,
        collection: &'static Collection,
        id: &str,
    ) -> Result<(), CollectionError> {
        let (table, owner) = plain(collection)?;
        let mut statement = Statement::new(self.dialect(), by.to_string());
        let key = statement.bind(Bind::Text(super::value::id(id)));
        let sql =
            Sql::of("DELETE FROM ").text(table).text(" WHERE id = ").sql(&key).text(" AND ").text(owner).text(" = $1");
        if self.write(sql, statement.binds).await? == 0 { Err(StoreError::NotFound.into()) } else { Ok(()) }
    }

    fn change(
        &self,
        by: UserId,
        collections: &super::Collections,
        collection: &'static Collection,
        values: &Map<String, Value>,
        new: bool,
    ) -> Result<Change, CollectionError> {
        let mut change =
            Change { statement: Statement::new(self.dialect(), by.to_string()), set: Vec::new(), only: Vec::new() };
        for (name, value) in values {
            let field = collection.field(name).filter(|field| field.writable);
            let field = field.ok_or_else(|| invalid(name, "it cannot be written"))?;
            let bind = bind(field, value).map_err(|why| invalid(name, &why))?;
            let place = change.statement.bind(bind);
            if let Some(to) = field.references.filter(|_| !value.is_null()).and_then(|to| collections.get(to)) {
                let key = emit::field_sql(&change.statement, &to.fields[0]);
                let there = emit::source(to, Sql::of("EXISTS (SELECT 1"));
                change.only.push(there.text(" AND ").sql(&key).text(" = ").sql(&place).text(")"));
            }
            change.set.push((field, place));
        }
        if new {
            let missing = |field: &&Field| field.writable && !field.nullable && !values.contains_key(field.name);
            if let Some(field) = collection.fields.iter().find(missing) {
                return Err(invalid(field.name, "it is missing"));
            }
        } else if change.set.is_empty() {
            return Err(CollectionError::Invalid("Name at least one field to change.".to_owned()));
        }
        let now = self.inner.clock.now().0;
        for field in collection.fields {
            if matches!((field.stamp, new), (Some(Stamp::Updated), _) | (Some(Stamp::Created), true)) {
                let place = change.statement.bind(Bind::Int(now));
                change.set.push((field, place));
            }
        }
        Ok(change)
    }

    async fn write(&self, sql: Sql, binds: Vec<Bind>) -> Result<u64, CollectionError> {
        let mut tx = self.begin().await?;
        let text = sql.into_text();
        let changed = on!(&mut tx, |c| query!(text, binds).execute(&mut **c).await.map(|done| done.rows_affected()));
        let changed = changed.map_err(|error| match error.as_database_error() {
            Some(inner) if inner.is_unique_violation() => {
                CollectionError::Invalid("There is one with these values already.".to_owned())
            }
            _ => error.into(),
        })?;
        self.commit(tx).await?;
        Ok(changed)
    }
}

/// The table and its column of owners.
fn plain(collection: &Collection) -> Result<(&'static str, &'static str), CollectionError> {
    match collection.source {
        Source::Table { table, owner } => Ok((table, owner)),
        Source::Join { .. } => {
            Err(CollectionError::Invalid(format!("Rows of {} are not written one by one.", collection.name)))
        }
    }
}

fn bind(field: &Field, value: &Value) -> Result<Bind, String> {
    if value.is_null() {
        return if field.nullable { Ok(Bind::Null(field.kind)) } else { Err("it needs a value".to_owned()) };
    }
    if let Some(text) = value.as_str().filter(|_| field.kind == Kind::Text) {
        if text.chars().count() > field.max {
            return Err(format!("it has at most {} characters", field.max));
        }
        if !field.choices.is_empty() && !field.choices.iter().any(|choice| choice.0 == text) {
            return Err("it is none of its choices".to_owned());
        }
    }
    let Field { kind, nullable, references, choices, searchable, .. } = *field;
    let info = Info { kind, nullable, references, choices, searchable };
    exact(&info, value)?.ok_or_else(|| "it is out of range".to_owned())
}

fn invalid(name: &str, why: &str) -> CollectionError {
    CollectionError::Invalid(format!("«{}»: {why}.", super::brief(name)))
}
