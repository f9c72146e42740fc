//! Published collections: what people's own programs and models may ask of the store, and in which words.
//!
//! A [`Collection`] says which rows a person may see and which fields of them; a pipeline of stages
//! (those of `MongoDB`'s aggregation, in JSON) becomes one parametrised statement: [`plan`] resolves every name, [`emit`]
//! writes the SQL, [`ask`] runs it within bounds. Invariant: no pipeline reaches a row of somebody else's or a field that
//! is not published, because neither has a name here. Decision: one SQL text but for what `sql` tells apart (patterns,
//! byte order of texts, the plain text of parts), so that both databases find the same rows in the same order.

mod arrange;
mod ask;
pub mod declare;
mod emit;
mod filter;
mod group;
mod pattern;
mod place;
mod plan;
mod published;
mod sql;
mod value;
mod write;

pub use self::{
    ask::{Cell, Found, Question, time},
    place::After,
    plan::Output,
    value::{brief, takes},
};
pub(super) use ask::Asking;

use self::declare::{Collection, Kind};
use super::StoreError;

/// The collections on offer.
#[derive(Clone, Copy, Debug)]
pub struct Collections(&'static [Collection]);

/// Why a question or a change was not answered.
#[derive(Debug, thiserror::Error)]
pub enum CollectionError {
    /// It makes no sense: a sentence that says what to mend.
    #[error("{0}")]
    Invalid(String),
    /// It begins at a place that it does not have.
    #[error("there is no such place in what was asked for")]
    Place,
    /// The database took too long.
    #[error("the question took too long")]
    TooLong,
    /// The store's own failures.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Collections {
    /// Parley's own.
    pub fn published() -> Self {
        Self(&published::ALL)
    }

    /// These.
    ///
    /// # Errors
    /// What is wrong with which, for whoever declared them.
    pub fn new(all: &'static [Collection]) -> Result<Self, String> {
        let these = Self(all);
        for (at, collection) in all.iter().enumerate() {
            let fault = these.fault(collection);
            let fault =
                fault.or_else(|| all[..at].iter().any(|c| c.name == collection.name).then_some("there are two"));
            if let Some(fault) = fault {
                return Err(format!("«{}»: {fault}", collection.name));
            }
        }
        Ok(these)
    }

    fn fault(&self, collection: &Collection) -> Option<&'static str> {
        let named = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_lowercase())
                && name.len() <= 40
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        let fields = collection.fields;
        if !named(collection.name) || !named(collection.one) {
            return Some("a name has small letters, digits and «_» only");
        }
        if fields.first().is_none_or(|key| key.name != "_id" || key.kind != Kind::Id) {
            return Some("its first field is not its key");
        }
        if !fields[1..].iter().all(|field| named(field.name)) {
            return Some("a field's name has small letters, digits and «_» only");
        }
        if fields.iter().any(|field| field.references.is_some_and(|to| self.get(to).is_none())) {
            return Some("a field refers to what is not published");
        }
        if fields.iter().any(|field| field.searchable && field.kind != Kind::Text) {
            return Some("only texts are searched");
        }
        if fields.iter().any(|field| field.stamp.is_some() && (field.kind != Kind::Date || field.writable)) {
            return Some("only a date that nobody else writes is stamped");
        }
        let double = |(at, field): (usize, &declare::Field)| fields[..at].iter().any(|other| other.name == field.name);
        fields.iter().enumerate().any(double).then_some("two fields have one name")
    }

    /// The one of that name.
    pub fn get(&self, name: &str) -> Option<&'static Collection> {
        self.0.iter().find(|collection| collection.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static Collection> + use<> {
        self.0.iter()
    }

    /// That there is none of that name, as the end of a sentence.
    fn unknown(&self, name: &str) -> String {
        let names: Vec<&str> = self.0.iter().map(|collection| collection.name).collect();
        format!("there is no collection «{}»; there are {}", brief(name), names.join(", "))
    }
}

impl From<sqlx::Error> for CollectionError {
    fn from(error: sqlx::Error) -> Self {
        let Some(inner) = error.as_database_error() else { return Self::Store(error.into()) };
        let code = inner.code().unwrap_or_default();
        if inner.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
            // INTERRUPT
            if code.parse::<i32>().unwrap_or_default() & 0xff == 9 {
                return Self::TooLong;
            }
            if inner.message().contains("integer overflow") {
                return Self::Invalid(OVERFLOW.to_owned());
            }
        } else {
            match &*code {
                // query_canceled
                "57014" => return Self::TooLong,
                // numeric_value_out_of_range
                "22003" => return Self::Invalid(OVERFLOW.to_owned()),
                // invalid_regular_expression: too complex
                "2201B" => {
                    return Self::Invalid("A pattern is too complex for the database: make it simpler.".to_owned());
                }
                _ => {}
            }
        }
        Self::Store(error.into())
    }
}

const OVERFLOW: &str = "A sum is larger than 9223372036854775807: sum fewer rows.";
